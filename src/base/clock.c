/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The two clocks: see clock.h. */
#include "base/clock.h"

#include <time.h>

#include <event2/util.h>

int64_t
ac_clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
ac_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t
ac_clock_unix_seconds(void)
{
	return (int64_t)time(NULL);
}

const char *
ac_clock_http_date(void)
{
	static char text[64];
	static time_t printed;
	time_t now = time(NULL);
	struct tm utc;

	if (now != printed || text[0] == '\0') {
		printed = now;
		gmtime_r(&now, &utc);
		evutil_date_rfc1123(text, sizeof(text), &utc);
	}
	return text;
}

struct timeval
ac_clock_timeval(int64_t ms)
{
	if (ms < 0)
		ms = 0;
	return (struct timeval){
	    .tv_sec = ms / 1000,
	    .tv_usec = (suseconds_t)(ms % 1000) * 1000,
	};
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The clocks. */
#include "base/clock.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/util.h>

#include "base/attr.h"
#include "support/unit.h"

static void
the_monotonic_clock_counts_milliseconds(void **state)
{
	int64_t before = ac_clock_ms();
	int64_t passed;

	AC_UNUSED(state);
	usleep(30000);
	passed = ac_clock_ms() - before;
	assert_in_range(passed, 29, 20000);
}

static void
the_calendar_counts_seconds(void **state)
{
	int64_t now = (int64_t)time(NULL);

	AC_UNUSED(state);
	assert_in_range(ac_clock_unix_seconds(), now, now + 20);
}

static void
a_duration_becomes_a_timeval(void **state)
{
	static const struct {
		int64_t ms;
		long seconds;
		long microseconds;
	} cases[] = {
	    {0, 0, 0},
	    {1, 0, 1000},
	    {999, 0, 999000},
	    {1000, 1, 0},
	    {86400001, 86400, 1000},
	    {-1, 0, 0},
	    {INT64_MIN, 0, 0},
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		struct timeval tv = ac_clock_timeval(cases[i].ms);

		assert_int_equal(tv.tv_sec, cases[i].seconds);
		assert_int_equal(tv.tv_usec, cases[i].microseconds);
	}
}

static void
check_date(void)
{
	char before[64];
	char after[64];
	const char *date;

	evutil_date_rfc1123(before, sizeof(before), NULL);
	date = ac_clock_http_date();
	evutil_date_rfc1123(after, sizeof(after), NULL);
	assert_true(strcmp(date, before) == 0 || strcmp(date, after) == 0);
}

static void
the_date_is_printed_as_http_has_it(void **state)
{
	time_t first = time(NULL);

	AC_UNUSED(state);
	check_date();
	/* What was kept of the first second, and the next one. */
	while (time(NULL) <= first + 1)
		check_date();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_monotonic_clock_counts_milliseconds),
	    cmocka_unit_test(the_calendar_counts_seconds),
	    cmocka_unit_test(the_date_is_printed_as_http_has_it),
	    cmocka_unit_test(a_duration_becomes_a_timeval),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

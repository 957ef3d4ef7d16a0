/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Time. Durations and deadlines use the monotonic clock, which no
 * administrator moves; the calendar is only for what people read.
 */
#ifndef AC_BASE_CLOCK_H
#define AC_BASE_CLOCK_H

#include <stdint.h>
#include <sys/time.h>

/* Milliseconds of the monotonic clock; their zero means nothing. */
int64_t ac_clock_ms(void);

/* The same clock in nanoseconds. */
int64_t ac_clock_ns(void);

/* Seconds since 1970, UTC. */
int64_t ac_clock_unix_seconds(void);

/* Now as HTTP writes it (RFC 9110, 5.6.7), in GMT; valid until it is called
 * again. Printed anew only when another second has begun. */
const char *ac_clock_http_date(void);

/* A duration in milliseconds (negative counts as 0) as a timeval. */
struct timeval ac_clock_timeval(int64_t ms);

#endif

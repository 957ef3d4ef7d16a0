/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * So many requests a minute, as a token bucket: it holds a minute's requests,
 * begins full, and fills up evenly. Pure: the time is its caller's, in
 * milliseconds of the monotonic clock.
 */
#ifndef AC_API_RATE_BUCKET_H
#define AC_API_RATE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

enum { AC_RATE_MAX = 1000000 }; /* requests a minute */

/* All zero is a full bucket. The rate is given with each call (1 to
 * AC_RATE_MAX) and may be another than before. */
struct ac_rate_bucket {
	bool used;
	int64_t level; /* in 60000ths of a request, so that what a
			  millisecond adds is a whole number */
	int64_t filled_ms;
};

/* What is left after a call. */
struct ac_rate_state {
	int64_t left;    /* whole requests */
	int64_t next_ms; /* until there is one; 0: there is */
	int64_t full_ms; /* until the bucket is full */
};

/* Takes a request out; false where there is none. */
AC_MUST_CHECK bool ac_rate_bucket_take(
    struct ac_rate_bucket *bucket, int64_t rate, int64_t now_ms);

/* How the bucket stands. */
struct ac_rate_state ac_rate_bucket_look(
    struct ac_rate_bucket *bucket, int64_t rate, int64_t now_ms);

#endif

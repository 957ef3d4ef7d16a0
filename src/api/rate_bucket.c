/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The token bucket: see rate_bucket.h. */
#include "api/rate_bucket.h"

enum { MINUTE_MS = 60000 };

static void
fill(struct ac_rate_bucket *bucket, int64_t rate, int64_t now_ms)
{
	int64_t capacity = rate * MINUTE_MS;
	int64_t elapsed_ms = now_ms - bucket->filled_ms;

	if (!bucket->used || elapsed_ms > MINUTE_MS)
		bucket->level = capacity;
	else if (elapsed_ms > 0)
		bucket->level += elapsed_ms * rate;
	if (bucket->level > capacity)
		bucket->level = capacity;
	bucket->filled_ms = now_ms;
}

bool
ac_rate_bucket_take(struct ac_rate_bucket *bucket, int64_t rate, int64_t now_ms)
{
	fill(bucket, rate, now_ms);
	bucket->used = true;
	if (bucket->level < MINUTE_MS)
		return false;
	bucket->level -= MINUTE_MS;
	return true;
}

/* The milliseconds in which so much comes in. */
static int64_t
time_of(int64_t amount, int64_t rate)
{
	return amount <= 0 ? 0 : (amount + rate - 1) / rate;
}

struct ac_rate_state
ac_rate_bucket_look(struct ac_rate_bucket *bucket, int64_t rate, int64_t now_ms)
{
	fill(bucket, rate, now_ms);
	return (struct ac_rate_state){
	    .left = bucket->level / MINUTE_MS,
	    .next_ms = time_of(MINUTE_MS - bucket->level, rate),
	    .full_ms = time_of(rate * MINUTE_MS - bucket->level, rate),
	};
}

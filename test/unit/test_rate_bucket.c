/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The token bucket, with a clock that the tests turn. */
#include "api/rate_bucket.h"

#include "support/unit.h"

static void
expect(struct ac_rate_bucket *bucket, int64_t rate, int64_t now_ms,
    struct ac_rate_state expected)
{
	struct ac_rate_state state = ac_rate_bucket_look(bucket, rate, now_ms);

	assert_int_equal(state.left, expected.left);
	assert_int_equal(state.next_ms, expected.next_ms);
	assert_int_equal(state.full_ms, expected.full_ms);
}

static void
it_begins_full_whatever_the_clock_says(void **state)
{
	static const int64_t times[] = {0, 1, 1000, 60001, INT64_MAX / 2};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(times); i++) {
		struct ac_rate_bucket bucket = {.used = false};

		expect(&bucket, 3, times[i], (struct ac_rate_state){3, 0, 0});
		for (int n = 0; n < 3; n++)
			assert_true(ac_rate_bucket_take(&bucket, 3, times[i]));
		assert_false(ac_rate_bucket_take(&bucket, 3, times[i]));
		expect(&bucket, 3, times[i],
		    (struct ac_rate_state){0, 20000, 60000});
	}
}

static void
it_fills_evenly_and_no_further_than_full(void **state)
{
	struct ac_rate_bucket bucket = {.used = false};

	AC_UNUSED(state);
	assert_true(ac_rate_bucket_take(&bucket, 2, 500));
	assert_true(ac_rate_bucket_take(&bucket, 2, 500));
	assert_false(ac_rate_bucket_take(&bucket, 2, 30499));
	expect(&bucket, 2, 30499, (struct ac_rate_state){0, 1, 30001});
	assert_true(ac_rate_bucket_take(&bucket, 2, 30500));
	assert_false(ac_rate_bucket_take(&bucket, 2, 30500));
	expect(&bucket, 2, 90500, (struct ac_rate_state){2, 0, 0});
	expect(&bucket, 2, 9000000, (struct ac_rate_state){2, 0, 0});
	assert_true(ac_rate_bucket_take(&bucket, 2, 9000000));
	assert_true(ac_rate_bucket_take(&bucket, 2, 9000000));
	assert_false(ac_rate_bucket_take(&bucket, 2, 9000000));
}

/* Many small steps bring no more and no less than one large one. */
static void
nothing_is_lost_between_two_looks(void **state)
{
	static const int64_t rates[] = {1, 7, 59, 61, 1001, 60001, AC_RATE_MAX};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(rates); i++) {
		struct ac_rate_bucket bucket = {.used = false};
		int64_t taken = 0;

		for (int64_t ms = 0; ms <= 120000; ms++) {
			while (ac_rate_bucket_take(&bucket, rates[i], ms))
				taken++;
		}
		assert_int_equal(taken, 3 * rates[i]);
	}
}

static void
after_next_ms_there_is_one_and_not_before(void **state)
{
	AC_UNUSED(state);
	for (int64_t rate = 1; rate < 2000; rate += 37) {
		struct ac_rate_bucket bucket = {.used = false};
		int64_t next_ms;

		while (ac_rate_bucket_take(&bucket, rate, 5))
			;
		next_ms = ac_rate_bucket_look(&bucket, rate, 5).next_ms;
		assert_true(next_ms > 0);
		assert_false(
		    ac_rate_bucket_take(&bucket, rate, 5 + next_ms - 1));
		assert_true(ac_rate_bucket_take(&bucket, rate, 5 + next_ms));
	}
}

static void
another_rate_takes_the_bucket_as_it_is(void **state)
{
	struct ac_rate_bucket bucket = {.used = false};

	AC_UNUSED(state);
	for (int i = 0; i < 8; i++)
		assert_true(ac_rate_bucket_take(&bucket, 10, 0));
	expect(&bucket, 60, 0, (struct ac_rate_state){2, 0, 58000});
	expect(&bucket, 60, 10000, (struct ac_rate_state){12, 0, 48000});
	expect(&bucket, 1, 10000, (struct ac_rate_state){1, 0, 0});
}

static void
a_clock_that_stands_or_goes_back_brings_nothing(void **state)
{
	struct ac_rate_bucket bucket = {.used = false};

	AC_UNUSED(state);
	assert_true(ac_rate_bucket_take(&bucket, 1, 70000));
	assert_false(ac_rate_bucket_take(&bucket, 1, 70000));
	assert_false(ac_rate_bucket_take(&bucket, 1, 10));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_begins_full_whatever_the_clock_says),
	    cmocka_unit_test(it_fills_evenly_and_no_further_than_full),
	    cmocka_unit_test(nothing_is_lost_between_two_looks),
	    cmocka_unit_test(after_next_ms_there_is_one_and_not_before),
	    cmocka_unit_test(another_rate_takes_the_bucket_as_it_is),
	    cmocka_unit_test(a_clock_that_stands_or_goes_back_brings_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* How fast the loop goes round, with a clock that the tests turn. */
#include "server/turns.h"

#include "base/attr.h"

#include "support/unit.h"

enum { BUSY = AC_TURNS_STREAMS_MIN };

/* How many turns there are in a second, each with work_ns of work, if the
 * sockets always have something to say. */
static int
count_turns(size_t streams, int64_t work_ns)
{
	struct ac_turns turns = {0};
	int64_t now_ns = INT64_C(123456789012);
	int64_t end_ns = now_ns + 1000000000;
	int count = 0;

	for (; now_ns < end_ns; count++) {
		int64_t rest_ns =
		    ac_turns_rest_ns(&turns, now_ns += work_ns, streams);

		assert_in_range(rest_ns, 0, AC_TURN_NS);
		now_ns += rest_ns;
	}
	return count;
}

static void
many_streams_share_turns(void **state)
{
	AC_UNUSED(state);
	assert_in_range(count_turns(BUSY, 1000), 2000, 2010);
	assert_in_range(count_turns(BUSY, 400000), 2000, 2010);
	assert_in_range(count_turns((size_t)1000 * BUSY, 1000), 2000, 2010);
}

static void
few_streams_do_not_wait(void **state)
{
	AC_UNUSED(state);
	assert_int_equal(count_turns(0, 1000), 1000000);
	assert_int_equal(count_turns(BUSY - 1, 1000), 1000000);
}

static void
slow_turns_do_not_wait(void **state)
{
	AC_UNUSED(state);
	assert_int_equal(count_turns(BUSY, AC_TURN_NS), 2000);
	assert_int_equal(count_turns(BUSY, (int64_t)2 * AC_TURN_NS), 1000);
}

static void
few_turns_at_once_do_not_wait(void **state)
{
	struct ac_turns turns = {0};
	int64_t now_ns = INT64_C(987654321098);

	AC_UNUSED(state);
	for (int second = 0; second < 3; second++, now_ns += 1000000000) {
		for (int i = 0; i < AC_TURNS_AT_ONCE; i++)
			assert_int_equal(
			    ac_turns_rest_ns(&turns, now_ns, BUSY), 0);
		assert_int_equal(
		    ac_turns_rest_ns(&turns, now_ns, BUSY), AC_TURN_NS);
	}
}

static void
streams_that_become_many_have_saved_nothing_up(void **state)
{
	struct ac_turns turns = {0};
	int64_t now_ns = INT64_C(1000000000);

	AC_UNUSED(state);
	for (int i = 0; i < 100; i++)
		assert_int_equal(ac_turns_rest_ns(&turns, now_ns, BUSY - 1), 0);
	for (int i = 0; i < AC_TURNS_AT_ONCE - 1; i++)
		assert_int_equal(ac_turns_rest_ns(&turns, now_ns, BUSY), 0);
	assert_int_equal(ac_turns_rest_ns(&turns, now_ns, BUSY), AC_TURN_NS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(many_streams_share_turns),
	    cmocka_unit_test(few_streams_do_not_wait),
	    cmocka_unit_test(slow_turns_do_not_wait),
	    cmocka_unit_test(few_turns_at_once_do_not_wait),
	    cmocka_unit_test(streams_that_become_many_have_saved_nothing_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

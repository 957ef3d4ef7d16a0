/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* How fast the loop goes round, with a clock that the tests turn. */
#include "server/turns.h"

#include "base/attr.h"

#include "support/unit.h"

enum { BUSY = AC_TURNS_STREAMS_MIN };

/* How many turns there are in a second, each with a delta and work_ns of
 * work, if the sockets always have something to say. */
static int
count_turns(size_t streams, int64_t work_ns)
{
	struct ac_turns turns = {0};
	int64_t now_ns = INT64_C(123456789012);
	int64_t end_ns = now_ns + 1000000000;
	int count = 0;

	for (; now_ns < end_ns; count++) {
		int64_t rest_ns = ac_turns_rest_ns(
		    &turns, now_ns += work_ns, streams, (uint64_t)count + 1);

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

/* So many turns with a delta each that do not wait, and one that does. */
static void
check_turns(struct ac_turns *turns, int64_t now_ns, int turns_at_once)
{
	for (int i = 0; i < turns_at_once; i++)
		assert_int_equal(
		    ac_turns_rest_ns(turns, now_ns, BUSY, turns->deltas + 1),
		    0);
	assert_int_equal(
	    ac_turns_rest_ns(turns, now_ns, BUSY, turns->deltas + 2),
	    AC_TURN_NS);
}

static void
few_turns_at_once_do_not_wait(void **state)
{
	struct ac_turns turns = {0};
	int64_t now_ns = INT64_C(987654321098);

	AC_UNUSED(state);
	for (int second = 0; second < 3; second++, now_ns += 1000000000)
		check_turns(&turns, now_ns, AC_TURNS_AT_ONCE);
}

static void
turns_without_deltas_neither_wait_nor_count(void **state)
{
	struct ac_turns turns = {.deltas = 5};
	int64_t now_ns = INT64_C(1000000000);

	AC_UNUSED(state);
	for (int i = 0; i < 100; i++)
		assert_int_equal(ac_turns_rest_ns(&turns, now_ns, BUSY, 5), 0);
	check_turns(&turns, now_ns, AC_TURNS_AT_ONCE);
	for (int i = 0; i < 100; i++)
		assert_int_equal(
		    ac_turns_rest_ns(&turns, now_ns, BUSY, turns.deltas), 0);
}

static void
streams_that_become_many_have_saved_up_no_less(void **state)
{
	struct ac_turns turns = {0};
	int64_t now_ns = INT64_C(1000000000);

	AC_UNUSED(state);
	for (uint64_t i = 1; i <= 100; i++)
		assert_int_equal(
		    ac_turns_rest_ns(&turns, now_ns, BUSY - 1, i), 0);
	check_turns(&turns, now_ns, AC_TURNS_AT_ONCE - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(many_streams_share_turns),
	    cmocka_unit_test(few_streams_do_not_wait),
	    cmocka_unit_test(slow_turns_do_not_wait),
	    cmocka_unit_test(few_turns_at_once_do_not_wait),
	    cmocka_unit_test(turns_without_deltas_neither_wait_nor_count),
	    cmocka_unit_test(streams_that_become_many_have_saved_up_no_less),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

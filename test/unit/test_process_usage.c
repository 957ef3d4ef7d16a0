/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What this process uses, against what it does. */
#include "base/process_usage.h"

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/attr.h"
#include "support/unit.h"

static struct ac_process_usage
read_now(void)
{
	struct ac_process_usage usage;

	ac_process_usage_read(&usage);
	return usage;
}

static void
open_descriptors_are_counted(void **state)
{
	int64_t before = read_now().open_fds;
	int fds[2];

	AC_UNUSED(state);
	assert_true(before >= 3);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(read_now().open_fds, before + 2);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(read_now().open_fds, before);
}

static void
the_limit_of_descriptors_is_the_one_in_force(void **state)
{
	struct rlimit limit;

	AC_UNUSED(state);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = 100;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(read_now().max_fds, 100);
}

static void
memory_in_use_is_resident(void **state)
{
	enum { SIZE = 64 << 20 };
	int64_t before = read_now().resident_bytes;
	char *memory = malloc(SIZE);
	struct ac_process_usage usage;

	AC_UNUSED(state);
	assert_non_null(memory);
	memset(memory, 1, SIZE);
	usage = read_now();
	assert_true(usage.resident_bytes - before > SIZE / 2);
	assert_true(usage.virtual_bytes >= usage.resident_bytes);
	free(memory);
}

static void
the_processors_time_grows_with_work(void **state)
{
	double before = read_now().cpu_s;
	clock_t end = clock() + CLOCKS_PER_SEC / 20;

	AC_UNUSED(state);
	while (clock() < end)
		;
	assert_true(read_now().cpu_s > before + 0.02);
	assert_true(read_now().cpu_s < before + 20);
}

/* A name that looks like the fields behind it, too. */
static void
the_start_was_a_moment_ago(void **state)
{
	double now = (double)time(NULL);

	AC_UNUSED(state);
	assert_true(read_now().start_s > now - 60);
	assert_true(read_now().start_s < now + 2);
	assert_int_equal(prctl(PR_SET_NAME, "a) R 1 (b 2"), 0);
	assert_true(read_now().start_s > now - 60);
	assert_true(read_now().start_s < now + 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(open_descriptors_are_counted),
	    cmocka_unit_test(the_limit_of_descriptors_is_the_one_in_force),
	    cmocka_unit_test(memory_in_use_is_resident),
	    cmocka_unit_test(the_processors_time_grows_with_work),
	    cmocka_unit_test(the_start_was_a_moment_ago),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

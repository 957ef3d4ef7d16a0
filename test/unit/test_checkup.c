/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* doctor/checkup: the order of steps, what is skipped, and the report. */
#include "doctor/checkup.h"

#include <stdio.h>
#include <string.h>

#include <event2/event.h>

#include "base/attr.h"
#include "doctor/words.h"
#include "support/unit.h"

struct fixture {
	struct ac_checkup *checkup;
	int stops;
};

static struct fixture fixture;

/* Whether a plan went well; its report is in text. */
static bool
run(const struct ac_checkup_step *steps, size_t count, int64_t limit_ms,
    void (*stop)(void *), char *text, size_t size)
{
	struct event_base *base = event_base_new();
	FILE *out = fmemopen(text, size, "w");
	struct ac_checkup_plan plan = {
	    .steps = steps,
	    .step_count = count,
	    .limit_ms = limit_ms,
	    .stop = stop,
	    .arg = &fixture,
	};
	bool well;

	assert_non_null(out);
	fixture = (struct fixture){.checkup = ac_checkup_new(base, out, &plan)};
	well = ac_checkup_run(fixture.checkup);
	ac_checkup_free(fixture.checkup);
	fclose(out);
	event_base_free(base);
	return well;
}

static void
note_stop(void *arg)
{
	struct fixture *f = arg;

	f->stops++;
}

static void
start_well(void *arg)
{
	struct fixture *f = arg;

	ac_checkup_say(f->checkup, AC_FINDING_OK, NULL, "%d of them", 3);
	ac_checkup_next(f->checkup);
}

static void
start_odd(void *arg)
{
	struct fixture *f = arg;

	ac_checkup_say(f->checkup, AC_FINDING_OK, NULL, "there");
	ac_checkup_say(f->checkup, AC_FINDING_WARNING, "Do this\nor that.",
	    "odd\x1b[31m and \xc3\xa9\n");
	ac_checkup_next(f->checkup);
}

static void
start_bad(void *arg)
{
	struct fixture *f = arg;

	ac_checkup_say(f->checkup, AC_FINDING_FAILED, NULL, "bad");
	ac_checkup_next(f->checkup);
}

static void
start_nothing(void *arg)
{
	AC_UNUSED(arg);
}

static void
start_short(void *arg)
{
	struct fixture *f = arg;

	ac_checkup_set_limit(f->checkup, 1);
}

static void
tells_each_step_in_a_line(void **state)
{
	static const struct ac_checkup_step steps[] = {
	    {"first", 0, start_well}, {"second", 1u << 0, start_odd},
	    {"third", 1u << 1, start_well}, /* a warning is well enough */
	};
	char text[1024];

	AC_UNUSED(state);
	assert_true(run(steps, 3, 10000, note_stop, text, sizeof(text)));
	assert_string_equal(text,
	    "ok       first         3 of them\n"
	    "ok       second        there\n"
	    "warning  second        odd?[31m and ???\n"
	    "         -> Do this\n"
	    "            or that.\n"
	    "ok       third         3 of them\n"
	    "\n"
	    "All is well: 0 failed, 1 warning, 0 skipped.\n");
	assert_int_equal(fixture.stops, 0);
}

static void
skips_what_needs_a_failure(void **state)
{
	static const struct ac_checkup_step steps[] = {
	    {"first", 0, start_bad},
	    {"second", 1u << 0, start_well},
	    {"third", 1u << 1, start_well},
	    {"fourth", 0, start_well},
	};
	char text[1024];

	AC_UNUSED(state);
	assert_false(run(steps, 4, 10000, note_stop, text, sizeof(text)));
	assert_string_equal(text,
	    "failed   first         bad\n"
	    "skipped  second        it needs what failed above (first)\n"
	    "skipped  third         it needs what failed above (second)\n"
	    "ok       fourth        3 of them\n"
	    "\n"
	    "Something failed: 1 failed, 0 warnings, 2 skipped.\n");
}

static void
gives_up_a_step_that_hangs(void **state)
{
	static const struct ac_checkup_step steps[] = {
	    {"first", 0, start_short},
	    {"second", 0, start_well},
	};
	char text[1024];

	AC_UNUSED(state);
	assert_false(run(steps, 2, 10000, note_stop, text, sizeof(text)));
	assert_int_equal(fixture.stops, 1);
	assert_non_null(strstr(text, "failed   first         not over after "));
	assert_non_null(strstr(text, "ok       second        3 of them\n"));
}

static void
gives_up_all_of_it(void **state)
{
	static const struct ac_checkup_step steps[] = {
	    {"first", 0, start_nothing},
	    {"second", 0, start_well},
	};
	char text[1024];

	AC_UNUSED(state);
	assert_false(run(steps, 2, 1, note_stop, text, sizeof(text)));
	assert_int_equal(fixture.stops, 1);
	assert_non_null(strstr(text, "failed   first         not over after "));
	assert_null(strstr(text, "second"));
}

static void
takes_causes_out_of_errors(void **state)
{
	struct ac_error error;

	AC_UNUSED(state);
	ac_error_set(&error, AC_ERROR_UPSTREAM_UNREACHABLE,
	    "The upstream cannot be reached: a.example:1: refused.");
	assert_string_equal(ac_words_cause(&error), "a.example:1: refused.");
	ac_error_set(&error, AC_ERROR_UPSTREAM, "Rate: limit");
	assert_string_equal(ac_words_cause(&error), "Rate: limit");
}

static void
copies_one_printable_line(void **state)
{
	char out[8];

	AC_UNUSED(state);
	ac_words_copy_line(out, sizeof(out),
	    "a\x1b"
	    "b\r\nc",
	    6);
	assert_string_equal(out, "a?b");
	ac_words_copy_line(out, sizeof(out), "0123456789", 10);
	assert_string_equal(out, "0123456");
	ac_words_copy_line(out, sizeof(out), NULL, 0);
	assert_string_equal(out, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tells_each_step_in_a_line),
	    cmocka_unit_test(skips_what_needs_a_failure),
	    cmocka_unit_test(gives_up_a_step_that_hangs),
	    cmocka_unit_test(gives_up_all_of_it),
	    cmocka_unit_test(takes_causes_out_of_errors),
	    cmocka_unit_test(copies_one_printable_line),
	};

	return cmocka_run_group_tests_name("checkup", tests, NULL, NULL);
}

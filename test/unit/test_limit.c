/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The token limit's stage by example. */
#include "codec/limit.h"

#include <string.h>

#include "base/attr.h"
#include "codec/literal.h"
#include "support/event_log.h"
#include "support/unit.h"

/* Texts and reasonings, each whole and in single characters, then FINISH and
 * END. */
struct answer {
	int64_t max_tokens;
	const char *reasoning; /* a literal, comes first */
	const char *text;      /* and this one */
	const char *expected;
};

enum cut { CUT_NOWHERE, CUT_EVERYWHERE };

static void
tell(struct ac_limit *limit, enum ac_event_type type, const char *literal,
    enum cut cut)
{
	size_t len = strlen(literal);

	while (len > 0) {
		uint32_t c;
		size_t bytes = cut == CUT_NOWHERE
				   ? len
				   : ac_literal_next(literal, len, &c);

		event_log_tell(ac_limit_on_event, limit, type, literal, bytes);
		literal += bytes;
		len -= bytes;
	}
}

static void
an_answer_is_cut_between_characters(void **state)
{
	static const struct answer answers[] = {
	    {2, "", "12345678", "T[12345678] F(stop) E"},
	    {2, "", "123456789", "T[12345678] F(length)"},
	    {1, "", "1234567890", "T[1234] F(length)"},
	    {0, "", "1", "F(length)"},
	    {0, "", "", "F(stop) E"},
	    {-1, "", "1", "F(length)"},
	    /* Both together. */
	    {2, "123", "456789", "R[123] T[45678] F(length)"},
	    {2, "12345678", "9", "R[12345678] F(length)"},
	    {2, "123456789", "0", "R[12345678] F(length)"},
	    /* Not within a character. */
	    {1, "", "123\xc3\xa9", "T[123] F(length)"},
	    {1, "", "12\xc3\xa9", "T[12\xc3\xa9] F(stop) E"},
	    {1, "", "1\\u00e9\\u00e9", "T[1\\u00e9] F(length)"},
	    {1, "", "1\\ud83d\\ude00", "T[1] F(length)"},
	    {1, "", "\\ud83d\\ude00\\ud83d\\ude00",
		"T[\\ud83d\\ude00] F(length)"},
	    {1, "", "\\n\\n\\\"\\u0041\\\\", "T[\\n\\n\\\"\\u0041] F(length)"},
	    /* A smaller one that would fit is not taken in its place. */
	    {1, "",
		"123\xc3\xa9"
		"4",
		"T[123] F(length)"},
	};
	static const enum cut cuts[] = {CUT_NOWHERE, CUT_EVERYWHERE};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(answers) * AC_LENGTH(cuts); i++) {
		const struct answer *answer = &answers[i / 2];
		struct event_log log;
		struct ac_limit limit;

		event_log_init(&log, EVENT_LOG_LITERALS);
		ac_limit_init(
		    &limit, answer->max_tokens, event_log_on_event, &log);
		tell(
		    &limit, AC_EVENT_REASONING, answer->reasoning, cuts[i % 2]);
		tell(&limit, AC_EVENT_TEXT, answer->text, cuts[i % 2]);
		event_log_tell_plain(
		    ac_limit_on_event, &limit, AC_EVENT_FINISH);
		event_log_tell_plain(ac_limit_on_event, &limit, AC_EVENT_END);
		assert_string_equal(event_log_string(&log), answer->expected);
		assert_null(log.problem);
		event_log_clear(&log);
	}
}

static void
nothing_follows_a_cut(void **state)
{
	struct event_log log;
	struct ac_limit limit;

	AC_UNUSED(state);
	event_log_init(&log, EVENT_LOG_DECODED);
	ac_limit_init(&limit, 1, event_log_on_event, &log);
	event_log_tell_plain(
	    ac_limit_on_event, &limit, AC_EVENT_TEXT_WAS_REASONING);
	tell(&limit, AC_EVENT_TEXT, "12345", CUT_NOWHERE);
	tell(&limit, AC_EVENT_TEXT, "1", CUT_NOWHERE);
	tell(&limit, AC_EVENT_REASONING, "1", CUT_NOWHERE);
	event_log_tell_plain(ac_limit_on_event, &limit, AC_EVENT_STEP);
	event_log_tell_plain(ac_limit_on_event, &limit, AC_EVENT_ERROR);
	assert_string_equal(event_log_string(&log), "W T[1234] F(length)");
	event_log_clear(&log);
}

static void
reasoning_that_was_dropped_counts(void **state)
{
	static const struct ac_event dropped = {
	    .type = AC_EVENT_REASONING,
	    .dropped = true,
	    .literal = "",
	    .text_len = 5,
	};
	struct event_log log;
	struct ac_limit limit;

	AC_UNUSED(state);
	event_log_init(&log, EVENT_LOG_DECODED);
	ac_limit_init(&limit, 2, event_log_on_event, &log);
	ac_limit_on_event(&dropped, &limit);
	assert_ptr_equal(log.last_event, &dropped);
	ac_limit_on_event(&dropped, &limit);
	assert_string_equal(event_log_string(&log), "r8 F(length)");
	assert_null(log.problem);
	event_log_clear(&log);
}

static void
what_fits_is_passed_on_itself(void **state)
{
	static const struct ac_event text = {
	    .type = AC_EVENT_TEXT,
	    .literal = "1234",
	    .literal_len = 4,
	    .text_len = 4,
	};
	struct event_log log;
	struct ac_limit limit;

	AC_UNUSED(state);
	event_log_init(&log, EVENT_LOG_DECODED);
	ac_limit_init(&limit, 1, event_log_on_event, &log);
	ac_limit_on_event(&text, &limit);
	assert_ptr_equal(log.last_event, &text);
	assert_int_equal(log.events, 1);
	event_log_clear(&log);
}

static void
large_limits_do_not_overflow(void **state)
{
	static const int64_t limits[] = {INT64_MAX, INT64_MAX - 1,
	    INT64_MAX / 4, INT64_MAX / 4 + 1, INT64_C(1) << 62,
	    INT64_C(1) << 61, (INT64_C(1) << 62) + 1, INT32_MAX,
	    (int64_t)UINT32_MAX + 1};
	/* A gigabyte that is only said to be there. */
	static const struct ac_event much = {
	    .type = AC_EVENT_REASONING,
	    .dropped = true,
	    .literal = "",
	    .text_len = (size_t)1 << 30,
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(limits); i++) {
		struct event_log log;
		struct ac_limit limit;

		event_log_init(&log, EVENT_LOG_DECODED);
		ac_limit_init(&limit, limits[i], event_log_on_event, &log);
		ac_limit_on_event(&much, &limit);
		ac_limit_on_event(&much, &limit);
		assert_string_equal(event_log_string(&log), "r2147483648");
		event_log_clear(&log);
	}
}

/* A consumer that has enough at the first event. */
static void
mute_at_once(const struct ac_event *event, void *arg)
{
	struct ac_limit *limit = *(struct ac_limit **)arg;

	assert_int_equal(event->type, AC_EVENT_TEXT);
	assert_false(limit->over);
	ac_limit_mute(limit);
}

static void
a_muted_stage_says_nothing_more_of_the_same_event(void **state)
{
	struct ac_limit limit, *arg = &limit;

	AC_UNUSED(state);
	ac_limit_init(&limit, 1, mute_at_once, &arg);
	tell(&limit, AC_EVENT_TEXT, "12345", CUT_NOWHERE);
	tell(&limit, AC_EVENT_TEXT, "1", CUT_NOWHERE);
	assert_true(limit.over);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_answer_is_cut_between_characters),
	    cmocka_unit_test(nothing_follows_a_cut),
	    cmocka_unit_test(reasoning_that_was_dropped_counts),
	    cmocka_unit_test(what_fits_is_passed_on_itself),
	    cmocka_unit_test(large_limits_do_not_overflow),
	    cmocka_unit_test(a_muted_stage_says_nothing_more_of_the_same_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The stop strings' stage by example: each answer whole and with every text
 * in single characters; the logs must be the same.
 */
#include "codec/stop.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/mem.h"
#include "codec/literal.h"
#include "support/event_log.h"
#include "support/unit.h"

/* An answer: events divided by '|', in each a letter and, where it is T or R,
 * a literal. S, X, W, F, !, E: as in the log. */
struct answer {
	const char *stops[AC_STOP_MAX];
	const char *events;
	const char *expected;
};

enum cut { CUT_NOWHERE, CUT_EVERYWHERE };

static void
init_stop(struct ac_stop *stop, const char *const stops[AC_STOP_MAX],
    struct event_log *log)
{
	struct ac_stop_string strings[AC_STOP_MAX];
	size_t count = 0;

	for (; count < AC_STOP_MAX && stops[count] != NULL; count++)
		strings[count] =
		    (struct ac_stop_string){stops[count], strlen(stops[count])};
	ac_stop_init(stop, strings, count, event_log_on_event, log);
}

static void
tell_text(struct ac_stop *stop, enum ac_event_type type, const char *literal,
    size_t len, enum cut cut)
{
	while (len > 0) {
		uint32_t c;
		size_t bytes = cut == CUT_NOWHERE
				   ? len
				   : ac_literal_next(literal, len, &c);

		event_log_tell(ac_stop_on_event, stop, type, literal, bytes);
		literal += bytes;
		len -= bytes;
	}
}

static void
tell(struct ac_stop *stop, const char *events, enum cut cut)
{
	static const char letters[] = "SXWF!E";
	static const enum ac_event_type types[] = {AC_EVENT_STEP,
	    AC_EVENT_EXTRA, AC_EVENT_TEXT_WAS_REASONING, AC_EVENT_FINISH,
	    AC_EVENT_ERROR, AC_EVENT_END};

	for (;;) {
		size_t len = strcspn(events, "|");
		const char *letter;

		if (events[0] == 'T' || events[0] == 'R') {
			tell_text(stop,
			    events[0] == 'T' ? AC_EVENT_TEXT
					     : AC_EVENT_REASONING,
			    events + 1, len - 1, cut);
		} else {
			letter = strchr(letters, events[0]);
			assert_non_null(letter);
			event_log_tell_plain(
			    ac_stop_on_event, stop, types[letter - letters]);
		}
		if (events[len] == '\0')
			return;
		events += len + 1;
	}
}

static void
expect_answers(
    const struct answer *answers, size_t count, enum event_log_form form)
{
	static const enum cut cuts[] = {CUT_NOWHERE, CUT_EVERYWHERE};

	for (size_t i = 0; i < count * AC_LENGTH(cuts); i++) {
		const struct answer *answer = &answers[i / AC_LENGTH(cuts)];
		struct event_log log;
		struct ac_stop stop;

		event_log_init(&log, form);
		init_stop(&stop, answer->stops, &log);
		tell(&stop, answer->events, cuts[i % AC_LENGTH(cuts)]);
		assert_string_equal(event_log_string(&log), answer->expected);
		assert_null(log.problem);
		ac_stop_clear(&stop);
		event_log_clear(&log);
	}
}

static void
an_answer_ends_before_the_earliest_occurrence(void **state)
{
	static const struct answer answers[] = {
	    {{"x"}, "Ta|Tb|F|E", "T[ab] F(stop) E"},
	    {{NULL}, "Ta|Tb|F|E", "T[ab] F(stop) E"},
	    {{""}, "Ta|Tb|F|E", "T[ab] F(stop) E"},
	    {{"\n\n"}, "Ta\\n|T\\nb|Tc|F|E", "T[a] F(stop)"},
	    {{"END"}, "TThe E|TN|TDS|F|E", "T[The ] F(stop)"},
	    {{"END"}, "TEND|F|E", "F(stop)"},
	    {{"END"}, "TThe EN|F|E", "T[The EN] F(stop) E"},
	    {{"END"}, "TENENEND|F|E", "T[ENEN] F(stop)"},
	    /* A beginning that begins again. */
	    {{"aab"}, "Taaab|F", "T[a] F(stop)"},
	    {{"aabaaac"}, "Taabaabaaac|F", "T[aab] F(stop)"},
	    {{"abab"}, "Taba|Tabab|F", "T[aba] F(stop)"},
	    /* The one that begins first, whatever their order. */
	    {{"c", "b"}, "Tabc|F", "T[a] F(stop)"},
	    {{"b", "c"}, "Tabc|F", "T[a] F(stop)"},
	    {{"abcd", "bc"}, "Txabcd|F", "T[x] F(stop)"},
	    {{"bc", "abcd"}, "Txabcd|F", "T[x] F(stop)"},
	    {{"abcd", "bc"}, "Txabce|F", "T[xa] F(stop)"},
	    {{"abcd", "bc"}, "Txabc|F|E", "T[xa] F(stop)"},
	    {{"abcd", "bc"}, "Txabc|!", "T[xa] F(stop)"},
	    {{"abcde", "bc", "cd"}, "Tabcdx|F", "T[a] F(stop)"},
	    {{"abcde", "cd"}, "Tabcdx|F", "T[ab] F(stop)"},
	    {{"ab", "abc"}, "Tabc|F", "F(stop)"},
	    {{"x", "y", "z", "w"}, "Tabw|F", "T[ab] F(stop)"},
	    /* A match that waits; then the longer one's second chance. */
	    {{"aaab", "aa"}, "Taaac|F", "F(stop)"},
	    {{"xaab", "aa"}, "Txaaxaab|F", "T[x] F(stop)"},
	};

	AC_UNUSED(state);
	expect_answers(answers, AC_LENGTH(answers), EVENT_LOG_DECODED);
}

static void
characters_are_compared_however_they_are_written(void **state)
{
	static const struct answer answers[] = {
	    {{"\xf0\x9f\x98\x80"}, "Ta\\uD83D\\ude00b|F", "T[a] F(stop)"},
	    {{"\xf0\x9f\x98\x80"},
		"Ta\xf0\x9f\x98\x80"
		"b|F",
		"T[a] F(stop)"},
	    /* Others with the same first bytes. */
	    {{"\xf0\x9f\x98\x80"}, "T\\uD83D\\ude01\xf0\x9f\x98\x82|F",
		"T[\\uD83D\\ude01\xf0\x9f\x98\x82] F(stop)"},
	    {{"\xc3\xa9t\xc3\xa9"}, "T\\u00e9\\u0074|T\xc3\xa9|F", "F(stop)"},
	    {{"\""}, "Ta\\\"b|F", "T[a] F(stop)"},
	    {{"\\"}, "Ta\\nb\\\\c|F", "T[a\\nb] F(stop)"},
	    {{"n"}, "Ta\\n\\\\n|F", "T[a\\n\\\\] F(stop)"},
	    {{"u0"}, "Ta\\u0061\\\\u0|F", "T[a\\u0061\\\\] F(stop)"},
	    {{"</s>"}, "Ta\\u003c\\/s\\u003E|F", "T[a] F(stop)"},
	};

	AC_UNUSED(state);
	expect_answers(answers, AC_LENGTH(answers), EVENT_LOG_LITERALS);
}

static void
held_text_keeps_its_literal_form(void **state)
{
	static const struct answer answers[] = {
	    {{"<|end|>"}, "Ta\\u003C|T\\u007cen|T\\u0064\\u007ca|F",
		"T[a\\u003C\\u007cen\\u0064\\u007ca] F(stop)"},
	    {{"\xc3\xa9\xf0\x9f\x98\x80x"}, "T\\u00e9|T\\ud83d\\uDE00|F",
		"T[\\u00e9\\ud83d\\uDE00] F(stop)"},
	    {{"abc"}, "T\\u0061\\u0062|T\\u0061b|Td|F",
		"T[\\u0061\\u0062\\u0061bd] F(stop)"},
	};

	AC_UNUSED(state);
	expect_answers(answers, AC_LENGTH(answers), EVENT_LOG_LITERALS);
}

static void
other_events_pass_and_are_not_searched(void **state)
{
	static const struct answer answers[] = {
	    {{"b"}, "Rabc|Ta|F|E", "R[abc] T[a] F(stop) E"},
	    /* They overtake what is held back, and do not part a string. */
	    {{"bc"}, "Tab|S|X|Tcd|F", "T[a] S X F(stop)"},
	    {{"bc"}, "Tab|S|Td|F", "T[a] S T[bd] F(stop)"},
	    /* These do. */
	    {{"bc"}, "Tab|Rx|Tcd|F", "T[ab] R[x] T[cd] F(stop)"},
	    {{"abcd", "bc"}, "Tabc|Rx|Td|F", "T[a] F(stop)"},
	    {{"bc"}, "Tab|!", "T[ab] !(cut)"},
	    {{"bc"}, "Tab|E", "T[ab] E"},
	    {{"bc"}, "Tab|W|Tcbc|F", "T[ab] W T[c] F(stop)"},
	    {{"abcd", "bc"}, "Tabc|W|Tdbcx|F", "T[abc] W T[d] F(stop)"},
	    /* Nothing follows. */
	    {{"b"}, "Tab|Tc|Rx|S|X|!", "T[a] F(stop)"},
	};

	AC_UNUSED(state);
	expect_answers(answers, AC_LENGTH(answers), EVENT_LOG_DECODED);
}

static void
tools_overtake_what_is_held_back(void **state)
{
	static const struct ac_stop_string string = {"bc", 2};
	static const enum ac_event_type types[] = {AC_EVENT_START,
	    AC_EVENT_TOOL_CALL, AC_EVENT_TOOL_CALL_START,
	    AC_EVENT_TOOL_CALL_DELTA, AC_EVENT_TOOL_RESULT};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(types); i++) {
		struct event_log log;
		struct ac_stop stop;

		event_log_init(&log, EVENT_LOG_DECODED);
		ac_stop_init(&stop, &string, 1, event_log_on_event, &log);
		event_log_tell(ac_stop_on_event, &stop, AC_EVENT_TEXT, "ab", 2);
		event_log_tell_plain(ac_stop_on_event, &stop, types[i]);
		event_log_tell(ac_stop_on_event, &stop, AC_EVENT_TEXT, "d", 1);
		assert_string_equal(event_log_string(&log), "T[a] X T[bd]");
		assert_null(log.problem);
		ac_stop_clear(&stop);
		event_log_clear(&log);
	}
}

static void
usage_is_that_of_a_finish_which_is_replaced(void **state)
{
	static const char *const stops[AC_STOP_MAX] = {"abcd", "bc"};
	static const struct ac_event step = {
	    .type = AC_EVENT_STEP, .usage = {1, 2}};
	static const struct ac_event end = {.type = AC_EVENT_FINISH,
	    .finish = AC_FINISH_LENGTH,
	    .usage = {11, 7}};
	struct event_log log;
	struct ac_stop stop;

	AC_UNUSED(state);
	event_log_init(&log, EVENT_LOG_DECODED);
	init_stop(&stop, stops, &log);
	ac_stop_on_event(&step, &stop);
	event_log_tell(ac_stop_on_event, &stop, AC_EVENT_TEXT, "abc", 3);
	ac_stop_on_event(&end, &stop);
	assert_string_equal(event_log_string(&log), "S T[a] F(stop,11,7)");
	ac_stop_clear(&stop);
	event_log_reset(&log);
	init_stop(&stop, stops, &log);
	ac_stop_on_event(&step, &stop);
	event_log_tell(ac_stop_on_event, &stop, AC_EVENT_TEXT, "xbc", 3);
	assert_string_equal(event_log_string(&log), "S T[x] F(stop)");
	ac_stop_clear(&stop);
	ac_stop_clear(&stop);
	event_log_clear(&log);
}

static void
an_event_without_a_beginning_is_passed_on_itself(void **state)
{
	static const char *const stops[AC_STOP_MAX] = {"END", "\n\n"};
	static const struct ac_event events[] = {
	    {.type = AC_EVENT_TEXT,
		.literal = "a \\n E \\u00e9",
		.literal_len = 13,
		.text_len = 8},
	    {.type = AC_EVENT_REASONING,
		.literal = "END",
		.literal_len = 3,
		.text_len = 3},
	    {.type = AC_EVENT_STEP},
	    {.type = AC_EVENT_FINISH},
	};
	struct event_log log;
	struct ac_stop stop;

	AC_UNUSED(state);
	event_log_init(&log, EVENT_LOG_DECODED);
	init_stop(&stop, stops, &log);
	for (size_t i = 0; i < AC_LENGTH(events); i++) {
		ac_stop_on_event(&events[i], &stop);
		assert_ptr_equal(log.last_event, &events[i]);
		assert_int_equal(log.events, i + 1);
	}
	assert_null(stop.held.data);
	ac_stop_clear(&stop);
	event_log_clear(&log);
}

/* A string of the greatest length, all of it escaped, missed by its last
 * character and then met. */
static void
what_is_held_is_less_than_the_longest_string(void **state)
{
	struct ac_stop_string string = {.len = AC_STOP_LEN_MAX};
	char *text = ac_malloc(AC_STOP_LEN_MAX);
	struct event_log log;
	struct ac_stop stop;

	AC_UNUSED(state);
	memset(text, 'a', AC_STOP_LEN_MAX);
	text[AC_STOP_LEN_MAX - 1] = 'b';
	string.text = text;
	event_log_init(&log, EVENT_LOG_DECODED);
	ac_stop_init(&stop, &string, 1, event_log_on_event, &log);
	free(text);
	for (size_t i = 0; i < (size_t)3 * AC_STOP_LEN_MAX; i++) {
		event_log_tell(ac_stop_on_event, &stop, AC_EVENT_TEXT,
		    "\\u0061", AC_LITERAL_ESCAPE_LEN);
		assert_true(stop.held.len <
			    (size_t)AC_STOP_LEN_MAX * AC_LITERAL_ESCAPE_LEN);
	}
	event_log_tell(ac_stop_on_event, &stop, AC_EVENT_TEXT, "b", 1);
	assert_int_equal(strlen(event_log_string(&log)),
	    2 * AC_STOP_LEN_MAX + 1 + strlen("T[] F(stop)"));
	assert_null(log.problem);
	ac_stop_clear(&stop);
	event_log_clear(&log);
}

/* A consumer that has enough at the first event. */
static void
mute_at_once(const struct ac_event *event, void *arg)
{
	struct ac_stop *stop = *(struct ac_stop **)arg;

	assert_int_equal(event->type, AC_EVENT_TEXT);
	assert_false(stop->over);
	ac_stop_mute(stop);
}

static void
a_muted_stage_says_nothing_more_of_the_same_event(void **state)
{
	static const struct ac_stop_string string = {"b", 1};
	struct ac_stop stop, *arg = &stop;

	AC_UNUSED(state);
	ac_stop_init(&stop, &string, 1, mute_at_once, &arg);
	event_log_tell(ac_stop_on_event, &stop, AC_EVENT_TEXT, "ab", 2);
	assert_true(stop.over);
	ac_stop_clear(&stop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_answer_ends_before_the_earliest_occurrence),
	    cmocka_unit_test(characters_are_compared_however_they_are_written),
	    cmocka_unit_test(held_text_keeps_its_literal_form),
	    cmocka_unit_test(other_events_pass_and_are_not_searched),
	    cmocka_unit_test(tools_overtake_what_is_held_back),
	    cmocka_unit_test(usage_is_that_of_a_finish_which_is_replaced),
	    cmocka_unit_test(an_event_without_a_beginning_is_passed_on_itself),
	    cmocka_unit_test(what_is_held_is_less_than_the_longest_string),
	    cmocka_unit_test(a_muted_stage_says_nothing_more_of_the_same_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

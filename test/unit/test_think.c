/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The thinking's stage by example: each answer is told as it is written and
 * again with every text in single characters; the logs must be the same.
 */
#include "codec/think.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "codec/literal.h"
#include "support/event_log.h"
#include "support/unit.h"

/* An answer: events divided by '|', in each a letter and, where it is T or R,
 * a literal. S, X, F, !, E: as in the log. */
struct answer {
	const char *events;
	const char *field; /* what comes of it in this mode */
	const char *tags;  /* and in this one, or NULL: not looked at */
	const char *drop;  /* likewise */
};

enum cut { CUT_NOWHERE, CUT_EVERYWHERE };

static void
tell_text(struct ac_think *think, enum ac_event_type type, const char *literal,
    size_t len, enum cut cut)
{
	while (len > 0) {
		uint32_t c;
		size_t bytes = cut == CUT_NOWHERE
				   ? len
				   : ac_literal_next(literal, len, &c);

		event_log_tell(ac_think_on_event, think, type, literal, bytes);
		literal += bytes;
		len -= bytes;
	}
}

static void
tell(struct ac_think *think, const char *events, enum cut cut)
{
	static const char letters[] = "SXF!E";
	static const enum ac_event_type types[] = {AC_EVENT_STEP,
	    AC_EVENT_EXTRA, AC_EVENT_FINISH, AC_EVENT_ERROR, AC_EVENT_END};

	for (;;) {
		size_t len = strcspn(events, "|");
		const char *letter;

		if (events[0] == 'T' || events[0] == 'R') {
			tell_text(think,
			    events[0] == 'T' ? AC_EVENT_TEXT
					     : AC_EVENT_REASONING,
			    events + 1, len - 1, cut);
		} else {
			letter = strchr(letters, events[0]);
			assert_non_null(letter);
			event_log_tell_plain(
			    ac_think_on_event, think, types[letter - letters]);
		}
		if (events[len] == '\0')
			return;
		events += len + 1;
	}
}

static void
expect_log(const char *events, enum ac_reasoning mode,
    enum ac_think_scope scope, enum event_log_form form, const char *expected)
{
	static const enum cut cuts[] = {CUT_NOWHERE, CUT_EVERYWHERE};

	for (size_t i = 0; i < AC_LENGTH(cuts); i++) {
		struct event_log log;
		struct ac_think think;

		event_log_init(&log, form);
		ac_think_init(&think, mode, scope, event_log_on_event, &log);
		tell(&think, events, cuts[i]);
		assert_string_equal(event_log_string(&log), expected);
		assert_null(log.problem);
		event_log_clear(&log);
	}
}

static void
expect_answers(
    const struct answer *answers, size_t count, enum ac_think_scope scope)
{
	for (size_t i = 0; i < count; i++) {
		const struct answer *answer = &answers[i];

		expect_log(answer->events, AC_REASONING_FIELD, scope,
		    EVENT_LOG_DECODED, answer->field);
		if (answer->tags != NULL)
			expect_log(answer->events, AC_REASONING_TAGS, scope,
			    EVENT_LOG_DECODED, answer->tags);
		if (answer->drop != NULL)
			expect_log(answer->events, AC_REASONING_DROP, scope,
			    EVENT_LOG_DECODED, answer->drop);
	}
}

/* The same in both scopes. */
static void
tags_in_the_text_become_reasoning(void **state)
{
	static const struct answer answers[] = {
	    {"T<think>|TLet me |Tthink.\\n|T</think>|T\\n\\nThe answer |Tis "
	     "42.|F|E",
		"R[Let me think.\n] T[\n\nThe answer is 42.] F(stop) E",
		"T[<think>Let me think.\n</think>\n\nThe answer is 42.] "
		"F(stop) E",
		"r14 T[\n\nThe answer is 42.] F(stop) E"},
	    {"Ta|F", "T[a] F(stop)", "T[a] F(stop)", "T[a] F(stop)"},
	    /* Cut within the tags. */
	    {"T<th|Tink>a</|Tthink|T>b|F", "R[a] T[b] F(stop)",
		"T[<think>a</think>b] F(stop)", "r1 T[b] F(stop)"},
	    /* White space stays on either side of both tags. */
	    {"T \\n<think>\\n a \\n</think>\\t\\nb \\n|F",
		"T[ \n] R[\n a \n] T[\t\nb \n] F(stop)", NULL,
		"T[ \n] r5 T[\t\nb \n] F(stop)"},
	    /* Any escape. */
	    {"T\\u003cthink\\u003ea\\u003C\\/think\\u003Eb|F",
		"R[a] T[b] F(stop)", "T[<think>a</think>b] F(stop)", NULL},
	    {"T\\u003c\\u0074\\u0068\\u0069\\u006e\\u006B>\\uD83D\\uDE00"
	     "\\u003c\\u002f\\u0074\\u0068\\u0069\\u006e\\u006b\\u003eb|F",
		"R[\xf0\x9f\x98\x80] T[b] F(stop)", NULL, "r4 T[b] F(stop)"},
	    /* A backslash in front is a character of its own. */
	    {"T\\\\u003cthink>\\\\|F", "T[\\u003cthink>\\] F(stop)", NULL,
		NULL},
	    /* Not these tags. */
	    {"T<Think><THINK>< think><think ><thinking></ think><thinks/>|F",
		"T[<Think><THINK>< think><think ><thinking></ think>"
		"<thinks/>] F(stop)",
		NULL, NULL},
	    /* What looks like a tag's beginning is followed by a tag. */
	    {"T<<think>a<</</think>b|F", "T[<] R[a<</] T[b] F(stop)", NULL,
		NULL},
	    {"T<thin<thi<think>a</think</think|T>b|F",
		"T[<thin<thi] R[a</think] T[b] F(stop)", NULL, NULL},
	    /* No nesting: the first </think> ends it. */
	    {"T<think>a<think>b</think>c</think>d|F",
		"R[a<think>b] T[c</think>d] F(stop)", NULL,
		"r9 T[c</think>d] F(stop)"},
	    /* Repeated, empty, and adjacent. */
	    {"T<think>a</think>b<think>c</think>d|F",
		"R[a] T[b] R[c] T[d] F(stop)", NULL, NULL},
	    {"T<think></think>a|F", "T[a] F(stop)", NULL, "T[a] F(stop)"},
	    {"T<think>a</think><think>b</think>c|F", "R[ab] T[c] F(stop)", NULL,
		NULL},
	    /* Not closed. */
	    {"Ta<think>b|F|E", "T[a] R[b] F(stop) E", "T[a<think>b] F(stop) E",
		"T[a] r1 F(stop) E"},
	    {"T<think>|F", "F(stop)", "T[<think>] F(stop)", "F(stop)"},
	    /* A part of a tag at the end. */
	    {"Ta<|F", "T[a<] F(stop)", NULL, NULL},
	    {"Ta<think|F", "T[a<think] F(stop)", NULL, NULL},
	    {"T<think>a</think|F", "R[a</think] F(stop)", NULL, "r8 F(stop)"},
	    {"Ta<thi|!", "T[a<thi] !(cut)", "T[a<thi] !(cut)", NULL},
	    {"T<think>a</thi|!", "R[a</thi] !(cut)", NULL, "r6 !(cut)"},
	    {"Ta<thi|E", "T[a<thi] E", NULL, NULL},
	    /* A step cuts a tag, but does not end the thinking. */
	    {"Ta<thi|S|Tnk>b|F", "T[a<thi] S T[nk>b] F(stop)", NULL, NULL},
	    {"T<think>a|S|Tb</think>c|F", "R[a] S R[b] T[c] F(stop)", NULL,
		NULL},
	    /* So does reasoning that comes apart; the rest overtakes. */
	    {"Ta<thi|Rx|Tnk>b|F", "T[a<thi] R[x] T[nk>b] F(stop)", NULL, NULL},
	    {"Ta<thi|X|Tnk>b|F", "T[a] X R[b] F(stop)",
		"T[a<thi] X T[nk>b] F(stop)", NULL},
	    {"Ta<|X|Tb|F", "T[a] X T[<b] F(stop)", NULL, NULL},
	};

	AC_UNUSED(state);
	expect_answers(answers, AC_LENGTH(answers), AC_THINK_STREAMED);
	expect_answers(answers, AC_LENGTH(answers), AC_THINK_WHOLE);
}

static void
reasoning_that_comes_apart_is_passed_wrapped_or_dropped(void **state)
{
	static const struct answer answers[] = {
	    {"Rhm|Rm|Ta|F|E", "R[hmm] T[a] F(stop) E",
		"T[<think>hmm</think>a] F(stop) E", "r3 T[a] F(stop) E"},
	    {"Ra|Tb|Rc|Td|F", "R[a] T[b] R[c] T[d] F(stop)",
		"T[<think>a</think>b<think>c</think>d] F(stop)",
		"r1 T[b] r1 T[d] F(stop)"},
	    {"Ra|F", "R[a] F(stop)", "T[<think>a</think>] F(stop)",
		"r1 F(stop)"},
	    /* What has no text of its own does not end a run. */
	    {"Ra|S|X|Rb|F", "R[a] S X R[b] F(stop)",
		"T[<think>a] S X T[b</think>] F(stop)", "r1 S X r1 F(stop)"},
	    /* A failure leaves it open. */
	    {"Ra|!", "R[a] !(cut)", "T[<think>a] !(cut)", "r1 !(cut)"},
	    /* Tags of the text beside it. */
	    {"Ra|T<think>b</think>c|F", "R[ab] T[c] F(stop)",
		"T[<think>a</think><think>b</think>c] F(stop)",
		"r2 T[c] F(stop)"},
	    {"T<think>a|Rb|Tc</think>d|F", "R[abc] T[d] F(stop)", NULL,
		"r3 T[d] F(stop)"},
	    /* Tags in it are its text. */
	    {"Ra</think>b|Tc|F", "R[a</think>b] T[c] F(stop)", NULL,
		"r10 T[c] F(stop)"},
	    /* It is no </think> that lacks its partner. */
	    {"Ra|Tb</think>c|F", "R[a] T[b</think>c] F(stop)", NULL, NULL},
	};

	AC_UNUSED(state);
	expect_answers(answers, AC_LENGTH(answers), AC_THINK_STREAMED);
	expect_answers(answers, AC_LENGTH(answers), AC_THINK_WHOLE);
}

static void
a_lone_closing_tag_passes_in_a_stream(void **state)
{
	static const struct answer answers[] = {
	    {"Ta</think>b|F", "T[a</think>b] F(stop)", "T[a</think>b] F(stop)",
		"T[a</think>b] F(stop)"},
	    {"T</th|Tink><think>a</think>b|F", "T[</think>] R[a] T[b] F(stop)",
		NULL, NULL},
	};

	AC_UNUSED(state);
	expect_answers(answers, AC_LENGTH(answers), AC_THINK_STREAMED);
}

static void
a_lone_closing_tag_is_mended_in_a_whole_answer(void **state)
{
	static const struct answer answers[] = {
	    {"Ta|Tb</think>\\nc|F", "T[ab] W T[\nc] F(stop)",
		"T[ab</think>\nc] F(stop)", "T[ab] w T[\nc] F(stop)"},
	    {"T</think>a|F", "W T[a] F(stop)", NULL, "w T[a] F(stop)"},
	    {"Ta<|T\\/thi|Tnk\\u003eb|F", "T[a] W T[b] F(stop)", NULL, NULL},
	    /* Once. */
	    {"Ta</think>b</think>c|F", "T[a] W T[b</think>c] F(stop)", NULL,
		NULL},
	    {"Ta</think>b<think>c</think>d</think>e|F",
		"T[a] W T[b] R[c] T[d</think>e] F(stop)", NULL, NULL},
	    /* Not after an opening tag, even an empty pair. */
	    {"T<think>a</think>b</think>c|F", "R[a] T[b</think>c] F(stop)",
		NULL, NULL},
	    {"T<think></think>b</think>c|F", "T[b</think>c] F(stop)", NULL,
		NULL},
	    /* A part of it is text. */
	    {"Ta</think|F", "T[a</think] F(stop)", NULL, NULL},
	    {"Ta</<think>b|F", "T[a</] R[b] F(stop)", NULL, NULL},
	    /* Over a step too. */
	    {"Ta|S|Tb</think>c|F", "T[a] S T[b] W T[c] F(stop)", NULL, NULL},
	};

	AC_UNUSED(state);
	expect_answers(answers, AC_LENGTH(answers), AC_THINK_WHOLE);
}

static void
what_stays_keeps_its_literal_form(void **state)
{
	static const char events[] =
	    "T\\u003c\\u0074h\\u00e9\\/\\u003cthink>\\u0061<\\/"
	    "th\\ud83d\\ude00</think>\\u003C|F";

	AC_UNUSED(state);
	expect_log(events, AC_REASONING_FIELD, AC_THINK_STREAMED,
	    EVENT_LOG_LITERALS,
	    "T[\\u003c\\u0074h\\u00e9\\/] R[\\u0061<\\/"
	    "th\\ud83d\\ude00] T[\\u003C] F(stop)");
	expect_log(events, AC_REASONING_TAGS, AC_THINK_WHOLE,
	    EVENT_LOG_LITERALS,
	    "T[\\u003c\\u0074h\\u00e9\\/\\u003cthink>\\u0061<\\/"
	    "th\\ud83d\\ude00</think>\\u003C] F(stop)");
}

static void
tools_overtake_the_beginning_of_a_tag(void **state)
{
	static const enum ac_event_type types[] = {AC_EVENT_START,
	    AC_EVENT_TOOL_CALL, AC_EVENT_TOOL_CALL_START,
	    AC_EVENT_TOOL_CALL_DELTA, AC_EVENT_TOOL_RESULT};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(types); i++) {
		struct event_log log;
		struct ac_think think;

		event_log_init(&log, EVENT_LOG_DECODED);
		ac_think_init(&think, AC_REASONING_FIELD, AC_THINK_STREAMED,
		    event_log_on_event, &log);
		event_log_tell(
		    ac_think_on_event, &think, AC_EVENT_TEXT, "a<thi", 5);
		event_log_tell_plain(ac_think_on_event, &think, types[i]);
		event_log_tell(
		    ac_think_on_event, &think, AC_EVENT_TEXT, "nk>b", 4);
		assert_string_equal(event_log_string(&log), "T[a] X R[b]");
		assert_null(log.problem);
		event_log_clear(&log);
	}
}

static void
an_event_without_a_tag_is_passed_on_itself(void **state)
{
	static const struct ac_event events[] = {
	    {.type = AC_EVENT_TEXT,
		.literal = "a > b \\n\\u003d",
		.literal_len = 13,
		.text_len = 8},
	    {.type = AC_EVENT_TEXT,
		.literal = "a <b>",
		.literal_len = 5,
		.text_len = 5},
	    {.type = AC_EVENT_REASONING,
		.literal = "<think>",
		.literal_len = 7,
		.text_len = 7},
	    {.type = AC_EVENT_FINISH},
	};
	struct event_log log;
	struct ac_think think;

	AC_UNUSED(state);
	event_log_init(&log, EVENT_LOG_DECODED);
	ac_think_init(&think, AC_REASONING_FIELD, AC_THINK_WHOLE,
	    event_log_on_event, &log);
	for (size_t i = 0; i < AC_LENGTH(events); i++) {
		ac_think_on_event(&events[i], &think);
		assert_ptr_equal(log.last_event, &events[i]);
		assert_int_equal(log.events, i + 1);
	}
	event_log_clear(&log);
}

/* A consumer that has enough at the first event. */
static void
mute_at_once(const struct ac_event *event, void *arg)
{
	struct ac_think *think = *(struct ac_think **)arg;

	assert_int_equal(event->type, AC_EVENT_TEXT);
	assert_int_equal(event->text_len, 1);
	assert_false(think->muted);
	ac_think_mute(think);
}

static void
a_muted_stage_says_nothing_more_of_the_same_event(void **state)
{
	static const char literal[] = "a<think>b</think>c";
	struct ac_think think, *arg = &think;

	AC_UNUSED(state);
	ac_think_init(
	    &think, AC_REASONING_FIELD, AC_THINK_STREAMED, mute_at_once, &arg);
	event_log_tell(
	    ac_think_on_event, &think, AC_EVENT_TEXT, literal, strlen(literal));
	event_log_tell_plain(ac_think_on_event, &think, AC_EVENT_FINISH);
	assert_true(think.muted);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tags_in_the_text_become_reasoning),
	    cmocka_unit_test(
		reasoning_that_comes_apart_is_passed_wrapped_or_dropped),
	    cmocka_unit_test(a_lone_closing_tag_passes_in_a_stream),
	    cmocka_unit_test(a_lone_closing_tag_is_mended_in_a_whole_answer),
	    cmocka_unit_test(tools_overtake_the_beginning_of_a_tag),
	    cmocka_unit_test(what_stays_keeps_its_literal_form),
	    cmocka_unit_test(an_event_without_a_tag_is_passed_on_itself),
	    cmocka_unit_test(a_muted_stage_says_nothing_more_of_the_same_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Single lines that the data-stream decoder must refuse or skip: too many
 * and too alike for a transcript each. A line stands between a text and the
 * end of the message, so that what follows it is seen too.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "support/recording.h"
#include "support/unit.h"

/* Not a value for a code that carries a string. */
static const char *const broken_strings[] = {
    "",
    "\"",
    "\"open",
    "open\"",
    "'a'",
    "a",
    "null",
    "1",
    "true",
    "[\"a\"]",
    "\"a\"b",
    "\"a\" \"b\"",
    "\"a\",",
    "\"\\\"",
    "\"\\'\"",
    "\"\\x41\"",
    "\"\\u\"",
    "\"\\u12\"",
    "\"\\u123\"",
    "\"\\u12g4\"",
    "\"\\U0041\"",
    "\"\\ud83d\\u12\"",
    "\"\\a\"",
    "\"\\0\"",
    "\"a\tb\"",
    "\"a\x01\x62\"",
    "\"a\x1f\x62\"",
    "\"a\rb\"",
    "\"a\"b\"",
};

/* Not a value for a code that carries any JSON. */
static const char *const broken_json[] = {
    "",
    "{",
    "}",
    "{\"a\":1",
    "{\"a\":1}}",
    "{a:1}",
    "{'a':1}",
    "[1,]",
    "[1 2]",
    "nul",
    "\"open",
    "NaN",
    "01",
    "\"\\x\"",
    "{\"a\":\"\x01\"}",
};

/* What JavaScript may write, or could once, and jansson does not take. */
static const char *const odd_values[] = {
    "1e999",
    "-1e999",
    "[1e999]",
    "{\"\\u0000\":1}",
    "{\"a\":{\"a\\u0000b\":[]}}",
    "[\"\xff\"]",
    "{\"\xc3\":\"}\"}",
};

/* Not a value for a code that carries a finish. */
static const char *const broken_finishes[] = {
    "",
    "{",
    "null",
    "1",
    "\"stop\"",
    "[]",
    "{\"finishReason\":\"stop\"",
    "{\"finishReason\":\"stop\"}}",
    "{\"finishReason\":stop}",
    "<html>",
};

/* Not a line at all. */
static const char *const broken_lines[] = {
    "0",
    "e",
    ":",
    ":\"a\"",
    " 0:\"a\"",
    "0 :\"a\"",
    "\t0:\"a\"",
    "\"a\"",
    "{}",
    "[DONE]",
    "<p>",
    "event message: x",
    "no-colon",
    "\xef\xbb\xbf\x30:\"a\"",
    "\xff",
    "0=\"a\"",
    "0.1:\"a\"",
};

/* The events of a text, the line and a finish. */
static char *
events_of(const char *line)
{
	struct recording recording;
	char *body = ac_asprintf("0:\"before\"\n%s\n"
				 "d:{\"finishReason\":\"stop\"}\n",
	    line);
	char *text;

	recording_start(&recording);
	recording.checks = true;
	recording_feed(&recording, body, strlen(body));
	recording_end(&recording);
	assert_null(recording.problem);
	text = ac_strdup(recording.text);
	recording_clear(&recording);
	free(body);
	return text;
}

static void
expect(const char *line, const char *events)
{
	char *text = events_of(line);

	if (strcmp(text, events) != 0)
		fail_msg("line '%s': the events are\n%s", line, text);
	free(text);
}

static void
expect_malformed(const char *line)
{
	expect(line, "TEXT \"before\"\nERROR malformed\n");
}

static void
expect_skipped(const char *line)
{
	expect(
	    line, "TEXT \"before\"\nFINISH stop prompt=? completion=?\nEND\n");
}

/* Each code of codes with each of the values. */
static void
expect_all_malformed(
    const char *codes, const char *const *values, size_t value_count)
{
	for (; *codes != '\0'; codes++) {
		for (size_t i = 0; i < value_count; i++) {
			char *line = ac_asprintf("%c:%s", *codes, values[i]);

			expect_malformed(line);
			free(line);
		}
	}
}

static void
a_broken_string_is_malformed(void **state)
{
	AC_UNUSED(state);
	/* An error's value may be other JSON: see the next test. */
	expect_all_malformed("0g", broken_strings, AC_LENGTH(broken_strings));
}

static void
an_error_that_is_no_json_is_malformed(void **state)
{
	AC_UNUSED(state);
	expect_all_malformed("3", broken_json, AC_LENGTH(broken_json));
}

static void
broken_json_that_would_be_passed_on_is_skipped(void **state)
{
	AC_UNUSED(state);
	for (const char *c = "289abcfhijk"; *c != '\0'; c++) {
		for (size_t i = 0; i < AC_LENGTH(broken_json); i++) {
			char *line = ac_asprintf("%c:%s", *c, broken_json[i]);

			expect_skipped(line);
			free(line);
		}
		for (size_t i = 0; i < AC_LENGTH(odd_values); i++) {
			char *line = ac_asprintf("%c:%s", *c, odd_values[i]);

			expect_skipped(line);
			free(line);
		}
	}
}

static void
odd_values_beside_a_finish_are_passed_over(void **state)
{
	static const char *const forms[] = {
	    "{\"finishReason\":\"length\",\"usage\":%s}",
	    "{\"x\":%s,\"finishReason\":\"length\"}",
	    "{\"finishReason\":\"length\",\"usage\":{\"promptTokens\":%s}}",
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(odd_values); i++) {
		for (size_t j = 0; j < AC_LENGTH(forms); j++) {
			const char *form = forms[j];
			size_t at = (size_t)(strstr(form, "%s") - form);
			char *value = ac_asprintf("%.*s%s%s", (int)at, form,
			    odd_values[i], form + at + 2);
			char *step = ac_asprintf("e:%s", value);
			char *finish = ac_asprintf("d:%s", value);

			expect(step,
			    "TEXT \"before\"\n"
			    "STEP length prompt=? completion=?\n"
			    "FINISH stop prompt=? completion=?\nEND\n");
			expect(finish,
			    "TEXT \"before\"\n"
			    "FINISH length prompt=? completion=?\nEND\n");
			free(value);
			free(step);
			free(finish);
		}
	}
}

static void
a_broken_finish_is_malformed(void **state)
{
	AC_UNUSED(state);
	expect_all_malformed("de", broken_finishes, AC_LENGTH(broken_finishes));
}

static void
a_line_without_a_code_is_malformed(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(broken_lines); i++)
		expect_malformed(broken_lines[i]);
}

static void
every_other_code_is_skipped(void **state)
{
	static const char chars[] = "0123456789abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ_-";

	AC_UNUSED(state);
	for (const char *c = chars; *c != '\0'; c++) {
		char *line = ac_asprintf("%c:\"no value", *c);

		if (strchr("03deg", *c) != NULL)
			expect_malformed(line);
		else
			expect_skipped(line);
		free(line);
	}
}

static void
a_code_carries_any_json(void **state)
{
	static const char *const values[] = {"null", "true", "-1.5e3", "\"s\"",
	    "[]", "{}", "[[1],{\"a\":[]}]", "{\"a\":\"\\u0000\"}"};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(values); i++) {
		char *line = ac_asprintf("2:%s", values[i]);
		char *events =
		    ac_asprintf("TEXT \"before\"\nEXTRA %s\n"
				"FINISH stop prompt=? completion=?\nEND\n",
			values[i]);

		expect(line, events);
		free(line);
		free(events);
	}
}

static void
an_error_that_is_other_json_is_its_own_text(void **state)
{
	static const char *const cases[][2] = {
	    {"null", "null"},
	    {"42", "42"},
	    {"{\"a\":\"b\"}", "{\\\"a\\\":\\\"b\\\"}"},
	    {"[\"\\n\", \"\xc3\xa9\"]", "[\\\"\\\\n\\\", \\\"\xc3\xa9\\\"]"},
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		char *line = ac_asprintf("3:%s", cases[i][0]);
		char *events = ac_asprintf(
		    "TEXT \"before\"\nERROR upstream \"%s\"\n", cases[i][1]);

		expect(line, events);
		free(line);
		free(events);
	}
}

/* A step that ends the message if nothing follows it. */
static void
expect_after_a_step(const char *step, const char *events)
{
	struct recording recording;
	char *body = ac_asprintf("0:\"a\"\n%s\n", step);

	recording_start(&recording);
	recording_feed(&recording, body, strlen(body));
	recording_end(&recording);
	if (strcmp(recording.text, events) != 0)
		fail_msg("'%s': the events are\n%s", step, recording.text);
	recording_clear(&recording);
	free(body);
}

static void
a_step_is_continued_only_if_it_says_true(void **state)
{
	static const char *const others[] = {
	    "false", "null", "1234", "\"true\"", "\"tt\"", "[]"};
	static const char form[] =
	    "e:{\"finishReason\":\"stop\",\"usage\":{\"promptTokens\":1,"
	    "\"completionTokens\":2},\"isContinued\":";
	static const char said[] =
	    "TEXT \"a\"\nSTEP stop prompt=1 completion=2\n";
	char *step, *events;

	AC_UNUSED(state);
	step = ac_asprintf("%strue}", form);
	events = ac_asprintf("%sERROR cut\n", said);
	expect_after_a_step(step, events);
	free(step);
	free(events);
	events =
	    ac_asprintf("%sFINISH stop prompt=1 completion=2\nEND\n", said);
	for (size_t i = 0; i < AC_LENGTH(others); i++) {
		step = ac_asprintf("%s%s}", form, others[i]);
		expect_after_a_step(step, events);
		free(step);
	}
	free(events);
}

static void
a_finish_may_hold_any_character(void **state)
{
	static const char *const values[] = {
	    "\x7f", "\xc3\xa9", "\\u00e9", "\\\""};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(values); i++) {
		char *line = ac_asprintf(
		    "d:{\"finishReason\":\"length\",\"x\":\"%s\",\"usage\":{"
		    "\"promptTokens\":1,\"completionTokens\":2}}",
		    values[i]);

		expect(line, "TEXT \"before\"\n"
			     "FINISH length prompt=1 completion=2\nEND\n");
		free(line);
	}
}

/* Counts events. */
static void
count(const struct ac_event *event, void *arg)
{
	size_t *events = arg;

	AC_UNUSED(event);
	(*events)++;
}

static void
nothing_is_said_after_the_end(void **state)
{
	static const struct {
		const char *body;
		size_t events;
	} bodies[] = {
	    {"d:{}\n", 2},
	    {"e:{}\n", 3},
	    {"0:\"a\"\n", 2},
	    {"0:\"a\"\n3:\"boom\"\n", 2},
	    {"<html>\n", 1},
	    {"", 1},
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(bodies); i++) {
		const char *body = bodies[i].body;
		struct ac_datastream decoder;
		size_t events = 0;

		ac_datastream_init(&decoder, count, &events);
		ac_datastream_feed(&decoder, body, strlen(body));
		ac_datastream_end(&decoder);
		assert_int_equal(events, bodies[i].events);
		ac_datastream_end(&decoder);
		ac_datastream_feed(&decoder, "0:\"late\"\n", 9);
		ac_datastream_end(&decoder);
		assert_int_equal(events, bodies[i].events);
		ac_datastream_clear(&decoder);
	}
}

static void
a_stopped_decoder_says_nothing(void **state)
{
	struct ac_datastream decoder;
	size_t events = 0;

	AC_UNUSED(state);
	ac_datastream_init(&decoder, count, &events);
	ac_datastream_stop(&decoder);
	ac_datastream_feed(&decoder, "0:\"a\"\n<html>\n", 14);
	ac_datastream_end(&decoder);
	assert_int_equal(events, 0);
	ac_datastream_clear(&decoder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_broken_string_is_malformed),
	    cmocka_unit_test(an_error_that_is_no_json_is_malformed),
	    cmocka_unit_test(broken_json_that_would_be_passed_on_is_skipped),
	    cmocka_unit_test(odd_values_beside_a_finish_are_passed_over),
	    cmocka_unit_test(a_broken_finish_is_malformed),
	    cmocka_unit_test(a_line_without_a_code_is_malformed),
	    cmocka_unit_test(every_other_code_is_skipped),
	    cmocka_unit_test(a_code_carries_any_json),
	    cmocka_unit_test(an_error_that_is_other_json_is_its_own_text),
	    cmocka_unit_test(a_step_is_continued_only_if_it_says_true),
	    cmocka_unit_test(a_finish_may_hold_any_character),
	    cmocka_unit_test(nothing_is_said_after_the_end),
	    cmocka_unit_test(a_stopped_decoder_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Single parts that the UI message stream decoder must refuse, skip or pass
 * on: too many and too alike for a transcript each. A part stands between a
 * text and the end of the message, so that what follows it is seen too.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "support/recording.h"
#include "support/unit.h"

static const char finish_events[] = "FINISH stop prompt=? completion=?\nEND\n";

/* Not a part at all. */
static const char *const broken_parts[] = {
    " ",
    "null",
    "1",
    "true",
    "\"text\"",
    "[]",
    "[{\"type\":\"start\"}]",
    "{}",
    "{",
    "}",
    "<html>",
    "DONE",
    "[DONE",
    "[done]",
    " [DONE]x",
    "[DONE] ",
    "{\"type\":null}",
    "{\"type\":1}",
    "{\"type\":[\"start\"]}",
    "{\"Type\":\"start\"}",
    "{\"id\":\"0\",\"delta\":\"a\"}",
    "{\"type\":\"start\"",
    "{\"type\":\"start\"}}",
    "{\"type\":\"start\"} {}",
    "{\"type\":\"start\",}",
    "{\"type\":\"start\" \"id\":\"0\"}",
    "{type:\"start\"}",
    "{\"type\":\"unknown\",\"a\":[}",
    "{\"type\":\"unknown\",\"a\":nul}",
    "{\"type\":\"unknown\",\"a\":\"\\x\"}",
    "{\"type\":\"file\",\"a\":[1}",
    "{\"type\":\"file\",\"a\":1e999",
    "{\"type\":\"file\",\"a\":1e999,}",
    "{\"type\":\"file\",\"a\":1e999}}",
    "\xef\xbb\xbf{\"type\":\"start\"}",
    "\xff",
};

/* What a block's part must not have behind its type. */
static const char *const broken_deltas[] = {
    "",
    ",\"id\":\"0\"",
    ",\"delta\":\"a\"",
    ",\"id\":0,\"delta\":\"a\"",
    ",\"id\":null,\"delta\":\"a\"",
    ",\"id\":\"1\",\"delta\":\"a\"",
    ",\"id\":\"\",\"delta\":\"a\"",
    ",\"id\":\"0\\u0000\",\"delta\":\"a\"",
    ",\"id\":\"0\",\"id\":\"1\",\"delta\":\"a\"",
    ",\"id\":\"0\",\"delta\":null",
    ",\"id\":\"0\",\"delta\":1",
    ",\"id\":\"0\",\"delta\":[\"a\"]",
    ",\"id\":\"0\",\"delta\":\"a\",\"delta\":1",
    ",\"id\":\"0\",\"delta\":\"\\x41\"",
    ",\"id\":\"0\",\"delta\":\"a\tb\"",
    ",\"id\":\"0\",\"delta\":\"a\x01\"",
    ",\"id\":\"0\",\"delta\":\"a",
    ",\"id\":\"0\",\"delta\":\"a\\\"",
    ",\"id\":\"0\",\"delta\":\"a\",\"x\":{",
    ",\"id\":\"0\",\"text\":\"a\"",
};

static const char *const broken_starts[] = {
    "",
    ",\"id\":0",
    ",\"id\":null",
    ",\"id\":[\"0\"]",
    ",\"id\":\"\\x\"",
};

/* The events of a text, the part and the message's end. */
static char *
events_of(const char *part)
{
	struct recording recording;
	char *body = ac_asprintf(
	    "data: {\"type\":\"text-start\",\"id\":\"0\"}\n\n"
	    "data: {\"type\":\"reasoning-start\",\"id\":\"0\"}\n\n"
	    "data: {\"type\":\"text-delta\",\"id\":\"0\",\"delta\":\"x\"}\n\n"
	    "data: %s\n\n"
	    "data: {\"type\":\"finish\"}\n\n"
	    "data: [DONE]\n\n",
	    part);
	char *text;

	recording_start_uistream(&recording);
	recording.checks = true;
	recording_feed(&recording, body, strlen(body));
	recording_end(&recording);
	assert_null(recording.problem);
	text = ac_strdup(recording.text);
	recording_clear(&recording);
	free(body);
	return text;
}

/* events: what comes between the text and the finish. */
static void
expect(const char *part, const char *events)
{
	char *text = events_of(part);
	char *wanted = ac_asprintf("TEXT \"x\"\n%s%s", events, finish_events);

	if (strcmp(text, wanted) != 0)
		fail_msg("part '%s': the events are\n%s", part, text);
	free(text);
	free(wanted);
}

static void
expect_last(const char *part, const char *event)
{
	char *text = events_of(part);
	char *wanted = ac_asprintf("TEXT \"x\"\n%s\n", event);

	if (strcmp(text, wanted) != 0)
		fail_msg("part '%s': the events are\n%s", part, text);
	free(text);
	free(wanted);
}

static void
expect_malformed(const char *type, const char *rest)
{
	char *part = ac_asprintf("{\"type\":\"%s\"%s}", type, rest);

	expect_last(part, "ERROR malformed");
	free(part);
}

static void
what_is_no_part_is_malformed(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(broken_parts); i++)
		expect_last(broken_parts[i], "ERROR malformed");
}

static void
broken_parts_of_blocks_are_malformed(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(broken_deltas); i++) {
		expect_malformed("text-delta", broken_deltas[i]);
		expect_malformed("reasoning-delta", broken_deltas[i]);
	}
	for (size_t i = 0; i < AC_LENGTH(broken_starts); i++) {
		expect_malformed("text-start", broken_starts[i]);
		expect_malformed("reasoning-start", broken_starts[i]);
		expect_malformed("text-end", broken_starts[i]);
		expect_malformed("reasoning-end", broken_starts[i]);
	}
	expect_malformed("text-end", ",\"id\":\"1\"");
	expect_malformed("reasoning-end", ",\"id\":\"1\"");
}

static void
a_delta_is_read_however_its_members_are_written(void **state)
{
	static const char *const deltas[] = {
	    "{\"type\":\"text-delta\",\"id\":\"0\",\"delta\":\"y\"}",
	    "{\"delta\":\"y\",\"id\":\"0\",\"type\":\"text-delta\"}",
	    "{\"id\":\"0\",\"delta\":\"y\",\"type\":\"text-delta\"}",
	    " { \"type\" :\t\"text-delta\" , \"id\":\"0\" ,\"delta\": \"y\" } ",
	    "{\"type\":\"start\",\"type\":\"text-delta\","
	    "\"id\":7,\"id\":\"0\",\"delta\":null,\"delta\":\"y\"}",
	    "{\"type\":\"text\\u002Ddelta\",\"\\u0069d\":\"\\u0030\","
	    "\"\\u0064elta\":\"y\"}",
	    "{\"type\":\"text-delta\",\"id\":\"0\",\"delta\":\"y\","
	    "\"providerMetadata\":{\"delta\":\"z\",\"a\":[1,{\"id\":\"}\"}]}}",
	    "{\"a\":[{\"type\":\"start\"}],\"type\":\"text-delta\","
	    "\"b\":null,\"id\":\"0\",\"c\":-1e5,\"delta\":\"y\",\"d\":true}",
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(deltas); i++)
		expect(deltas[i], "TEXT \"y\"\n");
}

static void
parts_are_passed_on_as_they_came(void **state)
{
	static const char *const types[][2] = {
	    {"start", "START"},
	    {"start-step", "START"},
	    {"message-metadata", "EXTRA"},
	    {"tool-input-start", "TOOL_CALL_START"},
	    {"tool-input-delta", "TOOL_CALL_DELTA"},
	    {"tool-input-available", "TOOL_CALL"},
	    {"tool-input-error", "EXTRA"},
	    {"tool-output-available", "TOOL_RESULT"},
	    {"tool-output-error", "TOOL_RESULT"},
	    {"tool-output-denied", "TOOL_RESULT"},
	    {"tool-approval-request", "EXTRA"},
	    {"tool-approval-response", "EXTRA"},
	    {"source-url", "EXTRA"},
	    {"source-document", "EXTRA"},
	    {"file", "EXTRA"},
	    {"reasoning-file", "EXTRA"},
	    {"custom", "EXTRA"},
	    {"steering-message", "EXTRA"},
	    {"data-", "EXTRA"},
	    {"data-weather", "EXTRA"},
	    {"data-text-delta", "EXTRA"},
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(types); i++) {
		char *part = ac_asprintf("{ \"x\":[1.50,\"\\ud83d\"],"
					 "\"type\":\"%s\"}",
		    types[i][0]);
		char *events = ac_asprintf("%s %s\n", types[i][1], part);

		expect(part, events);
		free(part);
		free(events);
	}
}

static void
unknown_types_are_skipped(void **state)
{
	static const char *const types[] = {"", "text", "reasoning", "Start",
	    "start ", "starts", "data", "source", "tool", "tool-input",
	    "tool-result", "reasoning-part-finish", "ping", "text-delta2",
	    "text-delta\\u0000", "[DONE]", "\\ud83d", "\xff",
	    "\xf0\x9f\x98\x80"};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(types); i++) {
		char *part = ac_asprintf("{\"type\":\"%s\",\"id\":\"9\","
					 "\"delta\":\"a\",\"text\":[{}]}",
		    types[i]);

		expect(part, "");
		free(part);
	}
}

/* Jansson does not take them, and nobody reads them. */
static void
odd_values_do_not_end_the_answer(void **state)
{
	static const char *const values[] = {"1e999", "-1e999", "[1e999]",
	    "{\"\\u0000\":1}", "{\"a\":{\"a\\u0000b\":[]}}", "[\"\xff\"]",
	    "{\"\xc3\":\"}\"}"};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(values); i++) {
		const char *value = values[i];
		char *known = ac_asprintf(
		    "{\"a\":%s,\"type\":\"data-x\",\"b\":%s }", value, value);
		char *unknown =
		    ac_asprintf("{\"type\":\"unknown\",\"a\":%s}", value);
		char *delta = ac_asprintf("{\"type\":\"text-delta\",\"a\":%s,"
					  "\"id\":\"0\",\"delta\":\"y\"}",
		    value);
		char *step = ac_asprintf(
		    "{\"type\":\"finish-step\",\"usage\":%s}", value);
		char *finish =
		    ac_asprintf("{\"type\":\"finish\",\"messageMetadata\":%s,"
				"\"finishReason\":\"length\"}",
			value);
		char *text = events_of(finish);

		expect(known, "");
		expect(unknown, "");
		expect(delta, "TEXT \"y\"\n");
		expect(step, "STEP unknown prompt=? completion=?\n");
		assert_string_equal(text,
		    "TEXT \"x\"\n"
		    "FINISH length prompt=? completion=?\nEND\n");
		free(known);
		free(unknown);
		free(delta);
		free(step);
		free(finish);
		free(text);
	}
	expect("{\"type\":\"file\",\"a\":\"\xff\"}", "");
	expect("{\"type\":\"file\",\"\\u0000\":1}", "");
}

static void
a_finish_reason_is_known_by_its_name(void **state)
{
	static const char *const reasons[][2] = {
	    {"\"stop\"", "stop"},
	    {"\"length\"", "length"},
	    {"\"content-filter\"", "content-filter"},
	    {"\"tool-calls\"", "tool-calls"},
	    {"\"error\"", "error"},
	    {"\"other\"", "other"},
	    {"\"unknown\"", "unknown"},
	    {"\"st\\u006fp\"", "stop"},
	    {"\"\"", "unknown"},
	    {"\"Stop\"", "unknown"},
	    {"\"content_filter\"", "unknown"},
	    {"\"\xff\"", "unknown"},
	    /* As if there were none. */
	    {"null", "stop"},
	    {"1", "stop"},
	    {"[\"length\"]", "stop"},
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(reasons); i++) {
		char *part = ac_asprintf(
		    "{\"type\":\"finish\",\"finishReason\":%s}", reasons[i][0]);
		char *wanted = ac_asprintf(
		    "TEXT \"x\"\nFINISH %s prompt=? completion=?\nEND\n",
		    reasons[i][1]);
		char *text = events_of(part);

		assert_string_equal(text, wanted);
		free(part);
		free(wanted);
		free(text);
	}
}

static void
usage_is_found_in_metadata(void **state)
{
	static const struct {
		const char *metadata;
		const char *counts;
	} cases[] = {
	    {"{\"usage\":{\"inputTokens\":1,\"outputTokens\":2}}",
		"prompt=1 completion=2"},
	    {"{\"usage\":{\"promptTokens\":1,\"completionTokens\":2}}",
		"prompt=1 completion=2"},
	    {"{\"totalUsage\":{\"inputTokens\":1,\"outputTokens\":2}}",
		"prompt=1 completion=2"},
	    {"{\"totalUsage\":{\"promptTokens\":0,\"completionTokens\":0}}",
		"prompt=0 completion=0"},
	    {"{\"usage\":{\"inputTokens\":1,\"outputTokens\":2},"
	     "\"totalUsage\":{\"inputTokens\":3,\"outputTokens\":4}}",
		"prompt=3 completion=4"},
	    {"{\"totalUsage\":{\"inputTokens\":3,\"outputTokens\":null},"
	     "\"usage\":{\"inputTokens\":1,\"outputTokens\":2}}",
		"prompt=3 completion=2"},
	    {"{\"usage\":{\"inputTokens\":1}}", "prompt=1 completion=?"},
	    {"{\"usage\":{\"inputTokens\":null,\"outputTokens\":2.0}}",
		"prompt=? completion=2"},
	    {"{\"usage\":{\"inputTokens\":-1,\"outputTokens\":1e300}}",
		"prompt=? completion=?"},
	    {"{\"usage\":{\"inputTokens\":\"1\",\"outputTokens\":{}}}",
		"prompt=? completion=?"},
	    {"{\"usage\":[1,2]}", "prompt=? completion=?"},
	    {"{\"usage\":null}", "prompt=? completion=?"},
	    {"{\"model\":\"m\"}", "prompt=? completion=?"},
	    {"null", "prompt=? completion=?"},
	    {"[]", "prompt=? completion=?"},
	    {"7", "prompt=? completion=?"},
	    {"\"usage\"", "prompt=? completion=?"},
	};
	static const char *const types[] = {
	    "start", "message-metadata", "finish"};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases) * AC_LENGTH(types); i++) {
		size_t at = i / AC_LENGTH(types);
		char *part =
		    ac_asprintf("{\"type\":\"%s\",\"messageMetadata\":%s}",
			types[i % AC_LENGTH(types)], cases[at].metadata);
		char *wanted =
		    ac_asprintf("FINISH stop %s\nEND\n", cases[at].counts);
		char *text = events_of(part);

		if (strstr(text, wanted) == NULL)
			fail_msg("part '%s': the events are\n%s", part, text);
		free(part);
		free(wanted);
		free(text);
	}
}

static void
an_error_ends_the_answer_with_its_text(void **state)
{
	static const char *const cases[][2] = {
	    {"{\"type\":\"error\",\"errorText\":\"boom\"}", "boom"},
	    {"{\"type\":\"error\",\"errorText\":\"\"}", ""},
	    {"{\"errorText\":\"a\\n\\ud83d\",\"type\":\"error\"}",
		"a\\n\\ufffd"},
	    {"{\"type\":\"error\",\"errorText\":\"\xff\"}", "\\ufffd"},
	    {"{\"type\":\"error\",\"errorText\":{\"code\":\"busy\"}}",
		"{\\\"code\\\":\\\"busy\\\"}"},
	    {"{\"type\":\"error\",\"errorText\":null}", "null"},
	    {"{\"type\":\"error\"}", "{\\\"type\\\":\\\"error\\\"}"},
	    {"{\"type\":\"abort\"}", "The upstream aborted its answer."},
	    {"{\"type\":\"abort\",\"reason\":\"\"}",
		"The upstream aborted its answer."},
	    {"{\"type\":\"abort\",\"reason\":null}",
		"The upstream aborted its answer."},
	    {"{\"type\":\"abort\",\"reason\":\"too \\\"long\\\"\"}",
		"too \\\"long\\\""},
	    {"{\"type\":\"abort\",\"reason\":\"\\ude00\xff\"}",
		"\\ufffd\\ufffd"},
	    {"{\"type\":\"reset-step\"}",
		"The upstream took back a part of its answer."},
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		char *event = ac_asprintf("ERROR upstream \"%s\"", cases[i][1]);

		expect_last(cases[i][0], event);
		free(event);
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
	    {"data: [DONE]\n\n", 2},
	    {"data: {\"type\":\"finish\"}\n\n", 1},
	    {"data: {\"type\":\"error\",\"errorText\":\"a\"}\n\n", 1},
	    {"data: {\"type\":\"abort\"}\n\ndata: [DONE]\n\n", 1},
	    {"data: <html>\n\n", 1},
	    {"", 1},
	};
	static const char late[] =
	    "data: {\"type\":\"start\"}\n\ndata: [DONE]\n\n";

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(bodies); i++) {
		const char *body = bodies[i].body;
		struct ac_uistream decoder;
		size_t events = 0;

		ac_uistream_init(&decoder, count, &events);
		ac_uistream_feed(&decoder, body, strlen(body));
		ac_uistream_end(&decoder);
		assert_int_equal(events, bodies[i].events);
		ac_uistream_end(&decoder);
		ac_uistream_feed(&decoder, late, strlen(late));
		ac_uistream_end(&decoder);
		assert_int_equal(events, bodies[i].events);
		ac_uistream_clear(&decoder);
	}
}

static void
a_stopped_decoder_says_nothing(void **state)
{
	static const char body[] = "data: {\"type\":\"start\"}\n\ndata: x\n\n";
	struct ac_uistream decoder;
	size_t events = 0;

	AC_UNUSED(state);
	ac_uistream_init(&decoder, count, &events);
	ac_uistream_stop(&decoder);
	ac_uistream_feed(&decoder, body, strlen(body));
	ac_uistream_end(&decoder);
	assert_int_equal(events, 0);
	ac_uistream_clear(&decoder);
}

/* Sees where a text lies and when the finish comes. */
struct watch {
	const char *literal;
	bool finished;
};

static void
watch(const struct ac_event *event, void *arg)
{
	struct watch *seen = arg;

	if (event->type == AC_EVENT_TEXT)
		seen->literal = event->literal;
	seen->finished = event->type == AC_EVENT_FINISH;
}

static void
a_delta_is_handed_on_where_it_lies(void **state)
{
	static const char body[] =
	    "data: {\"type\":\"text-start\",\"id\":\"0\"}\n\n"
	    "data: {\"type\":\"text-delta\",\"id\":\"0\",\"delta\":\"here\"}\n\n";
	struct ac_uistream decoder;
	struct watch seen = {0};

	AC_UNUSED(state);
	ac_uistream_init(&decoder, watch, &seen);
	ac_uistream_feed(&decoder, body, strlen(body));
	assert_ptr_equal(seen.literal, strstr(body, "here"));
	assert_null(decoder.sse.line.data);
	assert_null(decoder.sse.data.data);
	assert_null(decoder.texts.scratch.data);
	ac_uistream_clear(&decoder);
}

static void
the_finish_is_said_with_done_and_not_before(void **state)
{
	static const char part[] =
	    "data: {\"type\":\"finish\",\"finishReason\":\"stop\"}\n\n";
	static const char done[] = "data: [DONE]\n\n";
	struct ac_uistream decoder;
	struct watch seen = {0};

	AC_UNUSED(state);
	ac_uistream_init(&decoder, watch, &seen);
	ac_uistream_feed(&decoder, part, strlen(part));
	assert_false(seen.finished);
	ac_uistream_feed(&decoder, done, strlen(done) - 1);
	assert_false(seen.finished);
	ac_uistream_feed(&decoder, "\n", 1);
	assert_true(seen.finished);
	ac_uistream_clear(&decoder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_no_part_is_malformed),
	    cmocka_unit_test(broken_parts_of_blocks_are_malformed),
	    cmocka_unit_test(a_delta_is_read_however_its_members_are_written),
	    cmocka_unit_test(parts_are_passed_on_as_they_came),
	    cmocka_unit_test(unknown_types_are_skipped),
	    cmocka_unit_test(odd_values_do_not_end_the_answer),
	    cmocka_unit_test(a_finish_reason_is_known_by_its_name),
	    cmocka_unit_test(usage_is_found_in_metadata),
	    cmocka_unit_test(an_error_ends_the_answer_with_its_text),
	    cmocka_unit_test(nothing_is_said_after_the_end),
	    cmocka_unit_test(a_stopped_decoder_says_nothing),
	    cmocka_unit_test(a_delta_is_handed_on_where_it_lies),
	    cmocka_unit_test(the_finish_is_said_with_done_and_not_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

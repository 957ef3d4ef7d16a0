/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The simulated app's scenarios in the UI message stream: the events of each,
 * held against those that the real package sends.
 */
#include "demo/demo_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <jansson.h>

#include "base/attr.h"
#include "base/json.h"
#include "base/mem.h"
#include "demo/demo_plan.h"
#include "demo/demo_prompt.h"
#include "demo/demo_scenario.h"
#include "support/unit.h"

/* What came of a marker; strings are owned. */
struct stream {
	struct ac_demo_plan plan;
	char *types; /* of the events; deltas in a row count as one */
	char *text;
	char *reasoning;
};

static void
add(char **string, const char *more)
{
	char *longer = ac_asprintf("%s%s", *string, more);

	free(*string);
	*string = longer;
}

/* A delta goes to the text that its block holds. */
static void
read_delta(struct stream *stream, const json_t *event, const char *type)
{
	const char *id = ac_json_get_string(event, "id");
	const char *delta = ac_json_get_string(event, "delta");

	assert_non_null(id);
	assert_non_null(delta);
	if (strcmp(type, "text-delta") == 0) {
		assert_string_equal(id, "0");
		add(&stream->text, delta);
	} else {
		assert_string_equal(id, "reasoning-0");
		add(&stream->reasoning, delta);
	}
}

/* An event's type, and what it says for what a test wants to know. */
static void
read_event(struct stream *stream, const char *data)
{
	json_t *event = ac_json_parse_lenient(data, strlen(data));
	const char *type = ac_json_get_string(event, "type");
	const char *detail = ac_json_get_string(event, "finishReason");
	char *word;

	if (strcmp(data, "[DONE]") == 0)
		type = data;
	assert_non_null(type);
	if (detail == NULL)
		detail = ac_json_get_string(event, "errorText");
	if (detail == NULL)
		detail = ac_json_get_string(event, "reason");
	word = ac_asprintf("%s%s%s ", type, detail == NULL ? "" : "=",
	    detail == NULL ? "" : detail);
	if (strstr(type, "-delta") != NULL)
		read_delta(stream, event, type);
	if (strstr(type, "-delta") == NULL ||
	    strlen(stream->types) < strlen(word) ||
	    strcmp(stream->types + strlen(stream->types) - strlen(word),
		word) != 0)
		add(&stream->types, word);
	free(word);
	json_decref(event);
}

/* Each line is an event's or empty, in turns. */
static void
read_events(struct stream *stream)
{
	struct evbuffer *body = stream->plan.body;
	size_t n = 0;
	char *line;

	while ((line = evbuffer_readln(body, NULL, EVBUFFER_EOL_LF)) != NULL) {
		if (n++ % 2 == 0) {
			assert_memory_equal(line, "data: ", 6);
			read_event(stream, line + 6);
		} else {
			assert_string_equal(line, "");
		}
		free(line);
	}
	assert_int_equal(n % 2, 0);
	assert_int_equal(evbuffer_get_length(body), 0);
}

static void
stream_open(struct stream *stream, const char *content)
{
	char *call = ac_asprintf("{\"messages\":[{\"role\":\"user\","
				 "\"content\":\"%s\"}]}",
	    content);
	struct ac_demo_prompt prompt;

	*stream = (struct stream){
	    .types = ac_strdup(""),
	    .text = ac_strdup(""),
	    .reasoning = ac_strdup(""),
	};
	assert_int_equal(ac_demo_prompt_parse(&prompt, call, strlen(call)),
	    AC_DEMO_VERDICT_ANSWER);
	ac_demo_plan_init(&stream->plan);
	ac_demo_scenario_plan(&stream->plan, &prompt);
	ac_demo_prompt_clear(&prompt);
	free(call);
}

static void
stream_close(struct stream *stream)
{
	ac_demo_plan_clear(&stream->plan);
	free(stream->types);
	free(stream->text);
	free(stream->reasoning);
}

#define BEGUN "start start-step text-start text-delta "
#define DONE  "finish-step finish=stop [DONE] "

static const struct {
	const char *content;
	const char *types;
	enum ac_demo_end end;
} cases[] = {
    {"[demo:protocol]", BEGUN "text-end " DONE, AC_DEMO_END_WHOLE},
    {"[demo:protocol] [demo:help]", BEGUN "text-end " DONE, AC_DEMO_END_WHOLE},
    {"[demo:protocol] [demo:long=3]", BEGUN "text-end " DONE,
	AC_DEMO_END_WHOLE},
    {"[demo:protocol] [demo:error]", "start error=Internal boom [DONE] ",
	AC_DEMO_END_WHOLE},
    {"[demo:protocol] [demo:miderror]",
	BEGUN "error=[object Object] finish-step finish=error [DONE] ",
	AC_DEMO_END_WHOLE},
    {"[demo:protocol] [demo:junk]",
	BEGUN "error=JSON parsing failed: Text: {not json.\nError message: "
	      "Expected property name or '}' in JSON at position 1 "
	      "text-delta text-end " DONE,
	AC_DEMO_END_WHOLE},
    {"[demo:protocol] [demo:midcut]", BEGUN, AC_DEMO_END_CUT},
    {"[demo:protocol] [demo:cut]", BEGUN, AC_DEMO_END_CUT},
    {"[demo:protocol] [demo:reset]", BEGUN, AC_DEMO_END_RESET},
    {"[demo:protocol] [demo:stall]", BEGUN, AC_DEMO_END_NEVER},
    {"[demo:protocol] [demo:noend]", BEGUN, AC_DEMO_END_WHOLE},
    {"[demo:protocol=5] [demo:abort]", BEGUN "abort [DONE] ",
	AC_DEMO_END_WHOLE},
    {"[demo:protocol=6] [demo:abort]",
	BEGUN "abort=This operation was aborted [DONE] ", AC_DEMO_END_WHOLE},
    {"[demo:protocol=7] [demo:abort]",
	BEGUN "abort=AbortError: This operation was aborted [DONE] ",
	AC_DEMO_END_WHOLE},
    {"[demo:protocol] [demo:empty]", "start start-step " DONE,
	AC_DEMO_END_WHOLE},
    {"[demo:protocol] [demo:length]",
	BEGUN "text-end finish-step finish=length [DONE] ", AC_DEMO_END_WHOLE},
    {"[demo:protocol] [demo:contentfilter]",
	BEGUN "text-end finish-step finish=content-filter [DONE] ",
	AC_DEMO_END_WHOLE},
    {"[demo:protocol=5] [demo:nofinish]",
	BEGUN "text-end finish-step finish=unknown [DONE] ", AC_DEMO_END_WHOLE},
    {"[demo:protocol=6] [demo:nofinish]",
	BEGUN "text-end finish-step finish=other [DONE] ", AC_DEMO_END_WHOLE},
    {"[demo:protocol] [demo:finisherror]",
	BEGUN "text-end finish-step finish=error [DONE] ", AC_DEMO_END_WHOLE},
    {"[demo:protocol] [demo:laststep]", BEGUN "text-end finish-step [DONE] ",
	AC_DEMO_END_WHOLE},
    {"[demo:protocol] [demo:reasoning]",
	"start start-step reasoning-start reasoning-delta text-start "
	"text-delta reasoning-end text-end " DONE,
	AC_DEMO_END_WHOLE},
};

static void
a_scenario_has_the_events_of_the_real_package(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		struct stream stream;

		stream_open(&stream, cases[i].content);
		read_events(&stream);
		assert_string_equal(stream.types, cases[i].types);
		assert_int_equal(stream.plan.end, cases[i].end);
		stream_close(&stream);
	}
}

static const char *
header(const struct ac_demo_plan *plan, const char *name)
{
	const struct ac_demo_header *header = plan->headers;

	for (; header->name != NULL; header++) {
		if (strcmp(header->name, name) == 0)
			return header->value;
	}
	return NULL;
}

static void
the_head_tells_the_protocols_apart(void **state)
{
	struct stream stream;

	AC_UNUSED(state);
	stream_open(&stream, "[demo:protocol=4]");
	assert_string_equal(
	    header(&stream.plan, "x-vercel-ai-data-stream"), "v1");
	assert_null(header(&stream.plan, "x-vercel-ai-ui-message-stream"));
	stream_close(&stream);
	stream_open(&stream, "[demo:protocol]");
	assert_string_equal(
	    header(&stream.plan, "x-vercel-ai-ui-message-stream"), "v1");
	assert_string_equal(
	    header(&stream.plan, "content-type"), "text/event-stream");
	assert_null(header(&stream.plan, "x-vercel-ai-data-stream"));
	stream_close(&stream);
	stream_open(&stream, "[demo:protocol] [demo:http500]");
	assert_int_equal(stream.plan.status, 500);
	assert_null(stream.plan.headers);
	stream_close(&stream);
}

static void
the_texts_of_both_protocols_are_equal(void **state)
{
	struct stream stream;

	AC_UNUSED(state);
	stream_open(&stream, "[demo:protocol] [demo:reasoning]");
	read_events(&stream);
	assert_string_equal(stream.reasoning, "Six times seven.");
	assert_string_equal(stream.text, "The answer is 42.");
	stream_close(&stream);
	stream_open(&stream, "[demo:protocol] [demo:think]");
	read_events(&stream);
	assert_string_equal(
	    stream.text, "<think>Six times seven.</think>The answer is 42.");
	stream_close(&stream);
	stream_open(&stream, "[demo:protocol] Hello");
	read_events(&stream);
	assert_ptr_equal(
	    strstr(stream.text, "This is the simulated"), stream.text);
	stream_close(&stream);
}

static void
a_literal_is_cut_within_characters_and_escapes(void **state)
{
	struct stream stream;
	char *body;
	size_t border = 0;
	size_t cuts = 0;

	AC_UNUSED(state);
	stream_open(&stream, "[demo:protocol] [demo:unicode]");
	body = ac_memdup((const char *)evbuffer_pullup(stream.plan.body, -1),
	    evbuffer_get_length(stream.plan.body));
	for (size_t i = 0; i < stream.plan.count; i++) {
		border += stream.plan.steps[i].len;
		if (body[border - 1] == '\n')
			continue;
		cuts++;
		assert_true(
		    strncmp(body + border, "\xa2\xe5\xad\x97\"}", 6) == 0 ||
		    strncmp(body + border, "e9\"}", 4) == 0);
	}
	assert_int_equal(cuts, 2);
	assert_int_equal(border, evbuffer_get_length(stream.plan.body));
	assert_non_null(strstr(body, "\"delta\":\" cut:漢字\"}\n\n"));
	assert_non_null(strstr(body, "\"delta\":\" escape:\\u00e9\"}\n\n"));
	free(body);
	stream_close(&stream);
}

static void
usage_stands_in_the_metadata(void **state)
{
	struct stream stream;
	const char *body;

	AC_UNUSED(state);
	stream_open(&stream, "[demo:protocol] [demo:usage]");
	evbuffer_add(stream.plan.body, "", 1);
	body = (const char *)evbuffer_pullup(stream.plan.body, -1);
	assert_non_null(strstr(body,
	    "{\"type\":\"finish\",\"finishReason\":\"stop\","
	    "\"messageMetadata\":{\"totalUsage\":{\"inputTokens\":11,"
	    "\"outputTokens\":7,\"totalTokens\":18}}}\n\n"));
	stream_close(&stream);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_scenario_has_the_events_of_the_real_package),
	    cmocka_unit_test(the_head_tells_the_protocols_apart),
	    cmocka_unit_test(the_texts_of_both_protocols_are_equal),
	    cmocka_unit_test(a_literal_is_cut_within_characters_and_escapes),
	    cmocka_unit_test(usage_stands_in_the_metadata),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

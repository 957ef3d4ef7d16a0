/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The simulated app's scenarios: the marker that asks for one, the plan that
 * comes of it, and what a decoder makes of the plan's body.
 */
#include "demo/demo_scenario.h"

#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <jansson.h>

#include "base/attr.h"
#include "base/mem.h"
#include "demo/demo_auth.h"
#include "demo/demo_marker.h"
#include "demo/demo_plan.h"
#include "demo/demo_prompt.h"
#include "demo/demo_refusals.h"
#include "support/files.h"
#include "support/recording.h"
#include "support/unit.h"

static const struct {
	const char *text;
	const char *name;  /* NULL: no marker */
	const char *value; /* NULL: none */
} markers[] = {
    {"", NULL, NULL},
    {"demo:error", NULL, NULL},
    {"[demo:error", NULL, NULL},
    {"[demo", NULL, NULL},
    {"[demo:", NULL, NULL},
    {"[demo:a b]", NULL, NULL},
    {"[demo:a=1=2]", NULL, NULL},
    {"[Demo:error]", NULL, NULL},
    {"[demo:123456789012345678901234567890123]", NULL, NULL},
    {"[demo:12345678901234567890123456789012]",
	"12345678901234567890123456789012", NULL},
    {"[demo:error]", "error", NULL},
    {"See [demo:slow=5], please", "slow", "5"},
    {"[demo:]", "", NULL},
    {"[demo:=]", "", ""},
    {"[demo:slow=-1.5]", "slow", "-1.5"},
    {"[demo:?] [demo:cut] [demo:reset]", "cut", NULL},
    {"[demo:[demo:cut]]", "cut", NULL},
    {"你好[demo:cut]", "cut", NULL},
};

static void
a_marker_is_found(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(markers); i++) {
		const char *text = markers[i].text;
		const char *at = text;
		struct ac_demo_marker marker;

		assert_int_equal(
		    ac_demo_marker_next(&marker, &at, text + strlen(text)),
		    markers[i].name != NULL);
		if (markers[i].name == NULL) {
			assert_ptr_equal(at, text);
			continue;
		}
		assert_int_equal(at[-1], ']');
		assert_string_equal(marker.name, markers[i].name);
		assert_int_equal(marker.has_value, markers[i].value != NULL);
		if (marker.has_value)
			assert_string_equal(marker.value, markers[i].value);
	}
}

/* The prompt of a message; the caller clears it. */
static void
parse(struct ac_demo_prompt *prompt, const char *content)
{
	char *body = ac_asprintf("{\"messages\":[{\"role\":\"user\","
				 "\"content\":\"%s\"}]}",
	    content);

	assert_int_equal(ac_demo_prompt_parse(prompt, body, strlen(body)),
	    AC_DEMO_VERDICT_ANSWER);
	free(body);
}

static void
a_marker_counts_in_the_last_user_message_however_long(void **state)
{
	struct ac_demo_prompt prompt;
	char *call = ac_asprintf(
	    "{\"messages\":[{\"role\":\"user\",\"content\":\"%0*d%s\"},"
	    "{\"role\":\"assistant\",\"content\":\"[demo:cut]\"}]}",
	    10000, 0, "[demo:error]");

	AC_UNUSED(state);
	assert_int_equal(ac_demo_prompt_parse(&prompt, call, strlen(call)),
	    AC_DEMO_VERDICT_ANSWER);
	assert_true(prompt.has_marker);
	assert_string_equal(prompt.marker.name, "error");
	ac_demo_prompt_clear(&prompt);
	free(call);
}

static void
the_protocol_is_asked_for_beside_a_scenario(void **state)
{
	static const char *const texts[] = {
	    "[demo:cut] [demo:protocol=6]",
	    "[demo:protocol=6][demo:cut]",
	    "[demo:protocol=6] [demo:protocol=5] [demo:cut] [demo:reset]",
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(texts); i++) {
		struct ac_demo_prompt prompt;

		parse(&prompt, texts[i]);
		assert_true(prompt.has_marker);
		assert_string_equal(prompt.marker.name, "cut");
		assert_true(prompt.has_protocol);
		assert_string_equal(prompt.protocol.value, "6");
		ac_demo_prompt_clear(&prompt);
	}
}

/* The plan of a marker; the caller clears it. */
static void
make_plan(struct ac_demo_plan *plan, const char *marker)
{
	struct ac_demo_prompt prompt;
	char *content = ac_asprintf("Try [demo:%s].", marker);

	parse(&prompt, content);
	assert_true(prompt.has_marker || prompt.has_protocol);
	ac_demo_plan_init(plan);
	ac_demo_scenario_plan(plan, &prompt);
	ac_demo_prompt_clear(&prompt);
	free(content);
}

static void
a_plan_waits_and_ends_as_its_scenario_says(void **state)
{
	static const struct {
		const char *marker;
		int64_t first_wait_ms;
		int64_t longest_wait_ms;
		enum ac_demo_end end;
		int status;
	} cases[] = {
	    {"error", AC_DEMO_PACE, AC_DEMO_PACE, AC_DEMO_END_WHOLE, 200},
	    {"slow=7", 7000, 7000, AC_DEMO_END_WHOLE, 200},
	    {"slow=0", 0, 0, AC_DEMO_END_WHOLE, 200},
	    {"slow", 10000, 10000, AC_DEMO_END_WHOLE, 200},
	    {"pause=3600", AC_DEMO_PACE, 3600000, AC_DEMO_END_WHOLE, 200},
	    {"fast", 0, 0, AC_DEMO_END_WHOLE, 200},
	    {"cut", AC_DEMO_PACE, 0, AC_DEMO_END_CUT, 200},
	    {"reset", AC_DEMO_PACE, 0, AC_DEMO_END_RESET, 200},
	    {"stall", AC_DEMO_PACE, 0, AC_DEMO_END_NEVER, 200},
	    {"abort", AC_DEMO_PACE, 0, AC_DEMO_END_CUT, 200},
	    {"midcut", AC_DEMO_PACE, 0, AC_DEMO_END_WHOLE, 200},
	    {"http503", AC_DEMO_PACE, AC_DEMO_PACE, AC_DEMO_END_WHOLE, 503},
	    {"stale", AC_DEMO_PACE, AC_DEMO_PACE, AC_DEMO_END_WHOLE, 403},
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		struct ac_demo_plan plan;
		int64_t longest = AC_DEMO_PACE;

		make_plan(&plan, cases[i].marker);
		for (size_t n = 0; n < plan.count; n++) {
			if (plan.steps[n].wait_ms > longest)
				longest = plan.steps[n].wait_ms;
		}
		assert_int_equal(plan.steps[0].wait_ms, cases[i].first_wait_ms);
		assert_int_equal(longest, cases[i].longest_wait_ms);
		assert_int_equal(plan.end, cases[i].end);
		assert_int_equal(plan.status, cases[i].status);
		ac_demo_plan_clear(&plan);
	}
}

/* What a decoder makes of the plan's body; the caller clears it. */
static void
decode(struct recording *recording, struct ac_demo_plan *plan)
{
	size_t len = evbuffer_get_length(plan->body);

	recording_start(recording);
	recording->checks = true;
	recording_feed(
	    recording, (const char *)evbuffer_pullup(plan->body, -1), len);
	recording_end(recording);
	assert_null(recording->problem);
}

static const struct {
	const char *marker;
	const char *end; /* of the events */
} outcomes[] = {
    {"help", "FINISH stop prompt=? completion=?\nEND\n"},
    {"long=3", "TEXT \"1\"\nTEXT \" 2\"\nTEXT \" 3\"\n"
	       "STEP stop prompt=? completion=?\n"
	       "FINISH stop prompt=? completion=?\nEND\n"},
    {"bigline=1", "cdef\"\nSTEP stop prompt=? completion=?\n"
		  "FINISH stop prompt=? completion=?\nEND\n"},
    {"bigline=1024", "ERROR too-long\n"},
    {"error", "ERROR upstream \"Internal boom\"\n"},
    {"miderror", "ERROR upstream \"[object Object]\"\n"},
    {"midcut", "ERROR upstream \"terminated\"\n"},
    {"junk", "in JSON at position 1\"\n"},
    {"noend", "ERROR cut\n"},
    {"cut", "ERROR cut\n"},
    {"empty", "\"}\nSTEP stop prompt=? completion=?\n"
	      "FINISH stop prompt=? completion=?\nEND\n"},
    {"length", "FINISH length prompt=? completion=?\nEND\n"},
    {"contentfilter", "FINISH content-filter prompt=? completion=?\nEND\n"},
    {"nofinish", "FINISH unknown prompt=? completion=?\nEND\n"},
    {"finisherror", "FINISH error prompt=? completion=?\nEND\n"},
    {"laststep", "FINISH stop prompt=? completion=?\nEND\n"},
    {"usage", "FINISH stop prompt=11 completion=7\nEND\n"},
    {"reasoning", "FINISH stop prompt=? completion=?\nEND\n"},
};

static void
a_decoder_takes_a_plan_as_it_is_meant(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(outcomes); i++) {
		struct ac_demo_plan plan;
		struct recording recording;
		size_t len = strlen(outcomes[i].end);
		const char *text;

		make_plan(&plan, outcomes[i].marker);
		decode(&recording, &plan);
		text = recording.text;
		assert_true(strlen(text) >= len);
		assert_string_equal(text + strlen(text) - len, outcomes[i].end);
		recording_clear(&recording);
		ac_demo_plan_clear(&plan);
	}
}

static void
every_scenario_is_whole_and_stands_in_the_documentation(void **state)
{
	size_t len;
	char *page = files_read(AC_TEST_DATA "/../../docs/demo.md", &len);
	const char *name;

	AC_UNUSED(state);
	for (size_t i = 0; (name = ac_demo_scenario_name(i)) != NULL; i++) {
		struct ac_demo_plan plan;
		size_t sum = 0;
		char *mark = ac_asprintf("`[demo:%s", name);
		const char *at = strstr(page, mark);

		assert_non_null(at);
		assert_non_null(strchr("=]", at[strlen(mark)]));
		make_plan(&plan, name);
		assert_true(plan.count > 0);
		for (size_t n = 0; n < plan.count; n++)
			sum += plan.steps[n].len;
		assert_int_equal(sum, evbuffer_get_length(plan.body));
		ac_demo_plan_clear(&plan);
		free(mark);
	}
	free(page);
}

/* The text of a plan whose lines are in order; the caller frees it. */
static char *
text_of(struct ac_demo_plan *plan)
{
	char *text = ac_calloc(1, evbuffer_get_length(plan->body) + 1);
	size_t used = 0;
	char *line;

	while ((line = evbuffer_readln(plan->body, NULL, EVBUFFER_EOL_LF)) !=
	       NULL) {
		json_t *value = NULL;

		if (strncmp(line, "0:", 2) == 0)
			value = json_loads(line + 2, JSON_DECODE_ANY, NULL);
		if (value != NULL) {
			memcpy(text + used, json_string_value(value),
			    json_string_length(value));
			used += json_string_length(value);
		}
		json_decref(value);
		free(line);
	}
	return text;
}

static void
a_wrong_marker_gets_the_list(void **state)
{
	static const char *const cases[][2] = {
	    {"help", "What can be asked for:\n\n- `[demo:help]`"},
	    {"nosuch", "The demo has no scenario `nosuch`. What can"},
	    {"", "The demo has no scenario ``. What can"},
	    {"error=1", "The scenario `error` takes no number. What can"},
	    {"slow=", "The scenario `slow` takes a whole number from 0 to"},
	    {"slow=x", "The scenario `slow` takes a whole number from 0 to"},
	    {"slow=-1", "The scenario `slow` takes a whole number from 0 to"},
	    {"slow=3601", "The scenario `slow` takes a whole number from 0"},
	    {"slow=99999999999999999999", "The scenario `slow` takes a"},
	    {"protocol=3", "The scenario `protocol` takes a whole number from "
			   "4 to 7. What can"},
	    {"jobfailed", "The scenario `jobfailed` is for the model AkashGen. "
			  "What can"},
	    {"jobslow=0", "The scenario `jobslow` takes a whole number from 1"},
	    {"protocol=8", "The scenario `protocol` takes a whole number from"},
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		struct ac_demo_plan plan;
		const char *name;
		char *text;

		make_plan(&plan, cases[i][0]);
		text = text_of(&plan);
		assert_ptr_equal(strstr(text, cases[i][1]), text);
		for (size_t n = 0; (name = ac_demo_scenario_name(n)) != NULL;
		     n++)
			assert_non_null(strstr(text, name));
		free(text);
		ac_demo_plan_clear(&plan);
	}
}

static void
a_refused_call_passes_once_with_another_session(void **state)
{
	struct ac_demo_refusals refusals = {.next = 0};

	AC_UNUSED(state);
	assert_true(ac_demo_refusals_take(&refusals, "call", 4, "one"));
	assert_true(ac_demo_refusals_take(&refusals, "call", 4, "one"));
	assert_true(ac_demo_refusals_take(&refusals, "other", 5, "two"));
	assert_false(ac_demo_refusals_take(&refusals, "call", 4, "two"));
	assert_true(ac_demo_refusals_take(&refusals, "call", 4, "two"));
	assert_false(ac_demo_refusals_take(&refusals, "other", 5, "one"));
}

static void
an_access_token_is_known_by_its_hash(void **state)
{
	struct ac_demo_auth auth;

	AC_UNUSED(state);
	ac_demo_auth_init(&auth, NULL, NULL);
	assert_string_equal(auth.access, "");
	ac_demo_auth_init(&auth, NULL, "open-sesame");
	assert_string_equal(auth.access,
	    "d7ecdf25eaf3deba0f2628771dbdd22d4138ab6cf38f91ed02a2ca0dec7c8ab7");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_marker_is_found),
	    cmocka_unit_test(
		a_marker_counts_in_the_last_user_message_however_long),
	    cmocka_unit_test(the_protocol_is_asked_for_beside_a_scenario),
	    cmocka_unit_test(a_plan_waits_and_ends_as_its_scenario_says),
	    cmocka_unit_test(a_decoder_takes_a_plan_as_it_is_meant),
	    cmocka_unit_test(
		every_scenario_is_whole_and_stands_in_the_documentation),
	    cmocka_unit_test(a_wrong_marker_gets_the_list),
	    cmocka_unit_test(a_refused_call_passes_once_with_another_session),
	    cmocka_unit_test(an_access_token_is_known_by_its_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

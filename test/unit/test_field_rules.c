/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Which fields are refused, which are told to be without effect, and which
 * values ask for nothing. */
#include "api/field_rules.h"

#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "base/attr.h"
#include "base/json.h"
#include "base/text.h"
#include "support/unit.h"

/* A value from JSON with single quotes. */
static json_t *
read_json(const char *text)
{
	char why[256] = "";
	char *copy = strdup(text);
	json_t *value;

	for (char *p = copy; *p != '\0'; p++) {
		if (*p == '\'')
			*p = '"';
	}
	value = ac_json_parse(copy, strlen(copy), why, sizeof(why));
	if (value == NULL)
		fail_msg("%s: %s", copy, why);
	free(copy);
	return value;
}

static void
expect_list(enum ac_endpoint endpoint, const char *text, const char *expected)
{
	json_t *body = read_json(text);
	struct ac_error error = {.message = ""};
	char *ignored;

	if (!ac_field_rules_check(body, endpoint, &ignored, &error))
		fail_msg("%s: %s", text, error.message);
	if (expected == NULL)
		assert_null(ignored);
	else
		assert_string_equal(ignored, expected);
	free(ignored);
	json_decref(body);
}

static void
what_asks_for_nothing_is_not_listed(void **state)
{
	static const char *const bodies[] = {
	    "{}",
	    "{'model':'m','messages':[],'stream':true,'temperature':1,"
	    "'top_p':1,'topP':1,'stop':['a'],'max_tokens':1,"
	    "'max_completion_tokens':1,'stream_options':{'include_usage':true,"
	    "'include_obfuscation':false}}",
	    "{'stream_options':{'include_obfuscation':null,'unknown':1}}",
	    "{'n':1,'logprobs':false,'top_logprobs':0,'modalities':['text'],"
	    "'response_format':{'type':'text'}}",
	    "{'presence_penalty':0,'frequency_penalty':-0.0,'store':false,"
	    "'logit_bias':{},'metadata':{},'user':'','tools':[],"
	    "'functions':[],'modalities':[]}",
	    "{'tool_choice':'none','function_call':'auto',"
	    "'parallel_tool_calls':true}",
	    "{'tool_choice':{'type':'auto'}}",
	    "{'tool_choice':{'type':'allowed_tools','allowed_tools':"
	    "{'mode':'auto','tools':[{}]}}}",
	    "{'service_tier':'auto','verbosity':'medium'}",
	    "{'service_tier':'default'}",
	    "{'n':null,'logprobs':null,'audio':null,'tools':null,'seed':null,"
	    "'user':null,'top_k':null,'anything':null}",
	    "{'anything':{},'cache':[],'text':''}",
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(bodies); i++)
		expect_list(AC_ENDPOINT_CHAT, bodies[i], NULL);
	expect_list(AC_ENDPOINT_COMPLETION,
	    "{'prompt':'x','best_of':1,'n':1,'echo':false,'suffix':'',"
	    "'logprobs':null}",
	    NULL);
	expect_list(AC_ENDPOINT_COMPLETION, "{'logprobs':false}", NULL);
}

static void
what_has_no_effect_is_listed(void **state)
{
	static const struct {
		const char *body;
		const char *list;
	} cases[] = {
	    {"{'seed':0}", "seed"},
	    {"{'seed':1e300}", "seed"},
	    {"{'user':'ann','seed':1}", "seed, user"},
	    {"{'presence_penalty':2,'frequency_penalty':-2}",
		"presence_penalty, frequency_penalty"},
	    {"{'logit_bias':{'1':5},'metadata':{'a':'b'},'store':true}",
		"logit_bias, metadata, store"},
	    {"{'reasoning_effort':'low','verbosity':'high',"
	     "'service_tier':'flex'}",
		"reasoning_effort, verbosity, service_tier"},
	    {"{'prompt_cache_key':'k','safety_identifier':'s',"
	     "'prediction':{'type':'content','content':'x'}}",
		"prediction, prompt_cache_key, safety_identifier"},
	    {"{'tools':[{}],'tool_choice':'auto'}", "tools"},
	    {"{'tools':[{}],'tool_choice':'none'}", "tools"},
	    {"{'tools':[{}],'parallel_tool_calls':false}",
		"tools, parallel_tool_calls"},
	    {"{'functions':[{}],'function_call':'auto'}", "functions"},
	    {"{'stream_options':{'include_obfuscation':true}}",
		"stream_options.include_obfuscation"},
	    {"{'top_k':40,'min_p':0,'repetition_penalty':1.1,'think':false}",
		"top_k, min_p, repetition_penalty, think"},
	    {"{'prompt':'x','echo':true,'best_of':2,'suffix':'x'}",
		"prompt, echo, best_of, suffix"},
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++)
		expect_list(AC_ENDPOINT_CHAT, cases[i].body, cases[i].list);
	expect_list(AC_ENDPOINT_COMPLETION,
	    "{'messages':[{}],'seed':1,'user':'ann'}", "seed, user, messages");
}

/* Whatever a client names its fields, the list is one short header value. */
static void
the_list_is_bounded(void **state)
{
	struct evbuffer *body = ac_text_new();
	char *text;

	AC_UNUSED(state);
	expect_list(AC_ENDPOINT_CHAT, "{'a b':1}", "...");
	expect_list(AC_ENDPOINT_CHAT, "{'a\\r\\nX-Evil: 1':1}", "...");
	expect_list(AC_ENDPOINT_CHAT, "{'':1,'seed':1}", "seed, ...");
	expect_list(AC_ENDPOINT_CHAT, "{'\\u00e9':1,'seed':1}", "seed, ...");
	expect_list(AC_ENDPOINT_CHAT, "{'seed':1,'a,b':1}", "seed, ...");
	expect_list(AC_ENDPOINT_CHAT,
	    "{'a1':1,'a2':1,'a3':1,'a4':1,'a5':1,'a6':1,'a7':1,'a8':1,"
	    "'a9':1,'a10':1,'a11':1,'a12':1,'a13':1,'a14':1,'a15':1,'a16':1,"
	    "'a17':1,'a18':1,'a19':1,'a20':1}",
	    "a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, "
	    "a15, a16, a17, a18, a19, a20");
	expect_list(AC_ENDPOINT_CHAT,
	    "{'a1':1,'a2':1,'a3':1,'a4':1,'a5':1,'a6':1,'a7':1,'a8':1,"
	    "'a9':1,'a10':1,'a11':1,'a12':1,'a13':1,'a14':1,'a15':1,'a16':1,"
	    "'a17':1,'a18':1,'a19':1,'a20':1,'a21':1}",
	    "a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, "
	    "a15, a16, a17, a18, a19, a20, ...");
	ac_text_add_string(body, "{'seed':1");
	for (int i = 10; i < 100; i++)
		evbuffer_add_printf(body, ",'%060d':1", i);
	ac_text_add_string(body, "}");
	text = ac_text_take(body);
	{
		json_t *json = read_json(text);
		struct ac_error error;
		char *ignored;

		assert_true(ac_field_rules_check(
		    json, AC_ENDPOINT_CHAT, &ignored, &error));
		assert_true(strlen(ignored) <= AC_IGNORED_MAX_LEN);
		assert_true(strlen(ignored) > AC_IGNORED_MAX_LEN - 62);
		assert_string_equal(ignored + strlen(ignored) - 5, ", ...");
		free(ignored);
		json_decref(json);
	}
	free(text);
}

struct refusal {
	const char *body;
	enum ac_error_code code;
	const char *param;
};

static void
expect_refusals(
    enum ac_endpoint endpoint, const struct refusal *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		json_t *body = read_json(cases[i].body);
		struct ac_error error;
		char *ignored;

		if (ac_field_rules_check(body, endpoint, &ignored, &error))
			fail_msg("%s passes", cases[i].body);
		if (error.code != cases[i].code)
			fail_msg("%s: code %d", cases[i].body, (int)error.code);
		assert_string_equal(error.param, cases[i].param);
		assert_non_null(strstr(error.message, cases[i].param));
		assert_null(ignored);
		json_decref(body);
	}
}

static void
what_changes_the_answer_is_refused(void **state)
{
	static const struct refusal cases[] = {
	    {"{'seed':1,'n':2}", AC_ERROR_UNSUPPORTED_VALUE, "n"},
	    {"{'n':1e300}", AC_ERROR_UNSUPPORTED_VALUE, "n"},
	    {"{'logprobs':true}", AC_ERROR_UNSUPPORTED_VALUE, "logprobs"},
	    {"{'top_logprobs':1}", AC_ERROR_UNSUPPORTED_VALUE, "top_logprobs"},
	    {"{'modalities':['text','audio']}", AC_ERROR_UNSUPPORTED_VALUE,
		"modalities"},
	    {"{'modalities':['image']}", AC_ERROR_UNSUPPORTED_VALUE,
		"modalities"},
	    {"{'audio':{'voice':'alloy','format':'wav'}}",
		AC_ERROR_UNSUPPORTED_VALUE, "audio"},
	    {"{'response_format':{'type':'json_object'}}",
		AC_ERROR_UNSUPPORTED_VALUE, "response_format"},
	    {"{'response_format':{'type':'json_schema','json_schema':{}}}",
		AC_ERROR_UNSUPPORTED_VALUE, "response_format"},
	    {"{'web_search_options':{}}", AC_ERROR_UNSUPPORTED_VALUE,
		"web_search_options"},
	    {"{'moderation':{'model':'x'}}", AC_ERROR_UNSUPPORTED_VALUE,
		"moderation"},
	    {"{'tools':[{}],'tool_choice':'required'}",
		AC_ERROR_UNSUPPORTED_VALUE, "tool_choice"},
	    {"{'tool_choice':'any'}", AC_ERROR_UNSUPPORTED_VALUE,
		"tool_choice"},
	    {"{'tool_choice':{'type':'function','function':{'name':'f'}}}",
		AC_ERROR_UNSUPPORTED_VALUE, "tool_choice"},
	    {"{'tool_choice':{'type':'custom','custom':{'name':'f'}}}",
		AC_ERROR_UNSUPPORTED_VALUE, "tool_choice"},
	    {"{'tool_choice':{'type':'allowed_tools','allowed_tools':"
	     "{'mode':'required','tools':[{}]}}}",
		AC_ERROR_UNSUPPORTED_VALUE, "tool_choice"},
	    {"{'tool_choice':{}}", AC_ERROR_UNSUPPORTED_VALUE, "tool_choice"},
	    {"{'functions':[{}],'function_call':{'name':'f'}}",
		AC_ERROR_UNSUPPORTED_VALUE, "function_call"},
	    {"{'function_call':'f'}", AC_ERROR_UNSUPPORTED_VALUE,
		"function_call"},
	};
	static const struct refusal completions[] = {
	    {"{'n':2}", AC_ERROR_UNSUPPORTED_VALUE, "n"},
	    {"{'best_of':2}", AC_ERROR_UNSUPPORTED_VALUE, "best_of"},
	    {"{'logprobs':0}", AC_ERROR_UNSUPPORTED_VALUE, "logprobs"},
	    {"{'logprobs':5}", AC_ERROR_UNSUPPORTED_VALUE, "logprobs"},
	    {"{'logprobs':true}", AC_ERROR_UNSUPPORTED_VALUE, "logprobs"},
	    {"{'echo':true}", AC_ERROR_UNSUPPORTED_VALUE, "echo"},
	    {"{'suffix':'}'}", AC_ERROR_UNSUPPORTED_VALUE, "suffix"},
	};

	AC_UNUSED(state);
	expect_refusals(AC_ENDPOINT_CHAT, cases, AC_LENGTH(cases));
	expect_refusals(
	    AC_ENDPOINT_COMPLETION, completions, AC_LENGTH(completions));
}

static void
malformed_values_are_refused(void **state)
{
	static const struct refusal cases[] = {
	    {"{'n':'1'}", AC_ERROR_INVALID_TYPE, "n"},
	    {"{'n':0}", AC_ERROR_INVALID_VALUE, "n"},
	    {"{'n':-1}", AC_ERROR_INVALID_VALUE, "n"},
	    {"{'n':1.5}", AC_ERROR_INVALID_VALUE, "n"},
	    {"{'logprobs':1}", AC_ERROR_INVALID_TYPE, "logprobs"},
	    {"{'top_logprobs':'1'}", AC_ERROR_INVALID_TYPE, "top_logprobs"},
	    {"{'modalities':'audio'}", AC_ERROR_INVALID_TYPE, "modalities"},
	    {"{'response_format':'json'}", AC_ERROR_INVALID_TYPE,
		"response_format"},
	    {"{'response_format':{}}", AC_ERROR_MISSING_PARAMETER,
		"response_format.type"},
	    {"{'response_format':{'type':1}}", AC_ERROR_INVALID_TYPE,
		"response_format.type"},
	    {"{'tool_choice':1}", AC_ERROR_INVALID_TYPE, "tool_choice"},
	    {"{'function_call':[]}", AC_ERROR_INVALID_TYPE, "function_call"},
	    {"{'stream_options':{'include_obfuscation':1}}",
		AC_ERROR_INVALID_TYPE, "stream_options.include_obfuscation"},
	    {"{'stream_options':{'include_obfuscation':'true'}}",
		AC_ERROR_INVALID_TYPE, "stream_options.include_obfuscation"},
	    {"{'presence_penalty':2.01}", AC_ERROR_INVALID_VALUE,
		"presence_penalty"},
	    {"{'frequency_penalty':-2.01}", AC_ERROR_INVALID_VALUE,
		"frequency_penalty"},
	    {"{'frequency_penalty':'1'}", AC_ERROR_INVALID_TYPE,
		"frequency_penalty"},
	};
	static const struct refusal completions[] = {
	    {"{'logprobs':'5'}", AC_ERROR_INVALID_TYPE, "logprobs"},
	    {"{'echo':1}", AC_ERROR_INVALID_TYPE, "echo"},
	    {"{'suffix':1}", AC_ERROR_INVALID_TYPE, "suffix"},
	    {"{'best_of':'2'}", AC_ERROR_INVALID_TYPE, "best_of"},
	};

	AC_UNUSED(state);
	expect_refusals(AC_ENDPOINT_CHAT, cases, AC_LENGTH(cases));
	expect_refusals(
	    AC_ENDPOINT_COMPLETION, completions, AC_LENGTH(completions));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_asks_for_nothing_is_not_listed),
	    cmocka_unit_test(what_has_no_effect_is_listed),
	    cmocka_unit_test(the_list_is_bounded),
	    cmocka_unit_test(what_changes_the_answer_is_refused),
	    cmocka_unit_test(malformed_values_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

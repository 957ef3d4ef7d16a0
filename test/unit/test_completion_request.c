/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Requests for completions: the prompt becomes the message of a user. */
#include "api/chat_request.h"

#include <string.h>

#include "base/attr.h"
#include "base/json.h"
#include "support/asked.h"
#include "support/unit.h"

static struct ac_chat_request
read_request(const char *text)
{
	struct ac_chat_request request;
	struct ac_error error;

	if (!asked_parse(ac_completion_request_parse, &request, text, &error))
		fail_msg("%s: %s", text, error.message);
	return request;
}

static void
prompt_becomes_one_message(void **state)
{
	static const struct {
		const char *text;
		const char *prompt;
	} cases[] = {
	    {"{'prompt':'Once upon'}", "Once upon"},
	    {"{'prompt':['Once upon']}", "Once upon"},
	    {"{'prompt':''}", ""},
	    {"{'prompt':'\\ud83d'}", "\xef\xbf\xbd"},
	    {"{'prompt':'a','messages':[{'role':'system','content':'b'}]}",
		"a"},
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		struct ac_chat_request request = read_request(cases[i].text);
		const json_t *message = json_array_get(request.messages, 0);

		assert_int_equal(json_array_size(request.messages), 1);
		assert_string_equal(
		    ac_json_get_string(message, "role"), "user");
		assert_string_equal(
		    ac_json_get_string(message, "content"), cases[i].prompt);
		assert_int_equal(request.prompt_len, strlen(cases[i].prompt));
		ac_chat_request_clear(&request);
	}
}

static void
other_fields_are_those_of_a_chat(void **state)
{
	struct ac_chat_request request = read_request(
	    "{'model':'m','prompt':'x','stream':true,'stream_options':"
	    "{'include_usage':true},'stop':'a','max_tokens':5,'user':'ann',"
	    "'temperature':0,'top_p':0.5}");

	AC_UNUSED(state);
	assert_string_equal(request.model, "m");
	assert_true(request.stream);
	assert_true(request.include_usage);
	assert_int_equal(request.stop_count, 1);
	assert_int_equal(request.max_tokens, 5);
	assert_true(request.temperature.set && request.top_p.set);
	assert_string_equal(request.ignored, "user");
	ac_chat_request_clear(&request);
}

static void
answers_are_not_cut_where_nothing_is_said(void **state)
{
	struct ac_chat_request request = read_request("{'prompt':'x'}");

	AC_UNUSED(state);
	assert_int_equal(request.max_tokens, 0);
	assert_null(request.ignored);
	ac_chat_request_clear(&request);
}

static void
other_prompts_are_refused(void **state)
{
	static const struct {
		const char *text;
		enum ac_error_code code;
		const char *param;
	} cases[] = {
	    {"[]", AC_ERROR_INVALID_TYPE, ""},
	    {"{}", AC_ERROR_MISSING_PARAMETER, "prompt"},
	    {"{'prompt':null}", AC_ERROR_MISSING_PARAMETER, "prompt"},
	    {"{'prompt':1}", AC_ERROR_INVALID_TYPE, "prompt"},
	    {"{'prompt':{}}", AC_ERROR_INVALID_TYPE, "prompt"},
	    {"{'prompt':[]}", AC_ERROR_INVALID_VALUE, "prompt"},
	    {"{'prompt':['a','b']}", AC_ERROR_UNSUPPORTED_VALUE, "prompt"},
	    {"{'prompt':[1,2]}", AC_ERROR_UNSUPPORTED_VALUE, "prompt"},
	    {"{'prompt':[[1,2]]}", AC_ERROR_UNSUPPORTED_VALUE, "prompt"},
	    {"{'prompt':[true]}", AC_ERROR_INVALID_TYPE, "prompt[0]"},
	    {"{'prompt':[null]}", AC_ERROR_INVALID_TYPE, "prompt[0]"},
	    {"{'prompt':'x','suffix':'y'}", AC_ERROR_UNSUPPORTED_VALUE,
		"suffix"},
	    {"{'prompt':'x','echo':true}", AC_ERROR_UNSUPPORTED_VALUE, "echo"},
	    {"{'prompt':'x','max_tokens':0}", AC_ERROR_INVALID_VALUE,
		"max_tokens"},
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		struct ac_chat_request request;
		struct ac_error error;

		if (asked_parse(ac_completion_request_parse, &request,
			cases[i].text, &error))
			fail_msg("%s passes", cases[i].text);
		if (error.code != cases[i].code)
			fail_msg("%s: code %d", cases[i].text, (int)error.code);
		assert_string_equal(error.param, cases[i].param);
		assert_null(request.json);
	}
}

static void
cut_anywhere(void **state)
{
	static const char text[] =
	    "{'model':'m','prompt':['\\ud83d\\ude00'],'stop':['a']}";

	AC_UNUSED(state);
	for (size_t len = 0; len <= strlen(text); len++) {
		struct ac_chat_request request;
		struct ac_error error;
		bool ok = asked_parse_pieces(ac_completion_request_parse,
		    &request, text, len, 1, &error);

		assert_int_equal(ok, len == strlen(text));
		if (ok)
			ac_chat_request_clear(&request);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(prompt_becomes_one_message),
	    cmocka_unit_test(other_fields_are_those_of_a_chat),
	    cmocka_unit_test(answers_are_not_cut_where_nothing_is_said),
	    cmocka_unit_test(other_prompts_are_refused),
	    cmocka_unit_test(cut_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

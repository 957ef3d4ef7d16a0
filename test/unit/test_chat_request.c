/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What is read of a chat request, and what is wrong with one. */
#include "api/chat_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "support/asked.h"
#include "support/unit.h"

#define BODY(fields)       "{'messages':[{'role':'user','content':'Hi'}]" fields "}"
#define MESSAGES(messages) "{'model':'m','messages':[" messages "]}"
#define USER               "{'role':'user','content':'Hi'}"

static struct ac_chat_request
read_request(const char *text)
{
	struct ac_chat_request request;
	struct ac_error error;

	if (!asked_parse(ac_chat_request_parse, &request, text, &error))
		fail_msg("%s: %s", text, error.message);
	return request;
}

struct refusal {
	const char *text;
	enum ac_error_code code;
	const char *param;
};

static void
expect_refusals(const struct refusal *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct ac_chat_request request;
		struct ac_error error;

		if (asked_parse(
			ac_chat_request_parse, &request, cases[i].text, &error))
			fail_msg("%s passes", cases[i].text);
		if (error.code != cases[i].code)
			fail_msg("%s: code %d", cases[i].text, (int)error.code);
		assert_string_equal(error.param, cases[i].param);
		assert_true(*error.message != '\0');
		assert_null(request.json);
		assert_null(request.ignored);
	}
}

static void
stop_is_a_string_or_a_list(void **state)
{
	static const struct {
		const char *text;
		size_t count;
		const char *first;
		const char *last;
	} cases[] = {
	    {BODY(""), 0, NULL, NULL},
	    {BODY(",'stop':null"), 0, NULL, NULL},
	    {BODY(",'stop':[]"), 0, NULL, NULL},
	    {BODY(",'stop':''"), 0, NULL, NULL},
	    {BODY(",'stop':['','']"), 0, NULL, NULL},
	    {BODY(",'stop':'END'"), 1, "END", "END"},
	    {BODY(",'stop':['a']"), 1, "a", "a"},
	    {BODY(",'stop':['a','','b\\n','c','d']"), 4, "a", "d"},
	    {BODY(",'stop':['1','2','3','4','5','6','7','8','9','10','11',"
		  "'12','13','14','15','16']"),
		16, "1", "16"},
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		struct ac_chat_request request = read_request(cases[i].text);

		assert_int_equal(request.stop_count, cases[i].count);
		if (cases[i].count > 0) {
			assert_string_equal(
			    request.stops[0].text, cases[i].first);
			assert_string_equal(
			    request.stops[cases[i].count - 1].text,
			    cases[i].last);
		}
		ac_chat_request_clear(&request);
	}
}

static void
stop_may_hold_a_nul(void **state)
{
	struct ac_chat_request request =
	    read_request(BODY(",'stop':'a\\u0000b'"));

	AC_UNUSED(state);
	assert_int_equal(request.stop_count, 1);
	assert_int_equal(request.stops[0].len, 3);
	assert_memory_equal(request.stops[0].text, "a\0b", 3);
	ac_chat_request_clear(&request);
}

static void
the_newer_name_of_max_tokens_wins(void **state)
{
	static const struct {
		const char *text;
		int64_t max_tokens;
	} cases[] = {
	    {BODY(""), 0},
	    {BODY(",'max_tokens':null,'max_completion_tokens':null"), 0},
	    {BODY(",'max_tokens':1"), 1},
	    {BODY(",'max_tokens':5.0"), 5},
	    {BODY(",'max_completion_tokens':7"), 7},
	    {BODY(",'max_completion_tokens':7,'max_tokens':9"), 7},
	    {BODY(",'max_completion_tokens':9,'max_tokens':7"), 9},
	    {BODY(",'max_completion_tokens':null,'max_tokens':7"), 7},
	    {BODY(",'max_tokens':9007199254740992"), 9007199254740992},
	    {BODY(",'max_tokens':9223372036854775807"), INT64_MAX},
	    {BODY(",'max_tokens':1e300"), INT64_MAX},
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		struct ac_chat_request request = read_request(cases[i].text);

		if (request.max_tokens != cases[i].max_tokens)
			fail_msg("%s: %lld", cases[i].text,
			    (long long)request.max_tokens);
		ac_chat_request_clear(&request);
	}
}

static void
bad_stops_and_limits_are_refused(void **state)
{
	static const struct refusal cases[] = {
	    {BODY(",'stop':1"), AC_ERROR_INVALID_TYPE, "stop"},
	    {BODY(",'stop':{}"), AC_ERROR_INVALID_TYPE, "stop"},
	    {BODY(",'stop':true"), AC_ERROR_INVALID_TYPE, "stop"},
	    {BODY(",'stop':['a',1]"), AC_ERROR_INVALID_TYPE, "stop[1]"},
	    {BODY(",'stop':[null]"), AC_ERROR_INVALID_TYPE, "stop[0]"},
	    {BODY(",'stop':[['a']]"), AC_ERROR_INVALID_TYPE, "stop[0]"},
	    {BODY(",'stop':['1','2','3','4','5','6','7','8','9','10','11',"
		  "'12','13','14','15','16','17']"),
		AC_ERROR_INVALID_VALUE, "stop"},
	    {BODY(",'max_tokens':'5'"), AC_ERROR_INVALID_TYPE, "max_tokens"},
	    {BODY(",'max_tokens':true"), AC_ERROR_INVALID_TYPE, "max_tokens"},
	    {BODY(",'max_tokens':0"), AC_ERROR_INVALID_VALUE, "max_tokens"},
	    {BODY(",'max_tokens':-1"), AC_ERROR_INVALID_VALUE, "max_tokens"},
	    {BODY(",'max_tokens':1.5"), AC_ERROR_INVALID_VALUE, "max_tokens"},
	    {BODY(",'max_tokens':-1e300"), AC_ERROR_INVALID_VALUE,
		"max_tokens"},
	    {BODY(",'max_completion_tokens':0"), AC_ERROR_INVALID_VALUE,
		"max_completion_tokens"},
	    {BODY(",'max_completion_tokens':0.5,'max_tokens':1"),
		AC_ERROR_INVALID_VALUE, "max_completion_tokens"},
	    {BODY(",'max_completion_tokens':[],'max_tokens':1"),
		AC_ERROR_INVALID_TYPE, "max_completion_tokens"},
	};

	AC_UNUSED(state);
	expect_refusals(cases, AC_LENGTH(cases));
}

/* Of text, calls, and what tools gave back; pictures and names of fields are
 * no text. */
static void
bytes_of_text_are_counted(void **state)
{
	static const struct {
		const char *text;
		int64_t len;
	} cases[] = {
	    {MESSAGES(USER), 2},
	    {MESSAGES("{'role':'user','content':'\\u00e9\\ud83d\\ude00'}"), 6},
	    {MESSAGES("{'role':'user','content':[{'type':'text','text':'ab'},"
		      "{'type':'image_url','image_url':'https://a/b.png'},"
		      "{'type':'text','text':'c'}]}"),
		3},
	    {MESSAGES("{'role':'assistant','content':'a','refusal':'no',"
		      "'tool_calls':[{'id':'1','function':{'name':'f',"
		      "'arguments':'{}'}}]},"
		      "{'role':'tool','tool_call_id':'1','content':'four'}"),
		10},
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		struct ac_chat_request request = read_request(cases[i].text);

		assert_int_equal(request.prompt_len, cases[i].len);
		ac_chat_request_clear(&request);
	}
}

/* A request with count messages, to be freed. */
static char *
make_many(const char *message, size_t count)
{
	size_t len;
	char *text;
	FILE *out = open_memstream(&text, &len);

	fprintf(out, "{'messages':[");
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s%s", i == 0 ? "" : ",", message);
	fprintf(out, "]}");
	fclose(out);
	return text;
}

static void
messages_and_their_parts_have_a_limit(void **state)
{
	static const struct {
		const char *message;
		size_t most;
		const char *why;
	} cases[] = {
	    {USER, 4096, "4096"},
	    {"{'role':'tool','content':'x'}", 4096, "4096"},
	    {"{'role':'user','content':[{'type':'text','text':'a'},"
	     "{'type':'text','text':'b'},{'type':'text','text':'c'},"
	     "{'type':'image_url','image_url':'https://a/b'}]}",
		2048, "8192"},
	    {"{'role':'assistant','content':[{'type':'text','text':'a'}],"
	     "'tool_calls':[{'function':{'name':'f'}},"
	     "{'function':{'name':'f'}},{'function':{'name':'f'}}]}",
		2048, "8192"},
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		char *most = make_many(cases[i].message, cases[i].most);
		char *more = make_many(cases[i].message, cases[i].most + 1);
		struct ac_chat_request request = read_request(most);
		const struct refusal refusal = {
		    more, AC_ERROR_INVALID_VALUE, "messages"};
		struct ac_error error;

		ac_chat_request_clear(&request);
		expect_refusals(&refusal, 1);
		assert_false(
		    asked_parse(ac_chat_request_parse, &request, more, &error));
		assert_non_null(strstr(error.message, cases[i].why));
		free(most);
		free(more);
	}
}

static void
bad_histories_are_refused(void **state)
{
	static const struct refusal cases[] = {
	    {MESSAGES("{'role':'assistant','tool_calls':{}}"),
		AC_ERROR_INVALID_TYPE, "messages[0].tool_calls"},
	    {MESSAGES(USER ",{'role':'assistant','tool_calls':[1]}"),
		AC_ERROR_INVALID_TYPE, "messages[1].tool_calls[0]"},
	    {MESSAGES("{'role':'assistant','tool_calls':[{'id':'1'}]}"),
		AC_ERROR_MISSING_PARAMETER,
		"messages[0].tool_calls[0].function"},
	    {MESSAGES("{'role':'assistant','tool_calls':[{'function':'f'}]}"),
		AC_ERROR_INVALID_TYPE, "messages[0].tool_calls[0].function"},
	    {MESSAGES("{'role':'assistant','tool_calls':[{'function':{}}]}"),
		AC_ERROR_MISSING_PARAMETER,
		"messages[0].tool_calls[0].function.name"},
	    {MESSAGES("{'role':'assistant','tool_calls':[{'custom':"
		      "{'name':1}}]}"),
		AC_ERROR_INVALID_TYPE, "messages[0].tool_calls[0].custom.name"},
	    {MESSAGES("{'role':'assistant','function_call':'f'}"),
		AC_ERROR_INVALID_TYPE, "messages[0].function_call"},
	    {MESSAGES("{'role':'assistant','function_call':{}}"),
		AC_ERROR_MISSING_PARAMETER, "messages[0].function_call.name"},
	    {MESSAGES("{'role':'assistant','refusal':1}"),
		AC_ERROR_INVALID_TYPE, "messages[0].refusal"},
	    {MESSAGES("{'role':'assistant','content':[{'type':'refusal'}]}"),
		AC_ERROR_MISSING_PARAMETER, "messages[0].content[0].refusal"},
	    {MESSAGES("{'role':'user','content':[{'type':'refusal',"
		      "'refusal':'no'}]}"),
		AC_ERROR_UNSUPPORTED_CONTENT, "messages[0].content[0].type"},
	    {MESSAGES("{'role':'tool','content':1}"), AC_ERROR_INVALID_TYPE,
		"messages[0].content"},
	    {MESSAGES("{'role':'ipython','content':'x'}"),
		AC_ERROR_UNSUPPORTED_VALUE, "messages[0].role"},
	    /* Thinking is the assistant's. */
	    {MESSAGES("{'role':'user','content':[{'type':'thinking'}]}"),
		AC_ERROR_UNSUPPORTED_CONTENT, "messages[0].content[0].type"},
	    {MESSAGES("{'role':'tool','content':[{'type':'reasoning'}]}"),
		AC_ERROR_UNSUPPORTED_CONTENT, "messages[0].content[0].type"},
	};

	AC_UNUSED(state);
	expect_refusals(cases, AC_LENGTH(cases));
}

static const char whole[] =
    "{'model':'m','stream':true,'stream_options':{'include_usage':true},"
    "'stop':['a','b'],'max_tokens':5,'seed':1,'temperature':0.5,"
    "'messages':[{'role':'system','content':'S'},{'role':'user','content':["
    "{'type':'text','text':'\\ud83d\\ude00'},{'type':'image_url','image_url':"
    "{'url':'data:image/png;base64,AAAA'}}]},{'role':'assistant','tool_calls':"
    "[{'id':'1','function':{'name':'f','arguments':'{}'}}]},"
    "{'role':'tool','tool_call_id':'1','content':'r'}]}";

static void
pieces_make_no_difference(void **state)
{
	AC_UNUSED(state);
	for (size_t piece = 1; piece < sizeof(whole); piece++) {
		struct ac_chat_request request;
		struct ac_error error;

		if (!asked_parse_pieces(ac_chat_request_parse, &request, whole,
			strlen(whole), piece, &error))
			fail_msg("%zu: %s", piece, error.message);
		assert_string_equal(request.model, "m");
		assert_true(request.stream && request.include_usage);
		assert_int_equal(request.stop_count, 2);
		assert_int_equal(request.max_tokens, 5);
		assert_string_equal(request.ignored, "seed");
		assert_int_equal(request.prompt_len, 9);
		ac_chat_request_clear(&request);
	}
}

static void
a_cut_body_is_no_json(void **state)
{
	AC_UNUSED(state);
	for (size_t len = 0; len < strlen(whole); len++) {
		struct ac_chat_request request;
		struct ac_error error;

		assert_false(asked_parse_pieces(ac_chat_request_parse, &request,
		    whole, len, sizeof(whole), &error));
		assert_int_equal(error.code, AC_ERROR_INVALID_JSON);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(stop_is_a_string_or_a_list),
	    cmocka_unit_test(stop_may_hold_a_nul),
	    cmocka_unit_test(the_newer_name_of_max_tokens_wins),
	    cmocka_unit_test(bad_stops_and_limits_are_refused),
	    cmocka_unit_test(bytes_of_text_are_counted),
	    cmocka_unit_test(messages_and_their_parts_have_a_limit),
	    cmocka_unit_test(bad_histories_are_refused),
	    cmocka_unit_test(pieces_make_no_difference),
	    cmocka_unit_test(a_cut_body_is_no_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

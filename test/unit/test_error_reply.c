/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The catalogue of errors, and the kinds that the upstream's words make. */
#include "api/error_reply.h"

#include <string.h>

#include <event2/buffer.h>

#include "base/attr.h"
#include "base/json.h"
#include "support/unit.h"
#include "upstream/stream_error.h"

static json_t *
write_out(const struct ac_error *error)
{
	struct evbuffer *out = evbuffer_new();
	char why[256] = "";
	json_t *json;

	ac_error_add_json(out, error);
	json = ac_json_parse((const char *)evbuffer_pullup(out, -1),
	    evbuffer_get_length(out), why, sizeof(why));
	if (json == NULL)
		fail_msg("code %d: %s", (int)error->code, why);
	evbuffer_free(out);
	return json;
}

static void
every_code_gives_both_forms(void **state)
{
	AC_UNUSED(state);
	for (int code = AC_ERROR_NONE + 1; code < AC_ERROR_CODES; code++) {
		struct ac_error error;
		json_t *json, *openai, *data;
		int status = ac_error_status((enum ac_error_code)code);

		ac_error_set_param(&error, (enum ac_error_code)code,
		    "messages[0].role", "a \"word\"\n\xff");
		json = write_out(&error);
		openai = json_object_get(json, "error");
		data = json_object_get(json, "data");
		assert_int_equal(json_object_size(openai), 4);
		assert_string_equal(ac_json_get_string(openai, "message"),
		    "a \"word\"\n\xef\xbf\xbd");
		assert_string_equal(
		    ac_json_get_string(openai, "param"), "messages[0].role");
		assert_non_null(ac_json_get_string(openai, "type"));
		assert_non_null(json_object_get(openai, "code"));
		assert_true(status >= 400 && status < 600);
		assert_string_not_equal(ac_http_phrase(status), "Unknown");
		/* SDKs take these two for a wish to be asked again. */
		assert_true(status != 408 && status != 409);
		assert_int_equal(
		    (int)json_number_value(json_object_get(json, "code")),
		    status);
		assert_string_equal(ac_json_get_string(data, "msg"),
		    ac_json_get_string(openai, "message"));
		json_decref(json);
	}
}

static void
a_missing_param_is_null(void **state)
{
	struct ac_error error;
	json_t *json;

	AC_UNUSED(state);
	ac_error_set(&error, AC_ERROR_MISSING_KEY, "no key");
	json = write_out(&error);
	assert_true(json_is_null(
	    json_object_get(json_object_get(json, "error"), "param")));
	assert_true(json_is_null(
	    json_object_get(json_object_get(json, "error"), "code")));
	json_decref(json);
}

static const struct {
	const char *text;
	enum ac_error_code code;
} texts[] = {
    {"Failed after 3 attempts. Last error: Rate limit reached for requests",
	AC_ERROR_RATE_LIMIT},
    {"Too Many Requests", AC_ERROR_RATE_LIMIT},
    {"This model's maximum context length is 128000 tokens.",
	AC_ERROR_CONTEXT_LENGTH},
    {"Invalid prompt: messages must be an array", AC_ERROR_BAD_REQUEST},
    {"Invalid API key provided", AC_ERROR_UPSTREAM},
    {"The model `x` does not exist", AC_ERROR_MODEL_NOT_FOUND},
    {"Model not found", AC_ERROR_MODEL_NOT_FOUND},
    {"[object Object]", AC_ERROR_UPSTREAM},
    {"terminated", AC_ERROR_UPSTREAM},
    {"", AC_ERROR_UPSTREAM},
    {"rate_limit_exceeded", AC_ERROR_RATE_LIMIT},
    {"litellm.RateLimitError: slow down", AC_ERROR_RATE_LIMIT},
    {"You exceeded your current quota", AC_ERROR_RATE_LIMIT},
    {"Request was throttled.", AC_ERROR_RATE_LIMIT},
    {"context_length_exceeded", AC_ERROR_CONTEXT_LENGTH},
    {"litellm.ContextWindowExceededError", AC_ERROR_CONTEXT_LENGTH},
    {"Input is longer than the maximum number of tokens",
	AC_ERROR_CONTEXT_LENGTH},
    {"the request exceeds the available context size", AC_ERROR_CONTEXT_LENGTH},
    {"Please reduce the length of the messages", AC_ERROR_CONTEXT_LENGTH},
    {"prompt is too long", AC_ERROR_CONTEXT_LENGTH},
    {"The request took too long", AC_ERROR_UPSTREAM},
    {"model_not_found", AC_ERROR_MODEL_NOT_FOUND},
    {"No such model: x", AC_ERROR_MODEL_NOT_FOUND},
    {"host not found for model service", AC_ERROR_UPSTREAM},
    /* What somebody else has said is no reason. */
    {"Invalid prompt: [{\"content\":\"my rate limit\"}]", AC_ERROR_BAD_REQUEST},
    {"JSON parsing failed: Text: too many requests", AC_ERROR_UPSTREAM},
};

static void
the_upstreams_words_choose_the_kind(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(texts); i++) {
		struct ac_error error;

		ac_stream_error_set(&error, texts[i].text);
		if (error.code != texts[i].code)
			fail_msg("'%s' is %d", texts[i].text, (int)error.code);
		assert_int_equal(
		    error.retry_after_s > 0, error.code == AC_ERROR_RATE_LIMIT);
		assert_int_not_equal(strlen(error.message), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_code_gives_both_forms),
	    cmocka_unit_test(a_missing_param_is_null),
	    cmocka_unit_test(the_upstreams_words_choose_the_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

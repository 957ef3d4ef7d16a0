/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Requests for pictures: what is read, what is told to be without effect,
 * what is refused, and what goes to the web app. */
#include "api/images_request.h"

#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/text.h"
#include "support/unit.h"

static bool
parse(
    struct ac_images_request *request, const char *text, struct ac_error *error)
{
	struct evbuffer *body = ac_text_new();
	char *copy = ac_strdup(text);
	bool ok;

	for (char *p = copy; *p != '\0'; p++) {
		if (*p == '\'')
			*p = '"';
	}
	ac_text_add_string(body, copy);
	ok = ac_images_request_parse(request, body, error);
	evbuffer_free(body);
	free(copy);
	return ok;
}

static struct ac_images_request
read_request(const char *text)
{
	struct ac_images_request request;
	struct ac_error error;

	if (!parse(&request, text, &error))
		fail_msg("%s: %s", text, error.message);
	return request;
}

static void
a_prompt_is_enough(void **state)
{
	struct ac_images_request request = read_request("{'prompt':'a cat'}");

	AC_UNUSED(state);
	assert_string_equal(json_string_value(request.prompt), "a cat");
	assert_null(request.model);
	assert_int_equal(request.count, 1);
	assert_int_equal(request.format, AC_IMAGES_B64_JSON);
	assert_null(request.ignored);
	ac_images_request_clear(&request);
}

static void
what_is_asked_for_is_read(void **state)
{
	struct ac_images_request request = read_request(
	    "{'prompt':'x','model':'m','n':4,'response_format':'url'}");

	AC_UNUSED(state);
	assert_string_equal(request.model, "m");
	assert_int_equal(request.count, 4);
	assert_int_equal(request.format, AC_IMAGES_URL);
	ac_images_request_clear(&request);
	request = read_request("{'prompt':'x','model':'','n':null,"
			       "'response_format':null,'stream':false}");
	assert_null(request.model);
	assert_int_equal(request.count, 1);
	assert_int_equal(request.format, AC_IMAGES_B64_JSON);
	ac_images_request_clear(&request);
}

static void
what_has_no_effect_is_listed(void **state)
{
	static const struct {
		const char *fields;
		const char *list;
	} cases[] = {
	    {"'size':'auto','quality':'auto','style':'vivid',"
	     "'background':'auto','moderation':'auto','output_format':'png',"
	     "'output_compression':100,'partial_images':0,'user':''",
		NULL},
	    {"'size':null,'quality':null,'style':null,'background':null,"
	     "'moderation':null,'output_format':null,"
	     "'output_compression':null,'partial_images':null,'user':null",
		NULL},
	    {"'size':'256x256'", "size"},
	    {"'size':'512x512'", "size"},
	    {"'size':'1024x1024'", "size"},
	    {"'size':'1536x1024'", "size"},
	    {"'size':'1024x1536'", "size"},
	    {"'size':'1792x1024'", "size"},
	    {"'size':'1024x1792'", "size"},
	    {"'quality':'standard'", "quality"},
	    {"'quality':'hd'", "quality"},
	    {"'quality':'low'", "quality"},
	    {"'quality':'medium'", "quality"},
	    {"'quality':'high'", "quality"},
	    {"'style':'natural'", "style"},
	    {"'background':'transparent'", "background"},
	    {"'background':'opaque'", "background"},
	    {"'moderation':'low'", "moderation"},
	    {"'output_format':'jpeg'", "output_format"},
	    {"'output_format':'webp'", "output_format"},
	    {"'output_compression':0", "output_compression"},
	    {"'partial_images':3", "partial_images"},
	    {"'user':'ann','size':'1x1'", "size, user"},
	    {"'seed':1,'messages':[1],'temperature':2",
		"seed, messages, temperature"},
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		char *text = ac_asprintf("{'prompt':'x',%s}", cases[i].fields);
		struct ac_images_request request = read_request(text);

		if (cases[i].list == NULL)
			assert_null(request.ignored);
		else
			assert_string_equal(request.ignored, cases[i].list);
		ac_images_request_clear(&request);
		free(text);
	}
}

static void
what_is_malformed_is_refused(void **state)
{
	static const struct {
		const char *text;
		enum ac_error_code code;
		const char *param;
	} cases[] = {
	    {"", AC_ERROR_INVALID_JSON, ""},
	    {"{", AC_ERROR_INVALID_JSON, ""},
	    {"[]", AC_ERROR_INVALID_TYPE, ""},
	    {"{}", AC_ERROR_MISSING_PARAMETER, "prompt"},
	    {"{'prompt':null}", AC_ERROR_MISSING_PARAMETER, "prompt"},
	    {"{'prompt':''}", AC_ERROR_INVALID_VALUE, "prompt"},
	    {"{'prompt':['x']}", AC_ERROR_INVALID_TYPE, "prompt"},
	    {"{'prompt':'x','model':1}", AC_ERROR_INVALID_TYPE, "model"},
	    {"{'prompt':'x','model':'a\\u0000b'}", AC_ERROR_INVALID_VALUE,
		"model"},
	    {"{'prompt':'x','n':0}", AC_ERROR_INVALID_VALUE, "n"},
	    {"{'prompt':'x','n':5}", AC_ERROR_INVALID_VALUE, "n"},
	    {"{'prompt':'x','n':1.5}", AC_ERROR_INVALID_VALUE, "n"},
	    {"{'prompt':'x','n':-1}", AC_ERROR_INVALID_VALUE, "n"},
	    {"{'prompt':'x','n':1e300}", AC_ERROR_INVALID_VALUE, "n"},
	    {"{'prompt':'x','n':'2'}", AC_ERROR_INVALID_TYPE, "n"},
	    {"{'prompt':'x','response_format':'b64'}", AC_ERROR_INVALID_VALUE,
		"response_format"},
	    {"{'prompt':'x','response_format':{}}", AC_ERROR_INVALID_TYPE,
		"response_format"},
	    {"{'prompt':'x','stream':true}", AC_ERROR_UNSUPPORTED_VALUE,
		"stream"},
	    {"{'prompt':'x','stream':1}", AC_ERROR_INVALID_TYPE, "stream"},
	    {"{'prompt':'x','size':1024}", AC_ERROR_INVALID_TYPE, "size"},
	    {"{'prompt':'x','size':''}", AC_ERROR_INVALID_VALUE, "size"},
	    {"{'prompt':'x','size':'big'}", AC_ERROR_INVALID_VALUE, "size"},
	    {"{'prompt':'x','size':'x1'}", AC_ERROR_INVALID_VALUE, "size"},
	    {"{'prompt':'x','size':'1x'}", AC_ERROR_INVALID_VALUE, "size"},
	    {"{'prompt':'x','size':'1x1 '}", AC_ERROR_INVALID_VALUE, "size"},
	    {"{'prompt':'x','size':'1x1\\u0000'}", AC_ERROR_INVALID_VALUE,
		"size"},
	    {"{'prompt':'x','size':'100000x1'}", AC_ERROR_INVALID_VALUE,
		"size"},
	    {"{'prompt':'x','quality':'best'}", AC_ERROR_INVALID_VALUE,
		"quality"},
	    {"{'prompt':'x','quality':1}", AC_ERROR_INVALID_TYPE, "quality"},
	    {"{'prompt':'x','style':'auto'}", AC_ERROR_INVALID_VALUE, "style"},
	    {"{'prompt':'x','background':''}", AC_ERROR_INVALID_VALUE,
		"background"},
	    {"{'prompt':'x','moderation':'high'}", AC_ERROR_INVALID_VALUE,
		"moderation"},
	    {"{'prompt':'x','output_format':'gif'}", AC_ERROR_INVALID_VALUE,
		"output_format"},
	    {"{'prompt':'x','output_compression':101}", AC_ERROR_INVALID_VALUE,
		"output_compression"},
	    {"{'prompt':'x','output_compression':'9'}", AC_ERROR_INVALID_TYPE,
		"output_compression"},
	    {"{'prompt':'x','partial_images':4}", AC_ERROR_INVALID_VALUE,
		"partial_images"},
	    {"{'prompt':'x','user':7}", AC_ERROR_INVALID_TYPE, "user"},
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		struct ac_images_request request;
		struct ac_error error;

		if (parse(&request, cases[i].text, &error))
			fail_msg("%s passed", cases[i].text);
		if (error.code != cases[i].code ||
		    strcmp(error.param, cases[i].param) != 0)
			fail_msg("%s: %s (%s)", cases[i].text, error.message,
			    error.param);
	}
}

static bool
draws(
    const struct ac_options *options, const char *text, struct ac_error *error)
{
	struct ac_images_request request = read_request(text);
	bool ok = ac_images_request_check_model(&request, options, error);

	ac_images_request_clear(&request);
	return ok;
}

static void
one_model_draws_and_aliases_of_it(void **state)
{
	struct ac_config *config = ac_config_new();
	const struct ac_options *options = ac_config_options(config);
	char why[AC_OPTION_ERROR_SIZE];
	struct ac_error error;

	AC_UNUSED(state);
	assert_true(ac_config_set_from(config, AC_SOURCE_FLAG, "MODEL_ALIASES",
	    "dall-e-3=AkashGen,gpt-4o=DeepSeek-R1", why));
	assert_true(ac_config_set_from(
	    config, AC_SOURCE_FLAG, "DEFAULT_MODEL", "DeepSeek-R1", why));
	assert_true(draws(options, "{'prompt':'x'}", &error));
	assert_true(
	    draws(options, "{'prompt':'x','model':'AkashGen'}", &error));
	assert_true(
	    draws(options, "{'prompt':'x','model':'dall-e-3'}", &error));
	assert_false(draws(options, "{'prompt':'x','model':'gpt-4o'}", &error));
	assert_false(
	    draws(options, "{'prompt':'x','model':'gpt-image-1'}", &error));
	assert_int_equal(error.code, AC_ERROR_MODEL_NOT_FOUND);
	assert_string_equal(error.param, "model");
	assert_non_null(strstr(error.message, "gpt-image-1"));
	assert_non_null(strstr(error.message, "AkashGen"));
	assert_non_null(strstr(error.message, "MODEL_ALIASES"));
	ac_config_free(config);
}

/* The message that is sent for a request. */
static json_t *
translate(const struct ac_images_request *request,
    const struct ac_options *options, char **id)
{
	struct ac_bytes *bytes = ac_images_request_translate(request, options);
	json_t *body = ac_json_parse_lenient(bytes->data, bytes->len);
	json_t *messages = json_object_get(body, "messages");
	json_t *message = json_incref(json_array_get(messages, 0));

	assert_int_equal(json_array_size(messages), 1);
	assert_string_equal(ac_json_get_string(body, "model"), "AkashGen");
	*id = ac_strdup(ac_json_get_string(body, "id"));
	json_decref(body);
	ac_bytes_unref(bytes);
	return message;
}

static void
the_prompt_becomes_a_message_of_its_own_chat(void **state)
{
	struct ac_config *config = ac_config_new();
	struct ac_images_request request =
	    read_request("{'prompt':'a \\u0000 cat','model':'dall-e-3'}");
	char *ids[2];

	AC_UNUSED(state);
	for (size_t i = 0; i < 2; i++) {
		json_t *message =
		    translate(&request, ac_config_options(config), &ids[i]);
		json_t *content = json_object_get(message, "content");

		assert_string_equal(
		    ac_json_get_string(message, "role"), "user");
		assert_int_equal(json_string_length(content), 7);
		assert_memory_equal(json_string_value(content), "a \0 cat", 7);
		json_decref(message);
	}
	assert_string_not_equal(ids[0], ids[1]);
	free(ids[0]);
	free(ids[1]);
	ac_images_request_clear(&request);
	ac_config_free(config);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_prompt_is_enough),
	    cmocka_unit_test(what_is_asked_for_is_read),
	    cmocka_unit_test(what_has_no_effect_is_listed),
	    cmocka_unit_test(what_is_malformed_is_refused),
	    cmocka_unit_test(one_model_draws_and_aliases_of_it),
	    cmocka_unit_test(the_prompt_becomes_a_message_of_its_own_chat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

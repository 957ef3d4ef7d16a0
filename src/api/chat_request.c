/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Reading a chat request: see chat_request.h. Every field is checked here,
 * so that the translation (chat_translate.c) meets only what it knows. A
 * field that is null counts as absent; unknown fields pass.
 */
#include "api/chat_request.h"

#include <stdio.h>
#include <string.h>

#include <event2/buffer.h>

#include "base/json.h"

enum { PATH_SIZE = 96 };

static bool read_fields(struct ac_chat_request *, struct ac_error *);
static bool read_number(const json_t *body, const char *key, double max,
    struct ac_optional_real *, struct ac_error *);
static bool read_switch(const json_t *object, const char *key, const char *path,
    bool *, struct ac_error *);
static bool check_messages(struct ac_chat_request *, struct ac_error *);
static bool check_message(
    struct ac_chat_request *, size_t i, struct ac_error *);
static bool check_parts(
    struct ac_chat_request *, const json_t *parts, size_t i, struct ac_error *);

bool
ac_chat_request_parse(struct ac_chat_request *request, struct evbuffer *body,
    struct ac_error *error)
{
	size_t len = evbuffer_get_length(body);
	const char *data = (const char *)evbuffer_pullup(body, -1);
	char why[JSON_ERROR_TEXT_LENGTH + 64];

	*request = (struct ac_chat_request){.json = NULL};
	request->json =
	    ac_json_parse(len == 0 ? "" : data, len, why, sizeof(why));
	if (request->json == NULL) {
		ac_error_set(error, AC_ERROR_INVALID_JSON,
		    "The request's body is not valid JSON: %s.", why);
		return false;
	}
	if (!read_fields(request, error)) {
		ac_chat_request_clear(request);
		return false;
	}
	return true;
}

void
ac_chat_request_clear(struct ac_chat_request *request)
{
	json_decref(request->json);
	request->json = NULL;
}

static const char *
type_name(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "a boolean";
	case JSON_NULL:
		return "null";
	}
	return "unknown";
}

static bool
wrong_type(struct ac_error *error, const char *path, const char *expected,
    const json_t *value)
{
	ac_error_set_param(error, AC_ERROR_INVALID_TYPE, path,
	    "Invalid type for '%s': expected %s, but got %s.", path, expected,
	    type_name(value));
	return false;
}

static bool
missing(struct ac_error *error, const char *path)
{
	ac_error_set_param(error, AC_ERROR_MISSING_PARAMETER, path,
	    "Missing required parameter: '%s'.", path);
	return false;
}

static bool
read_fields(struct ac_chat_request *request, struct ac_error *error)
{
	const json_t *body = request->json;
	const json_t *model = ac_json_get(body, "model");
	const json_t *stream_options = ac_json_get(body, "stream_options");

	if (!json_is_object(body)) {
		ac_error_set(error, AC_ERROR_INVALID_TYPE,
		    "The request's body must be a JSON object, but it is %s.",
		    type_name(body));
		return false;
	}
	if (model != NULL && !json_is_string(model))
		return wrong_type(error, "model", "a string", model);
	if (stream_options != NULL && !json_is_object(stream_options))
		return wrong_type(
		    error, "stream_options", "an object", stream_options);
	request->model = json_string_value(model);
	if (request->model != NULL &&
	    strlen(request->model) != json_string_length(model)) {
		ac_error_set_param(error, AC_ERROR_INVALID_VALUE, "model",
		    "Invalid 'model': it holds a NUL character.");
		return false;
	}
	return read_switch(body, "stream", "stream", &request->stream, error) &&
	       read_switch(stream_options, "include_usage",
		   "stream_options.include_usage", &request->include_usage,
		   error) &&
	       read_number(
		   body, "temperature", 2, &request->temperature, error) &&
	       /* The Go program's clients write topP. */
	       read_number(body, "topP", 1, &request->top_p, error) &&
	       read_number(body, "top_p", 1, &request->top_p, error) &&
	       check_messages(request, error);
}

static bool
read_switch(const json_t *object, const char *key, const char *path, bool *on,
    struct ac_error *error)
{
	const json_t *value = ac_json_get(object, key);

	if (value == NULL)
		return true;
	if (!json_is_boolean(value))
		return wrong_type(error, path, "a boolean", value);
	*on = json_is_true(value);
	return true;
}

static bool
read_number(const json_t *body, const char *key, double max,
    struct ac_optional_real *number, struct ac_error *error)
{
	const json_t *value = ac_json_get(body, key);

	if (value == NULL)
		return true;
	if (!json_is_number(value))
		return wrong_type(error, key, "a number", value);
	if (json_number_value(value) < 0 || json_number_value(value) > max) {
		ac_error_set_param(error, AC_ERROR_INVALID_VALUE, key,
		    "Invalid '%s': it must be from 0 to %g.", key, max);
		return false;
	}
	number->set = true;
	number->value = json_number_value(value);
	return true;
}

static bool
check_messages(struct ac_chat_request *request, struct ac_error *error)
{
	const json_t *messages = ac_json_get(request->json, "messages");

	if (messages == NULL)
		return missing(error, "messages");
	if (!json_is_array(messages))
		return wrong_type(error, "messages", "an array", messages);
	if (json_array_size(messages) == 0) {
		ac_error_set_param(error, AC_ERROR_INVALID_VALUE, "messages",
		    "Invalid 'messages': there must be one at least.");
		return false;
	}
	request->messages = messages;
	for (size_t i = 0; i < json_array_size(messages); i++) {
		if (!check_message(request, i, error))
			return false;
	}
	return true;
}

static bool
check_role(const json_t *role, const char *path, struct ac_error *error)
{
	static const char *const roles[] = {
	    "system", "developer", "user", "assistant"};

	if (role == NULL)
		return missing(error, path);
	if (!json_is_string(role))
		return wrong_type(error, path, "a string", role);
	for (size_t i = 0; i < AC_LENGTH(roles); i++) {
		if (ac_json_equals(role, roles[i]))
			return true;
	}
	ac_error_set_param(error, AC_ERROR_UNSUPPORTED_VALUE, path,
	    "Invalid '%s': '%.60s' is not supported; supported are 'system', "
	    "'developer', 'user' and 'assistant'.",
	    path, json_string_value(role));
	return false;
}

static bool
check_message(struct ac_chat_request *request, size_t i, struct ac_error *error)
{
	const json_t *message = json_array_get(request->messages, i);
	const json_t *content = ac_json_get(message, "content");
	const json_t *role = ac_json_get(message, "role");
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "messages[%zu]", i);
	if (!json_is_object(message))
		return wrong_type(error, path, "an object", message);
	snprintf(path, sizeof(path), "messages[%zu].role", i);
	if (!check_role(role, path, error))
		return false;
	snprintf(path, sizeof(path), "messages[%zu].content", i);
	if (content == NULL)
		return ac_json_equals(role, "assistant") ||
		       missing(error, path);
	if (json_is_array(content))
		return check_parts(request, content, i, error);
	if (!json_is_string(content))
		return wrong_type(error, path, "a string or an array", content);
	request->prompt_len += (int64_t)json_string_length(content);
	return true;
}

static bool
check_part(struct ac_chat_request *request, const json_t *part, size_t i,
    size_t j, struct ac_error *error)
{
	const json_t *type = ac_json_get(part, "type");
	const json_t *text = ac_json_get(part, "text");
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "messages[%zu].content[%zu]", i, j);
	if (!json_is_object(part))
		return wrong_type(error, path, "an object", part);
	snprintf(path, sizeof(path), "messages[%zu].content[%zu].type", i, j);
	if (type == NULL)
		return missing(error, path);
	if (!json_is_string(type))
		return wrong_type(error, path, "a string", type);
	if (!ac_json_equals(type, "text")) {
		ac_error_set_param(error, AC_ERROR_UNSUPPORTED_CONTENT, path,
		    "Content of type '%.60s' is not supported, only text is.",
		    json_string_value(type));
		return false;
	}
	snprintf(path, sizeof(path), "messages[%zu].content[%zu].text", i, j);
	if (text == NULL)
		return missing(error, path);
	if (!json_is_string(text))
		return wrong_type(error, path, "a string", text);
	request->prompt_len += (int64_t)json_string_length(text);
	return true;
}

static bool
check_parts(struct ac_chat_request *request, const json_t *parts, size_t i,
    struct ac_error *error)
{
	for (size_t j = 0; j < json_array_size(parts); j++) {
		if (!check_part(request, json_array_get(parts, j), i, j, error))
			return false;
	}
	return true;
}

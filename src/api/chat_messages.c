/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Checking messages: see chat_messages.h. What clients send beside what is
 * read here (names, cache marks, annotations) passes.
 */
#include "api/chat_messages.h"

#include <stdio.h>
#include <string.h>

#include <event2/util.h>

#include "api/field_check.h"
#include "api/picture_url.h"
#include "base/json.h"

enum { PATH_SIZE = 128 };

/* One message under check. */
struct check {
	const json_t *message;
	size_t i;         /* its index */
	int64_t text_len; /* bytes, of all messages so far */
	size_t parts;     /* and calls, of all messages so far */
	struct ac_error *error;
};

static bool check_message(struct check *);
static bool count_parts(struct check *, const json_t *parts);
static bool check_role(const struct check *);
static bool check_content(struct check *);
static bool check_part(struct check *, const json_t *part, size_t j);
static bool check_text(
    struct check *, const json_t *part, size_t j, const char *key);
static bool check_picture(struct check *, const json_t *part, size_t j);
static bool check_refusal(struct check *);
static bool check_calls(struct check *);
static bool check_function(
    struct check *, const json_t *function, const char *path);

bool
ac_chat_messages_check(
    const json_t *messages, int64_t *text_len, struct ac_error *error)
{
	struct check check = {.error = error};

	if (messages == NULL)
		return ac_field_missing(error, "messages");
	if (!json_is_array(messages))
		return ac_field_wrong_type(
		    error, "messages", "an array", messages);
	if (json_array_size(messages) == 0) {
		ac_error_set_param(error, AC_ERROR_INVALID_VALUE, "messages",
		    "Invalid 'messages': there must be one at least.");
		return false;
	}
	if (json_array_size(messages) > AC_CHAT_MESSAGES_MAX) {
		ac_error_set_param(error, AC_ERROR_INVALID_VALUE, "messages",
		    "Invalid 'messages': there may be %d at most.",
		    AC_CHAT_MESSAGES_MAX);
		return false;
	}
	for (check.i = 0; check.i < json_array_size(messages); check.i++) {
		check.message = json_array_get(messages, check.i);
		if (!check_message(&check))
			return false;
	}
	*text_len += check.text_len;
	return true;
}

static bool
has_role(const struct check *check, const char *role)
{
	return ac_json_equals(ac_json_get(check->message, "role"), role);
}

static void
count_text(struct check *check, const json_t *text)
{
	check->text_len += (int64_t)json_string_length(text);
}

/* An array of parts or calls, or anything else, which has none. */
static bool
count_parts(struct check *check, const json_t *parts)
{
	check->parts += json_array_size(parts);
	if (check->parts <= AC_CHAT_PARTS_MAX)
		return true;
	ac_error_set_param(check->error, AC_ERROR_INVALID_VALUE, "messages",
	    "Invalid 'messages': there may be %d parts of content and calls of "
	    "tools in them at most.",
	    AC_CHAT_PARTS_MAX);
	return false;
}

static bool
check_message(struct check *check)
{
	char path[PATH_SIZE];

	if (!json_is_object(check->message)) {
		snprintf(path, sizeof(path), "messages[%zu]", check->i);
		return ac_field_wrong_type(
		    check->error, path, "an object", check->message);
	}
	if (!check_role(check) || !check_content(check))
		return false;
	return !has_role(check, "assistant") ||
	       (check_refusal(check) && check_calls(check));
}

static bool
check_role(const struct check *check)
{
	static const char *const roles[] = {
	    "system", "developer", "user", "assistant", "tool", "function"};
	const json_t *role = ac_json_get(check->message, "role");
	char path[PATH_SIZE];

	for (size_t i = 0; i < AC_LENGTH(roles); i++) {
		if (ac_json_equals(role, roles[i]))
			return true;
	}
	snprintf(path, sizeof(path), "messages[%zu].role", check->i);
	if (!ac_field_need_string(role, path, check->error))
		return false;
	ac_error_set_param(check->error, AC_ERROR_UNSUPPORTED_VALUE, path,
	    "Invalid '%s': '%.60s' is not supported; supported are 'system', "
	    "'developer', 'user', 'assistant', 'tool' and 'function'.",
	    path, json_string_value(role));
	return false;
}

/* Assistants that only called tools say nothing, and tools may give nothing
 * back. */
static bool
may_be_silent(const struct check *check)
{
	return has_role(check, "assistant") || has_role(check, "tool") ||
	       has_role(check, "function");
}

static bool
check_content(struct check *check)
{
	const json_t *content = ac_json_get(check->message, "content");
	char path[PATH_SIZE];

	if (json_is_string(content)) {
		count_text(check, content);
		return true;
	}
	snprintf(path, sizeof(path), "messages[%zu].content", check->i);
	if (content == NULL)
		return may_be_silent(check) ||
		       ac_field_missing(check->error, path);
	if (!json_is_array(content))
		return ac_field_wrong_type(
		    check->error, path, "a string or an array", content);
	if (!count_parts(check, content))
		return false;
	for (size_t j = 0; j < json_array_size(content); j++) {
		if (!check_part(check, json_array_get(content, j), j))
			return false;
	}
	return true;
}

static bool
refuse_part(const struct check *check, const json_t *type, const char *path)
{
	bool is_picture = ac_json_equals(type, "image_url");

	ac_error_set_param(check->error, AC_ERROR_UNSUPPORTED_CONTENT, path,
	    "Content of type '%.60s' is not supported%s.",
	    json_string_value(type),
	    is_picture                ? " but in messages of users"
	    : has_role(check, "user") ? ", only text and image_url are"
				      : ", only text is");
	return false;
}

/* What a model thought before it spoke, in the forms that clients keep: left
 * out, as the reasoning_content beside the content is. */
static bool
is_thinking(const json_t *type)
{
	return ac_json_equals(type, "thinking") ||
	       ac_json_equals(type, "redacted_thinking") ||
	       ac_json_equals(type, "reasoning");
}

static bool
check_part(struct check *check, const json_t *part, size_t j)
{
	const json_t *type = ac_json_get(part, "type");
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "messages[%zu].content[%zu]", check->i, j);
	if (!json_is_object(part))
		return ac_field_wrong_type(
		    check->error, path, "an object", part);
	snprintf(
	    path, sizeof(path), "messages[%zu].content[%zu].type", check->i, j);
	if (!ac_field_need_string(type, path, check->error))
		return false;
	if (ac_json_equals(type, "text"))
		return check_text(check, part, j, "text");
	if (ac_json_equals(type, "refusal") && has_role(check, "assistant"))
		return check_text(check, part, j, "refusal");
	if (is_thinking(type) && has_role(check, "assistant"))
		return true;
	if (ac_json_equals(type, "image_url") && has_role(check, "user"))
		return check_picture(check, part, j);
	return refuse_part(check, type, path);
}

static bool
check_text(struct check *check, const json_t *part, size_t j, const char *key)
{
	const json_t *text = ac_json_get(part, key);
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "messages[%zu].content[%zu].%s", check->i,
	    j, key);
	count_text(check, text);
	return ac_field_need_string(text, path, check->error);
}

/* What other encoders do: lines of 76 characters, the alphabet for URLs. */
static const char base64_hint[] =
    " Base64 consists of A-Z, a-z, 0-9, '+' and '/' here, with or without '=' "
    "at its end, and has no line breaks.";

/* {"url":...} as OpenAI has it, or the URL alone as some clients do. */
static bool
check_picture(struct check *check, const json_t *part, size_t j)
{
	const json_t *picture = ac_json_get(part, "image_url");
	char path[PATH_SIZE];
	const char *why;
	bool is_data;

	snprintf(path, sizeof(path), "messages[%zu].content[%zu].image_url%s",
	    check->i, j, json_is_object(picture) ? ".url" : "");
	if (json_is_object(picture))
		picture = ac_json_get(picture, "url");
	else if (picture != NULL && !json_is_string(picture))
		return ac_field_wrong_type(
		    check->error, path, "an object", picture);
	if (!ac_field_need_string(picture, path, check->error))
		return false;
	why = ac_picture_url_check(
	    json_string_value(picture), json_string_length(picture));
	if (why == NULL)
		return true;
	is_data = evutil_ascii_strncasecmp(
		      json_string_value(picture), "data:", 5) == 0;
	ac_error_set_param(check->error, AC_ERROR_INVALID_VALUE, path,
	    "Invalid '%s': %s.%s", path, why, is_data ? base64_hint : "");
	return false;
}

static bool
check_refusal(struct check *check)
{
	const json_t *refusal = ac_json_get(check->message, "refusal");
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "messages[%zu].refusal", check->i);
	count_text(check, refusal);
	return refusal == NULL ||
	       ac_field_need_string(refusal, path, check->error);
}

static bool
check_call(struct check *check, const json_t *call, size_t j)
{
	const json_t *custom = ac_json_get(call, "custom");
	char path[PATH_SIZE];

	snprintf(
	    path, sizeof(path), "messages[%zu].tool_calls[%zu]", check->i, j);
	if (!json_is_object(call))
		return ac_field_wrong_type(
		    check->error, path, "an object", call);
	snprintf(path, sizeof(path), "messages[%zu].tool_calls[%zu].%s",
	    check->i, j, custom != NULL ? "custom" : "function");
	return check_function(check,
	    custom != NULL ? custom : ac_json_get(call, "function"), path);
}

static bool
check_calls(struct check *check)
{
	const json_t *calls = ac_json_get(check->message, "tool_calls");
	const json_t *call = ac_json_get(check->message, "function_call");
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "messages[%zu].tool_calls", check->i);
	if (calls != NULL && !json_is_array(calls))
		return ac_field_wrong_type(
		    check->error, path, "an array", calls);
	if (!count_parts(check, calls))
		return false;
	for (size_t j = 0; j < json_array_size(calls); j++) {
		if (!check_call(check, json_array_get(calls, j), j))
			return false;
	}
	snprintf(path, sizeof(path), "messages[%zu].function_call", check->i);
	return call == NULL || check_function(check, call, path);
}

/* The name of what was called; with what, is passed on as it is. */
static bool
check_function(struct check *check, const json_t *function, const char *path)
{
	const json_t *name = ac_json_get(function, "name");
	char name_path[PATH_SIZE + 8];

	if (function == NULL)
		return ac_field_missing(check->error, path);
	if (!json_is_object(function))
		return ac_field_wrong_type(
		    check->error, path, "an object", function);
	snprintf(name_path, sizeof(name_path), "%s.name", path);
	count_text(check, name);
	count_text(check, ac_json_get(function, "arguments"));
	count_text(check, ac_json_get(function, "input"));
	return ac_field_need_string(name, name_path, check->error);
}

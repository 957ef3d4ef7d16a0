/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Reading a request: see chat_request.h. Every field is checked here, the
 * messages in chat_messages.c and what the upstream does not know in
 * field_rules.c, so that the translation (chat_translate.c) meets only what
 * it knows. A field that is null counts as absent; unknown fields pass.
 */
#include "api/chat_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "api/chat_messages.h"
#include "api/field_check.h"
#include "api/field_rules.h"
#include "base/json.h"

typedef bool read_fn(struct ac_chat_request *, struct ac_error *);

static bool parse(struct ac_chat_request *, struct evbuffer *body, read_fn *,
    struct ac_error *);
static bool read_chat(struct ac_chat_request *, struct ac_error *);
static bool read_completion(struct ac_chat_request *, struct ac_error *);
static bool read_fields(
    struct ac_chat_request *, enum ac_endpoint, struct ac_error *);
static bool read_model(struct ac_chat_request *, struct ac_error *);
static bool read_stream_options(struct ac_chat_request *, struct ac_error *);
static bool read_stops(struct ac_chat_request *, struct ac_error *);
static bool add_stop(struct ac_chat_request *, const json_t *, const char *path,
    struct ac_error *);
static const json_t *find_prompt(const json_t *body, struct ac_error *);

bool
ac_chat_request_parse(struct ac_chat_request *request, struct evbuffer *body,
    struct ac_error *error)
{
	return parse(request, body, read_chat, error);
}

bool
ac_completion_request_parse(struct ac_chat_request *request,
    struct evbuffer *body, struct ac_error *error)
{
	return parse(request, body, read_completion, error);
}

static bool
parse(struct ac_chat_request *request, struct evbuffer *body, read_fn *read,
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
	if (!read(request, error)) {
		ac_chat_request_clear(request);
		return false;
	}
	return true;
}

void
ac_chat_request_clear(struct ac_chat_request *request)
{
	json_decref(request->json);
	free(request->ignored);
	*request = (struct ac_chat_request){.json = NULL};
}

static bool
read_chat(struct ac_chat_request *request, struct ac_error *error)
{
	if (!read_fields(request, AC_ENDPOINT_CHAT, error))
		return false;
	request->messages = ac_json_get(request->json, "messages");
	return ac_chat_messages_check(
	    request->messages, &request->prompt_len, error);
}

static bool
read_completion(struct ac_chat_request *request, struct ac_error *error)
{
	const json_t *prompt;
	json_t *message, *messages;

	if (!read_fields(request, AC_ENDPOINT_COMPLETION, error))
		return false;
	prompt = find_prompt(request->json, error);
	if (prompt == NULL)
		return false;
	message = json_object();
	json_object_set_new(message, "role", json_string("user"));
	json_object_set_new(message, "content",
	    json_stringn(
		json_string_value(prompt), json_string_length(prompt)));
	messages = json_array();
	json_array_append_new(messages, message);
	/* In the body, which then owns them. */
	json_object_set_new(request->json, "messages", messages);
	request->messages = messages;
	request->prompt_len = (int64_t)json_string_length(prompt);
	return true;
}

static bool
read_fields(struct ac_chat_request *request, enum ac_endpoint endpoint,
    struct ac_error *error)
{
	const json_t *body = request->json;

	if (!json_is_object(body)) {
		ac_error_set(error, AC_ERROR_INVALID_TYPE,
		    "The request's body must be a JSON object, but it is %s.",
		    ac_field_type_name(body));
		return false;
	}
	return read_model(request, error) &&
	       ac_field_read_switch(
		   body, "stream", "stream", &request->stream, error) &&
	       read_stream_options(request, error) &&
	       ac_field_read_number(
		   body, "temperature", 0, 2, &request->temperature, error) &&
	       /* The Go program's clients write topP. */
	       ac_field_read_number(
		   body, "topP", 0, 1, &request->top_p, error) &&
	       ac_field_read_number(
		   body, "top_p", 0, 1, &request->top_p, error) &&
	       ac_field_read_count(
		   body, "max_tokens", &request->max_tokens, error) &&
	       /* The newer name, which beats the older one. */
	       ac_field_read_count(body, "max_completion_tokens",
		   &request->max_tokens, error) &&
	       read_stops(request, error) &&
	       ac_field_rules_check(body, endpoint, &request->ignored, error);
}

static bool
read_model(struct ac_chat_request *request, struct ac_error *error)
{
	const json_t *model = ac_json_get(request->json, "model");

	if (model != NULL && !json_is_string(model))
		return ac_field_wrong_type(error, "model", "a string", model);
	request->model = json_string_value(model);
	if (request->model != NULL &&
	    strlen(request->model) != json_string_length(model)) {
		ac_error_set_param(error, AC_ERROR_INVALID_VALUE, "model",
		    "Invalid 'model': it holds a NUL character.");
		return false;
	}
	return true;
}

/* Without "stream" too: clients set them once for all their requests. */
static bool
read_stream_options(struct ac_chat_request *request, struct ac_error *error)
{
	const json_t *options = ac_json_get(request->json, "stream_options");

	if (options != NULL && !json_is_object(options))
		return ac_field_wrong_type(
		    error, "stream_options", "an object", options);
	return ac_field_read_switch(options, "include_usage",
	    "stream_options.include_usage", &request->include_usage, error);
}

static bool
read_stops(struct ac_chat_request *request, struct ac_error *error)
{
	const json_t *stop = ac_json_get(request->json, "stop");
	char path[32];

	if (stop == NULL)
		return true;
	if (json_is_string(stop))
		return add_stop(request, stop, "stop", error);
	if (!json_is_array(stop))
		return ac_field_wrong_type(
		    error, "stop", "a string or an array", stop);
	for (size_t i = 0; i < json_array_size(stop); i++) {
		snprintf(path, sizeof(path), "stop[%zu]", i);
		if (!add_stop(request, json_array_get(stop, i), path, error))
			return false;
	}
	return true;
}

/* An empty text, an empty line of a client's form, stops nothing. */
static bool
add_stop(struct ac_chat_request *request, const json_t *stop, const char *path,
    struct ac_error *error)
{
	struct ac_stop_string *added = &request->stops[request->stop_count];

	if (!json_is_string(stop))
		return ac_field_wrong_type(error, path, "a string", stop);
	if (json_string_length(stop) == 0)
		return true;
	if (request->stop_count == AC_STOP_MAX) {
		ac_error_set_param(error, AC_ERROR_INVALID_VALUE, "stop",
		    "Invalid 'stop': there may be %d at most.", AC_STOP_MAX);
		return false;
	}
	if (json_string_length(stop) > AC_STOP_LEN_MAX) {
		ac_error_set_param(error, AC_ERROR_INVALID_VALUE, path,
		    "Invalid '%s': it may have %d bytes at most.", path,
		    AC_STOP_LEN_MAX);
		return false;
	}
	added->text = json_string_value(stop);
	added->len = json_string_length(stop);
	request->stop_count++;
	return true;
}

static void
refuse_prompt(struct ac_error *error, const char *why)
{
	ac_error_set_param(error, AC_ERROR_UNSUPPORTED_VALUE, "prompt",
	    "Unsupported 'prompt': %s.", why);
}

/* The one string that the prompt is or holds, or NULL and an error. */
static const json_t *
find_prompt(const json_t *body, struct ac_error *error)
{
	const json_t *prompt = ac_json_get(body, "prompt");
	const json_t *first = json_array_get(prompt, 0);

	if (prompt == NULL)
		ac_field_missing(error, "prompt");
	else if (json_is_string(prompt))
		return prompt;
	else if (!json_is_array(prompt))
		ac_field_wrong_type(
		    error, "prompt", "a string or an array", prompt);
	else if (first == NULL)
		ac_error_set_param(error, AC_ERROR_INVALID_VALUE, "prompt",
		    "Invalid 'prompt': there must be one.");
	else if (json_is_number(first) || json_is_array(first))
		refuse_prompt(error, "it must be text, not tokens");
	else if (!json_is_string(first))
		ac_field_wrong_type(error, "prompt[0]", "a string", first);
	else if (json_array_size(prompt) > 1)
		refuse_prompt(error, "there may be one for each request");
	else
		return first;
	return NULL;
}

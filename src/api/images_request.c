/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Reading a request for pictures: see images_request.h. */
#include "api/images_request.h"

#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "api/chat_request.h"
#include "api/field_check.h"
#include "api/field_rules.h"
#include "base/json.h"
#include "base/options.h"
#include "upstream/models.h"

static bool read_fields(struct ac_images_request *, struct ac_error *);
static bool read_prompt(struct ac_images_request *, struct ac_error *);
static bool read_model(struct ac_images_request *, struct ac_error *);
static bool read_count(struct ac_images_request *, struct ac_error *);
static bool read_format(struct ac_images_request *, struct ac_error *);
static bool read_stream(const struct ac_images_request *, struct ac_error *);

bool
ac_images_request_parse(struct ac_images_request *request,
    struct evbuffer *body, struct ac_error *error)
{
	size_t len = evbuffer_get_length(body);
	const char *data = (const char *)evbuffer_pullup(body, -1);
	char why[JSON_ERROR_TEXT_LENGTH + 64];

	*request = (struct ac_images_request){.count = 1};
	request->json =
	    ac_json_parse(len == 0 ? "" : data, len, why, sizeof(why));
	if (request->json == NULL) {
		ac_error_set(error, AC_ERROR_INVALID_JSON,
		    "The request's body is not valid JSON: %s.", why);
		return false;
	}
	if (!read_fields(request, error)) {
		ac_images_request_clear(request);
		return false;
	}
	return true;
}

void
ac_images_request_clear(struct ac_images_request *request)
{
	json_decref(request->json);
	free(request->ignored);
	*request = (struct ac_images_request){.json = NULL};
}

static bool
read_fields(struct ac_images_request *request, struct ac_error *error)
{
	if (!json_is_object(request->json)) {
		ac_error_set(error, AC_ERROR_INVALID_TYPE,
		    "The request's body must be a JSON object, but it is %s.",
		    ac_field_type_name(request->json));
		return false;
	}
	return read_prompt(request, error) && read_model(request, error) &&
	       read_count(request, error) && read_format(request, error) &&
	       read_stream(request, error) &&
	       ac_field_rules_check(
		   request->json, AC_ENDPOINT_IMAGES, &request->ignored, error);
}

static bool
read_prompt(struct ac_images_request *request, struct ac_error *error)
{
	const json_t *prompt = ac_json_get(request->json, "prompt");

	if (!ac_field_need_string(prompt, "prompt", error))
		return false;
	if (json_string_length(prompt) == 0) {
		ac_error_set_param(error, AC_ERROR_INVALID_VALUE, "prompt",
		    "Invalid 'prompt': it must not be empty.");
		return false;
	}
	request->prompt = prompt;
	return true;
}

/* An empty one is the empty line of a client's form. */
static bool
read_model(struct ac_images_request *request, struct ac_error *error)
{
	const json_t *model = ac_json_get(request->json, "model");

	if (model != NULL && !json_is_string(model))
		return ac_field_wrong_type(error, "model", "a string", model);
	if (json_string_length(model) == 0)
		return true;
	request->model = json_string_value(model);
	if (strlen(request->model) != json_string_length(model)) {
		ac_error_set_param(error, AC_ERROR_INVALID_VALUE, "model",
		    "Invalid 'model': it holds a NUL character.");
		return false;
	}
	return true;
}

static bool
read_count(struct ac_images_request *request, struct ac_error *error)
{
	int64_t count = 1;

	if (!ac_field_read_count(request->json, "n", &count, error))
		return false;
	if (count > AC_IMAGES_MAX) {
		ac_error_set_param(error, AC_ERROR_INVALID_VALUE, "n",
		    "Invalid 'n': it must be from 1 to %d.", AC_IMAGES_MAX);
		return false;
	}
	request->count = (size_t)count;
	return true;
}

static bool
read_format(struct ac_images_request *request, struct ac_error *error)
{
	const json_t *format = ac_json_get(request->json, "response_format");

	if (format == NULL || ac_json_equals(format, "b64_json"))
		return true;
	if (!json_is_string(format))
		return ac_field_wrong_type(
		    error, "response_format", "a string", format);
	if (!ac_json_equals(format, "url")) {
		ac_error_set_param(error, AC_ERROR_INVALID_VALUE,
		    "response_format",
		    "Invalid 'response_format': it must be 'b64_json' or "
		    "'url'.");
		return false;
	}
	request->format = AC_IMAGES_URL;
	return true;
}

static bool
read_stream(const struct ac_images_request *request, struct ac_error *error)
{
	bool stream = false;

	if (!ac_field_read_switch(
		request->json, "stream", "stream", &stream, error))
		return false;
	if (!stream)
		return true;
	ac_error_set_param(error, AC_ERROR_UNSUPPORTED_VALUE, "stream",
	    "Unsupported 'stream': pictures come whole.");
	return false;
}

bool
ac_images_request_check_model(const struct ac_images_request *request,
    const struct ac_options *options, struct ac_error *error)
{
	const char *asked = request->model;
	const char *target = NULL;

	if (asked == NULL)
		return true;
	target = ac_aliases_find(&options->model_aliases, asked);
	if (strcmp(target == NULL ? asked : target, AC_MODEL_IMAGE) == 0)
		return true;
	ac_error_set_param(error, AC_ERROR_MODEL_NOT_FOUND, "model",
	    "The model '%.200s' does not draw: '" AC_MODEL_IMAGE
	    "' does, which is also taken where no model is named. "
	    "MODEL_ALIASES can have other names stand for it.",
	    asked);
	return false;
}

struct ac_bytes *
ac_images_request_translate(
    const struct ac_images_request *request, const struct ac_options *options)
{
	json_t *message = json_object();
	json_t *messages = json_array();
	struct ac_chat_request chat = {.messages = messages};
	struct ac_bytes *body;

	json_object_set_new(message, "role", json_string("user"));
	json_object_set_new(message, "content",
	    json_stringn(json_string_value(request->prompt),
		json_string_length(request->prompt)));
	json_array_append_new(messages, message);
	body = ac_chat_request_translate(&chat, options, AC_MODEL_IMAGE);
	json_decref(messages);
	return body;
}

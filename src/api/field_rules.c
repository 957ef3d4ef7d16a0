/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What becomes of fields that the upstream does not know: see field_rules.h.
 * Values that are the API's defaults ask for nothing and are passed over. */
#include "api/field_rules.h"

#include <string.h>

#include <event2/buffer.h>

#include "api/field_check.h"
#include "base/json.h"
#include "base/text.h"

enum { NAME_MAX_LEN = 64 };

enum verdict {
	HONOURED, /* or it asks for nothing */
	IGNORED,
	REFUSED, /* the error is set */
};

struct field {
	const char *name;
	const json_t *value; /* not null */
	const json_t *body;
	struct ac_error *error;
};

typedef enum verdict judge_fn(const struct field *);

static judge_fn pass, ignore, judge_options, judge_n, judge_logprobs,
    judge_logprobs_count, judge_top_logprobs, judge_modalities,
    judge_response_format, judge_tool_choice, judge_function_call,
    judge_parallel_calls, judge_penalty, judge_tier, judge_verbosity,
    refuse_feature, judge_echo, judge_suffix, judge_choice, judge_size,
    judge_compression, judge_partial_images, judge_user;

enum {
	CHAT = 1u << AC_ENDPOINT_CHAT,
	COMPLETION = 1u << AC_ENDPOINT_COMPLETION,
	IMAGES = 1u << AC_ENDPOINT_IMAGES,
	BOTH = CHAT | COMPLETION,
	ALL = BOTH | IMAGES,
};

static const struct rule {
	const char *name;
	judge_fn *judge;
	unsigned endpoints;
} rules[] = {
    /* read elsewhere */
    {"model", pass, ALL},
    {"messages", pass, CHAT},
    {"prompt", pass, COMPLETION | IMAGES},
    {"stream", pass, ALL},
    {"temperature", pass, BOTH},
    {"top_p", pass, BOTH},
    {"topP", pass, BOTH},
    {"stop", pass, BOTH},
    {"max_tokens", pass, BOTH},
    {"max_completion_tokens", pass, BOTH},
    {"stream_options", judge_options, BOTH},
    {"n", pass, IMAGES},
    {"response_format", pass, IMAGES},
    /* they change what the answer is */
    {"n", judge_n, BOTH},
    {"best_of", judge_n, COMPLETION},
    {"logprobs", judge_logprobs, CHAT},
    {"logprobs", judge_logprobs_count, COMPLETION},
    {"top_logprobs", judge_top_logprobs, BOTH},
    {"modalities", judge_modalities, BOTH},
    {"audio", refuse_feature, BOTH},
    {"response_format", judge_response_format, BOTH},
    {"web_search_options", refuse_feature, BOTH},
    {"moderation", refuse_feature, BOTH},
    {"echo", judge_echo, COMPLETION},
    {"suffix", judge_suffix, COMPLETION},
    /* answered in plain text */
    {"tool_choice", judge_tool_choice, BOTH},
    {"function_call", judge_function_call, BOTH},
    {"tools", ignore, BOTH},
    {"functions", ignore, BOTH},
    {"parallel_tool_calls", judge_parallel_calls, BOTH},
    /* they shape how good, cheap or traceable it is */
    {"seed", ignore, BOTH},
    {"presence_penalty", judge_penalty, BOTH},
    {"frequency_penalty", judge_penalty, BOTH},
    {"logit_bias", ignore, BOTH},
    {"user", ignore, BOTH},
    {"metadata", ignore, BOTH},
    {"store", ignore, BOTH},
    {"reasoning_effort", ignore, BOTH},
    {"verbosity", judge_verbosity, BOTH},
    {"prediction", ignore, BOTH},
    {"service_tier", judge_tier, BOTH},
    {"prompt_cache_key", ignore, BOTH},
    {"prompt_cache_retention", ignore, BOTH},
    {"prompt_cache_options", ignore, BOTH},
    {"safety_identifier", ignore, BOTH},
    /* the same of a picture, which comes as it is drawn */
    {"size", judge_size, IMAGES},
    {"quality", judge_choice, IMAGES},
    {"style", judge_choice, IMAGES},
    {"background", judge_choice, IMAGES},
    {"moderation", judge_choice, IMAGES},
    {"output_format", judge_choice, IMAGES},
    {"output_compression", judge_compression, IMAGES},
    {"partial_images", judge_partial_images, IMAGES},
    {"user", judge_user, IMAGES},
};

/* The list of names as it grows. */
struct list {
	struct evbuffer *text;
	size_t count;
	bool has_more; /* than it may hold */
};

static bool
is_header_safe(const char *name)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	size_t len = strspn(name, safe);

	return len > 0 && len <= NAME_MAX_LEN && name[len] == '\0';
}

static void
add_name(struct list *list, const char *name)
{
	static const char separator[] = ", ", more[] = ", ...";
	size_t len = evbuffer_get_length(list->text) + strlen(separator) +
		     strlen(name) + strlen(more);

	if (list->has_more || list->count == AC_IGNORED_MAX_NAMES ||
	    len > AC_IGNORED_MAX_LEN || !is_header_safe(name)) {
		list->has_more = true;
		return;
	}
	if (list->count++ > 0)
		ac_text_add_string(list->text, separator);
	ac_text_add_string(list->text, name);
}

static char *
finish_list(struct list *list)
{
	if (list->has_more)
		ac_text_add_string(
		    list->text, list->count == 0 ? "..." : ", ...");
	if (evbuffer_get_length(list->text) > 0)
		return ac_text_take(list->text);
	evbuffer_free(list->text);
	return NULL;
}

/* The rule of a field, by its index; AC_LENGTH(rules): there is none. */
static size_t
find_rule(const char *name, unsigned endpoint)
{
	size_t i = 0;

	while (i < AC_LENGTH(rules) && ((rules[i].endpoints & endpoint) == 0 ||
					   rules[i].name[0] != name[0] ||
					   strcmp(rules[i].name, name) != 0))
		i++;
	return i;
}

/* Whether a value says nothing: null, "", [] or {}. */
static bool
is_empty(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_NULL:
		return true;
	case JSON_STRING:
		return json_string_length(value) == 0;
	case JSON_ARRAY:
		return json_array_size(value) == 0;
	case JSON_OBJECT:
		return json_object_size(value) == 0;
	case JSON_INTEGER:
	case JSON_REAL:
	case JSON_TRUE:
	case JSON_FALSE:
		break;
	}
	return false;
}

/* The values by their rules: a body has few fields, and there are many rules.
 * Those of fields that are not there are left alone. */
static void
sort_by_rule(const json_t *values[], const json_t *body, unsigned endpoint)
{
	const char *name;
	json_t *value;

	/* jansson iterates without changing what it iterates over. */
	json_object_foreach((json_t *)body, name, value)
	{
		size_t i = find_rule(name, endpoint);

		if (i < AC_LENGTH(rules) && !json_is_null(value))
			values[i] = value;
	}
}

/* Nobody knows what an unknown field is for, but that it has no effect. */
static void
add_unknown(struct list *list, const json_t *body, unsigned endpoint)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)body, name, value)
	{
		if (list->has_more)
			return;
		if (!is_empty(value) &&
		    find_rule(name, endpoint) == AC_LENGTH(rules))
			add_name(list, name);
	}
}

bool
ac_field_rules_check(const json_t *body, enum ac_endpoint endpoint,
    char **ignored, struct ac_error *error)
{
	const json_t *values[AC_LENGTH(rules)] = {NULL};
	struct list list = {.text = ac_text_new()};

	*ignored = NULL;
	sort_by_rule(values, body, 1u << endpoint);
	for (size_t i = 0; i < AC_LENGTH(rules); i++) {
		struct field field = {
		    .name = rules[i].name,
		    .value = values[i],
		    .body = body,
		    .error = error,
		};

		if (field.value == NULL)
			continue;
		switch (rules[i].judge(&field)) {
		case HONOURED:
			break;
		case IGNORED:
			add_name(
			    &list, rules[i].judge == judge_options
				       ? "stream_options.include_obfuscation"
				       : rules[i].name);
			break;
		case REFUSED:
			evbuffer_free(list.text);
			return false;
		}
	}
	add_unknown(&list, body, 1u << endpoint);
	*ignored = finish_list(&list);
	return true;
}

static enum verdict
pass(const struct field *field)
{
	AC_UNUSED(field);
	return HONOURED;
}

static enum verdict
ignore(const struct field *field)
{
	return is_empty(field->value) || json_is_false(field->value) ? HONOURED
								     : IGNORED;
}

static enum verdict
refuse_type(const struct field *field, const char *expected)
{
	ac_field_wrong_type(field->error, field->name, expected, field->value);
	return REFUSED;
}

static enum verdict
refuse(const struct field *field, const char *why)
{
	ac_error_set_param(field->error, AC_ERROR_UNSUPPORTED_VALUE,
	    field->name, "Unsupported '%s': %s.", field->name, why);
	return REFUSED;
}

static enum verdict
refuse_feature(const struct field *field)
{
	return refuse(field, "the models behind this server cannot do it");
}

static enum verdict
judge_options(const struct field *field)
{
	bool obfuscate = false;

	if (!ac_field_read_switch(field->value, "include_obfuscation",
		"stream_options.include_obfuscation", &obfuscate, field->error))
		return REFUSED;
	return obfuscate ? IGNORED : HONOURED;
}

static enum verdict
judge_n(const struct field *field)
{
	int64_t n = 1;

	if (!ac_field_read_count(field->body, field->name, &n, field->error))
		return REFUSED;
	return n == 1 ? HONOURED
		      : refuse(field, "a request gets one answer, so it must "
				      "be 1");
}

static const char no_logprobs[] =
    "the models behind this server give no probabilities";

static enum verdict
judge_logprobs(const struct field *field)
{
	if (!json_is_boolean(field->value))
		return refuse_type(field, "a boolean");
	return json_is_false(field->value) ? HONOURED
					   : refuse(field, no_logprobs);
}

/* Here a number: of the likeliest tokens beside the one that was taken, so
 * that 0 asks for probabilities too. */
static enum verdict
judge_logprobs_count(const struct field *field)
{
	if (json_is_false(field->value))
		return HONOURED;
	if (!json_is_number(field->value) && !json_is_true(field->value))
		return refuse_type(field, "a number");
	return refuse(field, no_logprobs);
}

static enum verdict
judge_top_logprobs(const struct field *field)
{
	if (!json_is_number(field->value))
		return refuse_type(field, "a number");
	return json_number_value(field->value) == 0
		   ? HONOURED
		   : refuse(field, no_logprobs);
}

static enum verdict
judge_modalities(const struct field *field)
{
	if (!json_is_array(field->value))
		return refuse_type(field, "an array");
	for (size_t i = 0; i < json_array_size(field->value); i++) {
		if (!ac_json_equals(json_array_get(field->value, i), "text"))
			return refuse(field, "answers are text alone");
	}
	return HONOURED;
}

static enum verdict
judge_response_format(const struct field *field)
{
	const json_t *type = ac_json_get(field->value, "type");

	if (!json_is_object(field->value))
		return refuse_type(field, "an object");
	if (!ac_field_need_string(type, "response_format.type", field->error))
		return REFUSED;
	return ac_json_equals(type, "text")
		   ? HONOURED
		   : refuse(field, "only type 'text' is supported");
}

static bool
is_auto_or_none(const json_t *choice)
{
	return ac_json_equals(choice, "auto") || ac_json_equals(choice, "none");
}

/* Of the object forms, those that leave the choice to the model pass too. */
static enum verdict
judge_tool_choice(const struct field *field)
{
	const json_t *type = ac_json_get(field->value, "type");
	const json_t *allowed = ac_json_get(field->value, "allowed_tools");

	if (!json_is_string(field->value) && !json_is_object(field->value))
		return refuse_type(field, "a string or an object");
	if (is_auto_or_none(field->value) || is_auto_or_none(type))
		return HONOURED;
	if (ac_json_equals(type, "allowed_tools") &&
	    ac_json_equals(ac_json_get(allowed, "mode"), "auto"))
		return HONOURED;
	return refuse(field, "tools are not called; 'auto' and 'none' are "
			     "answered in plain text");
}

static enum verdict
judge_function_call(const struct field *field)
{
	if (!json_is_string(field->value) && !json_is_object(field->value))
		return refuse_type(field, "a string or an object");
	return is_auto_or_none(field->value)
		   ? HONOURED
		   : refuse(field, "functions are not called; 'auto' and "
				   "'none' are answered in plain text");
}

static enum verdict
judge_parallel_calls(const struct field *field)
{
	return json_is_true(field->value) ? HONOURED : IGNORED;
}

static enum verdict
judge_penalty(const struct field *field)
{
	struct ac_optional_real penalty = {.set = false};

	if (!ac_field_read_number(
		field->body, field->name, -2, 2, &penalty, field->error))
		return REFUSED;
	return penalty.value == 0 ? HONOURED : IGNORED;
}

static enum verdict
judge_tier(const struct field *field)
{
	return ac_json_equals(field->value, "auto") ||
		       ac_json_equals(field->value, "default")
		   ? HONOURED
		   : ignore(field);
}

static enum verdict
judge_verbosity(const struct field *field)
{
	return ac_json_equals(field->value, "medium") ? HONOURED
						      : ignore(field);
}

static enum verdict
judge_echo(const struct field *field)
{
	if (!json_is_boolean(field->value))
		return refuse_type(field, "a boolean");
	return json_is_false(field->value)
		   ? HONOURED
		   : refuse(field, "the prompt is not repeated");
}

static enum verdict
judge_suffix(const struct field *field)
{
	if (!json_is_string(field->value))
		return refuse_type(field, "a string");
	return is_empty(field->value)
		   ? HONOURED
		   : refuse(field, "text is not completed in its middle");
}

/* The words that the API knows for a picture; the first is the default. */
static const struct {
	const char *name;
	const char *words[7]; /* the last is NULL */
} choices[] = {
    {"quality", {"auto", "standard", "hd", "low", "medium", "high"}},
    {"style", {"vivid", "natural"}},
    {"background", {"auto", "transparent", "opaque"}},
    {"moderation", {"auto", "low"}},
    {"output_format", {"png", "jpeg", "webp"}},
};

static enum verdict
refuse_value(const struct field *field)
{
	ac_error_set_param(field->error, AC_ERROR_INVALID_VALUE, field->name,
	    "Invalid '%s': the API knows no such value.", field->name);
	return REFUSED;
}

static enum verdict
judge_choice(const struct field *field)
{
	const char *const *words = NULL;

	if (!json_is_string(field->value))
		return refuse_type(field, "a string");
	for (size_t i = 0; i < AC_LENGTH(choices); i++) {
		if (strcmp(choices[i].name, field->name) == 0)
			words = choices[i].words;
	}
	for (size_t i = 0; words != NULL && words[i] != NULL; i++) {
		if (ac_json_equals(field->value, words[i]))
			return i == 0 ? HONOURED : IGNORED;
	}
	return refuse_value(field);
}

/* "auto", or width and height in pixels, "1024x1536". */
static enum verdict
judge_size(const struct field *field)
{
	static const char digits[] = "0123456789";
	const char *size = json_string_value(field->value);
	size_t width, height;

	if (size == NULL)
		return refuse_type(field, "a string");
	if (ac_json_equals(field->value, "auto"))
		return HONOURED;
	width = strspn(size, digits);
	if (width == 0 || width > 5 || size[width] != 'x')
		return refuse_value(field);
	height = strspn(size + width + 1, digits);
	return height > 0 && height <= 5 &&
		       width + 1 + height == json_string_length(field->value)
		   ? IGNORED
		   : refuse_value(field);
}

/* A number from min to max whose default asks for nothing. */
static enum verdict
judge_number(const struct field *field, double min, double max, double usual)
{
	struct ac_optional_real number = {.set = false};

	if (!ac_field_read_number(
		field->body, field->name, min, max, &number, field->error))
		return REFUSED;
	return number.value == usual ? HONOURED : IGNORED;
}

static enum verdict
judge_compression(const struct field *field)
{
	return judge_number(field, 0, 100, 100);
}

static enum verdict
judge_partial_images(const struct field *field)
{
	return judge_number(field, 0, 3, 0);
}

static enum verdict
judge_user(const struct field *field)
{
	return json_is_string(field->value) ? ignore(field)
					    : refuse_type(field, "a string");
}

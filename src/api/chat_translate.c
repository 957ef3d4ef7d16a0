/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * A checked chat request in the web app's words (chat_request.h). The app
 * wants: {"id","messages":[{"id","role","content","parts"}],"model",
 * "system","temperature","topP","context":[]}. Its quirks that shape this:
 *
 * - an absent or empty "system" brings in the site's own persona; a single
 *   space keeps it out without saying anything;
 * - system messages stand in "system" alone, joined by blank lines;
 * - 0 counts as absent, so the smallest wish is sent as a tiny number;
 * - some words make its tokenizer fail, unless they stand in "parts" alone;
 * - "content" is always a string; "parts" is what newer apps read.
 */
#include <string.h>

#include <event2/buffer.h>

#include "api/chat_request.h"
#include "base/bytes.h"
#include "base/id.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

static const char no_system[] = " ";
static const double smallest_number = 0.0001;

static json_t *make_messages(const struct ac_chat_request *);
static json_t *disarm(json_t *text);
static json_t *make_message(const json_t *message);
static json_t *make_system(
    const struct ac_chat_request *, const struct ac_options *);
static void set_number(json_t *body, const char *key,
    const struct ac_optional_real *asked,
    const struct ac_optional_real *fallback);

static json_t *
make_id(const char *prefix)
{
	char id[AC_ID_SIZE];

	ac_id_make(id, prefix);
	return json_string(id);
}

struct ac_bytes *
ac_chat_request_translate(const struct ac_chat_request *request,
    const struct ac_options *options, const char *model)
{
	json_t *body = json_object();
	char *text;

	json_object_set_new(body, "id", make_id(""));
	json_object_set_new(body, "messages", make_messages(request));
	json_object_set_new(body, "model", json_string(model));
	json_object_set_new(
	    body, "system", disarm(make_system(request, options)));
	set_number(body, "temperature", &request->temperature,
	    &options->default_temperature);
	set_number(body, "topP", &request->top_p, &options->default_top_p);
	json_object_set_new(body, "context", json_array());
	/* 15 digits are exact for what people write, such as 0.85. */
	text = json_dumps(body, JSON_COMPACT | JSON_REAL_PRECISION(15));
	json_decref(body);
	if (text == NULL)
		ac_out_of_memory();
	return ac_bytes_take(text, strlen(text));
}

static bool
is_system(const json_t *message)
{
	const char *role = ac_json_get_string(message, "role");

	return strcmp(role, "system") == 0 || strcmp(role, "developer") == 0;
}

/* A message's text: a string as it is, parts joined without a separator. */
static json_t *
make_text(const json_t *message)
{
	const json_t *content = ac_json_get(message, "content");
	struct evbuffer *joined;
	json_t *text;
	size_t len;

	if (content == NULL)
		return json_string("");
	if (!json_is_array(content))
		return json_stringn(
		    json_string_value(content), json_string_length(content));
	joined = ac_text_new();
	for (size_t i = 0; i < json_array_size(content); i++) {
		const json_t *part =
		    json_object_get(json_array_get(content, i), "text");

		evbuffer_add(
		    joined, json_string_value(part), json_string_length(part));
	}
	len = evbuffer_get_length(joined);
	text = len == 0 ? json_string("")
			: json_stringn(
			      (const char *)evbuffer_pullup(joined, -1), len);
	evbuffer_free(joined);
	return text;
}

/* Text with these words in "content" or "system" makes the app's tokenizer
 * fail, and its answer is 500 with nothing in it. */
static const char *const special_tokens[] = {"<|endoftext|>", "<|fim_prefix|>",
    "<|fim_middle|>", "<|fim_suffix|>", "<|endofprompt|>"};

/* The special token at s, or NULL. */
static const char *
find_special(const char *s, size_t len)
{
	for (size_t i = 0; i < AC_LENGTH(special_tokens); i++) {
		size_t token_len = strlen(special_tokens[i]);

		if (len >= token_len &&
		    memcmp(s, special_tokens[i], token_len) == 0)
			return special_tokens[i];
	}
	return NULL;
}

/* The same text with a zero-width space in each special token; text is
 * released. "parts" keeps what was really said. */
static json_t *
disarm(json_t *text)
{
	static const char zero_width_space[] = "\xe2\x80\x8b";
	const char *s = json_string_value(text);
	size_t len = json_string_length(text);
	struct evbuffer *out;
	size_t start = 0;

	if (memmem(s, len, "<|", 2) == NULL)
		return text;
	out = ac_text_new();
	for (size_t i = 0; i < len; i++) {
		if (find_special(s + i, len - i) == NULL)
			continue;
		ac_text_add(out, s + start, i + 2 - start);
		ac_text_add_string(out, zero_width_space);
		start = i + 2;
	}
	ac_text_add(out, s + start, len - start);
	json_decref(text);
	len = evbuffer_get_length(out);
	text = json_stringn((const char *)evbuffer_pullup(out, -1), len);
	evbuffer_free(out);
	return text;
}

static json_t *
make_messages(const struct ac_chat_request *request)
{
	json_t *messages = json_array();

	for (size_t i = 0; i < json_array_size(request->messages); i++) {
		const json_t *message = json_array_get(request->messages, i);

		if (!is_system(message))
			json_array_append_new(messages, make_message(message));
	}
	return messages;
}

static json_t *
make_message(const json_t *message)
{
	json_t *made = json_object();
	json_t *part = json_object();
	json_t *parts = json_array();
	json_t *text = make_text(message);

	json_object_set_new(part, "type", json_string("text"));
	json_object_set(part, "text", text);
	json_array_append_new(parts, part);
	json_object_set_new(made, "id", make_id("msg-"));
	json_object_set_new(
	    made, "role", json_string(ac_json_get_string(message, "role")));
	json_object_set_new(made, "content", disarm(text));
	json_object_set_new(made, "parts", parts);
	return made;
}

static json_t *
make_system(
    const struct ac_chat_request *request, const struct ac_options *options)
{
	struct evbuffer *joined = ac_text_new();
	json_t *system;

	for (size_t i = 0; i < json_array_size(request->messages); i++) {
		const json_t *message = json_array_get(request->messages, i);
		json_t *text;

		if (!is_system(message))
			continue;
		text = make_text(message);
		if (evbuffer_get_length(joined) > 0 &&
		    json_string_length(text) > 0)
			evbuffer_add(joined, "\n\n", 2);
		evbuffer_add(
		    joined, json_string_value(text), json_string_length(text));
		json_decref(text);
	}
	if (evbuffer_get_length(joined) > 0)
		system = json_stringn((const char *)evbuffer_pullup(joined, -1),
		    evbuffer_get_length(joined));
	else
		system = json_string(options->system_prompt != NULL
					 ? options->system_prompt
					 : no_system);
	evbuffer_free(joined);
	return system;
}

static void
set_number(json_t *body, const char *key, const struct ac_optional_real *asked,
    const struct ac_optional_real *fallback)
{
	const struct ac_optional_real *number = asked->set ? asked : fallback;

	if (number->set)
		json_object_set_new(body, key,
		    json_real(number->value < smallest_number ? smallest_number
							      : number->value));
}

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
 * - "content" is always a string; "parts" is what newer apps read;
 * - pictures are attachments for the app of today and parts for newer ones;
 * - tools are unknown to it, so what was said of them is told in words;
 * - no messages at all is an error, so a system message alone is a question.
 */
#include <string.h>

#include <event2/buffer.h>

#include "api/chat_history.h"
#include "api/chat_request.h"
#include "api/picture_url.h"
#include "base/bytes.h"
#include "base/id.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

static const char no_system[] = " ";
static const double smallest_number = 0.0001;

static json_t *make_messages(const struct ac_chat_request *);
static json_t *disarm(json_t *text);
static json_t *make_results(
    const json_t *messages, size_t *i, const json_t *calls);
static json_t *make_message(const json_t *message);
static json_t *make_parts(
    const json_t *message, json_t *text, json_t *pictures);
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

/* The message that is the question where nobody but the system speaks: the
 * last one, for the app wants a question. Otherwise none: SIZE_MAX. */
static size_t
find_system_question(const struct ac_chat_request *request)
{
	size_t count = json_array_size(request->messages);

	for (size_t i = 0; i < count; i++) {
		if (!is_system(json_array_get(request->messages, i)))
			return SIZE_MAX;
	}
	return count - 1;
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
	size_t question = find_system_question(request);
	json_t *calls = json_object(); /* tools' names by the calls' ids */
	json_t *messages = json_array();
	size_t i = 0;

	while (i < json_array_size(request->messages)) {
		const json_t *message = json_array_get(request->messages, i);

		if (ac_history_is_result(message)) {
			json_array_append_new(messages,
			    make_results(request->messages, &i, calls));
			continue;
		}
		ac_history_note_calls(calls, message);
		if (!is_system(message) || i == question)
			json_array_append_new(messages, make_message(message));
		i++;
	}
	json_decref(calls);
	return messages;
}

static json_t *
make_part(json_t *text)
{
	json_t *part = json_object();

	json_object_set_new(part, "type", json_string("text"));
	json_object_set_new(part, "text", text);
	return part;
}

/* The web app's message; text and parts are released. */
static json_t *
wrap_message(const char *role, json_t *text, json_t *parts)
{
	json_t *made = json_object();

	json_object_set_new(made, "id", make_id("msg-"));
	json_object_set_new(made, "role", json_string(role));
	json_object_set_new(made, "content", disarm(text));
	json_object_set_new(made, "parts", parts);
	return made;
}

/* The results from messages[*i] on, as many as follow each other: a user's
 * message. *i is then behind them. */
static json_t *
make_results(const json_t *messages, size_t *i, const json_t *calls)
{
	struct evbuffer *out = ac_text_new();
	json_t *parts = json_array();
	json_t *text;

	do {
		if (evbuffer_get_length(out) > 0)
			ac_text_add_string(out, "\n\n");
		ac_history_add_result(
		    out, json_array_get(messages, (*i)++), calls);
	} while (ac_history_is_result(json_array_get(messages, *i)));
	text = ac_history_take(out);
	json_array_append_new(parts, make_part(json_incref(text)));
	return wrap_message("user", text, parts);
}

static json_t *
make_message(const json_t *message)
{
	bool by_assistant =
	    ac_json_equals(ac_json_get(message, "role"), "assistant");
	struct evbuffer *out = ac_text_new();
	json_t *pictures = json_array();
	json_t *text, *parts, *made;

	ac_history_add_text(out, message);
	text = ac_history_take(out);
	parts = make_parts(message, text, pictures);
	made = wrap_message(by_assistant ? "assistant" : "user", text, parts);
	if (json_array_size(pictures) > 0)
		json_object_set(made, "experimental_attachments", pictures);
	json_decref(pictures);
	return made;
}

static json_t *
find_picture(const json_t *part)
{
	json_t *picture = ac_json_get(part, "image_url");

	if (!ac_json_equals(ac_json_get(part, "type"), "image_url"))
		return NULL;
	return json_is_object(picture) ? ac_json_get(picture, "url") : picture;
}

/* Apps of version 4 of the ai package take pictures from the attachments and
 * skip parts that are files; those from version 5 on do the opposite. */
static void
add_picture(json_t *parts, json_t *pictures, json_t *url)
{
	char type[AC_MEDIA_TYPE_SIZE];
	json_t *attachment = json_object();
	json_t *part = json_object();

	ac_picture_media_type(json_string_value(url), type);
	json_object_set_new(attachment, "contentType", json_string(type));
	json_object_set(attachment, "url", url);
	json_array_append_new(pictures, attachment);
	json_object_set_new(part, "type", json_string("file"));
	json_object_set_new(part, "mediaType", json_string(type));
	json_object_set(part, "url", url);
	json_array_append_new(parts, part);
}

static void
add_run(json_t *parts, struct evbuffer *run)
{
	size_t len = evbuffer_get_length(run);

	if (len == 0)
		return;
	json_array_append_new(parts,
	    make_part(
		json_stringn((const char *)evbuffer_pullup(run, -1), len)));
	evbuffer_drain(run, len);
}

/* The whole text as one part; where there are pictures, what stands before,
 * between and behind them, with them. */
static json_t *
make_parts(const json_t *message, json_t *text, json_t *pictures)
{
	const json_t *content = ac_json_get(message, "content");
	struct evbuffer *run = ac_text_new();
	json_t *parts = json_array();

	for (size_t i = 0; i < json_array_size(content); i++) {
		const json_t *part = json_array_get(content, i);
		const json_t *piece = ac_json_get(part, "text");
		json_t *url = find_picture(part);

		if (url != NULL) {
			add_run(parts, run);
			add_picture(parts, pictures, url);
		} else if (json_string_length(piece) > 0) {
			ac_text_add(run, json_string_value(piece),
			    json_string_length(piece));
		}
	}
	if (json_array_size(pictures) > 0)
		add_run(parts, run);
	else
		json_array_append_new(parts, make_part(json_incref(text)));
	evbuffer_free(run);
	return parts;
}

static json_t *
make_system(
    const struct ac_chat_request *request, const struct ac_options *options)
{
	size_t question = find_system_question(request);
	struct evbuffer *joined = ac_text_new();

	for (size_t i = 0; i < json_array_size(request->messages); i++) {
		const json_t *message = json_array_get(request->messages, i);
		struct evbuffer *text;

		if (!is_system(message) || i == question)
			continue;
		text = ac_text_new();
		ac_history_add_text(text, message);
		if (evbuffer_get_length(joined) > 0 &&
		    evbuffer_get_length(text) > 0)
			ac_text_add_string(joined, "\n\n");
		if (evbuffer_add_buffer(joined, text) != 0)
			ac_out_of_memory();
		evbuffer_free(text);
	}
	if (evbuffer_get_length(joined) == 0)
		ac_text_add_string(joined, options->system_prompt != NULL
					       ? options->system_prompt
					       : no_system);
	return ac_history_take(joined);
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

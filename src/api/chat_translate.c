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
 *
 * The body is written straight into a buffer: a tree of it would take several
 * times the memory of what it says.
 */
#include <stdint.h>
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

/* Of what is copied at once where a buffer becomes bytes. */
enum { PIECE_LEN = 64 * 1024 };

static const char no_system[] = " ";
static const double smallest_number = 0.0001;

struct translation {
	const json_t *messages;
	size_t question;       /* find_system_question() */
	struct evbuffer *out;  /* the body as it grows */
	struct evbuffer *text; /* of one message; empty between two */
	json_t *calls;         /* tools' names by the calls' ids */
};

static void add_messages(struct translation *);
static void add_results(struct translation *, size_t *i);
static void add_message(struct translation *, const json_t *message);
static void add_parts(struct translation *, const json_t *message);
static void add_picture_parts(struct translation *, const json_t *content);
static void add_attachments(struct translation *, const json_t *content);
static void add_system(struct translation *, const char *system_prompt);
static void add_disarmed(struct evbuffer *out, const char *s, size_t len);
static void add_number(struct evbuffer *out, const char *key,
    const struct ac_optional_real *asked,
    const struct ac_optional_real *fallback);
static struct ac_bytes *take_bytes(struct evbuffer *);

static bool
is_system(const json_t *message)
{
	const char *role = ac_json_get_string(message, "role");

	return strcmp(role, "system") == 0 || strcmp(role, "developer") == 0;
}

/* The message that is the question where nobody but the system speaks: the
 * last one, for the app wants a question. Otherwise none: SIZE_MAX. */
static size_t
find_system_question(const json_t *messages)
{
	size_t count = json_array_size(messages);

	for (size_t i = 0; i < count; i++) {
		if (!is_system(json_array_get(messages, i)))
			return SIZE_MAX;
	}
	return count - 1;
}

static void
add_id(struct evbuffer *out, const char *prefix)
{
	char id[AC_ID_SIZE];

	ac_id_make(id, prefix);
	ac_text_add_string(out, "{\"id\":\"");
	ac_text_add_string(out, id);
	ac_text_add_string(out, "\"");
}

struct ac_bytes *
ac_chat_request_translate(const struct ac_chat_request *request,
    const struct ac_options *options, const char *model)
{
	struct translation translation = {
	    .messages = request->messages,
	    .question = find_system_question(request->messages),
	    .out = ac_text_new(),
	    .text = ac_text_new(),
	    .calls = json_object(),
	};
	struct evbuffer *out = translation.out;

	add_id(out, "");
	ac_text_add_string(out, ",\"messages\":[");
	add_messages(&translation);
	ac_text_add_string(out, "],\"model\":");
	ac_json_add_string(out, model, strlen(model));
	ac_text_add_string(out, ",\"system\":");
	add_system(&translation, options->system_prompt);
	add_number(out, "temperature", &request->temperature,
	    &options->default_temperature);
	add_number(out, "topP", &request->top_p, &options->default_top_p);
	ac_text_add_string(out, ",\"context\":[]}");
	evbuffer_free(translation.text);
	json_decref(translation.calls);
	return take_bytes(out);
}

static void
add_messages(struct translation *translation)
{
	const json_t *messages = translation->messages;
	bool is_first = true;
	size_t i = 0;

	while (i < json_array_size(messages)) {
		const json_t *message = json_array_get(messages, i);

		if (is_system(message) && i != translation->question) {
			i++;
			continue;
		}
		if (!is_first)
			ac_text_add_string(translation->out, ",");
		is_first = false;
		if (ac_history_is_result(message)) {
			add_results(translation, &i);
			continue;
		}
		ac_history_note_calls(translation->calls, message);
		add_message(translation, message);
		i++;
	}
}

/* The text of a message in one piece, until it changes. */
static const char *
view_text(struct translation *translation, size_t *len)
{
	*len = evbuffer_get_length(translation->text);
	return *len == 0 ? ""
			 : (const char *)evbuffer_pullup(translation->text, -1);
}

/* A message up to its first part. */
static void
begin_message(struct translation *translation, const char *role)
{
	struct evbuffer *out = translation->out;
	size_t len;
	const char *text = view_text(translation, &len);

	add_id(out, "msg-");
	ac_text_add_string(out, ",\"role\":\"");
	ac_text_add_string(out, role);
	ac_text_add_string(out, "\",\"content\":");
	add_disarmed(out, text, len);
	ac_text_add_string(out, ",\"parts\":[");
}

static void
add_text_part(struct translation *translation)
{
	size_t len;
	const char *text = view_text(translation, &len);

	ac_text_add_string(translation->out, "{\"type\":\"text\",\"text\":");
	ac_json_add_string(translation->out, text, len);
	ac_text_add_string(translation->out, "}");
}

/* Behind the parts. */
static void
end_message(struct translation *translation)
{
	ac_text_add_string(translation->out, "}");
	evbuffer_drain(
	    translation->text, evbuffer_get_length(translation->text));
}

/* The results from messages[*i] on, as many as follow each other: a user's
 * message. *i is then behind them. */
static void
add_results(struct translation *translation, size_t *i)
{
	const json_t *messages = translation->messages;
	struct evbuffer *text = translation->text;

	do {
		if (evbuffer_get_length(text) > 0)
			ac_text_add_string(text, "\n\n");
		ac_history_add_result(
		    text, json_array_get(messages, (*i)++), translation->calls);
	} while (ac_history_is_result(json_array_get(messages, *i)));
	begin_message(translation, "user");
	add_text_part(translation);
	ac_text_add_string(translation->out, "]");
	end_message(translation);
}

static void
add_message(struct translation *translation, const json_t *message)
{
	bool by_assistant =
	    ac_json_equals(ac_json_get(message, "role"), "assistant");

	ac_history_add_text(translation->text, message);
	begin_message(translation, by_assistant ? "assistant" : "user");
	add_parts(translation, message);
	end_message(translation);
}

static const json_t *
find_picture(const json_t *part)
{
	const json_t *picture = ac_json_get(part, "image_url");

	if (!ac_json_equals(ac_json_get(part, "type"), "image_url"))
		return NULL;
	return json_is_object(picture) ? ac_json_get(picture, "url") : picture;
}

static bool
has_pictures(const json_t *content)
{
	for (size_t i = 0; i < json_array_size(content); i++) {
		if (find_picture(json_array_get(content, i)) != NULL)
			return true;
	}
	return false;
}

/* The whole text as one part; where there are pictures, what stands before,
 * between and behind them, with them. Apps of version 4 of the ai package take
 * pictures from the attachments and skip parts that are files; those from
 * version 5 on do the opposite. */
static void
add_parts(struct translation *translation, const json_t *message)
{
	const json_t *content = ac_json_get(message, "content");

	if (!has_pictures(content)) {
		add_text_part(translation);
		ac_text_add_string(translation->out, "]");
		return;
	}
	add_picture_parts(translation, content);
	ac_text_add_string(
	    translation->out, "],\"experimental_attachments\":[");
	add_attachments(translation, content);
	ac_text_add_string(translation->out, "]");
}

/* A picture's URL and type, which the two places name differently. */
static void
add_picture(struct evbuffer *out, const char *type_key, const json_t *url)
{
	char type[AC_MEDIA_TYPE_SIZE];

	ac_picture_media_type(json_string_value(url), type);
	ac_json_add_string(out, type_key, strlen(type_key));
	ac_text_add_string(out, ":");
	ac_json_add_string(out, type, strlen(type));
	ac_text_add_string(out, ",\"url\":");
	ac_json_add_string(
	    out, json_string_value(url), json_string_length(url));
	ac_text_add_string(out, "}");
}

/* The text before a picture, if there is any. */
static void
add_run(struct translation *translation)
{
	struct evbuffer *text = translation->text;

	if (evbuffer_get_length(text) == 0)
		return;
	add_text_part(translation);
	evbuffer_drain(text, evbuffer_get_length(text));
}

static void
add_picture_parts(struct translation *translation, const json_t *content)
{
	struct evbuffer *out = translation->out;
	struct evbuffer *text = translation->text;
	bool is_first = true;

	/* The whole text is written; from here on it is that of a run. */
	evbuffer_drain(text, evbuffer_get_length(text));
	for (size_t i = 0; i < json_array_size(content); i++) {
		const json_t *part = json_array_get(content, i);
		const json_t *piece = ac_json_get(part, "text");
		const json_t *url = find_picture(part);

		if (url == NULL) {
			if (json_string_length(piece) > 0)
				ac_text_add(text, json_string_value(piece),
				    json_string_length(piece));
			continue;
		}
		if (!is_first)
			ac_text_add_string(out, ",");
		is_first = false;
		if (evbuffer_get_length(text) > 0) {
			add_run(translation);
			ac_text_add_string(out, ",");
		}
		ac_text_add_string(out, "{\"type\":\"file\",");
		add_picture(out, "mediaType", url);
	}
	if (evbuffer_get_length(text) > 0) {
		ac_text_add_string(out, ",");
		add_run(translation);
	}
}

static void
add_attachments(struct translation *translation, const json_t *content)
{
	bool is_first = true;

	for (size_t i = 0; i < json_array_size(content); i++) {
		const json_t *url = find_picture(json_array_get(content, i));

		if (url == NULL)
			continue;
		ac_text_add_string(translation->out, is_first ? "{" : ",{");
		is_first = false;
		add_picture(translation->out, "contentType", url);
	}
}

static void
add_system(struct translation *translation, const char *system_prompt)
{
	struct evbuffer *joined = translation->text;
	const char *text;
	size_t len;

	for (size_t i = 0; i < json_array_size(translation->messages); i++) {
		const json_t *message =
		    json_array_get(translation->messages, i);
		struct evbuffer *one;

		if (!is_system(message) || i == translation->question)
			continue;
		one = ac_text_new();
		ac_history_add_text(one, message);
		if (evbuffer_get_length(joined) > 0 &&
		    evbuffer_get_length(one) > 0)
			ac_text_add_string(joined, "\n\n");
		if (evbuffer_add_buffer(joined, one) != 0)
			ac_out_of_memory();
		evbuffer_free(one);
	}
	if (evbuffer_get_length(joined) == 0)
		ac_text_add_string(
		    joined, system_prompt != NULL ? system_prompt : no_system);
	text = view_text(translation, &len);
	add_disarmed(translation->out, text, len);
}

/* Text with these words in "content" or "system" makes the app's tokenizer
 * fail, and its answer is 500 with nothing in it. */
static const char *const special_tokens[] = {"<|endoftext|>", "<|fim_prefix|>",
    "<|fim_middle|>", "<|fim_suffix|>", "<|endofprompt|>"};

/* Whether a special token stands at s. */
static bool
is_special_token(const char *s, size_t len)
{
	for (size_t i = 0; i < AC_LENGTH(special_tokens); i++) {
		size_t token_len = strlen(special_tokens[i]);

		if (len >= token_len &&
		    memcmp(s, special_tokens[i], token_len) == 0)
			return true;
	}
	return false;
}

/* The text as a JSON string with a zero-width space in each special token;
 * "parts" keeps what was really said. */
static void
add_disarmed(struct evbuffer *out, const char *s, size_t len)
{
	static const char zero_width_space[] = "\xe2\x80\x8b";
	const char *end = s + len;
	const char *next = s;

	ac_text_add_string(out, "\"");
	while ((next = memmem(next, (size_t)(end - next), "<|", 2)) != NULL) {
		bool is_special = is_special_token(next, (size_t)(end - next));

		next += 2;
		if (!is_special)
			continue;
		ac_json_add_escaped(out, s, (size_t)(next - s));
		ac_text_add_string(out, zero_width_space);
		s = next;
	}
	ac_json_add_escaped(out, s, (size_t)(end - s));
	ac_text_add_string(out, "\"");
}

static void
add_number(struct evbuffer *out, const char *key,
    const struct ac_optional_real *asked,
    const struct ac_optional_real *fallback)
{
	const struct ac_optional_real *number = asked->set ? asked : fallback;

	if (!number->set)
		return;
	ac_text_add_string(out, ",\"");
	ac_text_add_string(out, key);
	ac_text_add_string(out, "\":");
	ac_json_add_real(out,
	    number->value < smallest_number ? smallest_number : number->value);
}

/* Piece by piece, so that what is copied is gone from out, which is freed. */
static struct ac_bytes *
take_bytes(struct evbuffer *out)
{
	size_t len = evbuffer_get_length(out);
	char *data = ac_malloc(len);
	size_t copied = 0;

	while (copied < len) {
		size_t left = len - copied;
		int count = evbuffer_remove(
		    out, data + copied, left < PIECE_LEN ? left : PIECE_LEN);

		copied += (size_t)count;
	}
	evbuffer_free(out);
	return ac_bytes_take(data, len);
}

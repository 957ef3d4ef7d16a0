/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The text of messages: see chat_history.h. */
#include "api/chat_history.h"

#include <string.h>

#include <event2/buffer.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

/* Longer names are not repeated with results: a small request could become a
 * very large one. */
enum { NAME_MAX_LEN = 128 };

static void
add_string(struct evbuffer *out, const json_t *string)
{
	if (json_string_length(string) > 0)
		ac_text_add(
		    out, json_string_value(string), json_string_length(string));
}

/* The white space at the beginning of a text. */
static size_t
measure_space(const char *text, size_t len)
{
	size_t i = 0;

	while (i < len && text[i] != '\0' && strchr(" \t\r\n", text[i]) != NULL)
		i++;
	return i;
}

/* How much of a text is thinking between tags at its beginning, with the white
 * space around it. */
static size_t
measure_thinking(const char *text, size_t len)
{
	static const char open[] = "<think>";
	static const char close[] = "</think>";
	size_t start = measure_space(text, len);
	const char *end;

	if (len - start < strlen(open) ||
	    memcmp(text + start, open, strlen(open)) != 0)
		return 0;
	end = memmem(text + start, len - start, close, strlen(close));
	if (end == NULL)
		return 0;
	end += strlen(close);
	return (size_t)(end - text) +
	       measure_space(end, len - (size_t)(end - text));
}

/* Parts of other types (reasoning) are left out. */
static void
add_parts(struct evbuffer *out, const json_t *parts)
{
	for (size_t i = 0; i < json_array_size(parts); i++) {
		const json_t *part = json_array_get(parts, i);
		const json_t *type = ac_json_get(part, "type");

		if (ac_json_equals(type, "text"))
			add_string(out, ac_json_get(part, "text"));
		else if (ac_json_equals(type, "refusal"))
			add_string(out, ac_json_get(part, "refusal"));
	}
}

static void
add_content(struct evbuffer *out, const json_t *content)
{
	if (json_is_array(content))
		add_parts(out, content);
	else
		add_string(out, content);
}

/* A client that got thinking in tags sends it back with its history, at the
 * beginning of the content or of its parts taken together. The site's own page
 * leaves it out, as models want it. */
static void
add_without_thinking(struct evbuffer *out, const json_t *content)
{
	struct evbuffer *said = ac_text_new();
	size_t len;

	add_content(said, content);
	len = evbuffer_get_length(said);
	if (len > 0)
		evbuffer_drain(
		    said, measure_thinking(
			      (const char *)evbuffer_pullup(said, -1), len));
	if (evbuffer_add_buffer(out, said) != 0)
		ac_out_of_memory();
	evbuffer_free(said);
}

/* Puts separator behind what a message (from start on) has said so far. */
static void
separate(struct evbuffer *out, size_t start, const char *separator)
{
	if (evbuffer_get_length(out) > start)
		ac_text_add_string(out, separator);
}

/* " name (id)", as far as they are known. */
static void
add_name(struct evbuffer *out, const json_t *name, const json_t *id)
{
	if (json_string_length(name) > 0) {
		ac_text_add_string(out, " ");
		add_string(out, name);
	}
	if (json_string_length(id) > 0) {
		ac_text_add_string(out, " (");
		add_string(out, id);
		ac_text_add_string(out, ")");
	}
}

/* The function that a call is of, or NULL. */
static const json_t *
find_function(const json_t *call)
{
	const json_t *custom = ac_json_get(call, "custom");

	return custom != NULL ? custom : ac_json_get(call, "function");
}

/* Arguments are a string with JSON in it, but for clients that send it
 * plain; a custom tool's input is any text. */
static void
add_call(struct evbuffer *out, const json_t *function, const json_t *id)
{
	const json_t *input = ac_json_get(function, "arguments");

	if (input == NULL)
		input = ac_json_get(function, "input");
	ac_text_add_string(out, "[Called tool");
	add_name(out, ac_json_get(function, "name"), id);
	ac_text_add_string(out, " with ");
	if (input == NULL || ac_json_equals(input, ""))
		ac_text_add_string(out, "nothing");
	else if (json_is_string(input))
		add_string(out, input);
	else
		ac_json_add(out, input);
	ac_text_add_string(out, "]");
}

void
ac_history_add_text(struct evbuffer *out, const json_t *message)
{
	size_t start = evbuffer_get_length(out);
	const json_t *content = ac_json_get(message, "content");
	const json_t *calls = ac_json_get(message, "tool_calls");
	const json_t *refusal = ac_json_get(message, "refusal");
	const json_t *call = ac_json_get(message, "function_call");

	if (!ac_json_equals(ac_json_get(message, "role"), "assistant")) {
		add_content(out, content);
		return;
	}
	add_without_thinking(out, content);
	if (json_string_length(refusal) > 0) {
		separate(out, start, "\n\n");
		add_string(out, refusal);
	}
	for (size_t i = 0; i < json_array_size(calls); i++) {
		const json_t *one = json_array_get(calls, i);

		separate(out, start, i == 0 ? "\n\n" : "\n");
		add_call(out, find_function(one), ac_json_get(one, "id"));
	}
	if (call != NULL) {
		separate(out, start, "\n\n");
		add_call(out, call, NULL);
	}
}

bool
ac_history_is_result(const json_t *message)
{
	const json_t *role = ac_json_get(message, "role");

	return ac_json_equals(role, "tool") || ac_json_equals(role, "function");
}

void
ac_history_add_result(
    struct evbuffer *out, const json_t *message, const json_t *calls)
{
	const json_t *id = ac_json_get(message, "tool_call_id");
	const json_t *name = NULL;

	if (json_is_string(id))
		name = json_object_get(calls, json_string_value(id));
	if (name == NULL)
		name = ac_json_get(message, "name");
	ac_text_add_string(out, "[Result of tool");
	add_name(out, name, id);
	ac_text_add_string(out, "]\n");
	add_content(out, ac_json_get(message, "content"));
}

void
ac_history_note_calls(json_t *calls, const json_t *message)
{
	const json_t *made = ac_json_get(message, "tool_calls");

	for (size_t i = 0; i < json_array_size(made); i++) {
		const json_t *call = json_array_get(made, i);
		const json_t *id = ac_json_get(call, "id");
		json_t *name = ac_json_get(find_function(call), "name");

		if (json_is_string(id) &&
		    json_string_length(name) <= NAME_MAX_LEN)
			json_object_set(calls, json_string_value(id), name);
	}
}

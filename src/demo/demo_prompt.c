/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Reading a chat call: see demo_prompt.h. The order of the checks is the real
 * app's: it counts the tokens of every content first, where it crashes on
 * what it did not expect, and only then looks at models, numbers and roles.
 */
#include "demo/demo_prompt.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "demo/demo_models.h"

enum { MAX_TEXT = 4096 }; /* bytes of the newest message that are looked at */

/* The app's tokeniser refuses texts that hold one of these. */
static const char *const special_tokens[] = {
    "<|endoftext|>",
    "<|fim_prefix|>",
    "<|fim_middle|>",
    "<|fim_suffix|>",
    "<|endofprompt|>",
};

static const char *const roles[] = {"system", "user", "assistant", "data"};

static bool survives_tokeniser(const json_t *call);
static bool are_contents_clean(const json_t *list);
static bool is_clean(const json_t *text);
static const char *find_complaint(const json_t *call);
static bool can_be_number(const json_t *call, const char *key);
static bool is_role_known(const json_t *message);
static bool has_role(const json_t *message, const char *role);
static void take(struct ac_demo_prompt *prompt, const json_t *call);
static void take_messages(
    struct ac_demo_prompt *prompt, const json_t *messages);
static void take_newest(struct ac_demo_prompt *prompt, const json_t *message);
static void collect_parts(
    struct ac_demo_prompt *prompt, struct ac_buf *text, const json_t *parts);
static void take_text(
    struct ac_demo_prompt *prompt, struct ac_buf *text, const json_t *string);
static void take_markers(
    struct ac_demo_prompt *prompt, const char *text, size_t len);
static void add_text(struct ac_buf *text, const json_t *string);
static bool is_blank(const json_t *text);

enum ac_demo_verdict
ac_demo_prompt_parse(
    struct ac_demo_prompt *prompt, const char *body, size_t len)
{
	enum ac_demo_verdict verdict = AC_DEMO_VERDICT_CRASH;
	char why[128];
	json_t *call = ac_json_parse(body, len, why, sizeof(why));

	*prompt = (struct ac_demo_prompt){.model = NULL};
	if (survives_tokeniser(call)) {
		prompt->complaint = find_complaint(call);
		verdict = prompt->complaint == NULL ? AC_DEMO_VERDICT_ANSWER
						    : AC_DEMO_VERDICT_COMPLAIN;
	}
	if (verdict == AC_DEMO_VERDICT_ANSWER)
		take(prompt, call);
	json_decref(call);
	return verdict;
}

void
ac_demo_prompt_clear(struct ac_demo_prompt *prompt)
{
	free(prompt->model);
	free(prompt->text);
	*prompt = (struct ac_demo_prompt){.model = NULL};
}

/* call may be NULL or no object. */
static bool
survives_tokeniser(const json_t *call)
{
	const json_t *messages = ac_json_get(call, "messages");
	const json_t *system = ac_json_get(call, "system");
	const json_t *context = ac_json_get(call, "context");

	return json_is_array(messages) && are_contents_clean(messages) &&
	       (system == NULL || is_clean(system)) &&
	       (context == NULL ||
		   (json_is_array(context) && are_contents_clean(context)));
}

static bool
are_contents_clean(const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);

		if (!is_clean(json_object_get(item, "content")))
			return false;
	}
	return true;
}

static bool
is_clean(const json_t *text)
{
	if (!json_is_string(text))
		return false;
	for (size_t i = 0; i < AC_LENGTH(special_tokens); i++) {
		if (memmem(json_string_value(text), json_string_length(text),
			special_tokens[i], strlen(special_tokens[i])) != NULL)
			return false;
	}
	return true;
}

/* NULL, or the text of the line 3: that the app answers. Only its beginning
 * is true to the real one, which goes on with what was sent. */
static const char *
find_complaint(const json_t *call)
{
	const json_t *messages = json_object_get(call, "messages");
	const json_t *model = ac_json_get(call, "model");

	if (model != NULL && !json_is_string(model))
		return "Invalid argument for parameter model: model must be a "
		       "string";
	if (!can_be_number(call, "temperature"))
		return "Invalid argument for parameter temperature: "
		       "temperature must be a number";
	if (!can_be_number(call, "topP"))
		return "Invalid argument for parameter topP: topP must be a "
		       "number";
	if (json_array_size(messages) == 0)
		return "Invalid prompt: messages must not be empty";
	for (size_t i = 0; i < json_array_size(messages); i++) {
		if (!is_role_known(json_array_get(messages, i)))
			return "Invalid prompt: message must be a CoreMessage "
			       "or a UI message\nValidation error: Type "
			       "validation failed";
	}
	return NULL;
}

static bool
can_be_number(const json_t *call, const char *key)
{
	const json_t *value = ac_json_get(call, key);

	return value == NULL || json_is_number(value);
}

static bool
is_role_known(const json_t *message)
{
	for (size_t i = 0; i < AC_LENGTH(roles); i++) {
		if (has_role(message, roles[i]))
			return true;
	}
	return false;
}

static bool
has_role(const json_t *message, const char *role)
{
	const char *value = ac_json_get_string(message, "role");

	return value != NULL && strcmp(value, role) == 0;
}

static void
take(struct ac_demo_prompt *prompt, const json_t *call)
{
	const char *model = ac_json_get_string(call, "model");

	if (model == NULL || *model == '\0')
		model = AC_DEMO_DEFAULT_MODEL;
	prompt->model = ac_strdup(model);
	prompt->has_system = !is_blank(json_object_get(call, "system"));
	take_messages(prompt, json_object_get(call, "messages"));
}

/* Messages of the role data never reach the model. */
static void
take_messages(struct ac_demo_prompt *prompt, const json_t *messages)
{
	const json_t *newest = NULL;

	for (size_t i = 0; i < json_array_size(messages); i++) {
		const json_t *message = json_array_get(messages, i);

		if (has_role(message, "data"))
			continue;
		prompt->messages++;
		if (has_role(message, "user"))
			newest = message;
		else if (has_role(message, "system") &&
			 !is_blank(json_object_get(message, "content")))
			prompt->has_system = true;
	}
	if (newest != NULL)
		take_newest(prompt, newest);
}

/* As in the real app, parts beat content, and only text counts of them. */
static void
take_newest(struct ac_demo_prompt *prompt, const json_t *message)
{
	const json_t *parts = json_object_get(message, "parts");
	struct ac_buf text;

	ac_buf_init(&text, MAX_TEXT);
	if (json_is_array(parts))
		collect_parts(prompt, &text, parts);
	else
		take_text(prompt, &text, json_object_get(message, "content"));
	prompt->text = ac_memdup(text.data, text.len);
	prompt->text_len = text.len;
	prompt->attachments = json_array_size(
	    json_object_get(message, "experimental_attachments"));
	ac_buf_clear(&text);
}

static void
collect_parts(
    struct ac_demo_prompt *prompt, struct ac_buf *text, const json_t *parts)
{
	for (size_t i = 0; i < json_array_size(parts); i++) {
		const json_t *part = json_array_get(parts, i);
		const char *type = ac_json_get_string(part, "type");

		if (type != NULL && strcmp(type, "text") == 0)
			take_text(prompt, text, json_object_get(part, "text"));
	}
}

/* A marker counts wherever it stands; the text is cut short. */
static void
take_text(
    struct ac_demo_prompt *prompt, struct ac_buf *text, const json_t *string)
{
	if (json_is_string(string))
		take_markers(prompt, json_string_value(string),
		    json_string_length(string));
	add_text(text, string);
}

/* The first of each kind. */
static void
take_markers(struct ac_demo_prompt *prompt, const char *text, size_t len)
{
	const char *at = text;
	struct ac_demo_marker marker;

	while ((!prompt->has_marker || !prompt->has_protocol) &&
	       ac_demo_marker_next(&marker, &at, text + len)) {
		bool *has = &prompt->has_marker;
		struct ac_demo_marker *taken = &prompt->marker;

		if (strcmp(marker.name, AC_DEMO_PROTOCOL) == 0) {
			has = &prompt->has_protocol;
			taken = &prompt->protocol;
		}
		if (!*has)
			*taken = marker;
		*has = true;
	}
}

/* Adds as many whole characters as there is room for. */
static void
add_text(struct ac_buf *text, const json_t *string)
{
	const char *s = json_string_value(string);
	size_t len = json_string_length(string);
	size_t room = text->max - text->len;

	if (len > room) {
		len = room;
		while (len > 0 && ((unsigned char)s[len] & 0xc0) == 0x80)
			len--;
	}
	if (len == 0 || !ac_buf_add(text, s, len))
		return; /* full: the beginning will do */
}

static bool
is_blank(const json_t *text)
{
	const char *s = json_string_value(text);

	return s == NULL || s[strspn(s, " \t\r\n")] == '\0';
}

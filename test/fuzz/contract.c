/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The web app's contract: see contract.h. */
#include "contract.h"

#include <stdbool.h>
#include <string.h>

#include <jansson.h>

#include "base/attr.h"

static const char *
get_string(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	FUZZ_CHECK(json_is_string(value));
	return json_string_value(value);
}

static bool
contains(const json_t *string, const char *word)
{
	return memmem(json_string_value(string), json_string_length(string),
		   word, strlen(word)) != NULL;
}

/* Its tokenizer fails on these, in "content" and in "system". */
static void
check_words(const json_t *string)
{
	static const char *const words[] = {"<|endoftext|>", "<|fim_prefix|>",
	    "<|fim_middle|>", "<|fim_suffix|>", "<|endofprompt|>"};

	for (size_t i = 0; i < AC_LENGTH(words); i++)
		FUZZ_CHECK(!contains(string, words[i]));
}

static void
check_part(const json_t *part)
{
	const char *type = get_string(part, "type");

	if (strcmp(type, "file") == 0) {
		FUZZ_CHECK(json_object_size(part) == 3);
		get_string(part, "mediaType");
		FUZZ_CHECK(*get_string(part, "url") != '\0');
	} else {
		FUZZ_CHECK(strcmp(type, "text") == 0);
		FUZZ_CHECK(json_object_size(part) == 2);
		get_string(part, "text");
	}
}

/* Each picture is there twice. */
static void
check_attachments(const json_t *message, const json_t *parts)
{
	const json_t *list =
	    json_object_get(message, "experimental_attachments");
	size_t files = 0;

	for (size_t i = 0; i < json_array_size(parts); i++)
		files += strcmp(get_string(json_array_get(parts, i), "type"),
			     "file") == 0;
	FUZZ_CHECK(json_array_size(list) == files);
	FUZZ_CHECK(files > 0 || list == NULL);
	for (size_t i = 0; i < files; i++) {
		const json_t *picture = json_array_get(list, i);

		FUZZ_CHECK(json_object_size(picture) == 2);
		get_string(picture, "contentType");
		FUZZ_CHECK(*get_string(picture, "url") != '\0');
	}
}

static void
check_message(const json_t *message)
{
	const char *role = get_string(message, "role");
	const json_t *parts = json_object_get(message, "parts");

	FUZZ_CHECK(strcmp(role, "user") == 0 || strcmp(role, "assistant") == 0);
	FUZZ_CHECK(strncmp(get_string(message, "id"), "msg-", 4) == 0);
	get_string(message, "content");
	check_words(json_object_get(message, "content"));
	FUZZ_CHECK(json_array_size(parts) > 0);
	for (size_t i = 0; i < json_array_size(parts); i++)
		check_part(json_array_get(parts, i));
	check_attachments(message, parts);
}

/* 0 counts as absent there. */
static void
check_number(const json_t *json, const char *key, double max)
{
	const json_t *value = json_object_get(json, key);

	FUZZ_CHECK(value == NULL || json_is_number(value));
	FUZZ_CHECK(value == NULL || (json_number_value(value) > 0 &&
					json_number_value(value) <= max));
}

void
contract_check_chat(const char *body, size_t len)
{
	json_t *json = json_loadb(
	    body, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	const json_t *messages = json_object_get(json, "messages");
	const json_t *context = json_object_get(json, "context");

	FUZZ_CHECK(json_is_object(json));
	FUZZ_CHECK(*get_string(json, "id") != '\0');
	FUZZ_CHECK(*get_string(json, "model") != '\0');
	FUZZ_CHECK(*get_string(json, "system") != '\0' ||
		   json_string_length(json_object_get(json, "system")) > 0);
	check_words(json_object_get(json, "system"));
	check_number(json, "temperature", 2);
	check_number(json, "topP", 1);
	FUZZ_CHECK(json_is_array(context) && json_array_size(context) == 0);
	FUZZ_CHECK(json_array_size(messages) > 0);
	for (size_t i = 0; i < json_array_size(messages); i++)
		check_message(json_array_get(messages, i));
	json_decref(json);
}

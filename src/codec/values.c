/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Values of the upstream's protocols: see values.h. */
#include "codec/values.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <jansson.h>

#include "base/attr.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "codec/literal.h"

/* What is more is no count. */
static const int64_t most_tokens = INT64_C(1000000000000000);

static const char *const finish_names[] = {
    [AC_FINISH_STOP] = "stop",
    [AC_FINISH_LENGTH] = "length",
    [AC_FINISH_CONTENT_FILTER] = "content-filter",
    [AC_FINISH_TOOL_CALLS] = "tool-calls",
    [AC_FINISH_ERROR] = "error",
    [AC_FINISH_OTHER] = "other",
    [AC_FINISH_UNKNOWN] = "unknown",
};
static_assert(AC_LENGTH(finish_names) == AC_FINISHES, "a name for each");

enum ac_finish
ac_value_finish(const char *name)
{
	for (size_t i = 0; name != NULL && i < AC_FINISHES; i++) {
		if (strcmp(name, finish_names[i]) == 0)
			return (enum ac_finish)i;
	}
	return AC_FINISH_UNKNOWN;
}

enum ac_finish
ac_value_finish_literal(const char *literal, size_t len)
{
	for (size_t i = 0; i < AC_FINISHES; i++) {
		if (ac_literal_equals(literal, len, finish_names[i]))
			return (enum ac_finish)i;
	}
	return AC_FINISH_UNKNOWN;
}

/* Behind the string that begins at s, or end. */
static char *
skip_string(char *s, const char *end)
{
	for (s++; s < end && *s != '"'; s++) {
		if (*s == '\\' && s + 1 < end)
			s++;
	}
	return s < end ? s + 1 : s;
}

/* The comma or bracket behind the value that begins at s, or end. */
static char *
skip_value(char *s, const char *end)
{
	size_t depth = 0;

	while (s < end) {
		if (*s == '"') {
			s = skip_string(s, end);
			continue;
		}
		if (*s == '{' || *s == '[')
			depth++;
		else if (depth == 0 && (*s == ',' || *s == '}' || *s == ']'))
			break;
		else if (*s == '}' || *s == ']')
			depth--;
		s++;
	}
	return s;
}

static bool
is_json(const char *s, size_t len)
{
	json_t *value = ac_json_parse_lenient(s, len);

	json_decref(value);
	return value != NULL;
}

/* Mends the object; the last comma between its members, or NULL. */
static char *
mend(char *s, const char *end)
{
	char *comma = NULL;
	char *behind;

	/* In front of its brace there is nothing to mend. */
	while (s < end && *s++ != '{')
		continue;
	while (s < end) {
		if (*s == '"') {
			s = skip_string(s, end);
		} else if (strchr("{[-0123456789", *s) != NULL && *s != '\0') {
			behind = skip_value(s, end);
			if (behind < end && !is_json(s, (size_t)(behind - s))) {
				memset(s, ' ', (size_t)(behind - s));
				*s = '0';
			}
			s = behind;
		} else {
			if (*s == ',')
				comma = s;
			s++;
		}
	}
	return comma;
}

void
ac_value_mend(char *json, size_t len)
{
	(void)mend(json, json + len);
}

bool
ac_value_take_beginning(struct ac_buf *out, const char *json, size_t len)
{
	char *copy = ac_memdup(json, len);
	char *comma = mend(copy, copy + len);
	bool ok = false;

	if (comma != NULL) {
		*comma = '}';
		ok = ac_buf_add(out, copy, (size_t)(comma + 1 - copy));
	}
	free(copy);
	return ok;
}

int64_t
ac_value_tokens(const json_t *usage, const char *key)
{
	const json_t *tokens = json_object_get(usage, key);

	if (!json_is_number(tokens) || json_number_value(tokens) < 0 ||
	    json_number_value(tokens) > (double)most_tokens)
		return AC_TOKENS_UNKNOWN;
	return (int64_t)json_number_value(tokens);
}

int64_t
ac_value_add_tokens(int64_t a, int64_t b)
{
	if (a == AC_TOKENS_UNKNOWN || b == AC_TOKENS_UNKNOWN ||
	    a + b > most_tokens)
		return AC_TOKENS_UNKNOWN;
	return a + b;
}

void
ac_value_update_usage(struct ac_usage *usage, const json_t *counts)
{
	static const char *const names[][2] = {
	    {"inputTokens", "outputTokens"},
	    {"promptTokens", "completionTokens"},
	};

	for (size_t i = 0; i < AC_LENGTH(names); i++) {
		int64_t prompt = ac_value_tokens(counts, names[i][0]);
		int64_t completion = ac_value_tokens(counts, names[i][1]);

		if (prompt != AC_TOKENS_UNKNOWN)
			usage->prompt_tokens = prompt;
		if (completion != AC_TOKENS_UNKNOWN)
			usage->completion_tokens = completion;
	}
}

bool
ac_value_error_text(struct ac_buf *out, const char *json, size_t len)
{
	struct evbuffer *text;
	json_t *value;
	bool ok;

	if (len >= 2 && json[0] == '"' && json[len - 1] == '"' &&
	    ac_literal_check(json + 1, len - 2).state != AC_LITERAL_BROKEN)
		return ac_literal_repair(out, json + 1, len - 2);
	value = ac_json_parse_lenient(json, len);
	if (value == NULL)
		return false;
	json_decref(value);
	text = ac_text_new();
	ac_json_add_escaped(text, json, len);
	len = evbuffer_get_length(text);
	json = (const char *)evbuffer_pullup(text, -1);
	ok = ac_buf_add(out, json, len);
	evbuffer_free(text);
	return ok;
}

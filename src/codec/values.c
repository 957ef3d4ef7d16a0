/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Values of the upstream's protocols: see values.h. */
#include "codec/values.h"

#include <assert.h>
#include <string.h>

#include <event2/buffer.h>
#include <jansson.h>

#include "base/attr.h"
#include "base/json.h"
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

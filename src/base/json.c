/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* JSON helpers: see json.h. */
#include "base/json.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/utf8.h"

/* jansson's own limit is 2048 and not to be set, so depth is counted here,
 * before it parses. Strings are skipped; the rest need not be valid. */
static bool
is_too_deep(const char *data, size_t len)
{
	unsigned depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < len; i++) {
		char c = data[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '[' || c == '{') {
			if (++depth > AC_JSON_MAX_DEPTH)
				return true;
		} else if ((c == ']' || c == '}') && depth > 0) {
			depth--;
		}
	}
	return false;
}

json_t *
ac_json_parse(const char *data, size_t len, char *why, size_t size)
{
	static const char bom[] = "\xef\xbb\xbf";
	json_error_t error;
	json_t *value;

	if (len >= 3 && memcmp(data, bom, 3) == 0) {
		data += 3;
		len -= 3;
	}
	if (len == 0) {
		snprintf(why, size, "it is empty");
		return NULL;
	}
	if (is_too_deep(data, len)) {
		snprintf(why, size, "it is nested deeper than %d levels",
		    AC_JSON_MAX_DEPTH);
		return NULL;
	}
	value = json_loadb(data, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
	if (value == NULL)
		snprintf(why, size, "%s at line %d, column %d", error.text,
		    error.line, error.column);
	return value;
}

json_t *
ac_json_get(const json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	return json_is_null(value) ? NULL : value;
}

const char *
ac_json_get_string(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void
add(struct evbuffer *out, const char *data, size_t len)
{
	if (evbuffer_add(out, data, len) != 0)
		ac_out_of_memory();
}

/* The escape of what JSON does not let stand in a string. */
static void
add_escape(struct evbuffer *out, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	char escape[6] = {'\\', 'u', '0', '0', 0, 0};

	if (c >= 0x20) {
		escape[1] = (char)c;
		add(out, escape, 2);
		return;
	}
	escape[4] = hex[c >> 4];
	escape[5] = hex[c & 15];
	add(out, escape, sizeof(escape));
}

void
ac_json_add_escaped(struct evbuffer *out, const char *s, size_t len)
{
	size_t start = 0, i = 0;

	while (i < len) {
		unsigned char c = (unsigned char)s[i];
		uint32_t code_point;
		size_t bytes = ac_utf8_decode(s + i, len - i, &code_point);

		if (bytes > 0 && c >= 0x20 && c != '"' && c != '\\') {
			i += bytes;
			continue;
		}
		add(out, s + start, i - start);
		if (bytes == 0)
			add(out, "\xef\xbf\xbd", 3); /* U+FFFD */
		else
			add_escape(out, c);
		start = ++i;
	}
	add(out, s + start, len - start);
}

static int
add_piece(const char *data, size_t len, void *out)
{
	add(out, data, len);
	return 0;
}

void
ac_json_add(struct evbuffer *out, const json_t *value)
{
	if (json_dump_callback(
		value, add_piece, out, JSON_COMPACT | JSON_ENCODE_ANY) != 0)
		ac_out_of_memory();
}

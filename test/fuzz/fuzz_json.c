/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * ac_json_parse() against bare jansson: it accepts the same values but for a
 * byte order mark in front, more than 64 levels or 250000 values and lone
 * surrogates, and says why when it does not. What it accepts comes through
 * ac_json_add() unchanged, and its strings through ac_json_add_escaped().
 */
#include <stdbool.h>
#include <string.h>

#include <event2/buffer.h>

#include "base/json.h"
#include "fuzz.h"

static unsigned
depth_of(const json_t *value)
{
	unsigned deepest = 0;

	if (json_is_array(value)) {
		for (size_t i = 0; i < json_array_size(value); i++) {
			unsigned d = depth_of(json_array_get(value, i));

			deepest = d > deepest ? d : deepest;
		}
		return deepest + 1;
	}
	if (json_is_object(value)) {
		void *iter = json_object_iter((json_t *)(uintptr_t)value);

		for (; iter != NULL; iter = json_object_iter_next(
					 (json_t *)(uintptr_t)value, iter)) {
			unsigned d = depth_of(json_object_iter_value(iter));

			deepest = d > deepest ? d : deepest;
		}
		return deepest + 1;
	}
	return 0;
}

/* Parses what out holds and compares it with value; out is freed. */
static void
expect_same(struct evbuffer *out, const json_t *value)
{
	char why[256];
	size_t len = evbuffer_get_length(out);
	const char *text = (const char *)evbuffer_pullup(out, -1);
	json_t *again = ac_json_parse(text, len, why, sizeof(why));

	FUZZ_CHECK(again != NULL);
	FUZZ_CHECK(json_equal(again, value));
	json_decref(again);
	evbuffer_free(out);
}

static void
write_again(const json_t *value)
{
	struct evbuffer *out = evbuffer_new();

	ac_json_add(out, value);
	expect_same(out, value);
	if (!json_is_string(value))
		return;
	out = evbuffer_new();
	evbuffer_add(out, "\"", 1);
	ac_json_add_escaped(
	    out, json_string_value(value), json_string_length(value));
	evbuffer_add(out, "\"", 1);
	expect_same(out, value);
}

/* A reason goes into a reply: it is there and can be written as JSON. jansson
 * may cut it within a character. */
static void
check_reason(const char *why)
{
	struct evbuffer *out = evbuffer_new();
	json_t *text;

	FUZZ_CHECK(*why != '\0');
	evbuffer_add(out, "\"", 1);
	ac_json_add_escaped(out, why, strlen(why));
	evbuffer_add(out, "\"", 1);
	text = json_loadb((const char *)evbuffer_pullup(out, -1),
	    evbuffer_get_length(out), JSON_DECODE_ANY, NULL);
	FUZZ_CHECK(json_is_string(text));
	json_decref(text);
	evbuffer_free(out);
}

static bool
has_surrogate(const char *text, size_t size)
{
	return memmem(text, size, "\\ud", 3) != NULL ||
	       memmem(text, size, "\\uD", 3) != NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	bool bom = size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0;
	size_t skip = bom ? 3 : 0;
	json_t *bare = json_loadb(text + skip, size - skip,
	    JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
	char why[256] = "";
	json_t *value = ac_json_parse(text, size, why, sizeof(why));

	if (value == NULL) {
		check_reason(why);
		FUZZ_CHECK(bare == NULL || depth_of(bare) > AC_JSON_MAX_DEPTH ||
			   size > AC_JSON_MAX_VALUES);
	} else {
		FUZZ_CHECK(bare == NULL ? has_surrogate(text, size)
					: json_equal(bare, value));
		FUZZ_CHECK(depth_of(value) <= AC_JSON_MAX_DEPTH);
		write_again(value);
	}
	json_decref(bare);
	json_decref(value);
	return 0;
}

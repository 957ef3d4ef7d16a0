/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* JSON helpers: see json.h. */
#include "base/json.h"

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "base/attr.h"
#include "base/decimal.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/utf8.h"

enum { ESCAPE_LEN = 6 }; /* of \uXXXX */

/* Why jansson shall not parse a text, into why, or true. Its own limit of
 * depth is 2048 and not to be set, and each value takes it up to 300 bytes
 * (an object with one member), so both are counted before it parses. Strings
 * are skipped; the rest need not be valid. */
static bool
check_shape(const char *data, size_t len, char *why, size_t size)
{
	unsigned depth = 0;
	size_t values = 1;
	bool in_string = false;

	for (size_t i = 0; i < len; i++) {
		char c = data[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
			continue;
		}
		if (c == '"')
			in_string = true;
		else if ((c == ']' || c == '}') && depth > 0)
			depth--;
		if (c != ',' && c != '[' && c != '{')
			continue;
		if (++values > AC_JSON_MAX_VALUES) {
			snprintf(why, size, "it has more than %d values",
			    AC_JSON_MAX_VALUES);
			return false;
		}
		if (c != ',' && ++depth > AC_JSON_MAX_DEPTH) {
			snprintf(why, size,
			    "it is nested deeper than %d levels",
			    AC_JSON_MAX_DEPTH);
			return false;
		}
	}
	return true;
}

/* The unit of a \uXXXX at s, or 0 where there is none. */
static unsigned
read_unit(const char *s, size_t len)
{
	unsigned unit = 0;

	if (len < ESCAPE_LEN || s[0] != '\\' || s[1] != 'u')
		return 0;
	for (size_t i = 2; i < ESCAPE_LEN; i++) {
		if (!isxdigit((unsigned char)s[i]))
			return 0;
		unit = unit << 4 | (unsigned)(isdigit((unsigned char)s[i])
						  ? s[i] - '0'
						  : (s[i] | 0x20) - 'a' + 10);
	}
	return unit;
}

static bool
is_surrogate(unsigned unit)
{
	return unit >= 0xd800 && unit <= 0xdfff;
}

/*
 * Puts \ufffd in the place of each surrogate without a partner: clients that
 * cut a text within an emoji send them, and jansson takes no JSON with one.
 * A backslash stands in strings only, so the rest need not be understood.
 */
static void
replace_lone_surrogates(char *data, size_t len)
{
	size_t i = 0;

	while (i < len) {
		unsigned unit = read_unit(data + i, len - i);
		unsigned next;

		if (data[i] != '\\') {
			i++;
			continue;
		}
		if (!is_surrogate(unit)) {
			i += 2;
			continue;
		}
		next = len - i > ESCAPE_LEN ? read_unit(data + i + ESCAPE_LEN,
						  len - i - ESCAPE_LEN)
					    : 0;
		if (unit < 0xdc00 && next >= 0xdc00 && next <= 0xdfff) {
			i += 2 * (size_t)ESCAPE_LEN;
			continue;
		}
		memcpy(data + i, "\\ufffd", ESCAPE_LEN);
		i += ESCAPE_LEN;
	}
}

static bool
may_hold_surrogates(const char *data, size_t len)
{
	return memmem(data, len, "\\ud", 3) != NULL ||
	       memmem(data, len, "\\uD", 3) != NULL;
}

/* Integers are read as reals: nobody is refused for one that is too large
 * for 64 bits in a field that is not even looked at. */
static json_t *
load(const char *data, size_t len, json_error_t *error)
{
	const size_t flags =
	    JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL;
	json_t *value;
	char *copy;

	if (!may_hold_surrogates(data, len))
		return json_loadb(data, len, flags, error);
	copy = ac_memdup(data, len);
	replace_lone_surrogates(copy, len);
	value = json_loadb(copy, len, flags, error);
	free(copy);
	return value;
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
	if (!check_shape(data, len, why, size))
		return NULL;
	value = load(data, len, &error);
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

json_t *
ac_json_parse_lenient(const char *data, size_t len)
{
	json_error_t error;

	return len == 0 ? NULL : load(data, len, &error);
}

bool
ac_json_equals(const json_t *value, const char *text)
{
	size_t len = strlen(text);

	return json_is_string(value) && json_string_length(value) == len &&
	       memcmp(json_string_value(value), text, len) == 0;
}

/* How many bytes may stand in a literal as they are. */
static size_t
measure_plain(const char *s, size_t len)
{
	size_t i = 0;

	while (i < len) {
		unsigned char c = (unsigned char)s[i];
		uint32_t code_point;
		size_t bytes = 1;

		if (c >= 0x80)
			bytes = ac_utf8_decode(s + i, len - i, &code_point);
		if (bytes == 0 || c < 0x20 || c == '"' || c == '\\')
			break;
		i += bytes;
	}
	return i;
}

/* What stands for any other byte; returns its length. */
static size_t
make_escape(char escape[ESCAPE_LEN], unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	static const char letters[0x20] = {['\b'] = 'b',
	    ['\t'] = 't',
	    ['\n'] = 'n',
	    ['\f'] = 'f',
	    ['\r'] = 'r'};

	if (c >= 0x80) {
		memcpy(escape, "\xef\xbf\xbd", 3); /* U+FFFD */
		return 3;
	}
	escape[0] = '\\';
	if (c >= 0x20 || letters[c] != 0) {
		escape[1] = c >= 0x20 ? (char)c : letters[c];
		return 2;
	}
	memcpy(escape + 1, "u00", 3);
	escape[4] = hex[c >> 4];
	escape[5] = hex[c & 15];
	return ESCAPE_LEN;
}

/* Short pieces are collected: adding to an evbuffer costs far more than a
 * byte does. */
void
ac_json_add_escaped(struct evbuffer *out, const char *s, size_t len)
{
	char pieces[1024];
	size_t used = 0;

	while (len > 0) {
		size_t plain = measure_plain(s, len);

		if (plain + ESCAPE_LEN > sizeof(pieces) - used) {
			ac_text_add(out, pieces, used);
			used = 0;
		}
		if (plain + ESCAPE_LEN > sizeof(pieces)) {
			ac_text_add(out, s, plain);
		} else {
			memcpy(pieces + used, s, plain);
			used += plain;
		}
		s += plain;
		len -= plain;
		if (len == 0)
			break;
		used += make_escape(pieces + used, (unsigned char)*s);
		s++;
		len--;
	}
	ac_text_add(out, pieces, used);
}

void
ac_json_add_string(struct evbuffer *out, const char *s, size_t len)
{
	ac_text_add(out, "\"", 1);
	ac_json_add_escaped(out, s, len);
	ac_text_add(out, "\"", 1);
}

/* Prints a number of at most three decimals; false: it has more. Both sides of
 * the division are exact, so that it is rounded as the text is where that is
 * read. */
static bool
print_short(char text[AC_DECIMAL_SIZE + 4], double value)
{
	static const double short_max = 1e12;
	double thousandths = round(value * 1000);
	char decimals[AC_DECIMAL_SIZE];
	int64_t number;
	size_t len;

	if (value < 0 || value >= short_max || thousandths / 1000 != value)
		return false;
	number = (int64_t)thousandths;
	len = ac_decimal(text, number / 1000);
	if (number % 1000 == 0)
		return true;
	/* With a digit before them, so that all three are there. */
	ac_decimal(decimals, 1000 + number % 1000);
	memcpy(text + len, decimals, sizeof(".000"));
	text[len] = '.';
	for (len += 3; text[len] == '0'; len--)
		text[len] = '\0';
	return true;
}

/* The shortest form of 15 digits and more that reads back the same; whole
 * numbers have no fraction as far as a double counts in ones. */
void
ac_json_add_real(struct evbuffer *out, double value)
{
	static const double whole_max = 9007199254740992.0; /* 2^53 */
	char text[32];

	if (!signbit(value) && print_short(text, value)) {
		ac_text_add_string(out, text);
		return;
	}
	if (fabs(value) < whole_max && floor(value) == value) {
		snprintf(text, sizeof(text), "%.0f", value);
		ac_text_add_string(out, text);
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	ac_text_add_string(out, text);
}

static void
add_object(struct evbuffer *out, const json_t *object)
{
	bool is_first = true;
	const char *key;
	json_t *value;

	/* jansson iterates without changing what it iterates over. */
	json_object_foreach((json_t *)object, key, value)
	{
		ac_text_add_string(out, is_first ? "{" : ",");
		is_first = false;
		ac_json_add_string(out, key, strlen(key));
		ac_text_add_string(out, ":");
		ac_json_add(out, value);
	}
	ac_text_add_string(out, is_first ? "{}" : "}");
}

static void
add_array(struct evbuffer *out, const json_t *array)
{
	ac_text_add_string(out, "[");
	for (size_t i = 0; i < json_array_size(array); i++) {
		if (i > 0)
			ac_text_add_string(out, ",");
		ac_json_add(out, json_array_get(array, i));
	}
	ac_text_add_string(out, "]");
}

static void
add_integer(struct evbuffer *out, json_int_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, value);
	ac_text_add_string(out, text);
}

void
ac_json_add(struct evbuffer *out, const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		add_object(out, value);
		break;
	case JSON_ARRAY:
		add_array(out, value);
		break;
	case JSON_STRING:
		ac_json_add_string(
		    out, json_string_value(value), json_string_length(value));
		break;
	case JSON_INTEGER:
		add_integer(out, json_integer_value(value));
		break;
	case JSON_REAL:
		ac_json_add_real(out, json_real_value(value));
		break;
	case JSON_TRUE:
		ac_text_add_string(out, "true");
		break;
	case JSON_FALSE:
		ac_text_add_string(out, "false");
		break;
	case JSON_NULL:
		ac_text_add_string(out, "null");
		break;
	}
}

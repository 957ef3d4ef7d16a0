/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Checking JSON string literals: see literal.h. Everything is built on one
 * reader of a single character, next_char(), behind a fast lane for plain
 * ASCII.
 */
#include "codec/literal.h"

#include <string.h>

#include "base/utf8.h"

enum char_kind {
	CHAR_OK,
	CHAR_BAD_UTF8, /* one byte that is none */
	CHAR_HIGH,     /* a high surrogate that no low one follows */
	CHAR_LOW,      /* a low surrogate that no high one precedes */
	CHAR_BROKEN,
};

/* One character of a literal: how many bytes it takes there, and what it
 * decodes to. */
struct literal_char {
	enum char_kind kind;
	size_t len;
	uint32_t code_point;
};

static struct literal_char
make_char(enum char_kind kind, size_t len, uint32_t code_point)
{
	return (struct literal_char){
	    .kind = kind,
	    .len = len,
	    .code_point = code_point,
	};
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The four digits of \uXXXX, or -1. */
static int32_t
read_unit(const char *s, size_t len)
{
	int32_t unit = 0;

	if (len < AC_LITERAL_ESCAPE_LEN || s[0] != '\\' || s[1] != 'u')
		return -1;
	for (size_t i = 2; i < AC_LITERAL_ESCAPE_LEN; i++) {
		int digit = hex_value(s[i]);

		if (digit < 0)
			return -1;
		unit = unit * 16 + digit;
	}
	return unit;
}

static bool
is_high(int32_t unit)
{
	return unit >= 0xd800 && unit <= 0xdbff;
}

static bool
is_low(int32_t unit)
{
	return unit >= 0xdc00 && unit <= 0xdfff;
}

static struct literal_char
next_unicode_escape(const char *s, size_t len)
{
	int32_t unit = read_unit(s, len);
	int32_t low;

	if (unit < 0)
		return make_char(CHAR_BROKEN, 0, 0);
	if (is_low(unit))
		return make_char(CHAR_LOW, AC_LITERAL_ESCAPE_LEN, 0);
	if (!is_high(unit))
		return make_char(
		    CHAR_OK, AC_LITERAL_ESCAPE_LEN, (uint32_t)unit);
	low = read_unit(s + AC_LITERAL_ESCAPE_LEN, len - AC_LITERAL_ESCAPE_LEN);
	if (!is_low(low))
		return make_char(CHAR_HIGH, AC_LITERAL_ESCAPE_LEN, 0);
	return make_char(CHAR_OK, 2 * (size_t)AC_LITERAL_ESCAPE_LEN,
	    0x10000 + (((uint32_t)unit - 0xd800) << 10) +
		((uint32_t)low - 0xdc00));
}

static struct literal_char
next_escape(const char *s, size_t len)
{
	if (len < 2)
		return make_char(CHAR_BROKEN, 0, 0);
	switch (s[1]) {
	case '"':
	case '\\':
	case '/':
		return make_char(CHAR_OK, 2, (uint32_t)s[1]);
	case 'b':
		return make_char(CHAR_OK, 2, '\b');
	case 'f':
		return make_char(CHAR_OK, 2, '\f');
	case 'n':
		return make_char(CHAR_OK, 2, '\n');
	case 'r':
		return make_char(CHAR_OK, 2, '\r');
	case 't':
		return make_char(CHAR_OK, 2, '\t');
	case 'u':
		return next_unicode_escape(s, len);
	default:
		return make_char(CHAR_BROKEN, 0, 0);
	}
}

static struct literal_char
next_utf8(const char *s, size_t len)
{
	uint32_t code_point;
	size_t bytes = ac_utf8_decode(s, len, &code_point);

	if (bytes == 0)
		return make_char(CHAR_BAD_UTF8, 1, 0);
	return make_char(CHAR_OK, bytes, code_point);
}

/* len is at least 1. */
static struct literal_char
next_char(const char *s, size_t len)
{
	unsigned char c = (unsigned char)s[0];

	if (c < 0x20 || c == '"')
		return make_char(CHAR_BROKEN, 0, 0);
	if (c == '\\')
		return next_escape(s, len);
	if (c >= 0x80)
		return next_utf8(s, len);
	return make_char(CHAR_OK, 1, c);
}

/* How many bytes in front are characters that stand for themselves. */
static size_t
plain_ascii(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
			break;
	}
	return i;
}

struct ac_literal_report
ac_literal_check(const char *s, size_t len)
{
	struct ac_literal_report report = {.state = AC_LITERAL_CLEAN};
	size_t i = 0;

	while (i < len) {
		size_t plain = plain_ascii(s + i, len - i);
		struct literal_char c;

		i += plain;
		report.text_len += plain;
		if (i == len)
			break;
		c = next_char(s + i, len - i);
		if (c.kind == CHAR_BROKEN) {
			report.state = AC_LITERAL_BROKEN;
			return report;
		}
		if (c.kind != CHAR_OK)
			report.state = AC_LITERAL_REPAIR;
		if (c.kind == CHAR_LOW && i == 0)
			report.begins_with_low = true;
		if (c.kind == CHAR_HIGH && i + c.len == len)
			report.ends_with_high = true;
		/* What is replaced becomes U+FFFD, three bytes. */
		report.text_len +=
		    c.kind == CHAR_OK ? ac_utf8_len(c.code_point) : 3;
		i += c.len;
	}
	return report;
}

bool
ac_literal_repair(struct ac_buf *out, const char *s, size_t len)
{
	size_t i = 0;

	while (i < len) {
		struct literal_char c = next_char(s + i, len - i);

		if (c.kind == CHAR_BROKEN)
			return false;
		if (c.kind == CHAR_OK) {
			if (!ac_buf_add(out, s + i, c.len))
				return false;
		} else if (!ac_buf_add(out, "\\ufffd", AC_LITERAL_ESCAPE_LEN)) {
			return false;
		}
		i += c.len;
	}
	return true;
}

size_t
ac_literal_next(const char *s, size_t len, uint32_t *code_point)
{
	struct literal_char c = next_char(s, len);

	*code_point = c.kind == CHAR_OK ? c.code_point : 0xfffd;
	/* Whoever goes on by what is returned comes to an end. */
	return c.len == 0 ? 1 : c.len;
}

size_t
ac_literal_prefix(const char *s, size_t len, size_t *text_len)
{
	size_t room = *text_len;
	size_t i = 0;

	while (i < len && room > 0) {
		size_t plain = plain_ascii(s + i, len - i);
		uint32_t code_point;
		size_t bytes, utf8_bytes;

		if (plain > room)
			plain = room;
		i += plain;
		room -= plain;
		if (i == len || room == 0)
			break;
		bytes = ac_literal_next(s + i, len - i, &code_point);
		utf8_bytes = ac_utf8_len(code_point);
		if (utf8_bytes > room)
			break;
		i += bytes;
		room -= utf8_bytes;
	}
	*text_len -= room;
	return i;
}

bool
ac_literal_decode(struct ac_buf *out, const char *s, size_t len)
{
	size_t i = 0;

	while (i < len) {
		struct literal_char c = next_char(s + i, len - i);
		char utf8[4];
		size_t utf8_bytes;

		if (c.kind == CHAR_BROKEN)
			return false;
		if (c.kind != CHAR_OK)
			c.code_point = 0xfffd;
		utf8_bytes = ac_utf8_encode(c.code_point, utf8);
		if (!ac_buf_add(out, utf8, utf8_bytes))
			return false;
		i += c.len;
	}
	return true;
}

bool
ac_literal_equals(const char *literal, size_t len, const char *text)
{
	size_t text_len = strlen(text);
	struct ac_buf decoded;
	bool equal;

	if (len > 0 && memchr(literal, '\\', len) == NULL)
		return len == text_len && memcmp(literal, text, len) == 0;
	ac_buf_init(&decoded, text_len);
	equal = ac_literal_decode(&decoded, literal, len) &&
		decoded.len == text_len &&
		(text_len == 0 || memcmp(decoded.data, text, text_len) == 0);
	ac_buf_clear(&decoded);
	return equal;
}

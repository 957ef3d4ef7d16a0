/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * JSON string literals (RFC 8259, section 7) that are checked and passed on
 * as they are, instead of being decoded and encoded again. "Literal" means
 * the bytes between the quotes.
 */
#ifndef AC_CODEC_LITERAL_H
#define AC_CODEC_LITERAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum ac_literal_state {
	AC_LITERAL_CLEAN,  /* can be copied as it is */
	AC_LITERAL_REPAIR, /* JSON, but holds a lone surrogate or bad UTF-8 */
	AC_LITERAL_BROKEN, /* not a JSON string */
};

struct ac_literal_report {
	enum ac_literal_state state;
	size_t text_len;      /* bytes of UTF-8 that it decodes to */
	bool begins_with_low; /* its first character is a lone \uDC00..DFFF */
	bool ends_with_high;  /* its last one is a lone \uD800..DBFF */
};

enum { AC_LITERAL_ESCAPE_LEN = 6 }; /* of \uXXXX */

/* Looks at len bytes in one pass and allocates nothing. */
struct ac_literal_report ac_literal_check(const char *s, size_t len);

/* Appends a literal that is not BROKEN to out, each lone surrogate and each
 * byte that is not UTF-8 replaced by \ufffd. False if out is full. */
AC_MUST_CHECK bool ac_literal_repair(
    struct ac_buf *out, const char *s, size_t len);

/* The first character of a CLEAN literal (len is at least 1): the bytes that it
 * takes there, at least 1, and the character in *code_point. */
size_t ac_literal_next(const char *s, size_t len, uint32_t *code_point);

/* The bytes of a CLEAN literal that hold its first characters, as many as
 * stand for no more than *text_len bytes of UTF-8; *text_len becomes what
 * they stand for. */
size_t ac_literal_prefix(const char *s, size_t len, size_t *text_len);

/* Appends what a CLEAN literal stands for to out. False if out is full. */
AC_MUST_CHECK bool ac_literal_decode(
    struct ac_buf *out, const char *s, size_t len);

/* Whether a literal that is not BROKEN stands for this text of ASCII. */
bool ac_literal_equals(const char *literal, size_t len, const char *text);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * A line of API_KEYS_FILE (docs/keys.md):
 *
 *	name sha256 rpm=60 concurrent=4 models=DeepSeek-*,Qwen* \
 *	    expires=2027-01-01
 *
 * (on one line). Pure.
 */
#ifndef AC_API_KEY_LINE_H
#define AC_API_KEY_LINE_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

enum {
	AC_KEY_NAME_MAX = 64, /* bytes */
	AC_KEY_HASH_SIZE = 32,
	AC_KEY_CONCURRENT_MAX = 1000000,
};

struct ac_key_line {
	char name[AC_KEY_NAME_MAX + 1];
	unsigned char hash[AC_KEY_HASH_SIZE]; /* SHA-256 of the key */
	int64_t requests_per_minute;          /* 0: no limit */
	int64_t concurrent_requests;          /* 0: no limit */
	int64_t expires_s;                    /* seconds since 1970; 0: never */
	char *models; /* owned: patterns separated by commas; NULL: every one */
};

enum ac_key_line_kind {
	AC_KEY_LINE_KEY,
	AC_KEY_LINE_EMPTY, /* blanks, or a comment */
	AC_KEY_LINE_BAD,   /* *why is a constant text */
};

/* Reads len bytes without a line feed; a carriage return at their end does
 * not count. What is wrong is told without the line's words: they might be
 * somebody's key. Fills key for AC_KEY_LINE_KEY alone. */
AC_MUST_CHECK enum ac_key_line_kind ac_key_line_parse(
    struct ac_key_line *key, const char *line, size_t len, const char **why);

/* Frees the patterns. */
void ac_key_line_clear(struct ac_key_line *key);

#endif

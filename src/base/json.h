/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Small helpers around jansson and JSON literals. */
#ifndef AC_BASE_JSON_H
#define AC_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

struct evbuffer;

enum {
	/* The deepest nesting of arrays and objects that is parsed. */
	AC_JSON_MAX_DEPTH = 64,
	/* The most values, counted as commas and opening brackets: far more
	 * than a client has to say, and less than 80 MB beside its texts. */
	AC_JSON_MAX_VALUES = 250000,
};

/*
 * Parses one JSON value that fills data (len bytes). A byte order mark in
 * front is skipped, NUL in strings is kept, a lone surrogate becomes U+FFFD
 * and every number is a json_real. Returns a new reference, or
 * NULL and in why (size bytes) what is wrong and where.
 */
json_t *ac_json_parse(const char *data, size_t len, char *why, size_t size);

/* The same for what an upstream sends: as deep as jansson goes, as much as
 * fits into the text, and without a reason. */
json_t *ac_json_parse_lenient(const char *data, size_t len);

/* The string behind key, or NULL if it is absent or something else. */
const char *ac_json_get_string(const json_t *object, const char *key);

/* Whether value is a string and equal to text. */
bool ac_json_equals(const json_t *value, const char *text);

/* The value behind key; NULL where it is absent or null. */
json_t *ac_json_get(const json_t *object, const char *key);

/* Appends len bytes as a JSON literal without its quotes; a byte that is not
 * UTF-8 becomes U+FFFD. */
void ac_json_add_escaped(struct evbuffer *out, const char *s, size_t len);

/* The same with its quotes. */
void ac_json_add_string(struct evbuffer *out, const char *s, size_t len);

/* Appends a number that is finite, in the shortest form that reads back the
 * same: 1, 0.1, 1e+300. */
void ac_json_add_real(struct evbuffer *out, double value);

/* Appends value as compact JSON, its numbers as above. It recurses as deep as
 * value is nested. */
void ac_json_add(struct evbuffer *out, const json_t *value);

#endif

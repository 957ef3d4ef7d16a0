/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Values that both protocols of the upstream carry. */
#ifndef AC_CODEC_VALUES_H
#define AC_CODEC_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/event.h"

struct json_t;

/* The finish reason with this name; UNKNOWN for NULL and other names. */
enum ac_finish ac_value_finish(const char *name);

/* The same for a literal that was checked. */
enum ac_finish ac_value_finish_literal(const char *literal, size_t len);

/*
 * Puts a zero (and white space) in the place of each value in the object json
 * (len bytes) that is an array, an object or a number and that jansson does
 * not take: too deep, too large, not UTF-8. So one member that nobody needs
 * does not make the others unreadable. What is no object stays none.
 */
void ac_value_mend(char *json, size_t len);

/*
 * Appends to out the object json (len bytes), which may break off anywhere,
 * with those of its members that have a comma behind them. False if there is
 * none or out is full.
 */
AC_MUST_CHECK bool ac_value_take_beginning(
    struct ac_buf *out, const char *json, size_t len);

/* The count behind key, or AC_TOKENS_UNKNOWN where it is null, absent or no
 * count. usage may be NULL or no object. */
int64_t ac_value_tokens(const struct json_t *usage, const char *key);

/* Takes the counts in an object of any version; one that is known takes the
 * place of an earlier one. counts may be NULL or no object. */
void ac_value_update_usage(struct ac_usage *usage, const struct json_t *counts);

/* The sum of two counts, or AC_TOKENS_UNKNOWN where one is unknown or the sum
 * is more than any count. */
int64_t ac_value_add_tokens(int64_t a, int64_t b);

/*
 * Appends the text of an error as a clean literal: the string that json (len
 * bytes) is, or other JSON as a text of its own. False if it is no JSON or
 * out is full.
 */
AC_MUST_CHECK bool ac_value_error_text(
    struct ac_buf *out, const char *json, size_t len);

#endif

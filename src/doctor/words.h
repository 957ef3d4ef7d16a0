/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What is said about failures: plain causes, and what to do about them. */
#ifndef AC_DOCTOR_WORDS_H
#define AC_DOCTOR_WORDS_H

#include <stddef.h>

#include "base/error.h"

/* An error's message without the program's own "The upstream …: " before the
 * cause, for other servers than the upstream. Points into error. */
const char *ac_words_cause(const struct ac_error *error);

/* What an operator can do where the site is not reached or refuses; lines
 * that end with a line feed but for the last. NULL: nothing is known.
 * Constant. */
const char *ac_words_advice(enum ac_error_code code);

/* Copies the first line of len bytes, or as much as fits; what is not
 * printable ASCII becomes '?'. size is at least 1. */
void ac_words_copy_line(char *out, size_t size, const char *data, size_t len);

#endif

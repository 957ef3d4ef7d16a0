/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Random text as JavaScript has it, an array of UTF-16 code units where
 * surrogates may stand alone, and two naive conversions of it: what a test
 * compares the project's code with.
 */
#ifndef AC_TEST_UTF16_H
#define AC_TEST_UTF16_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "support/random.h"

/* Fills len units: ASCII, controls, every plane, now and then a surrogate
 * without its partner. */
void utf16_fill(struct random *random, uint16_t *units, size_t len);

/* Writes units as UTF-8, lone surrogates as U+FFFD. */
void utf16_write_utf8(FILE *out, const uint16_t *units, size_t len);

/* Writes units as the inside of a JSON string: what need not be escaped is
 * escaped by chance, lone surrogates always. */
void utf16_write_literal(
    struct random *random, FILE *out, const uint16_t *units, size_t len);

#endif

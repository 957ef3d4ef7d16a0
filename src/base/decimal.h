/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Numbers in decimal digits, for what is written with every request: printf
 * takes some thousand instructions for a line with one number.
 */
#ifndef AC_BASE_DECIMAL_H
#define AC_BASE_DECIMAL_H

#include <stddef.h>
#include <stdint.h>

enum { AC_DECIMAL_SIZE = 21 }; /* "-9223372036854775808" with its NUL */

/* Writes number with a NUL behind it; returns the length without that. */
size_t ac_decimal(char out[AC_DECIMAL_SIZE], int64_t number);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* UTF-8, one character at a time (The Unicode Standard, table 3-7). */
#ifndef AC_BASE_UTF8_H
#define AC_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The length of the character at s (1 to 4 bytes of the len that are there,
 * at least 1) and the character in *code_point; 0 if there is none: an
 * overlong form, a surrogate, a cut or a stray byte. */
size_t ac_utf8_decode(const char *s, size_t len, uint32_t *code_point);

/* Bytes that a character takes. */
size_t ac_utf8_len(uint32_t code_point);

/* Writes a character (no surrogate, at most 0x10ffff); returns its length. */
size_t ac_utf8_encode(uint32_t code_point, char out[4]);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Memory that is there or the process ends: every function aborts with one
 * line on standard error when there is none, so no caller checks.
 * What they return is released with free().
 */
#ifndef AC_BASE_MEM_H
#define AC_BASE_MEM_H

#include <stddef.h>

#include "base/attr.h"

/* size bytes, not initialised; size 0 gives a pointer that can be freed. */
void *ac_malloc(size_t size);

/* count * size bytes, all zero; a product that overflows aborts. */
void *ac_calloc(size_t count, size_t size);

/* Like realloc(3); ptr may be NULL. */
void *ac_realloc(void *ptr, size_t size);

/* A copy of a C string. */
char *ac_strdup(const char *s);

/* A copy of len bytes with a NUL behind them (NULs inside are kept). */
char *ac_memdup(const char *data, size_t len);

/* The same without the spaces and tabs at its beginning and its end. */
char *ac_memdup_trimmed(const char *text, size_t len);

/* printf into fresh memory. */
char *ac_asprintf(const char *fmt, ...) AC_PRINTF(1, 2);

/* Prints "out of memory" without allocating and aborts. */
void ac_out_of_memory(void) AC_NORETURN;

/* Frees *string and puts a copy of value (or NULL) in its place. */
void ac_replace_string(char **string, const char *value);

/* Overwrites a secret before its memory is freed; s may be NULL. */
void ac_wipe_and_free(char *s);

/* The same for len bytes that need not end with a NUL. */
void ac_wipe_and_free_bytes(char *data, size_t len);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Building texts and bodies in libevent's buffers, with memory that is there
 * or the process ends (mem.h): no caller checks.
 */
#ifndef AC_BASE_TEXT_H
#define AC_BASE_TEXT_H

#include <stddef.h>

struct evbuffer;

/* An empty buffer, to be freed with evbuffer_free(). */
struct evbuffer *ac_text_new(void);

/* Appends len bytes. */
void ac_text_add(struct evbuffer *text, const char *data, size_t len);

/* Appends a C string. */
void ac_text_add_string(struct evbuffer *text, const char *s);

/* The contents as a C string from malloc; text is freed. */
char *ac_text_take(struct evbuffer *text);

#endif

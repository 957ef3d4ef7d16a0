/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * A growing byte buffer that cannot be made without a maximum. It holds what
 * a peer sends (a line, a small body), so running into the maximum is an
 * ordinary outcome that the caller handles, not an error of the program.
 */
#ifndef AC_BASE_BUF_H
#define AC_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct ac_buf {
	char *data; /* owned; NULL while empty and never used */
	size_t len;
	size_t cap;
	size_t max; /* len never exceeds it */
};

/* An empty buffer in place; nothing is allocated yet. */
void ac_buf_init(struct ac_buf *buf, size_t max);

/* Frees the memory; the buffer is empty and usable afterwards. */
void ac_buf_clear(struct ac_buf *buf);

/* Empties the buffer and keeps its memory for the next use. */
void ac_buf_reset(struct ac_buf *buf);

/* Appends len bytes; false (and nothing appended) if that exceeds max. */
AC_MUST_CHECK bool ac_buf_add(struct ac_buf *buf, const void *data, size_t len);

/* Appends len bytes for which the caller has seen to it that there is room;
 * aborts if there is none. */
void ac_buf_put(struct ac_buf *buf, const void *data, size_t len);

/* Appends a C string; false as above. */
AC_MUST_CHECK bool ac_buf_add_string(struct ac_buf *buf, const char *s);

/* The contents as a C string (a NUL is put behind them; NULs inside stay).
 * Valid until the next call that changes the buffer. */
const char *ac_buf_string(struct ac_buf *buf);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The bounded byte buffer: see buf.h. */
#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { SMALLEST_CAPACITY = 256 };

/* Makes room for len bytes and a NUL; len is known to be within max. */
static void
reserve(struct ac_buf *buf, size_t len)
{
	size_t cap =
	    buf->cap < SMALLEST_CAPACITY ? SMALLEST_CAPACITY : buf->cap;

	if (len < buf->cap)
		return;
	while (cap <= len)
		cap *= 2;
	buf->data = ac_realloc(buf->data, cap);
	buf->cap = cap;
}

void
ac_buf_init(struct ac_buf *buf, size_t max)
{
	*buf = (struct ac_buf){.max = max};
}

void
ac_buf_clear(struct ac_buf *buf)
{
	free(buf->data);
	ac_buf_init(buf, buf->max);
}

void
ac_buf_reset(struct ac_buf *buf)
{
	buf->len = 0;
}

bool
ac_buf_add(struct ac_buf *buf, const void *data, size_t len)
{
	if (len > buf->max - buf->len)
		return false;
	if (len == 0)
		return true;
	reserve(buf, buf->len + len);
	memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	return true;
}

void
ac_buf_put(struct ac_buf *buf, const void *data, size_t len)
{
	if (!ac_buf_add(buf, data, len))
		abort();
}

bool
ac_buf_add_string(struct ac_buf *buf, const char *s)
{
	return ac_buf_add(buf, s, strlen(s));
}

const char *
ac_buf_string(struct ac_buf *buf)
{
	reserve(buf, buf->len);
	buf->data[buf->len] = '\0';
	return buf->data;
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Checked use of libevent's buffers: see text.h. */
#include "base/text.h"

#include <string.h>

#include <event2/buffer.h>

#include "base/mem.h"

struct evbuffer *
ac_text_new(void)
{
	struct evbuffer *text = evbuffer_new();

	if (text == NULL)
		ac_out_of_memory();
	return text;
}

void
ac_text_add(struct evbuffer *text, const char *data, size_t len)
{
	if (evbuffer_add(text, data, len) != 0)
		ac_out_of_memory();
}

void
ac_text_add_string(struct evbuffer *text, const char *s)
{
	ac_text_add(text, s, strlen(s));
}

char *
ac_text_take(struct evbuffer *text)
{
	size_t len = evbuffer_get_length(text);
	char *s = ac_malloc(len + 1);

	evbuffer_remove(text, s, len);
	s[len] = '\0';
	evbuffer_free(text);
	return s;
}

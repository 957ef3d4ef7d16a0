/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Looking into the head of an answer: see http_message.h. */
#include "net/http_message.h"

#include <string.h>

#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/util.h>

const char *
ac_http_head_find(const struct ac_http_head *head, const char *name)
{
	return evhttp_find_header(head->headers, name);
}

const char *
ac_http_head_find_nth(
    const struct ac_http_head *head, const char *name, size_t n)
{
	const struct evkeyval *header;

	for (header = head->headers->tqh_first; header != NULL;
	     header = header->next.tqe_next) {
		if (evutil_ascii_strcasecmp(header->key, name) == 0 && n-- == 0)
			return header->value;
	}
	return NULL;
}

bool
ac_http_head_is_type(const struct ac_http_head *head, const char *type)
{
	const char *value = ac_http_head_find(head, "Content-Type");
	size_t len = strlen(type);

	return value != NULL &&
	       evutil_ascii_strncasecmp(value, type, len) == 0 &&
	       strchr("; \t", value[len]) != NULL;
}

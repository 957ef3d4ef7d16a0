/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Requests for evhttp and heads from it: see http_message.h. */
#include "net/http_message.h"

#include <string.h>

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/util.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/mem.h"

static void
release_body(const void *data, size_t len, void *arg)
{
	AC_UNUSED(data);
	AC_UNUSED(len);
	ac_bytes_unref(arg);
}

/* evhttp holds the body as long as it likes. */
static void
attach_body(struct evhttp_request *made, struct ac_bytes *body)
{
	if (body == NULL || body->len == 0)
		return;
	if (evbuffer_add_reference(evhttp_request_get_output_buffer(made),
		body->data, body->len, release_body, ac_bytes_ref(body)) != 0)
		ac_out_of_memory();
}

struct evhttp_request *
ac_http_request_make(const struct ac_http_request *request,
    const char *host_header,
    void (*on_response)(struct evhttp_request *, void *arg), void *arg)
{
	struct evhttp_request *made = evhttp_request_new(on_response, arg);
	struct evkeyvalq *headers;

	if (made == NULL)
		ac_out_of_memory();
	headers = evhttp_request_get_output_headers(made);
	evhttp_add_header(headers, "Host", host_header);
	/* evhttp does not decode anything. */
	evhttp_add_header(headers, "Accept-Encoding", "identity");
	for (size_t i = 0; i < request->header_count; i++)
		evhttp_add_header(headers, request->headers[i].name,
		    request->headers[i].value);
	attach_body(made, request->body);
	return made;
}

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

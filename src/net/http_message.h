/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What an outgoing request is made of, and the head of its answer. */
#ifndef AC_NET_HTTP_MESSAGE_H
#define AC_NET_HTTP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

struct ac_bytes;
struct evhttp_request;
struct evkeyvalq;

enum ac_http_method {
	AC_HTTP_GET,
	AC_HTTP_POST,
	AC_HTTP_OPTIONS,
};

struct ac_http_header {
	const char *name;
	const char *value; /* without CR, LF and NUL */
};

/* Borrowed for the call that takes it; the body is referenced. Host,
 * Accept-Encoding and Content-Length are added by the client. */
struct ac_http_request {
	enum ac_http_method method;
	const char *path; /* as it goes on the wire, query included */
	const struct ac_http_header *headers;
	size_t header_count;
	struct ac_bytes *body; /* NULL: none */
};

/* evhttp's form of a request, with Host and Accept-Encoding and the body by
 * reference. on_response is evhttp's callback for it. */
struct evhttp_request *ac_http_request_make(
    const struct ac_http_request *request, const char *host_header,
    void (*on_response)(struct evhttp_request *, void *arg), void *arg);

struct ac_http_head {
	int status; /* 200 to 999 */
	const struct evkeyvalq *headers;
};

/* The value of a header, whatever its case, or NULL; borrowed. */
const char *ac_http_head_find(
    const struct ac_http_head *head, const char *name);

/* The value of the n-th header of that name, counted from 0, or NULL. */
const char *ac_http_head_find_nth(
    const struct ac_http_head *head, const char *name, size_t n);

/* Whether the Content-Type is type (lower case), parameters aside. */
bool ac_http_head_is_type(const struct ac_http_head *head, const char *type);

#endif

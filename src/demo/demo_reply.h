/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * How the simulated app answers: the headers that stand on all of its
 * answers, in the order the real one has them, and always chunked framing.
 * Every function but _prepare, _add_header and _lacks_host sends, and _send
 * and those that call it hand the request back to evhttp.
 */
#ifndef AC_DEMO_DEMO_REPLY_H
#define AC_DEMO_DEMO_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct evhttp_request;

enum { AC_DEMO_IDLE_S = 6 }; /* an idle connection is closed after it */

/* Adds the headers that stand on every answer of an endpoint, and
 * content-type unless it is NULL. */
void ac_demo_reply_prepare(
    struct evhttp_request *req, const char *content_type);

/* Adds one header. A value that evhttp refuses (it holds a line end) is left
 * out. */
void ac_demo_reply_add_header(
    struct evhttp_request *req, const char *name, const char *value);

/* Sends the status line and the headers; a body follows in chunks. */
void ac_demo_reply_start(struct evhttp_request *req, int status);

/* Sends all: status, headers, and body (a C string) if it is not NULL. */
void ac_demo_reply_send(
    struct evhttp_request *req, int status, const char *body);

/* A whole answer with a JSON text as its body. */
void ac_demo_reply_json(
    struct evhttp_request *req, int status, const char *json);

/* A whole answer without body and content-type. */
void ac_demo_reply_empty(struct evhttp_request *req, int status);

/* A whole answer with an HTML page that shows title. */
void ac_demo_reply_page(
    struct evhttp_request *req, int status, const char *title);

/* The answer to a request that lacks its Host header. */
void ac_demo_reply_bad_request(struct evhttp_request *req);

/* Whether the request is HTTP/1.1 and has no Host header. */
AC_MUST_CHECK bool ac_demo_reply_lacks_host(struct evhttp_request *req);

#endif

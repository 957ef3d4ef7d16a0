/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Answers of the simulated app: see demo_reply.h. They go through evhttp's
 * start, chunk and end even where they are short, because the real app never
 * sends a Content-Length.
 */
#include "demo/demo_reply.h"

#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/util.h>

#include "base/mem.h"

static const struct {
	int status;
	const char *phrase;
} phrases[] = {
    {200, "OK"},
    {204, "No Content"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {429, "Too Many Requests"},
    {500, "Internal Server Error"},
    {503, "Service Unavailable"},
};

static const char *
find_phrase(int status)
{
	for (size_t i = 0; i < AC_LENGTH(phrases); i++) {
		if (phrases[i].status == status)
			return phrases[i].phrase;
	}
	return "Unknown";
}

static bool
is_http10(const struct evhttp_request *req)
{
	return req->major < 1 || (req->major == 1 && req->minor < 1);
}

static bool
wants_close(struct evhttp_request *req)
{
	const char *connection = evhttp_find_header(
	    evhttp_request_get_input_headers(req), "Connection");

	if (is_http10(req))
		return true;
	return connection != NULL && strcasestr(connection, "close") != NULL;
}

void
ac_demo_reply_add_header(
    struct evhttp_request *req, const char *name, const char *value)
{
	(void)evhttp_add_header(
	    evhttp_request_get_output_headers(req), name, value);
}

void
ac_demo_reply_prepare(struct evhttp_request *req, const char *content_type)
{
	ac_demo_reply_add_header(req, "X-Content-Type-Options", "nosniff");
	ac_demo_reply_add_header(req, "X-XSS-Protection", "1; mode=block");
	ac_demo_reply_add_header(req, "X-Frame-Options", "SAMEORIGIN");
	if (content_type != NULL)
		ac_demo_reply_add_header(req, "content-type", content_type);
}

static void
add_date(struct evhttp_request *req)
{
	char date[64];

	evutil_date_rfc1123(date, sizeof(date), NULL);
	ac_demo_reply_add_header(req, "Date", date);
}

/*
 * evhttp would put "Content-Length: 0" before the body of a stream to an
 * HTTP/1.0 client that asks for keep-alive. Without that wish the body ends
 * with the connection, as in the real app.
 */
static void
add_connection(struct evhttp_request *req)
{
	if (!wants_close(req)) {
		ac_demo_reply_add_header(req, "Connection", "keep-alive");
		ac_demo_reply_add_header(req, "Keep-Alive", "timeout=5");
		return;
	}
	if (is_http10(req))
		evhttp_remove_header(
		    evhttp_request_get_input_headers(req), "Connection");
	ac_demo_reply_add_header(req, "Connection", "close");
}

void
ac_demo_reply_start(struct evhttp_request *req, int status)
{
	add_date(req);
	add_connection(req);
	evhttp_send_reply_start(req, status, find_phrase(status));
}

static void
send_body(struct evhttp_request *req, const char *body)
{
	struct evbuffer *chunk = evbuffer_new();

	if (chunk == NULL || evbuffer_add(chunk, body, strlen(body)) != 0)
		ac_out_of_memory();
	evhttp_send_reply_chunk(req, chunk);
	evbuffer_free(chunk);
}

void
ac_demo_reply_send(struct evhttp_request *req, int status, const char *body)
{
	ac_demo_reply_start(req, status);
	if (body != NULL)
		send_body(req, body);
	evhttp_send_reply_end(req);
}

void
ac_demo_reply_json(struct evhttp_request *req, int status, const char *json)
{
	ac_demo_reply_prepare(req, "application/json");
	ac_demo_reply_send(req, status, json);
}

void
ac_demo_reply_empty(struct evhttp_request *req, int status)
{
	ac_demo_reply_prepare(req, NULL);
	ac_demo_reply_send(req, status, NULL);
}

void
ac_demo_reply_page(struct evhttp_request *req, int status, const char *title)
{
	char *page = ac_asprintf("<!DOCTYPE html><html lang=\"en\"><head>"
				 "<meta charSet=\"utf-8\"/><title>%s</title>"
				 "</head><body><h1>%s</h1></body></html>",
	    title, title);

	ac_demo_reply_prepare(req, "text/html; charset=utf-8");
	ac_demo_reply_send(req, status, page);
	free(page);
}

void
ac_demo_reply_bad_request(struct evhttp_request *req)
{
	ac_demo_reply_add_header(req, "Connection", "close");
	add_date(req);
	evhttp_send_reply_start(req, 400, find_phrase(400));
	evhttp_send_reply_end(req);
}

bool
ac_demo_reply_lacks_host(struct evhttp_request *req)
{
	return !is_http10(req) &&
	       evhttp_find_header(
		   evhttp_request_get_input_headers(req), "Host") == NULL;
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The reply to a request, whole or in pieces: request.h. The request's life
 * and its states are in request.c.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/http_struct.h>

#include "api/api.h"
#include "api/client_conn.h"
#include "api/error_reply.h"
#include "api/instruments.h"
#include "api/request_private.h"
#include "base/clock.h"
#include "base/decimal.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/timer.h"
#include "net/tls.h"
#include "net/write_soon.h"

enum {
	OUTPUT_HIGH = 64 * 1024, /* a stream is full … */
	OUTPUT_LOW = 16 * 1024,  /* … until it is down to this */
};

static void note_written(struct ac_request *);
static void on_output_changed(
    struct evbuffer *, const struct evbuffer_cb_info *, void *arg);
static void on_writable(evutil_socket_t, short, void *arg);

void
ac_request_add_header(
    struct ac_request *request, const char *name, const char *value)
{
	evhttp_add_header(
	    evhttp_request_get_output_headers(request->http), name, value);
}

/* The headers of every reply. */
static void
begin_reply(struct ac_request *request, int status, const char *content_type)
{
	request->access.status = status;
	request->access.first_byte_ns = ac_clock_ns();
	if (content_type != NULL &&
	    evhttp_find_header(evhttp_request_get_output_headers(request->http),
		"Content-Type") == NULL)
		ac_request_add_header(request, "Content-Type", content_type);
	/* evhttp would print it anew; it does not date HTTP/1.0's answers. */
	if (request->http->major == 1 && request->http->minor >= 1)
		ac_request_add_header(request, "Date", ac_clock_http_date());
	ac_request_add_header(request, "X-Request-Id", request->access.id);
	if (request->api->draining)
		request->close_after = true;
	if (request->close_after)
		ac_request_add_header(request, "Connection", "close");
	/* evhttp reads on its own while it writes: bounded here too. */
	bufferevent_setwatermark(
	    ac_request_bev(request), EV_READ, 0, AC_EARLY_INPUT_MAX);
}

/* evhttp's own, the same function for every connection. */
static bufferevent_data_cb evhttp_on_all_written;

/*
 * A TLS bufferevent says only later in the turn that it has written all it
 * had, and by then the end of the reply may have been added. evhttp does not
 * look, takes the reply for sent and stops writing: the end would stay here.
 */
static void
on_all_written(struct bufferevent *bev, void *evcon)
{
	if (evbuffer_get_length(bufferevent_get_output(bev)) == 0)
		evhttp_on_all_written(bev, evcon);
}

/* evhttp has been given the end of the reply; where nothing was left to be
 * written, it may be done with the connection already. */
static void
reply_is_whole(struct ac_request *request)
{
	struct bufferevent *bev;
	bufferevent_data_cb read_cb;
	bufferevent_data_cb write_cb;
	bufferevent_event_cb event_cb;
	void *evcon;

	if (request->state == REQUEST_GONE)
		return;
	bev = ac_request_bev(request);
	bufferevent_getcb(bev, &read_cb, &write_cb, &event_cb, &evcon);
	if (write_cb != on_all_written)
		evhttp_on_all_written = write_cb;
	bufferevent_setcb(bev, read_cb, on_all_written, event_cb, evcon);
	ac_tls_join_output(bev);
	ac_write_soon(bev);
}

/* From here on evhttp's request is evhttp's, and no hook runs. */
static struct evhttp_request *
hand_over(struct ac_request *request, enum ac_ending ending)
{
	request->state = REQUEST_REPLIED;
	request->access.ending = ending;
	request->hooks = NULL;
	return request->http;
}

static void
add_length(struct ac_request *request, int64_t length)
{
	char digits[AC_DECIMAL_SIZE];

	ac_decimal(digits, length);
	ac_request_add_header(request, "Content-Length", digits);
}

static void
send_reply(struct ac_request *request, int status, struct evbuffer *body,
    enum ac_ending ending)
{
	struct evhttp_request *http = request->http;

	begin_reply(request, status, "application/json");
	add_length(request, (int64_t)evbuffer_get_length(body));
	/* evhttp would send the body of a HEAD's answer. */
	if (evhttp_request_get_command(http) == EVHTTP_REQ_HEAD)
		body = NULL;
	evhttp_send_reply(
	    hand_over(request, ending), status, ac_http_phrase(status), body);
	reply_is_whole(request);
}

void
ac_request_reply_empty(struct ac_request *request, int status)
{
	begin_reply(request, status, NULL);
	evhttp_send_reply(hand_over(request, AC_ENDING_DONE), status,
	    ac_http_phrase(status), NULL);
	reply_is_whole(request);
}

void
ac_request_reply(struct ac_request *request, int status, struct evbuffer *body)
{
	send_reply(request, status, body, AC_ENDING_DONE);
}

/* What went wrong upstream. Its own words stay out of the log: they may
 * repeat what a user asked or a model answered. */
static void
log_failure(const struct ac_request *request, const struct ac_error *error)
{
	if (error->code >= AC_ERROR_UPSTREAM)
		ac_log_warn("request failed", AC_STR("id", request->access.id),
		    AC_STR("code", ac_error_name(error->code)),
		    AC_STR("reason", error->is_quote
					 ? "the upstream said so to the client"
					 : error->message));
}

void
ac_request_reply_error(struct ac_request *request, const struct ac_error *error)
{
	struct evbuffer *body = ac_text_new();
	char seconds[16];

	log_failure(request, error);
	ac_error_add_json(body, error);
	if (error->retry_after_s > 0) {
		snprintf(seconds, sizeof(seconds), "%d", error->retry_after_s);
		ac_request_add_header(request, "Retry-After", seconds);
	}
	if (ac_error_retry(error->code) == AC_RETRY_NEVER)
		ac_request_add_header(request, "X-Should-Retry", "false");
	send_reply(request, ac_error_status(error->code), body,
	    ac_ending_of_reply(error->code));
	evbuffer_free(body);
}

/* The headers are there; a body comes piece by piece. */
static void
start_pieces(struct ac_request *request)
{
	evhttp_send_reply_start(request->http, 200, NULL);
	request->state = REQUEST_STREAMING;
	request->output_cb =
	    evbuffer_add_cb(bufferevent_get_output(ac_request_bev(request)),
		on_output_changed, request);
}

/* Without chunks only the connection's end can end a body of unknown length;
 * to a client that asks to keep it evhttp would say Content-Length: 0. */
static void
close_without_chunks(struct ac_request *request)
{
	struct evhttp_request *http = request->http;

	if (http->major > 1 || (http->major == 1 && http->minor >= 1))
		return;
	evhttp_remove_header(
	    evhttp_request_get_input_headers(http), "Connection");
	request->close_after = true;
}

void
ac_request_start_stream(struct ac_request *request)
{
	close_without_chunks(request);
	begin_reply(request, 200, "text/event-stream; charset=utf-8");
	ac_request_add_header(
	    request, "Cache-Control", "no-cache, no-transform");
	ac_request_add_header(request, "X-Accel-Buffering", "no");
	request->streams = true;
	ac_instruments_note_stream_begun(request->api->instruments);
	start_pieces(request);
}

void
ac_request_start_body(
    struct ac_request *request, const char *type, int64_t length)
{
	if (length == AC_LENGTH_UNKNOWN)
		close_without_chunks(request);
	begin_reply(request, 200, type);
	if (length != AC_LENGTH_UNKNOWN)
		add_length(request, length);
	start_pieces(request);
}

struct chunk_size {
	char line[2 * sizeof(size_t) + 2];
	size_t first; /* what is before it is not used */
};

/* The line before a chunk (RFC 9112, 7.1). */
static struct chunk_size
print_chunk_size(size_t len)
{
	static const char hex[] = "0123456789abcdef";
	struct chunk_size size = {.first = sizeof(size.line) - 2};

	memcpy(size.line + size.first, "\r\n", 2);
	do {
		size.line[--size.first] = hex[len % 16];
		len /= 16;
	} while (len > 0);
	return size;
}

/* Adds data to the output, as a chunk if the body has chunks. */
static void
add_piece(struct ac_request *request, struct evbuffer *data)
{
	struct evbuffer *output =
	    bufferevent_get_output(ac_request_bev(request));
	struct chunk_size size = print_chunk_size(evbuffer_get_length(data));

	if (request->http->chunked)
		ac_text_add(output, size.line + size.first,
		    sizeof(size.line) - size.first);
	if (evbuffer_add_buffer(output, data) != 0)
		ac_out_of_memory();
	if (request->http->chunked)
		ac_text_add(output, "\r\n", 2);
}

/* Does the same without the output, if that can be. */
static bool
write_at_once(struct ac_request *request, struct evbuffer *data)
{
	struct bufferevent *bev = ac_request_bev(request);
	size_t len = evbuffer_get_length(data);
	struct chunk_size size = print_chunk_size(len);

	if (!ac_can_write_now(bev))
		return false;
	if (request->http->chunked) {
		if (evbuffer_prepend(data, size.line + size.first,
			sizeof(size.line) - size.first) != 0)
			ac_out_of_memory();
		ac_text_add(data, "\r\n", 2);
	}
	len = evbuffer_get_length(data);
	ac_write_now(bev, data);
	if (evbuffer_get_length(bufferevent_get_output(bev)) < len)
		note_written(request);
	request->read_ns = 0; /* or the client is behind */
	return true;
}

/* evhttp_send_reply_chunk() would turn reading and writing on anew with each
 * piece. */
static void
write_piece(
    struct ac_request *request, struct evbuffer *data, enum ac_piece place)
{
	if (evhttp_request_get_command(request->http) == EVHTTP_REQ_HEAD) {
		evbuffer_drain(data, evbuffer_get_length(data));
		return;
	}
	if (place == AC_PIECE_WITHIN && write_at_once(request, data))
		return;
	add_piece(request, data);
	ac_tls_join_output(ac_request_bev(request));
	ac_write_soon(ac_request_bev(request));
}

enum ac_write
ac_request_write(
    struct ac_request *request, struct evbuffer *data, enum ac_piece place)
{
	struct evbuffer *output =
	    bufferevent_get_output(ac_request_bev(request));

	if (evbuffer_get_length(data) > 0)
		write_piece(request, data, place);
	if (evbuffer_get_length(output) > OUTPUT_HIGH)
		request->full = true;
	return request->full ? AC_WRITE_FULL : AC_WRITE_MORE;
}

void
ac_request_note_read(struct ac_request *request, int64_t read_ns)
{
	if (evbuffer_get_length(
		bufferevent_get_output(ac_request_bev(request))) == 0)
		request->read_ns = read_ns;
}

void
ac_request_forget_output(struct ac_request *request)
{
	if (request->output_cb != NULL)
		evbuffer_remove_cb_entry(
		    bufferevent_get_output(ac_request_bev(request)),
		    request->output_cb);
	request->output_cb = NULL;
}

static void
end_stream(struct ac_request *request, enum ac_ending ending)
{
	evhttp_send_reply_end(hand_over(request, ending));
	reply_is_whole(request);
}

void
ac_request_end_stream(struct ac_request *request)
{
	end_stream(request, AC_ENDING_DONE);
}

void
ac_request_fail_stream(struct ac_request *request, const struct ac_error *error)
{
	struct evbuffer *event = ac_text_new();

	log_failure(request, error);
	evbuffer_add(event, "data: ", 6);
	ac_error_add_json(event, error);
	evbuffer_add(event, "\n\n", 2);
	evhttp_send_reply_chunk(request->http, event);
	evbuffer_free(event);
	request->close_after = true;
	end_stream(request, ac_ending_of_stream(error->code));
}

void
ac_request_cut_body(struct ac_request *request, const struct ac_error *error)
{
	const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};

	log_failure(request, error);
	ac_request_forget_output(request);
	/* A plain end would be the body's own where it has no length. evhttp
	 * ends the connection before it closes it, whatever SO_LINGER says;
	 * Linux resets one that is connected to nowhere. */
	(void)connect(bufferevent_getfd(ac_request_bev(request)), &nowhere,
	    sizeof(nowhere));
	ac_client_conn_close(request->conn);
	ac_request_finish(request, AC_ENDING_CUT);
}

/* Some of what was last read has been written. */
static void
note_written(struct ac_request *request)
{
	if (request->read_ns != 0)
		ac_instruments_note_overhead(request->api->instruments,
		    ac_clock_ns() - request->read_ns);
	request->read_ns = 0;
}

/* Tells the handler from an event of its own: inside the output's callback
 * nothing may be added to the output. */
static void
on_output_changed(
    struct evbuffer *output, const struct evbuffer_cb_info *info, void *arg)
{
	struct ac_request *request = arg;

	if (info->n_deleted > 0)
		note_written(request);
	if (!request->full || info->n_deleted == 0 ||
	    evbuffer_get_length(output) > OUTPUT_LOW)
		return;
	request->full = false;
	if (request->writable_event == NULL)
		request->writable_event =
		    ac_timer_new(request->api->base, on_writable, request);
	ac_timer_run_soon(request->writable_event);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct ac_request *request = arg;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	if (request->state == REQUEST_STREAMING && request->hooks != NULL)
		request->hooks->on_writable(request->hooks_arg);
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * One client's request: see request.h. Made by the router, used by one
 * handler, it owns itself.
 *
 *	OPEN -> REPLIED ------------------> gone (evhttp has sent it all)
 *	    \-> STREAMING -> REPLIED -----> gone
 *	  \______ the client left, or abort ______/
 *
 * Until REPLIED evhttp's request is ours: if its connection dies, evhttp has
 * let go of it and it must be freed here. From REPLIED on it is evhttp's.
 */
#include "api/request.h"
#include "base/timer.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>

#include "api/access_log.h"
#include "api/admission.h"
#include "api/api.h"
#include "api/client_address.h"
#include "api/client_conn.h"
#include "api/error_reply.h"
#include "api/instruments.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/reaper.h"
#include "base/text.h"
#include "net/tls_server.h"

enum {
	OUTPUT_HIGH = 256 * 1024, /* a stream is full … */
	OUTPUT_LOW = 64 * 1024,   /* … until it is down to this */
};

enum request_state {
	REQUEST_OPEN,
	REQUEST_STREAMING,
	REQUEST_REPLIED,
	REQUEST_GONE, /* the reaper has it */
};

struct ac_request {
	TAILQ_ENTRY(ac_request) entry;
	struct ac_api *api;                   /* borrowed */
	struct evhttp_request *http;          /* see above; NULL once GONE */
	struct ac_client_conn *conn;          /* its connection, which … */
	struct evhttp_connection *evcon;      /* … is this one of evhttp's */
	const struct ac_request_hooks *hooks; /* NULL: nobody waits */
	void *hooks_arg;
	struct event *writable_event;        /* owned, NULL until needed */
	struct evbuffer_cb_entry *output_cb; /* evbuffer's */
	enum request_state state;
	int64_t read_ns; /* of the oldest text that is not written yet; 0:
			    there is none or the client is behind */
	bool streams;    /* the head of a stream was sent */
	bool full;
	bool close_after; /* the connection ends with this reply */
	struct ac_access access;
	struct ac_admission admission;
};

static void on_client_gone(void *arg);
static void on_all_written(struct bufferevent *, void *evcon);
static void on_complete(struct evhttp_request *, void *arg);
static void on_output_changed(
    struct evbuffer *, const struct evbuffer_cb_info *, void *arg);
static void on_writable(evutil_socket_t, short, void *arg);
static void finish(struct ac_request *, enum ac_ending);

static struct bufferevent *
client_bev(const struct ac_request *request)
{
	return evhttp_connection_get_bufferevent(request->evcon);
}

/* evhttp has read a request where the guard has not: nothing behind it is
 * read any more. */
static void
refuse_bad_http(struct ac_request *request)
{
	struct ac_error error;

	ac_error_set(
	    &error, AC_ERROR_BAD_HTTP, "The request is not proper HTTP.");
	request->close_after = true;
	ac_request_reply_error(request, &error);
}

struct ac_request *
ac_request_new(struct ac_api *api, struct ac_client_conn *conn,
    struct evhttp_request *http)
{
	struct ac_request *request = ac_calloc(1, sizeof(*request));
	const char *uri = evhttp_request_get_uri(http);

	request->api = api;
	request->http = http;
	request->conn = conn;
	request->evcon = evhttp_request_get_connection(http);
	request->close_after = ac_client_conn_wants_close(conn);
	request->access.started_ns = ac_clock_ns();
	request->access.facts = (struct ac_request_facts){
	    .route = "unknown",
	    .prompt_tokens = -1,
	    .completion_tokens = -1,
	};
	request->access.method = evhttp_request_get_command(http);
	ac_access_choose_id(request->access.id,
	    evhttp_find_header(
		evhttp_request_get_input_headers(http), "X-Request-Id"));
	/* The path alone: somebody might have put a key before or behind it. */
	if (*uri != '/') {
		const struct evhttp_uri *parts =
		    evhttp_request_get_evhttp_uri(http);

		uri = parts == NULL ? NULL : evhttp_uri_get_path(parts);
		uri = uri == NULL ? "" : uri;
	}
	snprintf(request->access.path, sizeof(request->access.path), "%.*s",
	    (int)strcspn(uri, "?#"), uri);
	ac_client_address_find(
	    request->access.client, http, api->trusted_proxies);
	evhttp_request_set_on_complete_cb(http, on_complete, request);
	TAILQ_INSERT_TAIL(&api->requests, request, entry);
	if (ac_client_conn_set_request(conn, on_client_gone, request))
		return request;
	refuse_bad_http(request);
	return NULL;
}

struct ac_api *
ac_request_api(const struct ac_request *request)
{
	return request->api;
}

const char *
ac_request_id(const struct ac_request *request)
{
	return request->access.id;
}

struct evhttp_request *
ac_request_http(const struct ac_request *request)
{
	return request->http;
}

struct ac_request_facts *
ac_request_facts(struct ac_request *request)
{
	return &request->access.facts;
}

struct ac_admission *
ac_request_admission(struct ac_request *request)
{
	return &request->admission;
}

struct ac_request *
ac_request_first(struct ac_api *api)
{
	return TAILQ_FIRST(&api->requests);
}

/*
 * evhttp does not read while a reply is pending, so it would not notice that
 * the client leaves. Reading is turned on here, without evhttp's read
 * callback (in this state it would exit the process), and bounded, since
 * what comes early only piles up.
 */
static void
watch_client(struct ac_request *request)
{
	struct bufferevent *bev = client_bev(request);
	bufferevent_data_cb write_cb;
	bufferevent_event_cb event_cb;
	void *arg;

	bufferevent_getcb(bev, NULL, &write_cb, &event_cb, &arg);
	bufferevent_setcb(bev, NULL, write_cb, event_cb, arg);
	bufferevent_setwatermark(bev, EV_READ, 0, AC_EARLY_INPUT_MAX);
	bufferevent_enable(bev, EV_READ);
}

void
ac_request_wait(
    struct ac_request *request, const struct ac_request_hooks *hooks, void *arg)
{
	request->hooks = hooks;
	request->hooks_arg = arg;
	watch_client(request);
}

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
	ac_request_add_header(request, "X-Request-Id", request->access.id);
	if (request->api->draining)
		request->close_after = true;
	if (request->close_after)
		ac_request_add_header(request, "Connection", "close");
	/* evhttp reads on its own while it writes: bounded here too. */
	bufferevent_setwatermark(
	    client_bev(request), EV_READ, 0, AC_EARLY_INPUT_MAX);
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
	bev = client_bev(request);
	bufferevent_getcb(bev, &read_cb, &write_cb, &event_cb, &evcon);
	if (write_cb != on_all_written)
		evhttp_on_all_written = write_cb;
	bufferevent_setcb(bev, read_cb, on_all_written, event_cb, evcon);
	ac_tls_server_join_output(bev);
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
add_length(struct ac_request *request, uint64_t length)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, length);
	ac_request_add_header(request, "Content-Length", text);
}

static void
send_reply(struct ac_request *request, int status, struct evbuffer *body,
    enum ac_ending ending)
{
	struct evhttp_request *http = request->http;

	begin_reply(request, status, "application/json");
	add_length(request, evbuffer_get_length(body));
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
	    evbuffer_add_cb(bufferevent_get_output(client_bev(request)),
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
		add_length(request, (uint64_t)length);
	start_pieces(request);
}

enum ac_write
ac_request_write(struct ac_request *request, struct evbuffer *data)
{
	struct evbuffer *output = bufferevent_get_output(client_bev(request));

	evhttp_send_reply_chunk(request->http, data);
	ac_tls_server_join_output(client_bev(request));
	if (evbuffer_get_length(output) > OUTPUT_HIGH)
		request->full = true;
	return request->full ? AC_WRITE_FULL : AC_WRITE_MORE;
}

void
ac_request_note_read(struct ac_request *request, int64_t read_ns)
{
	if (evbuffer_get_length(bufferevent_get_output(client_bev(request))) ==
	    0)
		request->read_ns = read_ns;
}

static void
forget_output(struct ac_request *request)
{
	if (request->output_cb != NULL)
		evbuffer_remove_cb_entry(
		    bufferevent_get_output(client_bev(request)),
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
	forget_output(request);
	/* A plain end would be the body's own where it has no length. evhttp
	 * ends the connection before it closes it, whatever SO_LINGER says;
	 * Linux resets one that is connected to nowhere. */
	(void)connect(
	    bufferevent_getfd(client_bev(request)), &nowhere, sizeof(nowhere));
	ac_client_conn_close(request->conn);
	finish(request, AC_ENDING_CUT);
}

/* Tells the handler from an event of its own: inside the output's callback
 * nothing may be added to the output. */
static void
on_output_changed(
    struct evbuffer *output, const struct evbuffer_cb_info *info, void *arg)
{
	struct ac_request *request = arg;

	if (info->n_deleted > 0 && request->read_ns != 0) {
		ac_instruments_note_overhead(request->api->instruments,
		    ac_clock_ns() - request->read_ns);
		request->read_ns = 0;
	}
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

/*
 * evhttp has written the whole reply. It looks at the headers after this to
 * decide whether the connection goes on, which is the last moment to have it
 * closed: after an error in a stream, and where so much came early that
 * reading was suspended (TLS would never resume).
 */
static void
on_complete(struct evhttp_request *http, void *arg)
{
	struct ac_request *request = arg;
	struct bufferevent *bev = client_bev(request);
	struct evkeyvalq *headers = evhttp_request_get_output_headers(http);

	if (ac_client_conn_wants_close(request->conn))
		request->close_after = true;
	if (request->close_after &&
	    evhttp_find_header(headers, "Connection") == NULL)
		evhttp_add_header(headers, "Connection", "close");
	bufferevent_setwatermark(bev, EV_READ, 0, 0);
	forget_output(request);
	ac_client_conn_request_done(request->conn);
	finish(request, request->access.ending);
}

/* The client has left; evhttp frees the connection after this. */
static void
on_client_gone(void *arg)
{
	struct ac_request *request = arg;
	const struct ac_request_hooks *hooks = request->hooks;
	void *hooks_arg = request->hooks_arg;

	/* evhttp has let go of a request that is not answered. */
	if (request->state != REQUEST_REPLIED)
		evhttp_request_free(request->http);
	finish(request, AC_ENDING_CLIENT_GONE);
	if (hooks != NULL)
		hooks->on_gone(hooks_arg);
}

void
ac_request_abort(struct ac_request *request)
{
	const struct ac_request_hooks *hooks = request->hooks;
	void *hooks_arg = request->hooks_arg;

	forget_output(request);
	/* The request is still in the connection's queue and goes with it. */
	ac_client_conn_close(request->conn);
	finish(request, AC_ENDING_DRAIN);
	if (hooks != NULL)
		hooks->on_gone(hooks_arg);
}

static void
free_request(void *thing)
{
	struct ac_request *request = thing;

	if (request->writable_event != NULL)
		event_free(request->writable_event);
	ac_admission_clear(&request->admission);
	free(request->access.facts.model);
	free(request);
}

static void
finish(struct ac_request *request, enum ac_ending ending)
{
	struct ac_api *api = request->api;

	request->state = REQUEST_GONE;
	request->http = NULL;
	request->hooks = NULL;
	request->access.ending = ending;
	ac_access_log(&request->access);
	ac_instruments_note_request(api->instruments, &request->access);
	if (request->streams)
		ac_instruments_note_stream_over(api->instruments);
	ac_admission_end(&request->admission);
	TAILQ_REMOVE(&api->requests, request, entry);
	ac_reaper_add(api->reaper, free_request, request);
	ac_api_check_idle(api);
}

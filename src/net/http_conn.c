/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * One outgoing connection: see http_conn.h. Owned by the http_client, in its
 * pool while idle and by a call while busy.
 *
 *	NEW -> CONNECTING -> WAITING -> BODY -> ENDED -> IDLE -> WAITING …
 *	  \________ any of them, by abort() or a failure ________/
 *	                                                    -> CLOSED
 *
 * evhttp calls back from inside its own functions and gives no say in when
 * its objects go. So evhttp's connection is freed by the reaper only, and a
 * request of evhttp's is forgotten the moment evhttp ends it.
 */
#include "net/http_conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <event2/util.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/reaper.h"
#include "base/url.h"
#include "net/tls.h"

enum {
	IDLE_MS = 4000,
	HEADERS_MAX = 64 * 1024,
	TLS_RECORD_MAX = 16000,
	WHY_SIZE = 256,
};

enum conn_state {
	CONN_NEW,
	CONN_CONNECTING,
	CONN_WAITING, /* connected, the answer's head is to come */
	CONN_BODY,
	CONN_ENDED, /* within on_end, or its answer is ready to be told */
	CONN_IDLE,
	CONN_CLOSED, /* the reaper has it */
};

struct ac_http_conn {
	const struct ac_http_origin *origin; /* borrowed from the client */
	void (*on_idle_close)(struct ac_http_conn *, void *arg);
	void *idle_arg;
	const struct ac_conn_handlers *handlers; /* of the exchange */
	void *arg;
	struct evhttp_connection *evcon; /* owned */
	struct bufferevent *bev;         /* evcon's */
	struct evhttp_request *request; /* evhttp's; NULL outside an exchange */
	struct event *timer; /* owned: connecting, idle, or a late end */
	/* evhttp's own callbacks, while ours stand before them */
	bufferevent_data_cb evhttp_read;
	bufferevent_data_cb evhttp_write;
	bufferevent_event_cb evhttp_event;
	void *evhttp_arg;
	enum conn_state state;
	enum ac_conn_end end; /* valid with has_end */
	bool has_end;
	bool peer_closed;
	bool starting;      /* within evhttp_make_request() */
	bool in_head;       /* within on_head: evhttp must not be cancelled */
	char why[WHY_SIZE]; /* of a failure */
};

static void set_state(struct ac_http_conn *, enum conn_state);
static void on_timer(evutil_socket_t, short, void *arg);
static void on_connect_event(struct bufferevent *, short what, void *arg);
static int on_header(struct evhttp_request *, void *arg);
static void on_readable(struct bufferevent *, void *arg);
static void on_writable(struct bufferevent *, void *arg);
static void on_event(struct bufferevent *, short what, void *arg);
static void on_chunk(struct evhttp_request *, void *arg);
static void on_error(enum evhttp_request_error, void *arg);
static void on_response(struct evhttp_request *, void *arg);
static void on_close(struct evhttp_connection *, void *arg);
static void finish(struct ac_http_conn *);

struct ac_http_conn *
ac_http_conn_new(const struct ac_http_origin *origin, const char *ip,
    void (*on_idle_close)(struct ac_http_conn *, void *arg), void *arg)
{
	struct ac_http_conn *conn = ac_calloc(1, sizeof(*conn));
	struct timeval silence = ac_clock_timeval(origin->silence_timeout_ms);

	conn->origin = origin;
	conn->on_idle_close = on_idle_close;
	conn->idle_arg = arg;
	if (origin->tls != NULL)
		conn->bev = ac_tls_bufferevent_new(
		    origin->tls, origin->base, origin->url->host);
	else
		conn->bev = bufferevent_socket_new(
		    origin->base, -1, BEV_OPT_CLOSE_ON_FREE);
	conn->timer = evtimer_new(origin->base, on_timer, conn);
	if (conn->bev == NULL || conn->timer == NULL)
		ac_out_of_memory();
	/* ip is a literal, so that no name is looked up in here. */
	conn->evcon = evhttp_connection_base_bufferevent_new(
	    origin->base, NULL, conn->bev, ip, origin->url->port);
	if (conn->evcon == NULL)
		ac_out_of_memory();
	evhttp_connection_set_timeout_tv(conn->evcon, &silence);
	evhttp_connection_set_max_headers_size(conn->evcon, HEADERS_MAX);
	evhttp_connection_set_closecb(conn->evcon, on_close, conn);
	return conn;
}

static bool
may_follow(enum conn_state from, enum conn_state to)
{
	static const unsigned allowed[] = {
	    [CONN_NEW] = 1u << CONN_CONNECTING,
	    [CONN_CONNECTING] = 1u << CONN_WAITING | 1u << CONN_ENDED,
	    [CONN_WAITING] = 1u << CONN_BODY | 1u << CONN_ENDED,
	    [CONN_BODY] = 1u << CONN_ENDED,
	    [CONN_ENDED] = 1u << CONN_IDLE | 1u << CONN_WAITING,
	    [CONN_IDLE] = 1u << CONN_WAITING,
	    [CONN_CLOSED] = 0,
	};

	return (allowed[from] & 1u << to) != 0 ||
	       (to == CONN_CLOSED && from != CONN_CLOSED);
}

static void
set_state(struct ac_http_conn *conn, enum conn_state state)
{
	if (!may_follow(conn->state, state))
		abort(); /* a bug of this file */
	conn->state = state;
}

static void
start_timer(struct ac_http_conn *conn, int64_t ms)
{
	struct timeval delay = ac_clock_timeval(ms);

	evtimer_add(conn->timer, &delay);
}

static struct evhttp_request *
make_request(struct ac_http_conn *conn, const struct ac_http_request *request)
{
	struct evhttp_request *made = evhttp_request_new(on_response, conn);
	struct evkeyvalq *headers;

	if (made == NULL)
		ac_out_of_memory();
	evhttp_request_set_header_cb(made, on_header);
	evhttp_request_set_chunked_cb(made, on_chunk);
	evhttp_request_set_error_cb(made, on_error);
	headers = evhttp_request_get_output_headers(made);
	evhttp_add_header(headers, "Host", conn->origin->url->host_header);
	evhttp_add_header(headers, "Accept-Encoding", "identity");
	for (size_t i = 0; i < request->header_count; i++)
		evhttp_add_header(headers, request->headers[i].name,
		    request->headers[i].value);
	return made;
}

static void
release_body(const void *data, size_t len, void *arg)
{
	AC_UNUSED(data);
	AC_UNUSED(len);
	ac_bytes_unref(arg);
}

/* The body goes out by reference: evhttp holds it as long as it likes. */
static void
attach_body(struct evhttp_request *made, struct ac_bytes *body)
{
	if (body == NULL || body->len == 0)
		return;
	if (evbuffer_add_reference(evhttp_request_get_output_buffer(made),
		body->data, body->len, release_body, ac_bytes_ref(body)) != 0)
		ac_out_of_memory();
}

/* Small requests leave in one TLS record: libevent would make one for the
 * head and one for the body. */
static void
join_output(struct ac_http_conn *conn)
{
	struct evbuffer *output = bufferevent_get_output(conn->bev);
	size_t len = evbuffer_get_length(output);

	if (conn->origin->tls != NULL && len > 0)
		evbuffer_pullup(output,
		    len < TLS_RECORD_MAX ? (ev_ssize_t)len : TLS_RECORD_MAX);
}

void
ac_http_conn_send(struct ac_http_conn *conn,
    const struct ac_http_request *request,
    const struct ac_conn_handlers *handlers, void *arg)
{
	bool fresh = conn->state == CONN_NEW;

	conn->handlers = handlers;
	conn->arg = arg;
	conn->has_end = false;
	conn->why[0] = '\0';
	conn->request = make_request(conn, request);
	attach_body(conn->request, request->body);
	evtimer_del(conn->timer);
	set_state(conn, fresh ? CONN_CONNECTING : CONN_WAITING);
	if (fresh)
		start_timer(conn, conn->origin->connect_timeout_ms);
	conn->starting = true;
	if (evhttp_make_request(conn->evcon, conn->request,
		request->method == AC_HTTP_POST ? EVHTTP_REQ_POST
						: EVHTTP_REQ_GET,
		request->path) != 0 &&
	    !conn->has_end) {
		evhttp_request_free(conn->request);
		conn->request = NULL;
		conn->end = AC_CONN_CONNECT_FAILED;
		conn->has_end = true;
	}
	conn->starting = false;
	if (conn->has_end) {
		/* It failed within the call: told from the loop. */
		evtimer_del(conn->timer);
		event_active(conn->timer, EV_TIMEOUT, 0);
		return;
	}
	if (!fresh) {
		join_output(conn);
		return;
	}
	/* Stand before evhttp to see how the connecting goes. */
	bufferevent_getcb(
	    conn->bev, NULL, NULL, &conn->evhttp_event, &conn->evhttp_arg);
	bufferevent_setcb(conn->bev, NULL, NULL, on_connect_event, conn);
}

static void
set_nodelay(evutil_socket_t fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* Notes why no connection came about, while it can still be told. */
static void
note_connect_failure(
    struct ac_http_conn *conn, struct bufferevent *bev, int socket_error)
{
	const struct ac_url *url = conn->origin->url;

	if (conn->origin->tls != NULL &&
	    ac_tls_explain(bev, url->host, conn->why, sizeof(conn->why))) {
		conn->end = AC_CONN_TLS_FAILED;
		return;
	}
	conn->end = AC_CONN_CONNECT_FAILED;
	snprintf(conn->why, sizeof(conn->why), "%s: %s", url->host_header,
	    socket_error != 0 ? evutil_socket_error_to_string(socket_error)
			      : "the connection was closed at once");
}

static void
on_connect_event(struct bufferevent *bev, short what, void *arg)
{
	struct ac_http_conn *conn = arg;
	int socket_error = EVUTIL_SOCKET_ERROR();

	if ((what & BEV_EVENT_CONNECTED) == 0) {
		note_connect_failure(
		    conn, bev, what & BEV_EVENT_EOF ? 0 : socket_error);
		EVUTIL_SET_SOCKET_ERROR(socket_error);
		conn->evhttp_event(bev, what, conn->evhttp_arg);
		return;
	}
	evtimer_del(conn->timer);
	set_nodelay(bufferevent_getfd(bev));
	set_state(conn, CONN_WAITING);
	conn->evhttp_event(bev, what, conn->evhttp_arg);
	if (conn->request != NULL)
		join_output(conn);
}

/*
 * evhttp takes any 1xx but 100 for the answer, and the real answer for the
 * next request's. In plain it can be made to skip it; over TLS that stalls,
 * so the exchange ends there.
 */
static int
skip_interim_answer(struct ac_http_conn *conn, struct evhttp_request *request)
{
	if (request->response_code == 100)
		return 0;
	if (conn->origin->tls != NULL) {
		conn->end = AC_CONN_BAD_ANSWER;
		snprintf(conn->why, sizeof(conn->why),
		    "an interim answer (%d) that cannot be skipped",
		    request->response_code);
		return -1;
	}
	evhttp_clear_headers(evhttp_request_get_input_headers(request));
	request->response_code = 100;
	return 0;
}

static int
on_header(struct evhttp_request *request, void *arg)
{
	struct ac_http_conn *conn = arg;
	struct ac_http_head head = {
	    .status = evhttp_request_get_response_code(request),
	    .headers = evhttp_request_get_input_headers(request),
	};

	if (head.status >= 100 && head.status < 200)
		return skip_interim_answer(conn, request);
	if (head.status < 200 || head.status > 999) {
		conn->end = AC_CONN_BAD_ANSWER;
		snprintf(conn->why, sizeof(conn->why),
		    "a status that is none: %d", head.status);
		return -1;
	}
	set_state(conn, CONN_BODY);
	/* Stand before evhttp to get a chunk's bytes as they arrive. */
	bufferevent_getcb(conn->bev, &conn->evhttp_read, &conn->evhttp_write,
	    &conn->evhttp_event, &conn->evhttp_arg);
	bufferevent_setcb(conn->bev, on_readable, on_writable, on_event, conn);
	conn->in_head = true;
	conn->handlers->on_head(&head, conn->arg);
	conn->in_head = false;
	return conn->state == CONN_CLOSED ? -1 : 0;
}

static bool
is_in_body(const struct ac_http_conn *conn)
{
	return conn->state == CONN_BODY && conn->request != NULL;
}

/* Hands on what has come of an unfinished chunk; evhttp would wait for all
 * of it, however large. At least one byte stays for evhttp to end it with. */
static void
take_partial_chunk(struct ac_http_conn *conn)
{
	struct evhttp_request *request = conn->request;
	struct evbuffer *input = bufferevent_get_input(conn->bev);
	size_t len = evbuffer_get_length(input);
	struct evbuffer *piece;

	if (!request->chunked || request->ntoread <= 0 || len == 0 ||
	    len >= (uint64_t)request->ntoread)
		return;
	piece = evbuffer_new();
	if (piece == NULL)
		ac_out_of_memory();
	evbuffer_remove_buffer(input, piece, len);
	request->ntoread -= (int64_t)len;
	conn->handlers->on_data(piece, conn->arg);
	evbuffer_free(piece);
}

/*
 * These three stand before evhttp's own callbacks from a body's beginning
 * until evhttp sets its own for the next exchange. All callbacks of a
 * bufferevent share one argument, hence the other two.
 * evhttp's deferred read would call the first with evhttp's argument; it is
 * only ever pending before a head has been read, when ours is not in place.
 */
static void
on_readable(struct bufferevent *bev, void *arg)
{
	struct ac_http_conn *conn = arg;

	if (is_in_body(conn))
		take_partial_chunk(conn);
	if (conn->state == CONN_CLOSED)
		return;
	conn->evhttp_read(bev, conn->evhttp_arg);
	if (is_in_body(conn))
		take_partial_chunk(conn);
}

static void
on_writable(struct bufferevent *bev, void *arg)
{
	struct ac_http_conn *conn = arg;

	conn->evhttp_write(bev, conn->evhttp_arg);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct ac_http_conn *conn = arg;

	conn->evhttp_event(bev, what, conn->evhttp_arg);
}

static void
on_chunk(struct evhttp_request *request, void *arg)
{
	struct ac_http_conn *conn = arg;
	struct evbuffer *data = evhttp_request_get_input_buffer(request);

	if (conn->state == CONN_BODY && evbuffer_get_length(data) > 0)
		conn->handlers->on_data(data, conn->arg);
}

static void
on_error(enum evhttp_request_error error, void *arg)
{
	struct ac_http_conn *conn = arg;

	/* What is already known (a handshake, an interim answer) stays. */
	if (conn->state == CONN_CLOSED || conn->why[0] != '\0')
		return;
	if (error == EVREQ_HTTP_TIMEOUT) {
		conn->end = AC_CONN_SILENT;
		snprintf(conn->why, sizeof(conn->why), "nothing came in time");
	} else if (error == EVREQ_HTTP_INVALID_HEADER ||
		   error == EVREQ_HTTP_DATA_TOO_LONG) {
		conn->end = AC_CONN_BAD_ANSWER;
		snprintf(conn->why, sizeof(conn->why),
		    "what came is not proper HTTP");
	} else {
		conn->end =
		    conn->state == CONN_BODY ? AC_CONN_CUT : AC_CONN_LOST;
		snprintf(conn->why, sizeof(conn->why),
		    "the connection was closed %s",
		    conn->state == CONN_BODY ? "within the answer"
					     : "before an answer came");
	}
}

/* evhttp's last word about a request, which it frees after this. */
static void
on_response(struct evhttp_request *request, void *arg)
{
	struct ac_http_conn *conn = arg;
	bool whole =
	    request != NULL && evhttp_request_get_response_code(request) >= 200;

	conn->request = NULL;
	if (conn->state == CONN_CLOSED)
		return;
	evtimer_del(conn->timer);
	if (whole)
		conn->end = AC_CONN_COMPLETE;
	else if (conn->why[0] == '\0')
		note_connect_failure(conn, conn->bev, EVUTIL_SOCKET_ERROR());
	conn->has_end = true;
	if (!conn->starting)
		finish(conn);
}

static void
finish(struct ac_http_conn *conn)
{
	const struct ac_conn_handlers *handlers = conn->handlers;

	set_state(conn, CONN_ENDED);
	conn->handlers = NULL;
	handlers->on_end(conn->end, conn->why, conn->arg);
}

static void
on_close(struct evhttp_connection *evcon, void *arg)
{
	struct ac_http_conn *conn = arg;

	AC_UNUSED(evcon);
	conn->peer_closed = true;
	if (conn->state == CONN_IDLE)
		conn->on_idle_close(conn, conn->idle_arg);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct ac_http_conn *conn = arg;
	struct evhttp_request *request = conn->request;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	if (conn->has_end && conn->state != CONN_IDLE) {
		finish(conn);
	} else if (conn->state == CONN_IDLE) {
		conn->on_idle_close(conn, conn->idle_arg);
	} else if (conn->state == CONN_CONNECTING) {
		conn->end = AC_CONN_CONNECT_TIMEOUT;
		snprintf(conn->why, sizeof(conn->why),
		    "%s: no connection in time",
		    conn->origin->url->host_header);
		conn->request = NULL;
		evhttp_cancel_request(request);
		finish(conn);
	}
}

bool
ac_http_conn_is_reusable(const struct ac_http_conn *conn)
{
	return conn->state == CONN_ENDED && conn->end == AC_CONN_COMPLETE &&
	       !conn->peer_closed &&
	       evbuffer_get_length(bufferevent_get_input(conn->bev)) == 0;
}

void
ac_http_conn_set_idle(struct ac_http_conn *conn)
{
	set_state(conn, CONN_IDLE);
	start_timer(conn, IDLE_MS);
}

static void
free_conn(void *thing)
{
	struct ac_http_conn *conn = thing;

	ac_tls_shutdown(conn->bev);
	evhttp_connection_free(conn->evcon);
	event_free(conn->timer);
	free(conn);
}

void
ac_http_conn_abort(struct ac_http_conn *conn)
{
	struct evhttp_request *request = conn->request;

	set_state(conn, CONN_CLOSED);
	conn->handlers = NULL;
	evhttp_connection_set_closecb(conn->evcon, NULL, NULL);
	evtimer_del(conn->timer);
	/* evhttp cannot stand a cancel within its header callback; there it is
	 * told by on_header()'s result. */
	if (request != NULL && !conn->in_head) {
		conn->request = NULL;
		evhttp_cancel_request(request);
	}
	ac_reaper_add(conn->origin->reaper, free_conn, conn);
}

void
ac_http_conn_pause(struct ac_http_conn *conn)
{
	if (is_in_body(conn))
		bufferevent_disable(conn->bev, EV_READ);
}

void
ac_http_conn_resume(struct ac_http_conn *conn)
{
	if (is_in_body(conn))
		bufferevent_enable(conn->bev, EV_READ);
}

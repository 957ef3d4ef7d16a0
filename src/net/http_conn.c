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

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/event.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/reaper.h"
#include "base/timer.h"
#include "base/url.h"
#include "net/http_conn_private.h"
#include "net/proxy.h"
#include "net/tls.h"

enum {
	IDLE_MS = 4000, /* the site closes after 5 s */
	HEADERS_MAX = 64 * 1024,
	INPUT_MAX = 256 * 1024, /* of what evhttp leaves lying */
};

static void on_timer(evutil_socket_t, short, void *arg);
static void on_soon(evutil_socket_t, short, void *arg);
static void on_input(
    struct evbuffer *, const struct evbuffer_cb_info *, void *arg);
static void on_output(
    struct evbuffer *, const struct evbuffer_cb_info *, void *arg);
static void on_close(struct evhttp_connection *, void *arg);

struct ac_http_conn *
ac_http_conn_new(const struct ac_http_origin *origin, const char *ip,
    void (*on_idle_close)(struct ac_http_conn *, void *arg), void *arg)
{
	struct ac_http_conn *conn = ac_calloc(1, sizeof(*conn));
	struct timeval timeout = ac_clock_timeval(origin->answer_timeout_ms);
	uint16_t port =
	    origin->proxy == NULL ? origin->url->port : origin->proxy->port;

	conn->origin = origin;
	++*origin->open;
	conn->on_idle_close = on_idle_close;
	conn->idle_arg = arg;
	if (origin->tls != NULL)
		conn->bev = ac_tls_bufferevent_new(
		    origin->tls, origin->base, origin->url->host);
	else
		conn->bev = bufferevent_socket_new(
		    origin->base, -1, BEV_OPT_CLOSE_ON_FREE);
	conn->timer = ac_timer_new(origin->base, on_timer, conn);
	conn->soon = ac_timer_new(origin->base, on_soon, conn);
	if (conn->bev == NULL)
		ac_out_of_memory();
	if (origin->tls != NULL)
		ac_read_ahead_start(&conn->ahead, origin->base, conn->bev);
	/* ip is a literal, so that no name is looked up in here. */
	conn->evcon = evhttp_connection_base_bufferevent_new(
	    origin->base, NULL, conn->bev, ip, port);
	if (conn->evcon == NULL)
		ac_out_of_memory();
	evhttp_connection_set_timeout_tv(conn->evcon, &timeout);
	evhttp_connection_set_max_headers_size(conn->evcon, HEADERS_MAX);
	evhttp_connection_set_closecb(conn->evcon, on_close, conn);
	evbuffer_add_cb(bufferevent_get_input(conn->bev), on_input, conn);
	evbuffer_add_cb(bufferevent_get_output(conn->bev), on_output, conn);
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

void
ac_conn_set_state(struct ac_http_conn *conn, enum conn_state state)
{
	if (!may_follow(conn->state, state))
		abort(); /* a bug of this file */
	conn->state = state;
}

/* evhttp sets its own when it connects, and not again. */
static void
set_timeout(struct ac_http_conn *conn, int64_t ms)
{
	struct timeval timeout = ac_clock_timeval(ms);

	bufferevent_set_timeouts(conn->bev, &timeout, &timeout);
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
	conn->answer_began = false;
	conn->answered = false;
	conn->answered_early = false;
	conn->closes = false;
	conn->interims = 0;
	conn->skipping = false;
	conn->paused = false;
	conn->why[0] = '\0';
	evtimer_del(conn->timer);
	ac_conn_set_state(conn, fresh ? CONN_CONNECTING : CONN_WAITING);
	if (fresh)
		ac_timer_start(conn->timer, conn->origin->connect_timeout_ms);
	else
		set_timeout(conn, conn->origin->answer_timeout_ms);
	ac_exchange_start(conn, request);
	if (conn->has_end) {
		/* It failed within the call: told from the loop. */
		evtimer_del(conn->timer);
		ac_timer_run_soon(conn->soon);
	}
}

/*
 * Sees bytes before evhttp does. evhttp keeps what it cannot use yet without
 * a limit: whatever comes while a request is still being written, and the
 * size line of a chunk that does not end.
 */
static void
on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *arg)
{
	struct ac_http_conn *conn = arg;

	if (info->n_added == 0 || conn->request == NULL)
		return;
	conn->answer_began = true;
	conn->read_ns = ac_clock_ns();
	ac_read_ahead_note(&conn->ahead);
	if (conn->writing && conn->state == CONN_WAITING &&
	    ac_exchange_is_final(input)) {
		conn->answered_early = true;
		ac_timer_run_soon(conn->soon);
	}
	if (evbuffer_get_length(input) <= INPUT_MAX || conn->flooded)
		return;
	conn->flooded = true;
	bufferevent_disable(conn->bev, EV_READ);
	ac_timer_run_soon(conn->soon);
}

static void
on_output(
    struct evbuffer *output, const struct evbuffer_cb_info *info, void *arg)
{
	struct ac_http_conn *conn = arg;

	AC_UNUSED(info);
	conn->writing = evbuffer_get_length(output) > 0;
}

void
ac_conn_finish(struct ac_http_conn *conn)
{
	const struct ac_conn_handlers *handlers = conn->handlers;

	ac_conn_set_state(conn, CONN_ENDED);
	conn->handlers = NULL;
	handlers->on_end(conn->end, conn->why, conn->arg);
}

static void
on_close(struct evhttp_connection *evcon, void *arg)
{
	struct ac_http_conn *conn = arg;

	AC_UNUSED(evcon);
	/* evhttp is about to close the socket and to clear the SSL. */
	ac_tls_shutdown(conn->bev);
	conn->peer_closed = true;
	if (conn->state == CONN_IDLE)
		conn->on_idle_close(conn, conn->idle_arg);
}

bool
ac_conn_is_in_body(const struct ac_http_conn *conn)
{
	return conn->state == CONN_BODY && conn->request != NULL;
}

/* Ends the exchange for a reason that evhttp does not know. */
static void
end_early(struct ac_http_conn *conn)
{
	struct evhttp_request *request = conn->request;

	conn->request = NULL;
	if (request != NULL)
		evhttp_cancel_request(request);
	ac_conn_finish(conn);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct ac_http_conn *conn = arg;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	if (conn->state == CONN_IDLE) {
		conn->on_idle_close(conn, conn->idle_arg);
	} else if (conn->state == CONN_CONNECTING) {
		ac_exchange_note_timeout(conn);
		end_early(conn);
	}
}

static bool
is_exchanging(const struct ac_http_conn *conn)
{
	return conn->state == CONN_CONNECTING || conn->state == CONN_WAITING ||
	       conn->state == CONN_BODY;
}

static void
on_soon(evutil_socket_t fd, short what, void *arg)
{
	struct ac_http_conn *conn = arg;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	if (!is_exchanging(conn))
		return;
	if (conn->has_end) {
		/* It failed within ac_http_conn_send(). */
		ac_conn_finish(conn);
	} else if (conn->flooded) {
		conn->end = AC_CONN_BAD_ANSWER;
		snprintf(conn->why, sizeof(conn->why),
		    "more came than makes an answer");
		end_early(conn);
	} else if (conn->answered_early && conn->writing) {
		ac_exchange_stop_writing(conn);
	} else if (conn->skipping) {
		/* evhttp enables it again when it reads on. */
		conn->skipping = false;
		bufferevent_disable(conn->bev, EV_READ);
	} else if (ac_conn_is_in_body(conn) && !conn->paused) {
		/* What came in one read with the head. */
		ac_exchange_take_partial_chunk(conn);
	}
}

bool
ac_http_conn_is_reusable(const struct ac_http_conn *conn)
{
	return !ac_conn_is_read_by_proxy(conn) && conn->state == CONN_ENDED &&
	       conn->end == AC_CONN_COMPLETE && !conn->peer_closed &&
	       !conn->answered_early && !conn->closes &&
	       !ac_read_ahead_is_left(conn->bev) &&
	       evbuffer_get_length(bufferevent_get_input(conn->bev)) == 0;
}

bool
ac_http_conn_is_quiet(const struct ac_http_conn *conn)
{
	char byte;

	return recv(bufferevent_getfd(conn->bev), &byte, 1,
		   MSG_PEEK | MSG_DONTWAIT) < 0;
}

void
ac_http_conn_set_idle(struct ac_http_conn *conn)
{
	ac_conn_set_state(conn, CONN_IDLE);
	ac_tls_release_buffers(conn->bev);
	ac_timer_start(conn->timer, IDLE_MS);
}

static void
free_conn(void *thing)
{
	struct ac_http_conn *conn = thing;

	ac_conn_tunnel_done(conn);
	ac_read_ahead_stop(&conn->ahead);
	evhttp_connection_free(conn->evcon);
	event_free(conn->timer);
	event_free(conn->soon);
	free(conn);
}

void
ac_http_conn_abort(struct ac_http_conn *conn)
{
	struct evhttp_request *request = conn->request;

	ac_conn_set_state(conn, CONN_CLOSED);
	--*conn->origin->open;
	conn->handlers = NULL;
	evhttp_connection_set_closecb(conn->evcon, NULL, NULL);
	evtimer_del(conn->timer);
	event_del(conn->soon);
	ac_read_ahead_stop(&conn->ahead);
	ac_tls_shutdown(conn->bev);
	/* evhttp cannot stand a cancel within its header callback; there it is
	 * told by on_header()'s result. */
	if (request != NULL && !conn->in_head) {
		conn->request = NULL;
		evhttp_cancel_request(request);
	}
	ac_reaper_add(conn->origin->reaper, free_conn, conn);
}

void
ac_http_conn_note_answer(struct ac_http_conn *conn)
{
	if (conn->answered || !ac_conn_is_in_body(conn))
		return;
	conn->answered = true;
	ac_tls_release_buffers(conn->bev);
	set_timeout(conn, conn->origin->silence_timeout_ms);
}

int64_t
ac_http_conn_read_ns(const struct ac_http_conn *conn)
{
	return conn->read_ns;
}

void
ac_http_conn_pause(struct ac_http_conn *conn)
{
	conn->paused = true;
	if (ac_conn_is_in_body(conn))
		bufferevent_disable(conn->bev, EV_READ);
}

void
ac_http_conn_resume(struct ac_http_conn *conn)
{
	conn->paused = false;
	conn->read_ns = 0;
	if (!ac_conn_is_in_body(conn))
		return;
	bufferevent_enable(conn->bev, EV_READ);
	ac_read_ahead_note(&conn->ahead);
	/* What came with the head and was not told then. */
	ac_timer_run_soon(conn->soon);
}

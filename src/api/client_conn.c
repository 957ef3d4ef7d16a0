/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * One client's connection: see client_conn.h. Made in evhttp's bufferevent
 * callback, before evhttp has a connection; freed when evhttp closes it.
 *
 *	ACCEPTED -> READING (a request, bounded by deadlines) -> BUSY -> READING
 *	                \-> REFUSING (the error is written) -> LINGERING -> gone
 *
 * The guard sees bytes in a callback of the input buffer, which runs before
 * evhttp's read callback. To refuse, this file puts its own callbacks in
 * evhttp's place, so evhttp never hears of what is wrong. While a request is
 * BUSY nothing is looked at; what came early is read when it is answered.
 */
#include "api/client_conn.h"

#include <stdlib.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/util.h>

#include "api/access_log.h"
#include "api/api.h"
#include "api/client_address.h"
#include "api/cors.h"
#include "api/error_reply.h"
#include "api/http_guard.h"
#include "api/instruments.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/reaper.h"
#include "base/text.h"
#include "base/timer.h"
#include "net/tls.h"
#include "net/tls_server.h"

enum {
	LINGER_MS = 2000, /* for the client to read why it was refused */
	FD_TABLE_MIN = 64,
	FLOOD_MAX = 1024 * 1024,
};

enum conn_state {
	CONN_ACCEPTED,
	CONN_READING,
	CONN_BUSY,
	CONN_REFUSING,
	CONN_LINGERING,
	CONN_GONE, /* the reaper has it */
};

struct ac_client_conn {
	TAILQ_ENTRY(ac_client_conn) entry;
	struct ac_api *api;              /* borrowed */
	struct bufferevent *bev;         /* evhttp's */
	struct evhttp_connection *evcon; /* evhttp's; NULL while ACCEPTED */
	struct event *event; /* owned: the deadline, or something to do */
	void (*on_gone)(void *arg); /* of the request, while BUSY */
	void *on_gone_arg;
	struct ac_guard guard;
	enum conn_state state;
	evutil_socket_t fd;
	uint64_t body_held; /* bytes of an unfinished body */
	bool rescan;    /* the input holds bytes that the guard has not seen */
	bool is_late;   /* the deadline has passed, input is read once more */
	bool flooded;   /* more came early than is kept: the last request */
	size_t dropped; /* bytes of that */
};

static void on_event(evutil_socket_t, short what, void *arg);
static void on_accepted(struct ac_client_conn *);
static void on_input(
    struct evbuffer *, const struct evbuffer_cb_info *, void *arg);
static void on_answered(struct ac_client_conn *);
static void drop_flood(struct ac_client_conn *);
static void scan(struct ac_client_conn *, size_t offset);
static void scan_all(struct ac_client_conn *);
static void refuse(struct ac_client_conn *);
static void refuse_plain_http(struct ac_client_conn *);
static void on_refused_read(struct bufferevent *, void *arg);
static void on_refused_written(struct bufferevent *, void *arg);
static void on_refused_event(struct bufferevent *, short what, void *arg);
static void on_close(struct evhttp_connection *, void *arg);

struct bufferevent *
ac_client_conn_new(struct event_base *base, void *arg)
{
	struct ac_api *api = arg;
	struct ac_client_conn *conn = ac_calloc(1, sizeof(*conn));

	conn->api = api;
	conn->fd = -1;
	if (api->tls != NULL)
		conn->bev = ac_tls_server_bufferevent_new(api->tls, base);
	else
		conn->bev =
		    bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	conn->event = ac_timer_new(base, on_event, conn);
	if (conn->bev == NULL)
		ac_out_of_memory();
	ac_guard_init(&conn->guard, (uint64_t)api->options->max_body_size);
	TAILQ_INSERT_TAIL(&api->conns.list, conn, entry);
	if (++api->conns.count >= api->conns.max)
		api->conns.on_full(api->conns.arg);
	/* Runs when evhttp has made its connection, before any byte is read. */
	event_active(conn->event, EV_WRITE, 0);
	return conn->bev;
}

static void
set_deadline(struct ac_client_conn *conn, int64_t seconds)
{
	conn->is_late = false;
	ac_timer_start(conn->event, seconds * 1000);
}

/* The deadline of what is being waited for. */
static void
update_deadline(struct ac_client_conn *conn)
{
	const struct ac_options *options = conn->api->options;

	if (conn->guard.state == AC_GUARD_IDLE)
		set_deadline(conn, options->keepalive_timeout_s);
	else if (conn->guard.state == AC_GUARD_HEAD)
		set_deadline(conn, options->head_timeout_s);
	else
		set_deadline(conn, options->body_timeout_s);
}

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	struct ac_client_conn *conn = arg;

	AC_UNUSED(fd);
	if (conn->state == CONN_ACCEPTED) {
		on_accepted(conn);
	} else if (what & EV_READ) {
		drop_flood(conn);
	} else if (what & EV_WRITE) {
		on_answered(conn);
	} else if (conn->state == CONN_READING && !conn->is_late) {
		/* A process that was stopped for a while hears of the time
		 * before it hears of what came meanwhile. */
		conn->is_late = true;
		ac_timer_start(conn->event, 0);
	} else {
		ac_log_debug("client was too slow", AC_INT("fd", conn->fd),
		    AC_INT("state", conn->state));
		ac_client_conn_close(conn);
	}
}

/* A request was answered: what came meanwhile is read now, unless more has
 * come since and was read with it. The deadline that this activation took
 * away starts again. */
static void
on_answered(struct ac_client_conn *conn)
{
	if (conn->state != CONN_READING)
		return;
	update_deadline(conn);
	if (conn->rescan)
		scan_all(conn);
}

/* A client that sends on while it waits for its answer: thrown away, so that
 * its leaving is still seen, up to a limit at which it counts as gone. */
static void
drop_flood(struct ac_client_conn *conn)
{
	struct evbuffer *input = bufferevent_get_input(conn->bev);
	size_t len = evbuffer_get_length(input);

	if (conn->state != CONN_BUSY || !conn->flooded)
		return;
	evbuffer_drain(input, len);
	conn->dropped += len;
	if (conn->dropped > FLOOD_MAX)
		bufferevent_trigger_event(
		    conn->bev, BEV_EVENT_READING | BEV_EVENT_EOF, 0);
}

static void
remember_fd(struct ac_client_conn *conn)
{
	struct ac_client_conns *conns = &conn->api->conns;
	size_t fd = (size_t)conn->fd;
	size_t len =
	    conns->by_fd_len < FD_TABLE_MIN ? FD_TABLE_MIN : conns->by_fd_len;

	while (len <= fd)
		len *= 2;
	if (len > conns->by_fd_len) {
		conns->by_fd = ac_realloc(
		    conns->by_fd, len * sizeof(struct ac_client_conn *));
		for (size_t i = conns->by_fd_len; i < len; i++)
			conns->by_fd[i] = NULL;
		conns->by_fd_len = len;
	}
	conns->by_fd[fd] = conn;
}

static void
on_accepted(struct ac_client_conn *conn)
{
	struct timeval write_timeout;
	void *evcon;

	bufferevent_getcb(conn->bev, NULL, NULL, NULL, &evcon);
	conn->evcon = evcon;
	conn->fd = bufferevent_getfd(conn->bev);
	if (evcon == NULL || conn->fd < 0)
		return; /* evhttp could not take it and frees the bufferevent */
	conn->state = CONN_READING;
	remember_fd(conn);
	/* A client that takes nothing of its answer is let go. */
	write_timeout =
	    ac_clock_timeval(conn->api->options->write_timeout_s * 1000);
	bufferevent_set_timeouts(conn->bev, NULL, &write_timeout);
	evhttp_connection_set_closecb(conn->evcon, on_close, conn);
	evbuffer_add_cb(bufferevent_get_input(conn->bev), on_input, conn);
	/* A connection that is opened and not used has a head's time. */
	set_deadline(conn, conn->api->options->head_timeout_s);
}

static void
on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *arg)
{
	struct ac_client_conn *conn = arg;

	if (info->n_added == 0)
		return;
	if (conn->state == CONN_BUSY &&
	    evbuffer_get_length(input) >= AC_EARLY_INPUT_MAX) {
		conn->flooded = true;
		event_active(conn->event, EV_READ, 0);
	} else if (conn->state == CONN_READING && conn->rescan) {
		scan_all(conn);
	} else if (conn->state == CONN_READING) {
		scan(conn, info->orig_size - info->n_deleted);
	}
}

/* Counts the bytes of bodies that are not whole, of all clients together:
 * they are there before a key can be checked. */
static void
hold_body(struct ac_client_conn *conn)
{
	struct ac_client_conns *conns = &conn->api->conns;
	struct ac_error *error;

	conns->body_memory += conn->guard.body_fed - conn->body_held;
	conn->body_held = conn->guard.body_fed;
	if (conns->body_memory <= (uint64_t)conn->api->options->max_body_memory)
		return;
	error = ac_guard_refuse(&conn->guard);
	ac_error_set(error, AC_ERROR_OVERLOADED,
	    "Too many large requests arrive at once (MAX_BODY_MEMORY).");
	error->retry_after_s = 1;
}

static void
release_body(struct ac_client_conn *conn)
{
	conn->api->conns.body_memory -= conn->body_held;
	conn->body_held = 0;
}

/* What a client is waited for: one deadline for each. A body's chunks are one
 * phase, or a drip of them would live on. */
static enum ac_guard_state
phase_of(enum ac_guard_state state)
{
	return state == AC_GUARD_IDLE || state == AC_GUARD_HEAD ? state
								: AC_GUARD_BODY;
}

/* Shows the guard the input from offset on, up to the request's end. */
static void
scan(struct ac_client_conn *conn, size_t offset)
{
	struct evbuffer *input = bufferevent_get_input(conn->bev);
	enum ac_guard_state before = conn->guard.state;
	size_t len = evbuffer_get_length(input);
	struct evbuffer_iovec piece;
	struct evbuffer_ptr at;

	while (offset < len && conn->guard.state < AC_GUARD_DONE) {
		size_t used;

		evbuffer_ptr_set(input, &at, offset, EVBUFFER_PTR_SET);
		if (evbuffer_peek(input, -1, &at, &piece, 1) < 1)
			break;
		used =
		    ac_guard_feed(&conn->guard, piece.iov_base, piece.iov_len);
		offset += used;
		if (conn->guard.state < AC_GUARD_DONE)
			hold_body(conn);
	}
	if (conn->guard.state == AC_GUARD_REFUSED)
		refuse(conn);
	else if (phase_of(conn->guard.state) != phase_of(before))
		update_deadline(conn);
}

/* The headers that are not always there. */
static void
add_more_headers(struct evbuffer *reply, struct ac_client_conn *conn)
{
	const char *origin =
	    ac_cors_allowed_origin(conn->api, conn->guard.head.origin);

	if (conn->guard.error->code == AC_ERROR_METHOD_NOT_ALLOWED)
		ac_text_add_string(
		    reply, "Allow: GET, HEAD, POST, OPTIONS\r\n");
	if (conn->guard.error->retry_after_s > 0)
		evbuffer_add_printf(reply, "Retry-After: %d\r\n",
		    conn->guard.error->retry_after_s);
	/* Or a page would not see why it was refused. */
	if (origin != NULL)
		evbuffer_add_printf(reply,
		    "Access-Control-Allow-Origin: %s\r\nVary: Origin\r\n"
		    "Access-Control-Expose-Headers: " AC_CORS_EXPOSED "\r\n",
		    origin);
}

/* The same for the bytes that came while a request was answered. evhttp has
 * not looked at them yet. */
static void
scan_all(struct ac_client_conn *conn)
{
	conn->rescan = false;
	scan(conn, 0);
}

static struct evbuffer *
make_refusal(struct ac_client_conn *conn, const char *id)
{
	const struct ac_error *error = conn->guard.error;
	struct evbuffer *body = ac_text_new();
	struct evbuffer *reply = ac_text_new();
	int status = ac_error_status(error->code);

	ac_error_add_json(body, error);
	evbuffer_add_printf(reply,
	    "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\n"
	    "X-Request-Id: %s\r\nContent-Length: %zu\r\n"
	    "Connection: close\r\nDate: %s\r\n",
	    status, ac_http_phrase(status), id, evbuffer_get_length(body),
	    ac_clock_http_date());
	add_more_headers(reply, conn);
	evbuffer_add(reply, "\r\n", 2);
	evbuffer_add_buffer(reply, body);
	evbuffer_free(body);
	return reply;
}

/* The answer of the guard's error, with its access line: evhttp never sees
 * the request. */
static struct evbuffer *
log_refusal(struct ac_client_conn *conn)
{
	const struct ac_error *error = conn->guard.error;
	struct ac_access access = {
	    .status = ac_error_status(error->code),
	    .started_ns = ac_clock_ns(),
	    .ending = AC_ENDING_REFUSED,
	    .facts = {.route = "guard",
		.prompt_tokens = -1,
		.completion_tokens = -1},
	};

	ac_client_address_of_peer(access.client, conn->evcon);
	ac_access_choose_id(access.id, conn->guard.head.request_id);
	ac_log_info("request refused", AC_STR("id", access.id),
	    AC_STR("reason", error->message));
	ac_access_log(&access);
	ac_instruments_note_request(conn->api->instruments, &access);
	return make_refusal(conn, access.id);
}

/* Answers with the guard's error in evhttp's place. */
static void
refuse(struct ac_client_conn *conn)
{
	struct evbuffer *reply = log_refusal(conn);

	conn->state = CONN_REFUSING;
	release_body(conn); /* thrown away in on_refused_read() */
	bufferevent_setcb(conn->bev, on_refused_read, on_refused_written,
	    on_refused_event, conn);
	bufferevent_write_buffer(conn->bev, reply);
	ac_tls_join_output(conn->bev);
	bufferevent_enable(conn->bev, EV_READ | EV_WRITE);
	evbuffer_free(reply);
	set_deadline(conn, LINGER_MS / 1000);
}

/* Where TLS is spoken, tells a client that does not, right before the
 * connection is closed. What it sent is read, or the close would reset the
 * connection and the answer be lost. */
static void
refuse_plain_http(struct ac_client_conn *conn)
{
	struct evbuffer *reply;
	char rest[4096];

	ac_error_set(ac_guard_refuse(&conn->guard), AC_ERROR_BAD_HTTP,
	    "This port speaks HTTPS: the URL must begin with https://.");
	reply = log_refusal(conn);
	for (int i = 0; i < FLOOD_MAX / (int)sizeof(rest); i++) {
		if (recv(conn->fd, rest, sizeof(rest), MSG_DONTWAIT) <= 0)
			break;
	}
	evbuffer_write(reply, conn->fd);
	evbuffer_free(reply);
}

/* What still comes is thrown away: closing with bytes unread would reset the
 * connection, and the client might never see the answer. */
static void
on_refused_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *input = bufferevent_get_input(bev);

	AC_UNUSED(arg);
	evbuffer_drain(input, evbuffer_get_length(input));
}

static void
on_refused_written(struct bufferevent *bev, void *arg)
{
	struct ac_client_conn *conn = arg;

	/* Over TLS this may still be about what was written before. */
	if (conn->state != CONN_REFUSING ||
	    evbuffer_get_length(bufferevent_get_output(bev)) > 0)
		return;
	conn->state = CONN_LINGERING;
	ac_tls_shutdown(bev);
	shutdown(bufferevent_getfd(bev), SHUT_WR);
	set_deadline(conn, LINGER_MS / 1000);
}

static void
on_refused_event(struct bufferevent *bev, short what, void *arg)
{
	AC_UNUSED(bev);
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT))
		ac_client_conn_close(arg);
}

struct ac_client_conn *
ac_client_conn_find(struct ac_api *api, struct evhttp_connection *evcon)
{
	evutil_socket_t fd =
	    bufferevent_getfd(evhttp_connection_get_bufferevent(evcon));

	if (fd < 0 || (size_t)fd >= api->conns.by_fd_len ||
	    api->conns.by_fd[fd] == NULL)
		abort(); /* on_accepted() saw every connection */
	return api->conns.by_fd[fd];
}

bool
ac_client_conn_set_request(
    struct ac_client_conn *conn, void (*on_gone)(void *arg), void *arg)
{
	conn->state = CONN_BUSY;
	conn->on_gone = on_gone;
	conn->on_gone_arg = arg;
	release_body(conn);
	event_del(conn->event);
	return conn->guard.state == AC_GUARD_DONE;
}

bool
ac_client_conn_wants_close(const struct ac_client_conn *conn)
{
	return conn->guard.head.wants_close || conn->flooded;
}

void
ac_client_conn_request_done(struct ac_client_conn *conn)
{
	conn->on_gone = NULL;
	conn->state = CONN_READING;
	ac_guard_reset(&conn->guard);
	update_deadline(conn);
	conn->rescan =
	    evbuffer_get_length(bufferevent_get_input(conn->bev)) > 0;
	if (conn->rescan)
		event_active(conn->event, EV_WRITE, 0);
}

void
ac_client_conn_close(struct ac_client_conn *conn)
{
	struct evhttp_connection *evcon = conn->evcon;

	conn->on_gone = NULL;
	/* Calls on_close(). */
	evhttp_connection_free(evcon);
}

static void
free_conn(void *thing)
{
	struct ac_client_conn *conn = thing;

	event_free(conn->event);
	ac_guard_clear(&conn->guard);
	free(conn);
}

/*
 * The last words, while there is still a socket. TLS's goodbye says that
 * everything was sent; an answer that is cut off does not get one, since the
 * connection's end alone tells where one of HTTP/1.0 ends.
 */
static void
say_goodbye(struct ac_client_conn *conn)
{
	struct evbuffer *output = bufferevent_get_output(conn->bev);
	const char *text;

	switch (ac_tls_server_find_failure(conn->bev, &text)) {
	case AC_TLS_SERVER_FINE:
		if (conn->state == CONN_READING &&
		    evbuffer_get_length(output) == 0)
			ac_tls_shutdown(conn->bev);
		break;
	case AC_TLS_SERVER_PLAIN_HTTP:
		refuse_plain_http(conn);
		break;
	case AC_TLS_SERVER_FAILED:
		ac_log_debug("TLS with a client failed", AC_INT("fd", conn->fd),
		    AC_STR("reason", text));
		break;
	}
}

/* evhttp is about to free the connection, whoever wanted it. */
static void
on_close(struct evhttp_connection *evcon, void *arg)
{
	struct ac_client_conn *conn = arg;
	struct ac_client_conns *conns = &conn->api->conns;
	void (*on_gone)(void *) = conn->on_gone;
	void *on_gone_arg = conn->on_gone_arg;

	AC_UNUSED(evcon);
	evhttp_connection_set_closecb(conn->evcon, NULL, NULL);
	say_goodbye(conn);
	release_body(conn);
	conn->state = CONN_GONE;
	conn->on_gone = NULL;
	conns->by_fd[conn->fd] = NULL;
	event_del(conn->event);
	TAILQ_REMOVE(&conns->list, conn, entry);
	if (conns->count-- == conns->max)
		conns->on_room(conns->arg);
	ac_reaper_add(conn->api->reaper, free_conn, conn);
	if (on_gone != NULL)
		on_gone(on_gone_arg);
	ac_api_check_idle(conn->api);
}

bool
ac_client_conns_are_quiet(const struct ac_client_conns *conns)
{
	const struct ac_client_conn *conn;

	TAILQ_FOREACH(conn, &conns->list, entry)
	{
		if (conn->state > CONN_READING ||
		    conn->guard.state != AC_GUARD_IDLE || conn->rescan)
			return false;
	}
	return true;
}

void
ac_client_conns_clear(struct ac_client_conns *conns)
{
	free(conns->by_fd);
	conns->by_fd = NULL;
	conns->by_fd_len = 0;
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * One connection to an origin: one TCP life, one TLS object, one
 * evhttp_connection, and at most one exchange at a time. Everything that
 * evhttp's client does in a way of its own is contained here
 * (docs/internals/upstream-connections.md).
 */
#ifndef AC_NET_HTTP_CONN_H
#define AC_NET_HTTP_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "net/http_message.h"

struct ac_http_conn;
struct ac_proxy;
struct ac_reaper;
struct ac_tls;
struct ac_url;
struct bufferevent;
struct evbuffer;
struct event_base;

/* What every connection to one origin shares; all of it is borrowed. */
struct ac_http_origin {
	struct event_base *base;
	struct ac_reaper *reaper;
	struct ac_tls *tls; /* NULL: plain */
	const struct ac_url *url;
	const struct ac_proxy *proxy; /* NULL: none in between */
	int64_t connect_timeout_ms;   /* for each address, TLS included */
	int64_t answer_timeout_ms;    /* of silence before the answer … */
	int64_t silence_timeout_ms;   /* … and within it */
	int retries;                  /* of a call, see http_client.h */
	size_t *open; /* counts the connections; the client sets it */
	/* Looks at a connection that has just come about, TLS included, before
	 * its first request leaves; it may not end anything. NULL: nobody. */
	void (*on_connected)(struct bufferevent *bev, void *arg);
	void *connected_arg;
};

/* How an exchange ended. */
enum ac_conn_end {
	AC_CONN_COMPLETE,        /* the answer is whole */
	AC_CONN_CONNECT_FAILED,  /* no connection came about */
	AC_CONN_CONNECT_TIMEOUT, /* nor in time */
	AC_CONN_PROXY_FAILED,    /* the proxy made no connection */
	AC_CONN_TLS_FAILED,      /* the handshake found something wrong */
	AC_CONN_LOST,            /* closed or reset before the answer's head */
	AC_CONN_CUT,             /* closed or reset within the answer */
	AC_CONN_UNANSWERED,      /* nothing came for answer_timeout_ms */
	AC_CONN_SILENT,          /* nothing came for silence_timeout_ms */
	AC_CONN_BAD_ANSWER,      /* what came was not HTTP */
};

/*
 * on_head comes once at most, on_data any number of times after it, on_end
 * once and last. why is a line for people, "" for AC_CONN_COMPLETE. Each may
 * abort the connection; on_end finds it free for another exchange if
 * ac_http_conn_is_reusable(), otherwise to be aborted.
 */
struct ac_conn_handlers {
	void (*on_head)(const struct ac_http_head *head, void *arg);
	void (*on_data)(struct evbuffer *data, void *arg);
	void (*on_end)(enum ac_conn_end end, const char *why, void *arg);
};

/* A connection to ip (a literal address of the origin, or of its proxy); it
 * connects with its first exchange. on_idle_close(arg) says that the peer
 * closed it, or that it was idle for 4 s (the site closes after 5); it is to be
 * aborted then. */
struct ac_http_conn *ac_http_conn_new(const struct ac_http_origin *origin,
    const char *ip, void (*on_idle_close)(struct ac_http_conn *, void *arg),
    void *arg);

/* Starts an exchange. No handler runs before this returns. */
void ac_http_conn_send(struct ac_http_conn *conn,
    const struct ac_http_request *request,
    const struct ac_conn_handlers *handlers, void *arg);

/* Whether the last answer ended so that another may follow. */
bool ac_http_conn_is_reusable(const struct ac_http_conn *conn);

/* Whether an idle connection has nothing to read, neither bytes nor its end:
 * what comes unasked is nobody's answer. */
bool ac_http_conn_is_quiet(const struct ac_http_conn *conn);

/* Starts the time after which an unused connection is given up. */
void ac_http_conn_set_idle(struct ac_http_conn *conn);

/* Ends whatever runs; no handler runs any more, the socket is closed within
 * this turn of the loop and the memory goes. Allowed in every handler. */
void ac_http_conn_abort(struct ac_http_conn *conn);

/* What has come of the body is an answer: from now on it is
 * silence_timeout_ms that counts. Between on_head and on_end only. */
void ac_http_conn_note_answer(struct ac_http_conn *conn);

/* When what on_data hands on was read, by ac_clock_ns(); 0 where it may have
 * lain there since before a pause. */
int64_t ac_http_conn_read_ns(const struct ac_http_conn *conn);

/* Stops reading the answer's body, and the silence timeout with it; goes on.
 * Between on_head and on_end only. */
void ac_http_conn_pause(struct ac_http_conn *conn);
void ac_http_conn_resume(struct ac_http_conn *conn);

#endif

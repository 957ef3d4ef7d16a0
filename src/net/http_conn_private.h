/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The inside of a connection, for its two halves alone: http_conn.c, which
 * is its life, and http_exchange.c, which is one exchange with evhttp.
 */
#ifndef AC_NET_HTTP_CONN_PRIVATE_H
#define AC_NET_HTTP_CONN_PRIVATE_H

#include <event2/bufferevent.h>
#include <event2/http.h>

#include "net/http_conn.h"
#include "net/read_ahead.h"

enum { AC_CONN_WHY_SIZE = 256 };

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
	struct ac_tunnel *tunnel;       /* owned; NULL: none is being made */
	void (*on_tunnel_open)(struct ac_http_conn *);
	struct event *soon;         /* owned: something to do outside evhttp */
	struct event *timer;        /* owned: connecting, or idle */
	struct ac_read_ahead ahead; /* owned; nothing in plain */
	/* evhttp's own callbacks, while ours stand before them */
	bufferevent_data_cb evhttp_read;
	bufferevent_data_cb evhttp_write;
	bufferevent_event_cb evhttp_event;
	void *evhttp_arg;
	enum conn_state state;
	enum ac_conn_end end; /* valid with has_end */
	int64_t read_ns;      /* see ac_http_conn_read_ns() */
	bool has_end;
	bool peer_closed;
	bool writing;        /* there is something left to write */
	bool answer_began;   /* a byte of it has come */
	bool answered_early; /* before the request had left */
	bool flooded;        /* more has come than makes sense */
	bool paused;
	bool answered; /* the silence timeout counts */
	bool closes;   /* the answer is the connection's last */
	int interims;  /* 1xx answers that came */
	bool skipping; /* one of them is about to be skipped */
	bool starting; /* within evhttp_make_request() */
	bool in_head;  /* within on_head: evhttp must not be cancelled */
	char why[AC_CONN_WHY_SIZE]; /* of a failure */
};

/* Changes the state; one that may not follow is a bug and aborts. */
void ac_conn_set_state(struct ac_http_conn *conn, enum conn_state state);

/* The only way out of an exchange: tells its owner how it ended. */
void ac_conn_finish(struct ac_http_conn *conn);

/* Whether the answer's body is being read. */
bool ac_conn_is_in_body(const struct ac_http_conn *conn);

/* Hands evhttp a request. It may end before this returns: has_end is set
 * then. */
void ac_exchange_start(
    struct ac_http_conn *conn, const struct ac_http_request *request);

/* Whether what came is the beginning of an answer that is not an interim
 * one. */
bool ac_exchange_is_final(struct evbuffer *input);

/* The answer is there before the whole request has left: reads it and lets
 * the rest of the request be. */
void ac_exchange_stop_writing(struct ac_http_conn *conn);

/* Hands on what has come of a chunk that is not whole. */
void ac_exchange_take_partial_chunk(struct ac_http_conn *conn);

/* Notes that no connection came about in time. */
void ac_exchange_note_timeout(struct ac_http_conn *conn);

/* Whether a proxy reads the requests themselves (RFC 9112, 3.2.2): in plain,
 * where it is an HTTP proxy. */
bool ac_conn_is_read_by_proxy(const struct ac_http_conn *conn);

/* Whether the way to the origin is a tunnel through a proxy: always over
 * TLS, in plain only through SOCKS. */
bool ac_conn_needs_tunnel(const struct ac_http_conn *conn);

/* Over TLS: lets the handshake begin when the tunnel is there. Call it when
 * the socket has been made and before the loop turns. */
void ac_conn_tunnel_tls(struct ac_http_conn *conn);

/* In plain, connected to the proxy: makes the tunnel and calls
 * on_open(conn). A failure comes to on_event, as the bufferevent's. */
void ac_conn_tunnel_plain(struct ac_http_conn *conn,
    void (*on_open)(struct ac_http_conn *conn), bufferevent_event_cb on_event);

/* The tunnel is there, or is not to be any more. */
void ac_conn_tunnel_done(struct ac_http_conn *conn);

#endif

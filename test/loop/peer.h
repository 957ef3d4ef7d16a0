/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * A scripted peer: a TCP server, plain or TLS, on a loopback port of the
 * test's own loop. Each connection plays a list of steps; what it saw is in
 * the open for the test to look at.
 *
 *	static const struct peer_step answers[] = {
 *	    READ_REQUEST, SEND("HTTP/1.1 200 OK\r\n…"), CLOSE, END};
 *	peer_script(peer, answers);
 *
 * A connection's end by the other side ends its script, whatever the step.
 */
#ifndef AC_TEST_PEER_H
#define AC_TEST_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/types.h>

struct event_base;
struct peer_conn;

enum peer_action {
	PEER_END,
	PEER_READ_REQUEST,
	PEER_SEND,
	PEER_SEND_BYTES,
	PEER_REPEAT,
	PEER_WAIT,
	PEER_GATE,
	PEER_DEAF,
	PEER_STALL,
	PEER_HALF_CLOSE,
	PEER_CLOSE,
	PEER_CUT,
	PEER_RESET,
	PEER_SERVE,
};

struct peer_step {
	enum peer_action action;
	const char *text;
	size_t number; /* of times, or of milliseconds */
};

/* A head and as much body as its Content-Length says. */
#define READ_REQUEST                       \
	{                                  \
		PEER_READ_REQUEST, NULL, 0 \
	}
/* In one write: over TLS, in one record where it fits. */
#define SEND(text)                   \
	{                            \
		PEER_SEND, (text), 0 \
	}
/* A byte in each turn of the loop: the other side reads each by itself. */
#define SEND_BYTES(text)                   \
	{                                  \
		PEER_SEND_BYTES, (text), 0 \
	}
/* Over and over, as fast as it is taken. */
#define REPEAT(text, times)                  \
	{                                    \
		PEER_REPEAT, (text), (times) \
	}
/* WAIT(0) is until the loop's next turn. */
#define WAIT(ms)                      \
	{                             \
		PEER_WAIT, NULL, (ms) \
	}
/* Until the test calls peer_open(): once for each gate. */
#define GATE                       \
	{                          \
		PEER_GATE, NULL, 0 \
	}
/* Reads no more. */
#define DEAF                       \
	{                          \
		PEER_DEAF, NULL, 0 \
	}
/* Does nothing any more, but sees the connection's end. */
#define STALL                       \
	{                           \
		PEER_STALL, NULL, 0 \
	}
/* No more is sent (over TLS with close_notify), reading goes on. */
#define HALF_CLOSE                       \
	{                                \
		PEER_HALF_CLOSE, NULL, 0 \
	}
/* Over TLS with close_notify before it … */
#define CLOSE                       \
	{                           \
		PEER_CLOSE, NULL, 0 \
	}
/* … or without. */
#define CUT                       \
	{                         \
		PEER_CUT, NULL, 0 \
	}
#define RESET                       \
	{                           \
		PEER_RESET, NULL, 0 \
	}
/* Answers requests by their paths for as long as the connection lives: see
 * peer_route(). */
#define SERVE                       \
	{                           \
		PEER_SERVE, NULL, 0 \
	}
/* Ends a list; a connection stays, a route's answer is over. */
#define END                       \
	{                         \
		PEER_END, NULL, 0 \
	}

enum peer_conn_end {
	PEER_CONN_OPEN,
	PEER_CONN_GOT_FIN,
	PEER_CONN_GOT_RST,
	PEER_CONN_CLOSED, /* by its own script */
};

enum {
	PEER_CONNS_MAX = 256,
	PEER_REQUESTS_MAX = 512,
	PEER_SCRIPTS_MAX = 64,
	PEER_ROUTES_MAX = 16,
};

struct peer_request {
	char *text; /* owned: the head with its blank line, and the body */
	const char *body; /* within text */
	int conn;         /* the number of its connection */
};

struct peer_route {
	const char *path;
	size_t asked; /* how many requests came for it */
	size_t script_count;
	const struct peer_step *scripts[PEER_SCRIPTS_MAX];
};

struct peer {
	struct event_base *base;         /* borrowed */
	SSL_CTX *tls;                    /* borrowed; NULL: plain */
	struct evconnlistener *listener; /* owned; NULL: it refuses */
	uint16_t port;
	size_t accepted;
	struct peer_conn *conns[PEER_CONNS_MAX]; /* owned, also the ended */
	size_t request_count;
	struct peer_request requests[PEER_REQUESTS_MAX];
	size_t script_count;
	const struct peer_step *scripts[PEER_SCRIPTS_MAX];
	size_t route_count;
	struct peer_route routes[PEER_ROUTES_MAX];
	size_t gates_opened;
	size_t piece;        /* bytes that reach the wire in one turn; 0: any */
	const char *problem; /* what no test should do to it, or NULL */
};

struct peer_conn {
	struct peer *peer;
	int number;
	int fd; /* -1: it has ended */
	enum peer_conn_end end;
	struct event *reading; /* owned, like all that follows */
	struct event *writing;
	struct event *timer;
	struct peer_tls *tls; /* NULL: plain */
	struct evbuffer *in;  /* what came, in plain */
	struct evbuffer *out; /* what is to go, as it goes */
	const struct peer_step *step;
	const struct peer_step *after_route; /* where a route's answer ends */
	size_t done;                         /* of the step's bytes or times */
	bool waited;                         /* the step's time is over */
	size_t gates_passed;
	size_t received; /* bytes, in plain */
	size_t sent;     /* bytes, in plain, handed to the socket or before */
};

/* Listens on 127.0.0.1, on a port that the system picks. */
struct peer *peer_new(struct event_base *base, SSL_CTX *tls);

/* The same on a literal address and a port (0: picked); NULL where that
 * address cannot be had. */
struct peer *peer_new_at(
    struct event_base *base, const char *ip, uint16_t port, SSL_CTX *tls);

/* Closes everything; NULL is fine. Fails if the peer has a problem. */
void peer_free(struct peer *peer);

/* The next connection's script; the last one given serves all later ones. */
void peer_script(struct peer *peer, const struct peer_step *steps);

/* For SERVE: the next answer for a path, with its query or, where no route
 * has that, without; the last one given serves all later requests. */
void peer_route(
    struct peer *peer, const char *path, const struct peer_step *steps);

/* How many requests came for a path that has a route. */
size_t peer_asked(const struct peer *peer, const char *path);

/* Opens the next gate of every connection, also of those to come. */
void peer_open(struct peer *peer);

/* Stops listening: new connections are refused. */
void peer_refuse(struct peer *peer);

/* How many connections are open. */
size_t peer_open_count(const struct peer *peer);

/* Whether connection number has come and was ended by the other side. */
bool peer_was_left(const struct peer *peer, int number);

/* A port of 127.0.0.1 at which nobody listens. */
uint16_t peer_dead_port(void);

/* A port at which connecting leads to nothing, because its queue is full. */
struct full_port {
	int listener;
	int fillers[4];
	uint16_t port;
};

/* On a literal IPv4 address; port 0 is any. */
void full_port_open(struct full_port *full, const char *ip, uint16_t port);
void full_port_close(struct full_port *full);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * One client's connection from accept to close: the guard reads its bytes
 * before evhttp does, deadlines keep a slow drip from living on, and what is
 * refused is told in JSON before the connection ends
 * (docs/internals/client-connections.md).
 */
#ifndef AC_API_CLIENT_CONN_H
#define AC_API_CLIENT_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/attr.h"

struct ac_api;
struct ac_client_conn;
struct bufferevent;
struct event_base;
struct evhttp_connection;

TAILQ_HEAD(ac_client_conn_list, ac_client_conn);

enum { AC_EARLY_INPUT_MAX = 64 * 1024 }; /* kept of a client that waits */

/* The connections of one api; in place within it. */
struct ac_client_conns {
	struct ac_client_conn_list list;
	struct ac_client_conn **by_fd; /* owned: evhttp's connection has no
					  place for a pointer of ours */
	size_t by_fd_len;
	size_t count;
	size_t max;           /* at this many no more are accepted */
	uint64_t body_memory; /* bytes of bodies that are not whole yet */
	/* Called when count reaches max, and when it is below it again. */
	void (*on_full)(void *arg);
	void (*on_room)(void *arg);
	void *arg;
};

/* evhttp's bufferevent callback, with a struct ac_api as arg: makes the
 * bufferevent of a connection that was just accepted. */
struct bufferevent *ac_client_conn_new(struct event_base *base, void *arg);

/* The connection behind evhttp's; it exists for every request. */
struct ac_client_conn *ac_client_conn_find(
    struct ac_api *api, struct evhttp_connection *evcon);

/*
 * evhttp has read a request whole: until ac_client_conn_request_done() the
 * connection is busy with it, and on_gone(arg) says that the client leaves
 * (evhttp is about to free the connection). False: the guard has not seen a
 * request end here, so it is to be refused.
 */
AC_MUST_CHECK bool ac_client_conn_set_request(
    struct ac_client_conn *conn, void (*on_gone)(void *arg), void *arg);

/* The reply has been written; called within evhttp's completion callback. */
void ac_client_conn_request_done(struct ac_client_conn *conn);

/* Whether the request that is being answered wants it to be the last. */
bool ac_client_conn_wants_close(const struct ac_client_conn *conn);

/* Closes the connection; on_gone does not run. */
void ac_client_conn_close(struct ac_client_conn *conn);

/* Whether no connection is within a request or a refusal. */
bool ac_client_conns_are_quiet(const struct ac_client_conns *conns);

/* Frees the table, when every connection has gone. */
void ac_client_conns_clear(struct ac_client_conns *conns);

#endif

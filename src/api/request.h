/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * One client's request from its arrival to its last byte: its id, its reply
 * (whole or streamed), the client that may go away at any moment, the access
 * line at the end. What evhttp's server side does in a way of its own is
 * contained here (docs/internals/client-connections.md).
 */
#ifndef AC_API_REQUEST_H
#define AC_API_REQUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/error.h"

struct ac_admission;
struct ac_api;
struct ac_client_conn;
struct ac_request;
struct ac_request_facts;
struct evbuffer;
struct evhttp_request;

/* Takes a request that evhttp has handed over. It lives until its reply has
 * left or its client has gone, and frees itself. NULL: it is not proper HTTP
 * and was refused. */
struct ac_request *ac_request_new(struct ac_api *api,
    struct ac_client_conn *conn, struct evhttp_request *http);

struct ac_api *ac_request_api(const struct ac_request *request);
struct evhttp_request *ac_request_http(const struct ac_request *request);
struct ac_request_facts *ac_request_facts(struct ac_request *request);
struct ac_admission *ac_request_admission(struct ac_request *request);

/*
 * For a handler that answers later: on_gone says that the client has left
 * (the request is over then and its pointer to be forgotten), on_writable
 * that a stream that was full takes more. Neither runs before this returns,
 * nor after the reply was finished. hooks may be NULL: the request ends with
 * its client, and nobody is told.
 */
struct ac_request_hooks {
	void (*on_gone)(void *arg);
	void (*on_writable)(void *arg);
};
void ac_request_wait(struct ac_request *request,
    const struct ac_request_hooks *hooks, void *arg);

/* Adds a header to the reply; before it begins. A Content-Type takes the
 * place of the reply's own. */
void ac_request_add_header(
    struct ac_request *request, const char *name, const char *value);

/* Replies with a JSON body, whose contents are taken. After this and the
 * next the request's pointer is to be forgotten. */
void ac_request_reply(
    struct ac_request *request, int status, struct evbuffer *body);

/* Replies with a status that has no body, such as 204. */
void ac_request_reply_empty(struct ac_request *request, int status);

/* Replies with an error of the catalogue. */
void ac_request_reply_error(
    struct ac_request *request, const struct ac_error *error);

/* Begins a stream of server-sent events with status 200. */
void ac_request_start_stream(struct ac_request *request);

enum { AC_LENGTH_UNKNOWN = -1 };

/* Begins a body of another type with status 200. length: what will be
 * written, in bytes, or AC_LENGTH_UNKNOWN. Of a HEAD nothing is sent of it. */
void ac_request_start_body(
    struct ac_request *request, const char *type, int64_t length);

enum ac_write {
	AC_WRITE_MORE, /* the client keeps up */
	AC_WRITE_FULL, /* it is behind: wait for on_writable */
};

enum ac_piece {
	AC_PIECE_WITHIN,
	AC_PIECE_LAST, /* the end comes right behind it, and leaves with it */
};

/* Sends whole events, or a piece of another body, whose bytes are taken;
 * never refuses them. */
enum ac_write ac_request_write(
    struct ac_request *request, struct evbuffer *data, enum ac_piece place);

/* What is written next was read from the upstream at read_ns, by
 * ac_clock_ns(); 0: that is not known. For the metrics alone. */
void ac_request_note_read(struct ac_request *request, int64_t read_ns);

/* Ends the stream or the body; the request's pointer is to be forgotten. */
void ac_request_end_stream(struct ac_request *request);

/* Ends the stream with an error event; the connection closes behind it. */
void ac_request_fail_stream(
    struct ac_request *request, const struct ac_error *error);

/* Ends a body that will not be whole, in the one way that tells a client:
 * its connection is reset. The request's pointer is to be forgotten. */
void ac_request_cut_body(
    struct ac_request *request, const struct ac_error *error);

/* Ends a request that is still being answered with an error, in whichever
 * way its reply has begun; on_gone runs. */
void ac_request_give_up(
    struct ac_request *request, const struct ac_error *error);

/* Closes the client's connection at once; on_gone runs. */
void ac_request_abort(struct ac_request *request);

/* For the list in struct ac_api alone; NULL: there is none. */
struct ac_request *ac_request_first(struct ac_api *api);
struct ac_request *ac_request_next(const struct ac_request *request);

#endif

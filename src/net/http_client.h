/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Calls to one origin: connections are pooled, every address of the host is
 * tried, and each call gets exactly one result.
 */
#ifndef AC_NET_HTTP_CLIENT_H
#define AC_NET_HTTP_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "net/http_conn.h"
#include "net/http_message.h"

struct ac_http_call;
struct ac_http_client;
struct ac_resolver;

/* What a client has done and holds. */
struct ac_http_client_counts {
	uint64_t retries; /* requests that were sent again after a pause */
	size_t open;      /* connections, those that are being made too */
	size_t idle;      /* of them, in the pool */
};

/* origin is copied, what it points to is borrowed. */
struct ac_http_client *ac_http_client_new(
    const struct ac_http_origin *origin, struct ac_resolver *resolver);

/* Closes idle connections and those of calls that were left, and frees.
 * Every other call has ended or was cancelled before. NULL is fine. */
void ac_http_client_free(struct ac_http_client *client);

struct ac_http_client_counts ac_http_client_count(
    const struct ac_http_client *client);

/*
 * How a call talks back. on_head once at most, on_data after it, on_done
 * exactly once and last, with NULL or with what went wrong (borrowed). data
 * is drained by the callback or lost. Each may cancel the call; with on_done
 * the call is over and its pointer is to be forgotten.
 */
struct ac_http_handlers {
	void (*on_head)(const struct ac_http_head *head, void *arg);
	void (*on_data)(struct evbuffer *data, void *arg);
	void (*on_done)(const struct ac_error *error, void *arg);
};

/*
 * Starts a call; no handler runs before this returns. A pooled connection
 * that turns out dead before any answer is replaced by a fresh one, once.
 * Where a connection was refused, or closed before any answer, or where the
 * answer is 502, 503 or 504 of something before the app (no JSON and no
 * Retry-After), the request is sent again after 0.1 s, then 0.3 s and so on,
 * up to origin.retries times; nothing that has begun to answer is sent again.
 */
struct ac_http_call *ac_http_call_start(struct ac_http_client *client,
    const struct ac_http_request *request,
    const struct ac_http_handlers *handlers, void *arg);

/* Ends a call: no handler runs any more and its connection is closed. Not
 * after on_done. */
void ac_http_call_cancel(struct ac_http_call *call);

/*
 * Nobody is interested any more, but the answer is about to end: what is
 * left of it is thrown away, so that its connection can be used again. It is
 * cancelled after a second or 64 KiB. No handler runs any more; the call is
 * to be forgotten.
 */
void ac_http_call_leave(struct ac_http_call *call);

/* What came of the answer is an answer for the caller too: from now on the
 * silence timeout counts and not the answer timeout. Between on_head and
 * on_done. */
void ac_http_call_note_answer(struct ac_http_call *call);

/* As ac_http_conn_read_ns(), within on_data. */
int64_t ac_http_call_read_ns(const struct ac_http_call *call);

/* Stops and restarts the flow of on_data, for a reader that is behind. */
void ac_http_call_pause(struct ac_http_call *call);
void ac_http_call_resume(struct ac_http_call *call);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * One chat with the web app (POST /api/chat/): gets a session, sends the
 * body, replays it once with a fresh session if the app finds the first one
 * stale, and hands on the stream's bytes as they come.
 */
#ifndef AC_UPSTREAM_CHAT_H
#define AC_UPSTREAM_CHAT_H

#include <stdint.h>

#include "base/error.h"

struct ac_bytes;
struct ac_chat;
struct ac_upstream;
struct evbuffer;

/* What a stream is written in; its head says which. */
enum ac_chat_protocol {
	AC_CHAT_DATA_STREAM, /* of the "ai" package 4: codec/datastream.h */
	AC_CHAT_UI_STREAM,   /* of its successors: codec/uistream.h */
};

/*
 * on_open once at most: the answer is a stream. on_data after it; data is
 * drained by the callback or lost. on_done once and last: with NULL if the
 * body ended as HTTP says it should, otherwise with what went wrong. Each
 * may cancel the chat; with on_done it is over.
 */
struct ac_chat_handlers {
	void (*on_open)(enum ac_chat_protocol protocol, void *arg);
	void (*on_data)(struct evbuffer *data, void *arg);
	void (*on_done)(const struct ac_error *error, void *arg);
};

/* Starts it; no handler runs before this returns. body is the JSON to send
 * and is referenced. */
struct ac_chat *ac_chat_start(struct ac_upstream *upstream,
    struct ac_bytes *body, const struct ac_chat_handlers *handlers, void *arg);

/* No handler runs any more; the upstream's connection is closed. */
void ac_chat_cancel(struct ac_chat *chat);

/* The answer is there, whatever may still come: no handler runs any more,
 * and the connection is kept for another chat if the body ends soon. */
void ac_chat_leave(struct ac_chat *chat);

/* The stream has begun to answer: from now on the silence timeout counts. */
void ac_chat_note_answer(struct ac_chat *chat);

/* How long it has waited for sessions so far, in nanoseconds. */
int64_t ac_chat_session_wait_ns(const struct ac_chat *chat);

/* When what on_data hands on was read, by ac_clock_ns(); 0: not known. */
int64_t ac_chat_read_ns(const struct ac_chat *chat);

/* Stops and restarts the flow of on_data. */
void ac_chat_pause(struct ac_chat *chat);
void ac_chat_resume(struct ac_chat *chat);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * One streamed chat with a server that speaks OpenAI's API, and what can be
 * seen of the way it came: its head, when its pieces arrived, its comments.
 * What the model says is not kept.
 */
#ifndef AC_DOCTOR_STREAM_LOOK_H
#define AC_DOCTOR_STREAM_LOOK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "doctor/pace.h"

struct ac_http_client;
struct ac_http_head;
struct ac_http_header;
struct ac_reaper;
struct ac_stream_look;

enum { AC_LOOK_TEXT_SIZE = 256 };

/* The headers by which a page is told that it may read an answer. */
struct ac_cors_facts {
	size_t allow_origins; /* how many of them there are */
	char allow_origin[AC_LOOK_TEXT_SIZE];
	char allow_headers[AC_LOOK_TEXT_SIZE];
};

struct ac_stream_facts {
	int status;
	bool is_events; /* text/event-stream */
	char type[AC_LOOK_TEXT_SIZE];
	char encoding[AC_LOOK_TEXT_SIZE]; /* "": none */
	bool has_request_id;
	bool has_timing;        /* Server-Timing */
	bool has_cache_control; /* no-cache, no-transform */
	struct ac_cors_facts cors;
	struct ac_pace pace;
	size_t comments;
	bool done;                       /* [DONE] came */
	char failure[AC_LOOK_TEXT_SIZE]; /* the server's own words; "": none */
};

struct ac_stream_look_request {
	const char *path;
	const char *model; /* UTF-8 */
	const struct ac_http_header *headers;
	size_t header_count;
};

struct ac_stream_look_handlers {
	/* Something came. */
	void (*on_bytes)(void *arg);
	/* Once and last, also with an error: what was seen (borrowed). */
	void (*on_done)(const struct ac_stream_facts *facts,
	    const struct ac_error *error, void *arg);
};

/* Starts it; no handler runs before this returns. request is read and not
 * kept. The answer is limited to some hundred tokens. */
struct ac_stream_look *ac_stream_look_start(struct ac_http_client *client,
    struct ac_reaper *reaper, const struct ac_stream_look_request *request,
    const struct ac_stream_look_handlers *handlers, void *arg);

/* No handler runs any more. Not after on_done. */
void ac_stream_look_cancel(struct ac_stream_look *look);

/* Reads the CORS headers of any answer. */
void ac_cors_facts_read(
    struct ac_cors_facts *facts, const struct ac_http_head *head);

#endif

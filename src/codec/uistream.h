/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Decoder for the UI message stream, version 1 (the "ai" package 5, 6 and 7,
 * content type text/event-stream, response header
 * "x-vercel-ai-ui-message-stream: v1"; docs/internals/stream.md):
 * server-sent events whose data are JSON objects, the parts, and at the end
 * "[DONE]".
 *
 * FINISH is said when [DONE] has come, not with the finish part, so that a
 * consumer which completes on FINISH never completes an answer that was cut
 * before [DONE]. END is said at the body's end, as datastream.h does.
 */
#ifndef AC_CODEC_UISTREAM_H
#define AC_CODEC_UISTREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "codec/blocks.h"
#include "codec/event.h"
#include "codec/sse.h"
#include "codec/textjoin.h"

/* The longest line, and the longest data of an event. Longer ones are skipped
 * if their first bytes show a type that is not known or one of those whose
 * JSON is passed on as it is. */
enum { AC_UISTREAM_EVENT_MAX = 1024 * 1024 };

struct ac_uistream {
	ac_event_fn *on_event;
	void *arg;
	struct ac_sse sse;
	struct ac_blocks blocks;
	struct ac_textjoin texts;
	bool stopped;    /* nothing more is said */
	bool done;       /* [DONE] came, FINISH was said */
	bool said;       /* a text or reasoning was passed on … */
	bool step_said;  /* … in this step */
	bool step_open;  /* it began and did not end */
	bool has_finish; /* a finish part came … */
	bool has_reason; /* … with a reason */
	enum ac_finish finish;
	struct ac_usage usage;       /* of a step or the message */
	struct ac_usage total_usage; /* of the message: goes first */
};

/* In place, and not to be moved afterwards; on_event is called from within
 * _feed and _end, with arg. */
void ac_uistream_init(
    struct ac_uistream *decoder, ac_event_fn *on_event, void *arg);

void ac_uistream_clear(struct ac_uistream *decoder);

/* Decodes len bytes, cut anywhere. The json of an event is a whole part. */
void ac_uistream_feed(
    struct ac_uistream *decoder, const char *data, size_t len);

/* The body ended as HTTP says it should: says END, or ERROR (CUT) where
 * [DONE] has not come. Says nothing after an ERROR. */
void ac_uistream_end(struct ac_uistream *decoder);

/* No further event, also not from the bytes that are being decoded. */
void ac_uistream_stop(struct ac_uistream *decoder);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Decoder for the AI data-stream protocol, version 1 (the "ai" package 4,
 * response header "x-vercel-ai-data-stream: v1"; docs/internals/stream.md):
 * lines of  code ":" JSON LF. All sixteen codes are known, others skipped.
 */
#ifndef AC_CODEC_DATASTREAM_H
#define AC_CODEC_DATASTREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "codec/event.h"
#include "codec/linesplit.h"
#include "codec/textjoin.h"

/* The longest line that is read. Longer ones are skipped if their code is
 * not known or one of those whose JSON is passed on as it is. */
enum { AC_DATASTREAM_LINE_MAX = 1024 * 1024 };

struct ac_datastream {
	ac_event_fn *on_event;
	void *arg;
	struct ac_linesplit split;
	struct ac_textjoin texts;
	bool stopped;  /* nothing more is said */
	bool finished; /* FINISH was said */
	bool complete; /* the last step ended, and none is to follow */
	bool failed;   /* a step or the message ended with an error */
	enum ac_finish step_finish;
	struct ac_usage usage; /* of all steps so far */
};

/* In place; on_event is called from within _feed and _end, with arg. */
void ac_datastream_init(
    struct ac_datastream *decoder, ac_event_fn *on_event, void *arg);

void ac_datastream_clear(struct ac_datastream *decoder);

/* Decodes len bytes, cut anywhere. */
void ac_datastream_feed(
    struct ac_datastream *decoder, const char *data, size_t len);

/* The body ended as HTTP says it should: says END, or ERROR where the
 * protocol says that more should have come. Says nothing after an ERROR. */
void ac_datastream_end(struct ac_datastream *decoder);

/* No further event, also not from the bytes that are being decoded. */
void ac_datastream_stop(struct ac_datastream *decoder);

#endif

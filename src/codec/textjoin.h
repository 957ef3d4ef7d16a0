/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The texts of a stream on their way from a decoder: a clean literal is
 * passed on where it lies; a surrogate pair that was cut between two texts
 * is put together again; what cannot stand in a literal is replaced by
 * U+FFFD.
 */
#ifndef AC_CODEC_TEXTJOIN_H
#define AC_CODEC_TEXTJOIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/event.h"
#include "codec/literal.h"

/* A text and where it belongs. */
struct ac_text_piece {
	enum ac_event_type type; /* TEXT or REASONING */
	uint64_t source;     /* halves join within one type and source only */
	const char *literal; /* borrowed */
	size_t len;          /* no more than the longest */
	struct ac_literal_report report; /* of the literal, not BROKEN */
};

struct ac_textjoin {
	ac_event_fn *emit;
	void *arg;
	struct ac_buf scratch; /* a text that could not be passed as it came */
	char high[AC_LITERAL_ESCAPE_LEN]; /* a high surrogate, held back … */
	enum ac_event_type high_type;     /* … from a text of this type … */
	uint64_t high_source;             /* … and this source … */
	bool has_high;                    /* … if there is one */
};

/* In place. max: the longest literal in bytes. emit is called with arg from
 * within _add and _flush. */
void ac_textjoin_init(
    struct ac_textjoin *join, size_t max, ac_event_fn *emit, void *arg);

void ac_textjoin_clear(struct ac_textjoin *join);

/* Emits the text, and before it what was held back. An empty text says
 * nothing and parts no halves. */
void ac_textjoin_add(
    struct ac_textjoin *join, const struct ac_text_piece *piece);

/* A high surrogate that will get no partner goes out as a replacement. */
void ac_textjoin_flush(struct ac_textjoin *join);

/* The same if it is of this type and source. */
void ac_textjoin_flush_source(
    struct ac_textjoin *join, enum ac_event_type type, uint64_t source);

#endif

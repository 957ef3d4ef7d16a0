/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The stage that ends an answer after so many tokens (OpenAI's "max_tokens"
 * and "max_completion_tokens"). Nobody counts the upstream's tokens while
 * they come, so that they are estimated as in usage: four bytes of UTF-8, of
 * text and reasoning together.
 *
 * The first character that does not fit is not passed on, nor is anything
 * after it but a FINISH with LENGTH, at once. An answer that just fits ends
 * as the upstream says. It is cut between two characters (code points), which
 * may be within what a reader sees as one.
 */
#ifndef AC_CODEC_LIMIT_H
#define AC_CODEC_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "codec/event.h"

enum { AC_LIMIT_BYTES_PER_TOKEN = 4 };

struct ac_limit {
	ac_event_fn *next;
	void *arg;
	uint64_t room; /* bytes of text that may still come */
	bool over;     /* FINISH was said, or the stage was muted */
};

/* In place; owns nothing. max_tokens: INT64_MAX for no limit; less than 0 is
 * taken for 0. Every event goes to next(event, arg), from within
 * ac_limit_on_event(). */
void ac_limit_init(
    struct ac_limit *limit, int64_t max_tokens, ac_event_fn *next, void *arg);

/* The stage's ac_event_fn; arg is the struct ac_limit. What fits is passed on
 * as the event that it came in. The FINISH that it makes has no usage. */
void ac_limit_on_event(const struct ac_event *event, void *arg);

/* Nothing more is passed on, also not of the event that is being handled. */
void ac_limit_mute(struct ac_limit *limit);

#endif

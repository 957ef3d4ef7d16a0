/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The stage that puts a model's thinking where the client wants it. Models
 * write it into their text between <think> and </think>, or the upstream
 * sends it apart, as REASONING.
 *
 * FIELD makes REASONING of what stands between tags. TAGS makes TEXT of
 * REASONING, <think> before and </think> behind each run of it; tags that the
 * text has itself pass untouched. DROP is as FIELD, but each REASONING goes on
 * without its literal and with "dropped" set; its text_len is kept.
 *
 * The rules for tags in TEXT, in the modes FIELD and DROP:
 * - <think> and </think> exactly, in lower case, cut anywhere between events
 *   and written with whatever JSON escapes. The tags themselves go, every
 *   other character stays, white space beside the tags included, inside and
 *   outside.
 * - Thinking ends at the first </think>. A <think> inside of it is a part of
 *   it; one behind it begins thinking again. Without </think> everything to
 *   the end is thinking.
 * - A </think> in the text that closes nothing is text, but see
 *   AC_THINK_WHOLE.
 * - A tag goes on behind START, TOOL…, and EXTRA, which overtake what is held
 *   back of it. REASONING, STEP, FINISH, ERROR and END break it: what looked
 *   like a tag's beginning goes out before them as what it is.
 */
#ifndef AC_CODEC_THINK_H
#define AC_CODEC_THINK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/options.h"
#include "codec/event.h"

enum ac_think_scope {
	AC_THINK_STREAMED, /* what was passed on cannot be called back */
	/* The answer is gathered. A </think> before which neither <think> nor
	 * REASONING came lacks its opening tag, once in an answer: it becomes
	 * TEXT_WAS_REASONING ("dropped" in the mode DROP). */
	AC_THINK_WHOLE,
};

enum { AC_THINK_TAG_LEN = 8, AC_THINK_HELD_MAX = 6 * AC_THINK_TAG_LEN };

struct ac_think {
	ac_event_fn *next;
	void *arg;
	enum ac_reasoning mode;
	enum ac_think_scope scope;
	bool muted;
	bool inside;   /* behind the text's <think> */
	bool opened;   /* a </think> is not the first sign of thinking */
	bool wrapping; /* TAGS: a <think> was added that is still open */
	char tag[AC_THINK_TAG_LEN]; /* what came of a tag, decoded … */
	size_t tag_len;
	char held[AC_THINK_HELD_MAX]; /* … and as it came, of earlier events */
	size_t held_len;
};

/* In place; owns nothing. Every event goes to next(event, arg), from within
 * ac_think_on_event(). */
void ac_think_init(struct ac_think *think, enum ac_reasoning mode,
    enum ac_think_scope scope, ac_event_fn *next, void *arg);

/* The stage's ac_event_fn; arg is the struct ac_think. A text in which no tag
 * can begin is passed on as the event that it came in. */
void ac_think_on_event(const struct ac_event *event, void *arg);

/* Nothing more is passed on, also not of the event that is being handled. */
void ac_think_mute(struct ac_think *think);

#endif

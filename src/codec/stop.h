/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The stage that ends an answer before a stop string (OpenAI's "stop").
 *
 * What it does is defined by a search over the whole answer: put the decoded
 * TEXTs behind each other, look in that for each string, and take the
 * occurrence that begins first. The answer is the text before it, and its
 * finish is STOP. Without an occurrence the answer stays as it is. REASONING
 * is not searched and parts the text: no string goes on behind it.
 *
 * That is known as soon as the occurrence is complete and none that began
 * earlier can be completed any more; then FINISH is said at once, and nothing
 * after it. Until it is known, text that may belong to an occurrence is held
 * back, in the form in which it came. Other events overtake it, but not
 * REASONING, FINISH, ERROR and END, which end the search, and
 * TEXT_WAS_REASONING, which makes it begin anew.
 */
#ifndef AC_CODEC_STOP_H
#define AC_CODEC_STOP_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/event.h"

/* OpenAI's API takes 4; other servers take more, and chat clients know it. */
enum { AC_STOP_MAX = 16, AC_STOP_LEN_MAX = 1024 };

/* UTF-8; NUL may be in it. */
struct ac_stop_string {
	const char *text;
	size_t len; /* at most AC_STOP_LEN_MAX; an empty one is never found */
};

/* A string and how much of it the text so far ends with (Knuth, Morris,
 * Pratt). */
struct ac_stop_pattern {
	char *text; /* owned */
	size_t len;
	/* owned: for each length, less 1, of a beginning of text how long the
	 * longest shorter beginning is that it ends with */
	uint16_t *shorter;
	size_t matched;
	bool found; /* its first occurrence is complete */
};

struct ac_stop {
	ac_event_fn *next;
	void *arg;
	struct ac_stop_pattern patterns[AC_STOP_MAX];
	size_t count;
	bool begins[UCHAR_MAX + 1]; /* the patterns' first bytes */
	struct ac_buf held;         /* literals of text held back */
	size_t seen; /* bytes of text from the first that is held */
	size_t cut;  /* where in those the occurrence begins, or SIZE_MAX */
	bool over;   /* FINISH was said, or the stage was muted */
};

/* In place; the strings (at most AC_STOP_MAX) are copied. Every event goes to
 * next(event, arg), from within ac_stop_on_event(). */
void ac_stop_init(struct ac_stop *stop, const struct ac_stop_string *strings,
    size_t count, ac_event_fn *next, void *arg);

void ac_stop_clear(struct ac_stop *stop);

/* The stage's ac_event_fn; arg is the struct ac_stop. A text that cannot
 * belong to an occurrence is passed on as the event that it came in. The
 * FINISH that it makes has no usage, except in the place of another FINISH:
 * that one's. */
void ac_stop_on_event(const struct ac_event *event, void *arg);

/* Nothing more is passed on, also not of the event that is being handled. */
void ac_stop_mute(struct ac_stop *stop);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * One chat with the site, as the program itself would have it, with a look at
 * when its pieces come. What they say is not kept.
 */
#ifndef AC_DOCTOR_TALK_H
#define AC_DOCTOR_TALK_H

#include "base/error.h"
#include "doctor/pace.h"

struct ac_options;
struct ac_talk;
struct ac_upstream;

/* What the doctor asks models; long enough for some thirty pieces, and the
 * same words for every site. Constant. */
#define AC_TALK_QUESTION                                                      \
	"Count from 1 to 40 in digits, with spaces between, and say nothing " \
	"else."

enum {
	AC_TALK_PIECES_MAX = 120, /* enough to judge by; the rest is left */
	AC_TALK_SPAN_MS = 15000,  /* likewise, from the first piece on */
};

struct ac_talk_handlers {
	/* A piece came. */
	void (*on_piece)(void *arg);
	/* Once and last: the answer is over, or enough of it was seen, and
	 * error is NULL, or why it failed (borrowed). pace is borrowed. */
	void (*on_done)(const struct ac_pace *pace,
	    const struct ac_error *error, void *arg);
};

/* Starts it; no handler runs before this returns. What is passed is borrowed
 * but for the model's name. */
struct ac_talk *ac_talk_start(struct ac_upstream *upstream,
    const struct ac_options *options, const char *model,
    const struct ac_talk_handlers *handlers, void *arg);

/* No handler runs any more. Not after on_done, but within on_piece. */
void ac_talk_cancel(struct ac_talk *talk);

#endif

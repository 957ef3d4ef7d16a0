/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * What comes out of a stage, in a short form: one letter for each event, and
 * for texts what they say in brackets. Texts of one kind that follow each
 * other become one, so that the log does not tell how they were cut:
 *
 *	T[text] R[reasoning] r5 S X W w F(stop) F(length,11,?) !(cut) E
 *
 * r: a REASONING that was dropped and its length, S: STEP, X: whatever has
 * JSON, W: TEXT_WAS_REASONING, w: the same, dropped, F: FINISH with its usage
 * if that is known, !: ERROR, E: END.
 */
#ifndef AC_TEST_EVENT_LOG_H
#define AC_TEST_EVENT_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "codec/event.h"

enum event_log_form {
	EVENT_LOG_DECODED,  /* the texts themselves */
	EVENT_LOG_LITERALS, /* the JSON literals as they came */
};

struct event_log {
	enum event_log_form form;
	struct ac_buf out;       /* owned */
	size_t events;           /* how many came */
	enum ac_event_type last; /* whose run is open, or TYPES */
	bool finished;           /* FINISH came */
	bool over;               /* ERROR or END came */
	size_t dropped;          /* of the REASONING that is not written yet */
	const void *last_event;  /* only to be compared */
	const char *problem;     /* a rule that was broken, or NULL */
};

/* An empty log in place. */
void event_log_init(struct event_log *log, enum event_log_form form);

void event_log_clear(struct event_log *log);

/* Empties the log and keeps its memory. */
void event_log_reset(struct event_log *log);

/* The ac_event_fn; arg is the log. */
void event_log_on_event(const struct ac_event *event, void *arg);

/* The log, complete; valid until the next event. */
const char *event_log_string(struct event_log *log);

/* Tells a stage a literal of len bytes out of a block that is freed at once;
 * text_len is reckoned. */
void event_log_tell(ac_event_fn *stage, void *arg, enum ac_event_type type,
    const char *literal, size_t len);

/* Tells a stage an event that has no literal. */
void event_log_tell_plain(
    ac_event_fn *stage, void *arg, enum ac_event_type type);

#endif

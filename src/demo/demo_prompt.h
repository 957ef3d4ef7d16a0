/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * A chat call's body as the simulated app understands it: what the answer is
 * made of, or how the real app would have failed on it. Pure code.
 */
#ifndef AC_DEMO_DEMO_PROMPT_H
#define AC_DEMO_DEMO_PROMPT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "demo/demo_marker.h"

/* The name of a marker that can stand beside another. */
#define AC_DEMO_PROTOCOL "protocol"

/* What becomes of a chat call. */
enum ac_demo_verdict {
	AC_DEMO_VERDICT_ANSWER,
	AC_DEMO_VERDICT_COMPLAIN, /* status 200 and one line 3: */
	AC_DEMO_VERDICT_CRASH,    /* status 500 and no body */
};

/* The parts of a call that the answer speaks of; strings are owned. */
struct ac_demo_prompt {
	char *model;
	char *text;         /* newest user message, cut short; NULL: none */
	size_t text_len;    /* NULs can stand within */
	size_t attachments; /* of that message */
	size_t messages;    /* of the whole conversation */
	bool has_system;    /* not just white space */
	/* the newest user message, in all its length */
	bool has_marker;   /* for a scenario */
	bool has_protocol; /* a marker for that */
	struct ac_demo_marker marker;
	struct ac_demo_marker protocol;
	const char *complaint; /* for AC_DEMO_VERDICT_COMPLAIN; static */
};

/*
 * Reads a request body of len bytes. prompt is filled in any case and is to
 * be cleared by the caller; only AC_DEMO_VERDICT_ANSWER sets all of it.
 */
AC_MUST_CHECK enum ac_demo_verdict ac_demo_prompt_parse(
    struct ac_demo_prompt *prompt, const char *body, size_t len);

/* Frees what the prompt owns. */
void ac_demo_prompt_clear(struct ac_demo_prompt *prompt);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * An answer of the web app that is read whole: what the small endpoints say,
 * and what any endpoint says when it refuses. It knows how the app's own
 * refusals look and how to tell them from a page of something before it.
 */
#ifndef AC_UPSTREAM_ANSWER_H
#define AC_UPSTREAM_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

struct ac_http_head;
struct evbuffer;

enum { AC_LOCATION_SIZE = 256 };

struct ac_answer {
	int status;        /* 0: no answer has begun */
	bool is_json;      /* by its Content-Type */
	bool is_html;      /* likewise */
	bool is_truncated; /* the body was longer than its maximum */
	int retry_after_s; /* 0: none was sent */
	char location[AC_LOCATION_SIZE]; /* of a redirect, perhaps cut;
				  no user, query or fragment */
	struct ac_buf body;
};

/* body_max: what is read of the body, in bytes; the rest is dropped. */
void ac_answer_init(struct ac_answer *answer, size_t body_max);

void ac_answer_clear(struct ac_answer *answer);

/* Reads the head; the body begins anew. */
void ac_answer_set_head(
    struct ac_answer *answer, const struct ac_http_head *head);

/* Takes everything out of data. */
void ac_answer_add(struct ac_answer *answer, struct evbuffer *data);

/* Whether this is the app's own word for a session that is no longer valid:
 * 403 and {"success":false,"message":"Unauthorized: …"}. */
bool ac_answer_is_stale_session(const struct ac_answer *answer);

/* Makes an error of an answer that is not what was asked for. what names the
 * thing: "the session", "the list of models", "the chat". */
void ac_answer_set_error(
    struct ac_answer *answer, const char *what, struct ac_error *error);

#endif

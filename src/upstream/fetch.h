/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* GET of one small endpoint of the web app, read whole. */
#ifndef AC_UPSTREAM_FETCH_H
#define AC_UPSTREAM_FETCH_H

#include "upstream/answer.h"

struct ac_fetch;
struct ac_http_head;
struct ac_site;

struct ac_fetch_request {
	const char *endpoint;      /* "/api/models/" */
	const char *session_token; /* NULL: without a session */
	const char *authorization; /* NULL: no such header */
	size_t body_max;
	/* Looks at the head while it is there; NULL if nobody wants to. */
	void (*on_head)(const struct ac_http_head *head, void *arg);
	/* Called once: with the answer, whatever its status (borrowed), or
	 * with NULL and an error. The fetch is over then. */
	void (*on_done)(
	    struct ac_answer *answer, const struct ac_error *error, void *arg);
};

/* Starts it; no callback runs before this returns. request is read and not
 * kept. */
struct ac_fetch *ac_fetch_start(const struct ac_site *site,
    const struct ac_fetch_request *request, void *arg);

/* No callback runs any more. Not after on_done. */
void ac_fetch_cancel(struct ac_fetch *fetch);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One question to a server over the HTTP client, and its answer read whole. */
#ifndef AC_DOCTOR_ASK_H
#define AC_DOCTOR_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "net/http_message.h"

struct ac_ask;
struct ac_http_client;
struct ac_reaper;
struct evbuffer;

enum { AC_ASK_BODY_MAX = 256 * 1024 }; /* what is read; the rest is lost */

struct ac_ask_reply {
	int status;   /* 0: none came */
	bool is_json; /* by its Content-Type */
	struct ac_buf body;
};

struct ac_ask_handlers {
	/* Looks at the head while it is there; NULL if nobody wants to. */
	void (*on_head)(const struct ac_http_head *head, void *arg);
	/* Takes the body as it comes instead of having it gathered (what it
	 * leaves in data is lost); NULL if it is to be gathered. */
	void (*on_data)(struct evbuffer *data, void *arg);
	/* Called once: with the answer, whatever its status, and NULL, or with
	 * as much of it as came and an error; both are borrowed. The ask is
	 * over then. */
	void (*on_done)(struct ac_ask_reply *reply,
	    const struct ac_error *error, void *arg);
};

/* Starts it; no handler runs before this returns. request is copied, handlers
 * and the others are borrowed. Each handler may cancel it. */
struct ac_ask *ac_ask_start(struct ac_http_client *client,
    struct ac_reaper *reaper, const struct ac_http_request *request,
    const struct ac_ask_handlers *handlers, void *arg);

/* No handler runs any more. Not after on_done. */
void ac_ask_cancel(struct ac_ask *ask);

#endif

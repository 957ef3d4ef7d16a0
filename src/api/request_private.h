/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What a request's life (request.c) and its reply (request_reply.c) share. */
#ifndef AC_API_REQUEST_PRIVATE_H
#define AC_API_REQUEST_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <event2/bufferevent.h>
#include <event2/http.h>

#include "api/access_log.h"
#include "api/admission.h"
#include "api/request.h"

struct evbuffer_cb_entry;
struct event;

enum request_state {
	REQUEST_OPEN,
	REQUEST_STREAMING,
	REQUEST_REPLIED,
	REQUEST_GONE, /* the reaper has it */
};

struct ac_request {
	TAILQ_ENTRY(ac_request) entry;
	struct ac_api *api;                   /* borrowed */
	struct evhttp_request *http;          /* see above; NULL once GONE */
	struct ac_client_conn *conn;          /* its connection, which … */
	struct evhttp_connection *evcon;      /* … is this one of evhttp's */
	const struct ac_request_hooks *hooks; /* NULL: nobody waits */
	void *hooks_arg;
	struct event *writable_event;        /* owned, NULL until needed */
	struct evbuffer_cb_entry *output_cb; /* evbuffer's */
	enum request_state state;
	int64_t read_ns; /* of the oldest text that is not written yet; 0:
			    there is none or the client is behind */
	bool streams;    /* the head of a stream was sent */
	bool full;
	bool close_after; /* the connection ends with this reply */
	struct ac_access access;
	struct ac_admission admission;
};

static inline struct bufferevent *
ac_request_bev(const struct ac_request *request)
{
	return evhttp_connection_get_bufferevent(request->evcon);
}

/* The request is over; the reaper gets it. Its hooks do not run. */
void ac_request_finish(struct ac_request *request, enum ac_ending ending);

/* Looks at the output no more. */
void ac_request_forget_output(struct ac_request *request);

#endif

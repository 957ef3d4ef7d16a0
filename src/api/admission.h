/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Whether and when a request's work may begin: its key's limits, and the
 * gate, which lets MAX_CONCURRENT_REQUESTS run at once and keeps a short
 * queue that is fair across keys (docs/keys.md).
 *
 *	start -> RUNNING -> ENDED (the request has ended)
 *	     \-> WAITING -> RUNNING
 *	     \       \----> REFUSED (full, evicted, waited too long) -> ENDED
 *	      \-> refused for its key's limits
 */
#ifndef AC_API_ADMISSION_H
#define AC_API_ADMISSION_H

#include <stdint.h>

#include "api/fair_queue.h"

struct ac_gate;
struct ac_key;
struct ac_keys;
struct ac_options;
struct ac_request;
struct event;
struct event_base;

/* The gate of one api, with the limits of options; base is borrowed. */
struct ac_gate *ac_gate_new(
    struct event_base *base, const struct ac_options *options);

/* When no request is left; NULL is fine. */
void ac_gate_free(struct ac_gate *gate);

/* Takes over changed limits. Whoever may run now does so from the loop. */
void ac_gate_set_limits(struct ac_gate *gate, const struct ac_options *options);

/* Requests at the gate now, and those that it has refused. */
struct ac_gate_counts {
	size_t running;
	size_t waiting;
	uint64_t full;            /* at once, or to make room for another key */
	uint64_t waited_too_long; /* QUEUE_TIMEOUT */
};

struct ac_gate_counts ac_gate_count(const struct ac_gate *gate);

typedef void ac_handler(struct ac_request *request, const char *tail);

enum ac_admission_state {
	AC_ADMISSION_NONE,
	AC_ADMISSION_WAITING,
	AC_ADMISSION_RUNNING,
	AC_ADMISSION_REFUSED,
	AC_ADMISSION_ENDED,
};

/* In place within each request, all zero at first; for admission.c and
 * request.c alone. */
struct ac_admission {
	struct ac_keys *keys;     /* a reference; NULL: no key was wanted */
	const struct ac_key *key; /* of keys */
	struct ac_request *request;
	struct ac_gate *gate;
	struct ac_fair_waiter waiter;
	struct event *timer; /* owned; NULL unless it has waited */
	int64_t waiting_since_ns;
	ac_handler *handle;
	enum ac_admission_state state;
};

/* Notes with which key a request came; keys is held on to. */
void ac_request_set_key(
    struct ac_request *request, struct ac_keys *keys, const struct ac_key *key);

/* The key that a request came with, which lives as long as it does;
 * NULL: no key was wanted. */
const struct ac_key *ac_request_key(struct ac_request *request);

/*
 * Calls handle(request, NULL) when the request may begin, which can be before
 * this returns, or replies 429 or 503. Adds the x-ratelimit headers of a key
 * with a rate. A client that leaves while it waits is noticed. What was taken
 * is given back when the request ends.
 */
void ac_admission_start(struct ac_request *request, ac_handler *handle);

/* The request has ended, in whatever way. */
void ac_admission_end(struct ac_admission *admission);

/* Frees what is held, later than that. */
void ac_admission_clear(struct ac_admission *admission);

#endif

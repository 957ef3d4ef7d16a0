/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What every endpoint of the API shares. */
#ifndef AC_API_API_H
#define AC_API_API_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "api/client_conn.h"
#include "base/ip.h"
#include "base/options.h"

struct ac_gate;
struct ac_keys;
struct ac_instruments;
struct ac_reaper;
struct ac_request;
struct ac_tls_server;
struct ac_upstream;
struct event_base;
struct evhttp;
struct evhttp_request;

TAILQ_HEAD(ac_request_list, ac_request);

/* What is served. */
enum ac_api_routes {
	AC_API_ALL,
	AC_API_ALL_BUT_METRICS, /* these have an address of their own, … */
	AC_API_METRICS,         /* … which is this one; no key is wanted */
};

struct ac_api {
	struct event_base *base;          /* borrowed */
	struct ac_reaper *reaper;         /* borrowed */
	const struct ac_options *options; /* borrowed */
	struct ac_upstream *upstream;     /* borrowed */
	struct ac_tls_server *tls; /* borrowed: for connections from now on;
				      NULL: they are plain */
	struct ac_keys *keys;      /* borrowed; NULL: no key is wanted */
	struct ac_gate *gate;      /* borrowed */
	const struct ac_ip_ranges *trusted_proxies; /* borrowed */
	struct ac_instruments *instruments;         /* borrowed */
	enum ac_api_routes routes;
	struct ac_request_list requests; /* those that run */
	struct ac_client_conns conns;
	bool loopback_only; /* no other machine can connect */
	bool draining;      /* answers ask the client to close its connection */
	/* Called while draining when the last request has ended and none is
	 * under way on any connection; may be NULL. */
	void (*on_idle)(void *arg);
	void *idle_arg;
};

/* In place; nothing is owned. */
void ac_api_init(struct ac_api *api, struct event_base *base,
    struct ac_reaper *reaper, const struct ac_options *options,
    struct ac_upstream *upstream, struct ac_instruments *instruments);

/* An evhttp without listeners whose connections and requests are api's; the
 * caller frees it, and then clears api->conns. */
struct evhttp *ac_api_evhttp_new(struct ac_api *api);

/* Handles one request that evhttp has read whole: evhttp's generic callback,
 * with a struct ac_api as arg. */
void ac_api_on_request(struct evhttp_request *http, void *arg);

/* Whether no request runs and none is under way on any connection. */
bool ac_api_is_idle(const struct ac_api *api);

/* Calls on_idle where it is due. */
void ac_api_check_idle(struct ac_api *api);

/* Ends every request that is still being answered with an error. */
void ac_api_give_up_all(struct ac_api *api);

/* Cuts every running request off: its client sees the connection close. */
void ac_api_abort_all(struct ac_api *api);

#endif

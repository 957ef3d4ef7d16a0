/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The api as a whole: see api.h. Owned by the server. */
#include "api/api.h"

#include <event2/http.h>

#include "api/http_guard.h"
#include "api/request.h"
#include "base/mem.h"

/* The guard refuses a head before evhttp would. */
enum { HEADERS_MAX = 2 * AC_GUARD_HEAD_MAX };

void
ac_api_init(struct ac_api *api, struct event_base *base,
    struct ac_reaper *reaper, const struct ac_options *options,
    struct ac_upstream *upstream, struct ac_instruments *instruments)
{
	*api = (struct ac_api){
	    .base = base,
	    .reaper = reaper,
	    .options = options,
	    .upstream = upstream,
	    .instruments = instruments,
	};
	TAILQ_INIT(&api->requests);
	TAILQ_INIT(&api->conns.list);
}

struct evhttp *
ac_api_evhttp_new(struct ac_api *api)
{
	struct evhttp *http = evhttp_new(api->base);

	if (http == NULL)
		ac_out_of_memory();
	evhttp_set_max_headers_size(http, HEADERS_MAX);
	evhttp_set_max_body_size(http, (ev_ssize_t)api->options->max_body_size);
	/* Every method comes to the router, which knows what to say. */
	evhttp_set_allowed_methods(http, 0xffff);
	evhttp_set_default_content_type(http, NULL);
	evhttp_set_bevcb(http, ac_client_conn_new, api);
	evhttp_set_gencb(http, ac_api_on_request, api);
	return http;
}

bool
ac_api_is_idle(const struct ac_api *api)
{
	return TAILQ_EMPTY(&api->requests) &&
	       ac_client_conns_are_quiet(&api->conns);
}

void
ac_api_check_idle(struct ac_api *api)
{
	if (api->draining && api->on_idle != NULL && ac_api_is_idle(api))
		api->on_idle(api->idle_arg);
}

void
ac_api_give_up_all(struct ac_api *api)
{
	struct ac_request *request = ac_request_first(api);
	struct ac_error error;

	ac_error_set(&error, AC_ERROR_SHUTTING_DOWN,
	    "The server is shutting down and could not wait any longer.");
	while (request != NULL) {
		struct ac_request *next = ac_request_next(request);

		ac_request_give_up(request, &error);
		request = next;
	}
}

void
ac_api_abort_all(struct ac_api *api)
{
	struct ac_request *request;

	while ((request = ac_request_first(api)) != NULL)
		ac_request_abort(request);
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The api as a whole: see api.h. Owned by the server. */
#include "api/api.h"

#include "api/request.h"

void
ac_api_init(struct ac_api *api, struct event_base *base,
    struct ac_reaper *reaper, const struct ac_options *options,
    struct ac_upstream *upstream)
{
	*api = (struct ac_api){
	    .base = base,
	    .reaper = reaper,
	    .options = options,
	    .upstream = upstream,
	};
	TAILQ_INIT(&api->requests);
	TAILQ_INIT(&api->conns.list);
}

void
ac_api_check_idle(struct ac_api *api)
{
	if (api->draining && api->on_idle != NULL &&
	    TAILQ_EMPTY(&api->requests) &&
	    ac_client_conns_are_quiet(&api->conns))
		api->on_idle(api->idle_arg);
}

void
ac_api_abort_all(struct ac_api *api)
{
	struct ac_request *request;

	while ((request = ac_request_first(api)) != NULL)
		ac_request_abort(request);
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The web app's parts, put together and taken apart: see upstream.h. */
#include "upstream/upstream.h"

#include <stdlib.h>

#include "base/mem.h"
#include "net/http_client.h"
#include "upstream/models.h"
#include "upstream/session.h"

struct ac_upstream *
ac_upstream_new(const struct ac_http_origin *origin,
    struct ac_resolver *resolver, const struct ac_options *options)
{
	struct ac_upstream *upstream = ac_calloc(1, sizeof(*upstream));

	upstream->base = origin->base;
	upstream->reaper = origin->reaper;
	upstream->options = options;
	upstream->path_prefix = ac_strdup(origin->url->path);
	upstream->client = ac_http_client_new(origin, resolver);
	upstream->session = ac_session_new(upstream);
	upstream->models = ac_models_new(upstream);
	return upstream;
}

void
ac_upstream_free(struct ac_upstream *upstream)
{
	if (upstream == NULL)
		return;
	ac_models_free(upstream->models);
	ac_session_free(upstream->session);
	ac_http_client_free(upstream->client);
	free(upstream->path_prefix);
	free(upstream);
}

char *
ac_upstream_path(const struct ac_upstream *upstream, const char *endpoint)
{
	return ac_asprintf("%s%s", upstream->path_prefix, endpoint);
}

const char *
ac_upstream_user_agent(const struct ac_upstream *upstream)
{
	const char *configured = upstream->options->upstream_user_agent;

	/* The site gives no session to a client without a name. */
	return configured != NULL ? configured : "akashchat-api/" AC_VERSION;
}

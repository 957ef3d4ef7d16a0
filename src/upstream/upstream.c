/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The web app's parts, put together and taken apart: see upstream.h. */
#include "upstream/upstream.h"

#include <stdlib.h>

#include "base/mem.h"
#include "net/http_client.h"
#include "upstream/image_jobs.h"
#include "upstream/models.h"
#include "upstream/session.h"

struct ac_upstream *
ac_upstream_new(const struct ac_http_origin *origin,
    struct ac_resolver *resolver, const struct ac_options *options)
{
	struct ac_upstream *upstream = ac_calloc(1, sizeof(*upstream));

	upstream->site = (struct ac_site){
	    .base = origin->base,
	    .reaper = origin->reaper,
	    .options = options,
	    .client = ac_http_client_new(origin, resolver),
	    .url = origin->url,
	    .path_prefix = origin->url->path,
	};
	upstream->session = ac_session_new(&upstream->site);
	upstream->models = ac_models_new(&upstream->site, upstream->session);
	upstream->image_jobs = ac_image_jobs_new(&upstream->site);
	return upstream;
}

void
ac_upstream_free(struct ac_upstream *upstream)
{
	if (upstream == NULL)
		return;
	ac_image_jobs_free(upstream->image_jobs);
	ac_models_free(upstream->models);
	ac_session_free(upstream->session);
	ac_http_client_free(upstream->site.client);
	free(upstream);
}

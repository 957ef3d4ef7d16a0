/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The web app as a place to call: what every call to it is made with. */
#ifndef AC_UPSTREAM_SITE_H
#define AC_UPSTREAM_SITE_H

#include "base/options.h"

struct ac_http_client;
struct ac_reaper;
struct ac_url;
struct event_base;

struct ac_site {
	struct event_base *base; /* borrowed, like all of it */
	struct ac_reaper *reaper;
	const struct ac_options *options;
	struct ac_http_client *client;
	const struct ac_url *url;
	const char *path_prefix; /* of the url, without a final slash */
};

/* The path of an endpoint ("/api/models/") at the site; to be freed. */
char *ac_site_path(const struct ac_site *site, const char *endpoint);

/* The Cookie header for a session's token (NULL: without one), with the
 * operator's cookies behind it; NULL if there is nothing to send. To be
 * freed with ac_wipe_and_free(). */
char *ac_site_cookie(const struct ac_site *site, const char *session_token);

/* The Authorization header that a site with an access token wants of those
 * who ask for a session; NULL if none is configured. Freed likewise. */
char *ac_site_authorization(const struct ac_site *site);

/* The User-Agent to send. */
const char *ac_site_user_agent(const struct ac_site *site);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The Akash Chat web app, as the rest of the program sees it: one origin,
 * one session, the list of models, and chats.
 */
#ifndef AC_UPSTREAM_UPSTREAM_H
#define AC_UPSTREAM_UPSTREAM_H

#include "base/options.h"

struct ac_http_client;
struct ac_http_origin;
struct ac_models;
struct ac_reaper;
struct ac_resolver;
struct ac_session;
struct event_base;

/* The parts, each of them owned. */
struct ac_upstream {
	struct event_base *base;          /* borrowed */
	struct ac_reaper *reaper;         /* borrowed */
	const struct ac_options *options; /* borrowed */
	struct ac_http_client *client;
	struct ac_session *session;
	struct ac_models *models;
	char *path_prefix; /* of AKASH_BASE_URL, without a final slash */
};

/* origin is copied; what it points to, resolver and options are borrowed. */
struct ac_upstream *ac_upstream_new(const struct ac_http_origin *origin,
    struct ac_resolver *resolver, const struct ac_options *options);

/* Every chat and wait has ended or was cancelled before; NULL is fine. */
void ac_upstream_free(struct ac_upstream *upstream);

/* The path of an endpoint ("/api/models/") at the upstream; to be freed. */
char *ac_upstream_path(
    const struct ac_upstream *upstream, const char *endpoint);

/* The Cookie header for a session's token (NULL: without one), with the
 * operator's cookies behind it; NULL if there is nothing to send. To be
 * freed with ac_wipe_and_free(). */
char *ac_upstream_cookie(
    const struct ac_upstream *upstream, const char *session_token);

/* The Authorization header that an Akash Chat with an access token wants of
 * those who ask for a session; NULL if none is configured. Freed likewise. */
char *ac_upstream_authorization(const struct ac_upstream *upstream);

/* The User-Agent to send. */
const char *ac_upstream_user_agent(const struct ac_upstream *upstream);

#endif

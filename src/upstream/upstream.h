/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The Akash Chat web app, as the rest of the program sees it: one site, one
 * session, the list of models, the pictures that are being drawn; chats
 * (chat.h) and fetches of pictures (image_file.h, image_fetch.h) are started
 * on it.
 */
#ifndef AC_UPSTREAM_UPSTREAM_H
#define AC_UPSTREAM_UPSTREAM_H

#include "upstream/site.h"

struct ac_http_origin;
struct ac_image_jobs;
struct ac_models;
struct ac_resolver;
struct ac_session;

struct ac_upstream {
	struct ac_site site;              /* its client is owned */
	struct ac_session *session;       /* owned */
	struct ac_models *models;         /* owned */
	struct ac_image_jobs *image_jobs; /* owned */
};

/* origin is copied; what it points to, resolver and options are borrowed. */
struct ac_upstream *ac_upstream_new(const struct ac_http_origin *origin,
    struct ac_resolver *resolver, const struct ac_options *options);

/* Every chat and wait has ended or was cancelled before; NULL is fine. */
void ac_upstream_free(struct ac_upstream *upstream);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Which web pages may call (the Fetch standard's CORS protocol).
 *
 * With CORS_ALLOW_ORIGINS: those it names. Without it: all; but while the
 * program listens on loopback alone and wants no key only pages of
 * localhost, or else every page on the web could use somebody's local
 * server. Never with credentials.
 */
#ifndef AC_API_CORS_H
#define AC_API_CORS_H

#include <stdbool.h>

#include "base/attr.h"

struct ac_api;
struct ac_request;

/* Lets a request through, with the headers that its reply needs if it came
 * from a page, or replies 403 and returns false. */
AC_MUST_CHECK bool ac_cors_check(struct ac_request *request);

/* Whether a request is a preflight: OPTIONS of a page that asks what it may
 * send. */
bool ac_cors_is_preflight(struct ac_request *request);

/* The headers of a preflight's answer. */
void ac_cors_add_preflight(struct ac_request *request);

/* The Access-Control-Allow-Origin for a page of origin (NULL: no page): "*",
 * the origin itself, or NULL where it may not call. */
const char *ac_cors_allowed_origin(
    const struct ac_api *api, const char *origin);

/* What pages may read of an answer's headers. */
#define AC_CORS_EXPOSED                                                \
	"x-request-id, retry-after, x-should-retry, "                  \
	"x-ignored-parameters, "                                       \
	"x-ratelimit-limit-requests, x-ratelimit-remaining-requests, " \
	"x-ratelimit-reset-requests"

/* Whether an origin is of this machine: a page of localhost, or of a program
 * or an extension, with a scheme of their own ("app://…", "file://"). */
bool ac_cors_is_local(const char *origin);

/* Whether a list as in CORS_ALLOW_ORIGINS has the origin, or is "*". */
bool ac_cors_lists(const char *list, const char *origin);

#endif

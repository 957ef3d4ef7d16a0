/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The simulated app's session endpoints and the check of the session cookie.
 * They keep to the rules of the real app's production mode, and of its token
 * mode where an access token is set.
 */
#ifndef AC_DEMO_DEMO_AUTH_H
#define AC_DEMO_DEMO_AUTH_H

#include <stdbool.h>

#include "base/attr.h"

enum { AC_DEMO_ACCESS_SIZE = 65 };

struct ac_demo_sessions;
struct evhttp_request;

struct ac_demo_auth {
	struct ac_demo_sessions *sessions; /* borrowed */
	/* what a client proves to have: hexadecimal SHA-256 of the access
	 * token; empty: none is wanted */
	char access[AC_DEMO_ACCESS_SIZE];
};

/* access_token may be NULL: none is wanted. */
void ac_demo_auth_init(struct ac_demo_auth *auth,
    struct ac_demo_sessions *sessions, const char *access_token);

/* Answers GET or HEAD of /api/auth/status/. */
void ac_demo_auth_status(
    const struct ac_demo_auth *auth, struct evhttp_request *req);

/* Answers GET or HEAD of /api/auth/session/. Every call makes a new session,
 * also with a valid cookie. */
void ac_demo_auth_session(
    const struct ac_demo_auth *auth, struct evhttp_request *req);

/* Answers POST /api/auth/session/refresh/. */
void ac_demo_auth_refresh(
    const struct ac_demo_auth *auth, struct evhttp_request *req);

/* Whether the request's cookie names a living session. Sends nothing. */
AC_MUST_CHECK bool ac_demo_auth_passes(
    const struct ac_demo_auth *auth, struct evhttp_request *req);

/* The value of the first session_token cookie, or NULL; the caller frees
 * it. Several Cookie headers count as one. */
char *ac_demo_auth_token(struct evhttp_request *req);

#endif

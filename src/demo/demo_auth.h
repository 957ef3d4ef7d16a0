/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The simulated app's session endpoints and the check of the session cookie.
 * They keep to the rules of the real app's production mode.
 */
#ifndef AC_DEMO_DEMO_AUTH_H
#define AC_DEMO_DEMO_AUTH_H

#include <stdbool.h>

#include "base/attr.h"

struct ac_demo_sessions;
struct evhttp_request;

/* Answers GET or HEAD of /api/auth/session/; true if a cookie was handed
 * out. Every call makes a new session, also with a valid cookie. */
AC_MUST_CHECK bool ac_demo_auth_session(
    struct ac_demo_sessions *sessions, struct evhttp_request *req);

/* Answers POST /api/auth/session/refresh/; true if a cookie was handed out. */
AC_MUST_CHECK bool ac_demo_auth_refresh(
    struct ac_demo_sessions *sessions, struct evhttp_request *req);

/* Whether the request's cookie names a living session. Sends nothing. */
AC_MUST_CHECK bool ac_demo_auth_passes(
    struct ac_demo_sessions *sessions, struct evhttp_request *req);

#endif

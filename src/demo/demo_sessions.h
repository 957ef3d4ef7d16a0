/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The simulated app's store of sessions. A session is a token that lives a
 * fixed time from its creation; using it does not make it live longer.
 */
#ifndef AC_DEMO_DEMO_SESSIONS_H
#define AC_DEMO_DEMO_SESSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

enum {
	AC_DEMO_TOKEN_LEN = 64,     /* hexadecimal digits, lower case */
	AC_DEMO_SESSION_MAX = 10000 /* then the oldest goes */
};

/* What a refresh of a session does. */
enum ac_demo_refresh {
	AC_DEMO_REFRESH_KEEP,  /* plenty of time left: no new cookie */
	AC_DEMO_REFRESH_RENEW, /* little or nothing left, or not known */
	AC_DEMO_REFRESH_TOO_MANY
};

struct ac_demo_sessions;

/* An empty store of sessions that live ttl_s seconds. */
struct ac_demo_sessions *ac_demo_sessions_new(int64_t ttl_s);
void ac_demo_sessions_free(struct ac_demo_sessions *sessions);

/* The life of a session in seconds. */
int64_t ac_demo_sessions_ttl(const struct ac_demo_sessions *sessions);

/* Makes a session and returns its token, valid until the next call that
 * changes the store. */
const char *ac_demo_sessions_add(struct ac_demo_sessions *sessions);

/* Whether token is the token of a living session. */
AC_MUST_CHECK bool ac_demo_sessions_has(
    struct ac_demo_sessions *sessions, const char *token);

/* Notes an attempt to refresh token and says what it does. Never
 * AC_DEMO_REFRESH_TOO_MANY for a token that is not known. */
enum ac_demo_refresh ac_demo_sessions_refresh(
    struct ac_demo_sessions *sessions, const char *token);

#endif

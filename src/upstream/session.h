/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The session with the web app: one token for everybody, fetched once for
 * all who wait, renewed before it ends, replaced when it turns out stale
 * (docs/internals/session.md).
 */
#ifndef AC_UPSTREAM_SESSION_H
#define AC_UPSTREAM_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct ac_session;
struct ac_session_wait;
struct ac_site;

/* How often a session was fetched, and how often in vain. */
struct ac_session_counts {
	uint64_t renewals;
	uint64_t failures;
};

/* Asks for nothing yet. site is borrowed and must outlive it. */
struct ac_session *ac_session_new(const struct ac_site *site);

/* Every wait has ended or was cancelled before. */
void ac_session_free(struct ac_session *session);

/* The token if there is a valid one (borrowed until the loop goes on), or
 * NULL: then wait for one. Counts as traffic, which keeps renewal going. */
const char *ac_session_token(struct ac_session *session);

/*
 * Whether sessions can be had, with hysteresis: from the first success on,
 * until three fetches in a row have failed, or one is under way for more
 * than ten seconds, and no valid token is left. Where
 * there is none it is asked for, as far as the pause between failures allows,
 * so that asking again tells more.
 */
bool ac_session_is_available(struct ac_session *session);

/* How long the token at hand is still good for, in milliseconds; 0: there is
 * none. */
int64_t ac_session_left_ms(const struct ac_session *session);

struct ac_session_counts ac_session_count(const struct ac_session *session);

/* Called once: with a token (borrowed for the call), or with NULL and why
 * there is none. */
typedef void ac_session_fn(
    const char *token, const struct ac_error *error, void *arg);

/* Waits for a token; on_token never runs before this returns. While the
 * session endpoint fails, it is asked again only after a pause, and who
 * comes within the pause gets the last failure. The wait is over when
 * on_token runs. */
struct ac_session_wait *ac_session_wait_start(
    struct ac_session *session, ac_session_fn *on_token, void *arg);

/* on_token will not run. */
void ac_session_wait_cancel(struct ac_session_wait *wait);

/* The web app refused token. If it is still the current one it is dropped,
 * and the next wait fetches another. */
void ac_session_reject(struct ac_session *session, const char *token);

#endif

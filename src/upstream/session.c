/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The session: see session.h. Owned by the upstream; chats and the list of
 * models ask it for a token.
 *
 *	          wait_start            answer
 *	NONE ----------------> FETCHING -------> VALID --- 80 % of Max-Age,
 *	  ^                       |                ^       traffic: fetches,
 *	  |<---- failure (pause) -+                +------ the old one serves
 *	  |<---- expiry, reject ----------------- VALID
 *
 * "Fetching" and "a token is there" are independent facts: fetch and token.
 */
#include "upstream/session.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <event2/event.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/timer.h"
#include "net/http_message.h"
#include "upstream/fetch.h"
#include "upstream/set_cookie.h"
#include "upstream/site.h"

enum {
	DEFAULT_MAX_AGE_S = 600, /* the app's default, where none is sent */
	RENEW_PERCENT = 80,
	FIRST_PAUSE_MS = 500,
	LONGEST_PAUSE_MS = 30000,
	BODY_MAX = 64 * 1024,
	UNAVAILABLE_AFTER = 3,  /* failures in a row … */
	UNAVAILABLE_MS = 10000, /* … or a fetch that takes so long */
};

struct ac_session_wait {
	TAILQ_ENTRY(ac_session_wait) entry;
	struct ac_session *session;
	ac_session_fn *on_token;
	void *arg;
};
TAILQ_HEAD(wait_list, ac_session_wait);

struct ac_session {
	const struct ac_site *site;  /* borrowed */
	struct ac_fetch *fetch;      /* NULL: none is under way */
	int64_t fetch_ms;            /* when it began */
	struct ac_set_cookie cookie; /* of the fetch's answer */
	bool has_cookie;
	char *token; /* owned, NULL: none */
	int64_t expires_ms;
	int64_t renew_ms;
	bool used;                 /* somebody asked since the token came */
	struct event *renew_timer; /* owned */
	struct event *tell_event;  /* owned: waits get the last failure */
	struct wait_list waits;    /* owned, in the order of their coming */
	int64_t pause_ms;          /* 0: the last fetch went well */
	int64_t pause_until_ms;
	struct ac_error last_error; /* valid while pause_ms is not 0 */
	unsigned failures_in_row;
	bool available;
	struct ac_session_counts counts;
};

static void start_fetch(struct ac_session *);
static void on_head(const struct ac_http_head *, void *arg);
static void on_done(struct ac_answer *, const struct ac_error *, void *arg);
static void succeed(struct ac_session *);
static void fail(struct ac_session *, const struct ac_error *);
static void tell_waits(struct ac_session *, const struct ac_error *);
static void on_renew(evutil_socket_t, short, void *arg);
static void on_tell(evutil_socket_t, short, void *arg);

struct ac_session *
ac_session_new(const struct ac_site *site)
{
	struct ac_session *session = ac_calloc(1, sizeof(*session));

	session->site = site;
	TAILQ_INIT(&session->waits);
	session->renew_timer = ac_timer_new(site->base, on_renew, session);
	session->tell_event = ac_timer_new(site->base, on_tell, session);
	return session;
}

void
ac_session_free(struct ac_session *session)
{
	if (session->fetch != NULL)
		ac_fetch_cancel(session->fetch);
	event_free(session->renew_timer);
	event_free(session->tell_event);
	ac_wipe_and_free(session->token);
	free(session);
}

struct ac_session_counts
ac_session_count(const struct ac_session *session)
{
	return session->counts;
}

int64_t
ac_session_left_ms(const struct ac_session *session)
{
	int64_t left_ms = session->expires_ms - ac_clock_ms();

	return session->token == NULL || left_ms < 0 ? 0 : left_ms;
}

static void
drop_token(struct ac_session *session)
{
	ac_wipe_and_free(session->token);
	session->token = NULL;
	evtimer_del(session->renew_timer);
}

static bool
is_in_pause(const struct ac_session *session)
{
	return session->pause_ms > 0 && ac_clock_ms() < session->pause_until_ms;
}

/* Starts to get a new token unless that is under way or to be left alone. */
static void
renew(struct ac_session *session)
{
	if (session->fetch == NULL && !is_in_pause(session))
		start_fetch(session);
}

const char *
ac_session_token(struct ac_session *session)
{
	int64_t now = ac_clock_ms();

	session->used = true;
	if (session->token != NULL && now >= session->expires_ms)
		drop_token(session);
	if (session->token != NULL && now >= session->renew_ms)
		renew(session);
	return session->token;
}

static void
set_available(struct ac_session *session, bool available)
{
	if (session->available == available)
		return;
	session->available = available;
	if (available)
		ac_log_info("ready", AC_STR("upstream", "gives sessions"));
	else
		ac_log_warn("not ready", AC_STR("upstream", "gives no session"),
		    AC_INT("failures", session->failures_in_row));
}

bool
ac_session_is_available(struct ac_session *session)
{
	if (ac_session_token(session) == NULL) {
		if (session->failures_in_row >= UNAVAILABLE_AFTER ||
		    (session->fetch != NULL &&
			ac_clock_ms() - session->fetch_ms > UNAVAILABLE_MS))
			set_available(session, false);
		renew(session);
	}
	return session->available;
}

struct ac_session_wait *
ac_session_wait_start(
    struct ac_session *session, ac_session_fn *on_token, void *arg)
{
	struct ac_session_wait *wait = ac_calloc(1, sizeof(*wait));

	wait->session = session;
	wait->on_token = on_token;
	wait->arg = arg;
	TAILQ_INSERT_TAIL(&session->waits, wait, entry);
	if (ac_session_token(session) == NULL)
		renew(session);
	if (session->fetch == NULL || session->token != NULL)
		ac_timer_run_soon(session->tell_event);
	return wait;
}

void
ac_session_wait_cancel(struct ac_session_wait *wait)
{
	TAILQ_REMOVE(&wait->session->waits, wait, entry);
	free(wait);
}

void
ac_session_reject(struct ac_session *session, const char *token)
{
	if (session->token == NULL || strcmp(session->token, token) != 0)
		return;
	ac_log_info("session was refused, getting another",
	    AC_INT("waiting", !TAILQ_EMPTY(&session->waits)));
	drop_token(session);
}

static void
start_fetch(struct ac_session *session)
{
	struct ac_fetch_request request = {
	    .endpoint = "/api/auth/session/",
	    .body_max = BODY_MAX,
	    .on_head = on_head,
	    .on_done = on_done,
	};
	char *authorization = ac_site_authorization(session->site);

	request.authorization = authorization;
	session->has_cookie = false;
	session->fetch_ms = ac_clock_ms();
	session->fetch = ac_fetch_start(session->site, &request, session);
	ac_wipe_and_free(authorization);
}

static void
on_head(const struct ac_http_head *head, void *arg)
{
	struct ac_session *session = arg;
	const char *header;

	for (size_t n = 0;
	     !session->has_cookie &&
	     (header = ac_http_head_find_nth(head, "Set-Cookie", n)) != NULL;
	     n++)
		session->has_cookie = ac_set_cookie_parse(
		    &session->cookie, header, "session_token");
}

static void
on_done(struct ac_answer *answer, const struct ac_error *error, void *arg)
{
	struct ac_session *session = arg;
	struct ac_error refusal;

	session->fetch = NULL;
	if (error != NULL) {
		fail(session, error);
		return;
	}
	if (answer->status == 200 && session->has_cookie &&
	    session->cookie.max_age_s != 0) {
		succeed(session);
		return;
	}
	ac_answer_set_error(answer, "the session", &refusal);
	if (answer->status == 200 && refusal.code == AC_ERROR_UPSTREAM)
		ac_error_set(&refusal, AC_ERROR_UPSTREAM_SESSION,
		    "The upstream gave no session: its answer has no usable "
		    "session_token cookie.");
	if (refusal.code == AC_ERROR_UPSTREAM)
		refusal.code = AC_ERROR_UPSTREAM_SESSION;
	fail(session, &refusal);
}

static void
succeed(struct ac_session *session)
{
	int64_t max_age_s = session->cookie.max_age_s;
	int64_t now = ac_clock_ms();

	if (max_age_s == AC_MAX_AGE_UNKNOWN)
		max_age_s = DEFAULT_MAX_AGE_S;
	drop_token(session);
	session->token = ac_strdup(session->cookie.value);
	session->expires_ms = now + max_age_s * 1000;
	session->renew_ms = now + max_age_s * 10 * RENEW_PERCENT;
	session->used = false;
	session->pause_ms = 0;
	session->failures_in_row = 0;
	set_available(session, true);
	session->counts.renewals++;
	ac_timer_start(session->renew_timer, session->renew_ms - now);
	ac_log_info("session obtained", AC_INT("max_age_s", max_age_s));
	tell_waits(session, NULL);
}

static void
fail(struct ac_session *session, const struct ac_error *error)
{
	session->pause_ms =
	    session->pause_ms == 0 ? FIRST_PAUSE_MS : session->pause_ms * 2;
	if (session->pause_ms > LONGEST_PAUSE_MS)
		session->pause_ms = LONGEST_PAUSE_MS;
	session->pause_until_ms = ac_clock_ms() + session->pause_ms;
	session->last_error = *error;
	session->failures_in_row++;
	session->counts.failures++;
	ac_log_warn("no session could be had", AC_STR("reason", error->message),
	    AC_INT("pause_ms", session->pause_ms));
	/* While the old token serves nobody is the worse for it. */
	tell_waits(session, session->token == NULL ? error : NULL);
}

/*
 * Tells everybody who waits now; who comes while they are told waits for the
 * next time. A callback may cancel other waits, hence one at a time from the
 * list's head.
 */
static void
tell_waits(struct ac_session *session, const struct ac_error *error)
{
	struct ac_session_wait *last = TAILQ_LAST(&session->waits, wait_list);
	struct ac_session_wait *wait;
	bool more = last != NULL;

	while (more && (wait = TAILQ_FIRST(&session->waits)) != NULL) {
		if (error == NULL && session->token == NULL) {
			renew(session); /* one of them has refused it */
			return;
		}
		more = wait != last;
		TAILQ_REMOVE(&session->waits, wait, entry);
		wait->on_token(
		    error == NULL ? session->token : NULL, error, wait->arg);
		free(wait);
	}
}

static void
on_tell(evutil_socket_t fd, short what, void *arg)
{
	struct ac_session *session = arg;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	if (session->token != NULL)
		tell_waits(session, NULL);
	else if (session->fetch == NULL && is_in_pause(session))
		tell_waits(session, &session->last_error);
	else if (!TAILQ_EMPTY(&session->waits))
		renew(session); /* the token has gone meanwhile */
}

/* 80 % of the session's time are over. */
static void
on_renew(evutil_socket_t fd, short what, void *arg)
{
	struct ac_session *session = arg;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	if (session->used)
		renew(session);
}

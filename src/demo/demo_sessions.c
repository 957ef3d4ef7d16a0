/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The store of sessions: see demo_sessions.h. All live equally long, so the
 * order of creation is the order of expiry and a ring holds them. It is
 * searched from its newest entry, which is the one a client mostly sends.
 */
#include "demo/demo_sessions.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <event2/util.h>

#include "base/clock.h"
#include "base/mem.h"

enum { REFRESH_MAX = 3 }; /* different seconds within a window */

struct session {
	char token[AC_DEMO_TOKEN_LEN + 1];
	int64_t created_ms;                   /* monotonic clock */
	int64_t refreshed_s[REFRESH_MAX + 1]; /* calendar, newest first */
};

struct ac_demo_sessions {
	int64_t ttl_s;
	size_t first;
	size_t count;
	struct session ring[AC_DEMO_SESSION_MAX];
};

static void drop_expired(struct ac_demo_sessions *sessions);
static void drop_oldest(struct ac_demo_sessions *sessions);
static void make_token(char token[AC_DEMO_TOKEN_LEN + 1]);
static struct session *find(
    struct ac_demo_sessions *sessions, const char *token);
static bool is_expired(const struct ac_demo_sessions *sessions,
    const struct session *session, int64_t now_ms);
static bool is_refreshed_too_often(struct session *session, int64_t window_s);

struct ac_demo_sessions *
ac_demo_sessions_new(int64_t ttl_s)
{
	struct ac_demo_sessions *sessions = ac_calloc(1, sizeof(*sessions));

	sessions->ttl_s = ttl_s;
	return sessions;
}

void
ac_demo_sessions_free(struct ac_demo_sessions *sessions)
{
	free(sessions);
}

int64_t
ac_demo_sessions_ttl(const struct ac_demo_sessions *sessions)
{
	return sessions->ttl_s;
}

const char *
ac_demo_sessions_add(struct ac_demo_sessions *sessions)
{
	struct session *session;

	drop_expired(sessions);
	if (sessions->count == AC_DEMO_SESSION_MAX)
		drop_oldest(sessions);
	session = &sessions->ring[(sessions->first + sessions->count) %
				  AC_DEMO_SESSION_MAX];
	sessions->count++;
	*session = (struct session){.created_ms = ac_clock_ms()};
	make_token(session->token);
	return session->token;
}

static void
drop_expired(struct ac_demo_sessions *sessions)
{
	int64_t now_ms = ac_clock_ms();

	while (sessions->count > 0 &&
	       is_expired(sessions, &sessions->ring[sessions->first], now_ms))
		drop_oldest(sessions);
}

static void
drop_oldest(struct ac_demo_sessions *sessions)
{
	sessions->first = (sessions->first + 1) % AC_DEMO_SESSION_MAX;
	sessions->count--;
}

static void
make_token(char token[AC_DEMO_TOKEN_LEN + 1])
{
	static const char hex[] = "0123456789abcdef";
	unsigned char random[AC_DEMO_TOKEN_LEN / 2];

	evutil_secure_rng_get_bytes(random, sizeof(random));
	for (size_t i = 0; i < sizeof(random); i++) {
		token[2 * i] = hex[random[i] >> 4];
		token[2 * i + 1] = hex[random[i] & 15];
	}
	token[AC_DEMO_TOKEN_LEN] = '\0';
}

/* The living session with that token, or NULL. */
static struct session *
find(struct ac_demo_sessions *sessions, const char *token)
{
	int64_t now_ms = ac_clock_ms();

	for (size_t i = sessions->count; i > 0; i--) {
		struct session *session =
		    &sessions->ring[(sessions->first + i - 1) %
				    AC_DEMO_SESSION_MAX];

		if (is_expired(sessions, session, now_ms))
			return NULL; /* and those before it are older */
		if (strcmp(session->token, token) == 0)
			return session;
	}
	return NULL;
}

static bool
is_expired(const struct ac_demo_sessions *sessions,
    const struct session *session, int64_t now_ms)
{
	return (now_ms - session->created_ms) / 1000 >= sessions->ttl_s;
}

bool
ac_demo_sessions_has(struct ac_demo_sessions *sessions, const char *token)
{
	return find(sessions, token) != NULL;
}

enum ac_demo_refresh
ac_demo_sessions_refresh(struct ac_demo_sessions *sessions, const char *token)
{
	struct session *session = find(sessions, token);
	int64_t age_ms;

	if (session == NULL)
		return AC_DEMO_REFRESH_RENEW;
	if (is_refreshed_too_often(session, sessions->ttl_s / 20))
		return AC_DEMO_REFRESH_TOO_MANY;
	age_ms = ac_clock_ms() - session->created_ms;
	if (age_ms / 800 >= sessions->ttl_s) /* 80 % are over */
		return AC_DEMO_REFRESH_RENEW;
	return AC_DEMO_REFRESH_KEEP;
}

/* Calls within one second of the calendar count once, as in the real app;
 * refused ones count too. */
static bool
is_refreshed_too_often(struct session *session, int64_t window_s)
{
	int64_t *seconds = session->refreshed_s;
	int64_t now = ac_clock_unix_seconds();

	if (seconds[0] != now) {
		memmove(seconds + 1, seconds, REFRESH_MAX * sizeof(*seconds));
		seconds[0] = now;
	}
	return seconds[REFRESH_MAX] > now - window_s;
}

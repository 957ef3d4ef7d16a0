/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Session endpoints and cookie: see demo_auth.h. */
#include "demo/demo_auth.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* before event2's structures, which take the queue macros away again */
#include <sys/queue.h>

#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/util.h>
#include <openssl/sha.h>

#include "base/clock.h"
#include "base/mem.h"
#include "demo/demo_reply.h"
#include "demo/demo_sessions.h"

enum { CLIENT_FIELD_MAX = 3 };

/* What the app wants to see of a browser, in the order of its checks. */
struct client_rule {
	const char *header;
	const char *values[CLIENT_FIELD_MAX];
	const char *complaint;
};

static const struct client_rule client_rules[] = {
    {"Sec-Fetch-Site", {"same-origin", "same-site", "none"},
	"{\"error\":\"Invalid request - invalid fetch site\"}"},
    {"Sec-Fetch-Mode", {"navigate", "cors", "no-cors"},
	"{\"error\":\"Invalid request - invalid fetch mode\"}"},
};

static_assert(AC_DEMO_ACCESS_SIZE == 2 * SHA256_DIGEST_LENGTH + 1,
    "the digits of a SHA-256 and a NUL");

static const char *find_complaint(struct evhttp_request *req);
static bool allows(const struct client_rule *rule, const char *value);
static const char *find_denial(
    const struct ac_demo_auth *auth, struct evhttp_request *req);
static void send_new_session(
    struct ac_demo_sessions *sessions, struct evhttp_request *req);
static void add_cookie(
    struct ac_demo_sessions *sessions, struct evhttp_request *req);
static void send_refresh(struct ac_demo_sessions *sessions,
    struct evhttp_request *req, enum ac_demo_refresh refresh);
static char *find_token_in(const char *cookies);

void
ac_demo_auth_init(struct ac_demo_auth *auth, struct ac_demo_sessions *sessions,
    const char *access_token)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];

	*auth = (struct ac_demo_auth){.sessions = sessions};
	if (access_token == NULL)
		return;
	SHA256(
	    (const unsigned char *)access_token, strlen(access_token), digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(auth->access + 2 * i, 3, "%02x", digest[i]);
}

void
ac_demo_auth_status(const struct ac_demo_auth *auth, struct evhttp_request *req)
{
	ac_demo_reply_json(req, 200,
	    *auth->access == '\0'
		? "{\"requiresAccessToken\":false,\"message\":"
		  "\"No access token required for this application\"}"
		: "{\"requiresAccessToken\":true,\"message\":"
		  "\"This application requires an access token to "
		  "continue\"}");
}

void
ac_demo_auth_session(
    const struct ac_demo_auth *auth, struct evhttp_request *req)
{
	const char *complaint = find_complaint(req);

	if (complaint == NULL)
		complaint = find_denial(auth, req);
	if (complaint != NULL)
		ac_demo_reply_json(req, 403, complaint);
	else
		send_new_session(auth->sessions, req);
}

/* NULL if the request could come from a browser, else the error's JSON. */
static const char *
find_complaint(struct evhttp_request *req)
{
	struct evkeyvalq *headers = evhttp_request_get_input_headers(req);
	const char *value = evhttp_find_header(headers, "User-Agent");

	if (value == NULL || *value == '\0')
		return "{\"error\":\"Invalid request - no user agent\"}";
	for (size_t i = 0; i < AC_LENGTH(client_rules); i++) {
		value = evhttp_find_header(headers, client_rules[i].header);
		if (value != NULL && !allows(&client_rules[i], value))
			return client_rules[i].complaint;
	}
	return NULL;
}

static bool
allows(const struct client_rule *rule, const char *value)
{
	if (*value == '\0')
		return true;
	for (size_t i = 0; i < CLIENT_FIELD_MAX; i++) {
		if (strcmp(value, rule->values[i]) == 0)
			return true;
	}
	return false;
}

/* NULL if the request proves to know the access token, or need not; else the
 * error's JSON. */
static const char *
find_denial(const struct ac_demo_auth *auth, struct evhttp_request *req)
{
	static const char scheme[] = "Bearer ";
	const char *value = evhttp_find_header(
	    evhttp_request_get_input_headers(req), "Authorization");

	if (*auth->access == '\0')
		return NULL;
	if (value == NULL || strncmp(value, scheme, sizeof(scheme) - 1) != 0)
		return "{\"error\":\"Access token required\",\"message\":"
		       "\"This application requires an access token to "
		       "continue\"}";
	if (strcmp(value + sizeof(scheme) - 1, auth->access) != 0)
		return "{\"error\":\"Invalid Access token\",\"message\":"
		       "\"The provided access token is invalid\"}";
	return NULL;
}

static void
send_new_session(struct ac_demo_sessions *sessions, struct evhttp_request *req)
{
	ac_demo_reply_prepare(req, "application/json");
	add_cookie(sessions, req);
	ac_demo_reply_send(req, 200, "{\"success\":true}");
}

static void
add_cookie(struct ac_demo_sessions *sessions, struct evhttp_request *req)
{
	int64_t ttl_s = ac_demo_sessions_ttl(sessions);
	time_t end = (time_t)(ac_clock_unix_seconds() + ttl_s);
	char expires[64];
	struct tm utc;
	char *cookie;

	gmtime_r(&end, &utc);
	evutil_date_rfc1123(expires, sizeof(expires), &utc);
	cookie = ac_asprintf("session_token=%s; Path=/; Expires=%s; "
			     "Max-Age=%lld; Secure; HttpOnly; "
			     "SameSite=strict; Partitioned",
	    ac_demo_sessions_add(sessions), expires, (long long)ttl_s);
	ac_demo_reply_add_header(req, "set-cookie", cookie);
	free(cookie);
}

void
ac_demo_auth_refresh(
    const struct ac_demo_auth *auth, struct evhttp_request *req)
{
	const char *denial = find_denial(auth, req);
	char *token = ac_demo_auth_token(req);

	if (find_complaint(req) != NULL) {
		ac_demo_reply_json(req, 403, "{\"error\":\"Invalid request\"}");
	} else if (denial != NULL) {
		ac_demo_reply_json(req, 403, denial);
	} else if (token == NULL) {
		ac_demo_reply_json(
		    req, 401, "{\"error\":\"No session token found\"}");
	} else {
		send_refresh(auth->sessions, req,
		    ac_demo_sessions_refresh(auth->sessions, token));
	}
	free(token);
}

static void
send_refresh(struct ac_demo_sessions *sessions, struct evhttp_request *req,
    enum ac_demo_refresh refresh)
{
	switch (refresh) {
	case AC_DEMO_REFRESH_KEEP:
		ac_demo_reply_json(req, 200, "{\"success\":true}");
		break;
	case AC_DEMO_REFRESH_RENEW:
		send_new_session(sessions, req);
		break;
	case AC_DEMO_REFRESH_TOO_MANY:
		ac_demo_reply_json(req, 429,
		    "{\"error\":\"Too many refresh attempts. Please try "
		    "again later.\"}");
		break;
	}
}

bool
ac_demo_auth_passes(const struct ac_demo_auth *auth, struct evhttp_request *req)
{
	char *token = ac_demo_auth_token(req);
	bool passes =
	    token != NULL && ac_demo_sessions_has(auth->sessions, token);

	free(token);
	return passes;
}

char *
ac_demo_auth_token(struct evhttp_request *req)
{
	struct evkeyvalq *headers = evhttp_request_get_input_headers(req);
	struct evkeyval *header;
	char *token;

	TAILQ_FOREACH(header, headers, next)
	{
		if (evutil_ascii_strcasecmp(header->key, "Cookie") != 0)
			continue;
		token = find_token_in(header->value);
		if (token != NULL)
			return token;
	}
	return NULL;
}

/* Split at semicolons, and the value ends at a further equals sign: so does
 * the real app. */
static char *
find_token_in(const char *cookies)
{
	static const char name[] = "session_token=";
	const char *at = cookies;
	size_t len;

	while (*at != '\0') {
		at += strspn(at, "; \t");
		if (strncmp(at, name, sizeof(name) - 1) == 0) {
			at += sizeof(name) - 1;
			len = strcspn(at, ";= \t");
			return ac_memdup(at, len);
		}
		at += strcspn(at, ";");
	}
	return NULL;
}

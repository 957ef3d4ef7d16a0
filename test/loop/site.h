/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The web app as a scripted peer, with the upstream part of the program in
 * front of it; and waits for a session that write down what they were told.
 */
#ifndef AC_TEST_SITE_H
#define AC_TEST_SITE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "loop.h"
#include "peer.h"
#include "upstream/session.h"

struct ac_config;
struct ac_reaper;
struct ac_resolver;
struct ac_upstream;

#define PATH_SESSION "/api/auth/session/"
#define PATH_MODELS  "/api/models/"
#define PATH_CHAT    "/api/chat/"

/* Heads and bodies as the app has them. */
#define APP_HEAD(status, headers) \
	"HTTP/1.1 " status "\r\n" headers "Transfer-Encoding: chunked\r\n\r\n"
#define APP_END "0\r\n\r\n"

/* {"success":true} and a cookie; max_age is a text such as "; Max-Age=600". */
#define APP_SESSION(token, max_age)                               \
	SEND(APP_HEAD("200 OK",                                   \
	    "Set-Cookie: session_token=" token "; Path=/" max_age \
	    "; Secure; HttpOnly; SameSite=strict\r\n"             \
	    "Content-Type: application/json\r\n") "10\r\n{\"success\":true}\r\n" APP_END)

/* The only sign of a session that is over. */
#define APP_STALE                                                                         \
	SEND(APP_HEAD("403 Forbidden",                                                    \
	    "Content-Type: application/json\r\n") "3b\r\n{\"success\":false,\"message\":" \
						  "\"Unauthorized: Invalid session\"}\r\n" APP_END)

/* An unhandled exception. */
#define APP_500 SEND(APP_HEAD("500 Internal Server Error", "") APP_END)

/* A page of something in front of the app. */
#define APP_PAGE                       \
	SEND(APP_HEAD("403 Forbidden", \
	    "Content-Type: text/html; charset=x\r\n") "f\r\n<html>no</html>\r\n" APP_END)

struct site {
	struct loop loop;
	struct peer *peer; /* owned, like all that follows */
	struct ac_config *config;
	struct ac_reaper *reaper;
	struct ac_resolver *resolver;
	struct ac_upstream *upstream;
	const char
	    *no_url;   /* set beforehand: the URL, in place of the peer's */
	char log[256]; /* the last line of the log that says a max_age_s */
};

/* Every connection of the peer serves routes (peer_route()). */
void site_open(struct site *site);

/* The same with an option set, such as "MODELS_TTL" to "1". */
void site_open_with(struct site *site, const char *option, const char *value);

void site_close(struct site *site);

struct waiter {
	struct site *site;
	struct ac_session_wait *wait; /* NULL: over */
	bool started;
	int times;
	int turn; /* the order in which waiters were told, from 1 */
	char token[128];
	struct ac_error error; /* its code is AC_ERROR_NONE with a token */
	const char *problem;   /* a rule of session.h that was broken */
	void (*within)(struct waiter *waiter);
	struct waiter *other; /* for within */
	size_t other_count;
};

void waiter_start(struct waiter *waiter, struct site *site);
void waiter_cancel(struct waiter *waiter);

/* Waits until it is told a token, which must be this one. */
void waiter_wait_for_token(struct waiter *waiter, const char *token);

/* Waits until it is told an error. */
void waiter_wait_for_error(struct waiter *waiter, enum ac_error_code code);

/* Starts a wait and waits for a token. */
void site_get_token(struct site *site, const char *token);

#endif

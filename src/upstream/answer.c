/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Whole answers and refusals of the web app: see answer.h. */
#include "upstream/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "base/json.h"
#include "base/mem.h"
#include "net/http_message.h"

enum {
	MESSAGE_MAX = 600, /* of a refusal's text that is passed on */
	RETRY_AFTER_MAX = 24 * 3600,
};

void
ac_answer_init(struct ac_answer *answer, size_t body_max)
{
	*answer = (struct ac_answer){.status = 0};
	ac_buf_init(&answer->body, body_max);
}

void
ac_answer_clear(struct ac_answer *answer)
{
	ac_buf_clear(&answer->body);
}

/* Seconds only; the other form, a date, is taken for none. */
static int
parse_retry_after(const char *value)
{
	long seconds;
	char *end;

	if (value == NULL || *value < '0' || *value > '9')
		return 0;
	seconds = strtol(value, &end, 10);
	if (*end != '\0' || seconds > RETRY_AFTER_MAX)
		return 0;
	return (int)seconds;
}

/* The part of a redirect's address that says where it goes: a login's code or
 * a password in it are not for a log. */
static void
copy_location(char out[AC_LOCATION_SIZE], const char *location)
{
	size_t len = strcspn(location, "?#");
	const char *host = strstr(location, "//");
	size_t host_at =
	    host == NULL ? len : (size_t)(host - location) + strlen("//");
	size_t user_len = 0;

	for (size_t i = host_at; i < len && location[i] != '/'; i++) {
		if (location[i] == '@')
			user_len = i + 1 - host_at;
	}
	if (user_len == 0)
		host_at = 0;
	snprintf(out, AC_LOCATION_SIZE, "%.*s%.*s", (int)host_at, location,
	    (int)(len - host_at - user_len), location + host_at + user_len);
}

void
ac_answer_set_head(struct ac_answer *answer, const struct ac_http_head *head)
{
	const char *location = ac_http_head_find(head, "Location");

	answer->status = head->status;
	answer->is_json = ac_http_head_is_type(head, "application/json");
	answer->is_html = ac_http_head_is_type(head, "text/html");
	answer->is_truncated = false;
	answer->retry_after_s =
	    parse_retry_after(ac_http_head_find(head, "Retry-After"));
	copy_location(answer->location, location == NULL ? "" : location);
	ac_buf_reset(&answer->body);
}

void
ac_answer_add(struct ac_answer *answer, struct evbuffer *data)
{
	struct evbuffer_iovec piece;

	while (
	    evbuffer_peek(data, -1, NULL, &piece, 1) > 0 && piece.iov_len > 0) {
		if (!ac_buf_add(&answer->body, piece.iov_base, piece.iov_len))
			answer->is_truncated = true;
		evbuffer_drain(data, piece.iov_len);
	}
}

static json_t *
parse_body(const struct ac_answer *answer)
{
	char why[JSON_ERROR_TEXT_LENGTH + 64];

	if (!answer->is_json || answer->is_truncated)
		return NULL;
	return ac_json_parse(
	    answer->body.data, answer->body.len, why, sizeof(why));
}

bool
ac_answer_is_stale_session(const struct ac_answer *answer)
{
	static const char sign[] = "Unauthorized";
	json_t *body;
	const char *message;
	bool stale;

	if (answer->status != 403)
		return false;
	body = parse_body(answer);
	message = ac_json_get_string(body, "message");
	stale =
	    message != NULL && strncmp(message, sign, sizeof(sign) - 1) == 0;
	json_decref(body);
	return stale;
}

/* The app's refusals carry "message", "error" or both. */
static const char *
find_reason(const json_t *body)
{
	const char *reason = ac_json_get_string(body, "message");

	return reason != NULL ? reason : ac_json_get_string(body, "error");
}

/* "Access token required" or "Invalid Access token". */
static bool
is_about_access_token(const json_t *body)
{
	const char *error = ac_json_get_string(body, "error");

	return error != NULL && strcasestr(error, "access token") != NULL;
}

/* A page of something before the app, or the short text that a CDN gives to
 * those who do not ask for a page ("error code: 1020"). */
static bool
is_of_a_cdn(struct ac_answer *answer)
{
	const char *text = ac_buf_string(&answer->body);

	if (answer->is_json || answer->status == 404)
		return false;
	return answer->is_html || strncasecmp(text, "<!doctype", 9) == 0 ||
	       strncasecmp(text, "<html", 5) == 0 ||
	       strncmp(text, "error code: ", 12) == 0;
}

static void
set_refusal(struct ac_answer *answer, const char *what, struct ac_error *error)
{
	json_t *body = parse_body(answer);
	const char *reason = find_reason(body);

	if (answer->status == 403 && is_about_access_token(body))
		ac_error_set(error, AC_ERROR_UPSTREAM_SESSION,
		    "The upstream wants an access token (HTTP 403): the "
		    "operator sets AKASH_ACCESS_TOKEN.");
	else if (reason != NULL && *reason != '\0')
		ac_error_set(error, AC_ERROR_UPSTREAM,
		    "The upstream refused %s (HTTP %d): %.*s", what,
		    answer->status, MESSAGE_MAX, reason);
	else
		ac_error_set(error, AC_ERROR_UPSTREAM,
		    "The upstream refused %s (HTTP %d) without a reason.", what,
		    answer->status);
	json_decref(body);
}

void
ac_answer_set_error(
    struct ac_answer *answer, const char *what, struct ac_error *error)
{
	int status = answer->status;

	if (status >= 300 && status < 400)
		ac_error_set(error, AC_ERROR_UPSTREAM,
		    "The upstream moved %s (HTTP %d) to '%s': check "
		    "AKASH_BASE_URL.",
		    what, status, answer->location);
	else if (is_of_a_cdn(answer))
		ac_error_set(error, AC_ERROR_UPSTREAM_CHALLENGE,
		    "Asked for %s, something in front of the upstream answered "
		    "with a web page or a word of its own (HTTP %d). The operator can set "
		    "UPSTREAM_COOKIES and UPSTREAM_USER_AGENT to those of a "
		    "browser that is let through.",
		    what, status);
	else if (status == 429)
		ac_error_set(error, AC_ERROR_RATE_LIMIT,
		    "The upstream limits the rate of requests (HTTP 429).");
	else if (status >= 200 && status < 300)
		ac_error_set(error, AC_ERROR_UPSTREAM,
		    "The upstream's answer is not %s.", what);
	else
		set_refusal(answer, what, error);
	error->retry_after_s = answer->retry_after_s;
}

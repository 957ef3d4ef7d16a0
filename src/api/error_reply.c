/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The catalogue: see error_reply.h. Statuses and types are those of the live
 * OpenAI API as its SDKs know them; code is a string or null, never a
 * number. 408 and 409 are left alone, since SDKs retry them.
 */
#include "api/error_reply.h"

#include <assert.h>
#include <string.h>

#include <event2/buffer.h>

#include "base/json.h"

static const char invalid[] = "invalid_request_error";
static const char server[] = "server_error";

static const struct {
	int status;
	const char *type;
	const char *name; /* NULL: null */
	enum ac_retry retry;
} catalogue[] = {
    [AC_ERROR_NONE] = {500, server, NULL, AC_RETRY_BY_STATUS},
    [AC_ERROR_BAD_REQUEST] = {400, invalid, NULL, AC_RETRY_BY_STATUS},
    [AC_ERROR_BAD_HTTP] = {400, invalid, "bad_http", AC_RETRY_BY_STATUS},
    [AC_ERROR_INVALID_JSON] = {400, invalid, "invalid_json",
	AC_RETRY_BY_STATUS},
    [AC_ERROR_MISSING_PARAMETER] = {400, invalid, "missing_required_parameter",
	AC_RETRY_BY_STATUS},
    [AC_ERROR_INVALID_TYPE] = {400, invalid, "invalid_type",
	AC_RETRY_BY_STATUS},
    [AC_ERROR_INVALID_VALUE] = {400, invalid, "invalid_value",
	AC_RETRY_BY_STATUS},
    [AC_ERROR_UNSUPPORTED_VALUE] = {400, invalid, "unsupported_value",
	AC_RETRY_BY_STATUS},
    [AC_ERROR_UNSUPPORTED_CONTENT] = {400, invalid, "unsupported_content",
	AC_RETRY_BY_STATUS},
    [AC_ERROR_CONTEXT_LENGTH] = {400, invalid, "context_length_exceeded",
	AC_RETRY_BY_STATUS},
    [AC_ERROR_IMAGE_NOT_DRAWN] = {400, invalid, "image_not_drawn",
	AC_RETRY_BY_STATUS},
    [AC_ERROR_MISSING_KEY] = {401, invalid, NULL, AC_RETRY_BY_STATUS},
    [AC_ERROR_INVALID_KEY] = {401, invalid, "invalid_api_key",
	AC_RETRY_BY_STATUS},
    [AC_ERROR_EXPIRED_KEY] = {401, invalid, "expired_api_key",
	AC_RETRY_BY_STATUS},
    [AC_ERROR_ORIGIN] = {403, "permission_error", "origin_not_allowed",
	AC_RETRY_BY_STATUS},
    [AC_ERROR_UNKNOWN_URL] = {404, invalid, "unknown_url", AC_RETRY_BY_STATUS},
    [AC_ERROR_MODEL_NOT_FOUND] = {404, invalid, "model_not_found",
	AC_RETRY_BY_STATUS},
    [AC_ERROR_IMAGE_NOT_FOUND] = {404, invalid, "image_not_found",
	AC_RETRY_BY_STATUS},
    [AC_ERROR_METHOD_NOT_ALLOWED] = {405, invalid, "method_not_allowed",
	AC_RETRY_BY_STATUS},
    [AC_ERROR_BODY_TOO_LARGE] = {413, invalid, "request_too_large",
	AC_RETRY_BY_STATUS},
    [AC_ERROR_URI_TOO_LONG] = {414, invalid, "uri_too_long",
	AC_RETRY_BY_STATUS},
    [AC_ERROR_EXPECTATION] = {417, invalid, "expectation_failed",
	AC_RETRY_BY_STATUS},
    [AC_ERROR_RATE_LIMIT] = {429, "rate_limit_error", "rate_limit_exceeded",
	AC_RETRY_BY_STATUS},
    [AC_ERROR_HEADERS_TOO_LARGE] = {431, invalid, "headers_too_large",
	AC_RETRY_BY_STATUS},
    [AC_ERROR_INTERNAL] = {500, server, NULL, AC_RETRY_BY_STATUS},
    [AC_ERROR_OVERLOADED] = {503, server, "overloaded", AC_RETRY_BY_STATUS},
    [AC_ERROR_SHUTTING_DOWN] = {503, server, "shutting_down",
	AC_RETRY_BY_STATUS},
    [AC_ERROR_UPSTREAM] = {502, server, "upstream_error", AC_RETRY_BY_STATUS},
    [AC_ERROR_UPSTREAM_UNREACHABLE] = {502, server, "upstream_unreachable",
	AC_RETRY_BY_STATUS},
    [AC_ERROR_UPSTREAM_TLS] = {502, server, "upstream_tls_error",
	AC_RETRY_NEVER},
    [AC_ERROR_UPSTREAM_SESSION] = {502, server, "upstream_session_error",
	AC_RETRY_BY_STATUS},
    [AC_ERROR_UPSTREAM_CHALLENGE] = {502, server, "upstream_challenge",
	AC_RETRY_NEVER},
    [AC_ERROR_UPSTREAM_PROXY] = {502, server, "upstream_proxy_error",
	AC_RETRY_BY_STATUS},
    [AC_ERROR_CONNECT_TIMEOUT] = {504, server, "upstream_connect_timeout",
	AC_RETRY_BY_STATUS},
    [AC_ERROR_FIRST_EVENT_TIMEOUT] = {504, server,
	"upstream_first_event_timeout", AC_RETRY_BY_STATUS},
    [AC_ERROR_SILENCE_TIMEOUT] = {504, server, "upstream_silence_timeout",
	AC_RETRY_BY_STATUS},
    [AC_ERROR_REQUEST_TIMEOUT] = {504, server, "request_timeout",
	AC_RETRY_BY_STATUS},
    [AC_ERROR_IMAGE_TIMEOUT] = {504, server, "image_timeout",
	AC_RETRY_BY_STATUS},
};
static_assert(AC_LENGTH(catalogue) == AC_ERROR_CODES, "a row for each code");

int
ac_error_status(enum ac_error_code code)
{
	return catalogue[code].status;
}

static const struct {
	int status;
	const char *phrase;
} phrases[] = {
    {200, "OK"},
    {204, "No Content"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {417, "Expectation Failed"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
};

const char *
ac_http_phrase(int status)
{
	for (size_t i = 0; i < AC_LENGTH(phrases); i++) {
		if (phrases[i].status == status)
			return phrases[i].phrase;
	}
	return "Unknown";
}

const char *
ac_error_name(enum ac_error_code code)
{
	return catalogue[code].name;
}

enum ac_retry
ac_error_retry(enum ac_error_code code)
{
	return catalogue[code].retry;
}

/* "key":"value" or "key":null. */
static void
add_member(struct evbuffer *out, const char *key, const char *value)
{
	if (value == NULL) {
		evbuffer_add_printf(out, ",\"%s\":null", key);
		return;
	}
	evbuffer_add_printf(out, ",\"%s\":\"", key);
	ac_json_add_escaped(out, value, strlen(value));
	evbuffer_add(out, "\"", 1);
}

void
ac_error_add_json(struct evbuffer *out, const struct ac_error *error)
{
	size_t len = strlen(error->message);

	evbuffer_add_printf(out, "{\"error\":{\"message\":\"");
	ac_json_add_escaped(out, error->message, len);
	evbuffer_add_printf(out, "\"");
	add_member(out, "type", catalogue[error->code].type);
	add_member(out, "param", *error->param == '\0' ? NULL : error->param);
	add_member(out, "code", catalogue[error->code].name);
	evbuffer_add_printf(out, "},\"code\":%d,\"data\":{\"msg\":\"",
	    catalogue[error->code].status);
	ac_json_add_escaped(out, error->message, len);
	evbuffer_add_printf(out, "\"}}");
}

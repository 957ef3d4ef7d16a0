/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The access line: see access_log.h. Never a key, a cookie or a message. */
#include "api/access_log.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"

enum { MODEL_SHOWN = 120, NS_PER_MS = 1000000 };

static const char *const ending_names[] = {
    [AC_ENDING_DONE] = "done",
    [AC_ENDING_REFUSED] = "refused",
    [AC_ENDING_UPSTREAM_ERROR] = "upstream_error",
    [AC_ENDING_CUT] = "cut",
    [AC_ENDING_CLIENT_GONE] = "client_gone",
    [AC_ENDING_TIMEOUT] = "timeout",
    [AC_ENDING_DRAIN] = "drain",
};
static_assert(AC_LENGTH(ending_names) == AC_ENDINGS, "a name for each");

static const struct {
	enum evhttp_cmd_type method;
	const char *name;
} methods[] = {
    {EVHTTP_REQ_GET, "GET"},
    {EVHTTP_REQ_POST, "POST"},
    {EVHTTP_REQ_HEAD, "HEAD"},
    {EVHTTP_REQ_PUT, "PUT"},
    {EVHTTP_REQ_DELETE, "DELETE"},
    {EVHTTP_REQ_OPTIONS, "OPTIONS"},
    {EVHTTP_REQ_PATCH, "PATCH"},
};

static bool
is_timeout(enum ac_error_code code)
{
	return code >= AC_ERROR_CONNECT_TIMEOUT;
}

enum ac_ending
ac_ending_of_reply(enum ac_error_code code)
{
	if (is_timeout(code))
		return AC_ENDING_TIMEOUT;
	if (code == AC_ERROR_SHUTTING_DOWN)
		return AC_ENDING_DRAIN;
	return code >= AC_ERROR_UPSTREAM ? AC_ENDING_UPSTREAM_ERROR
					 : AC_ENDING_REFUSED;
}

enum ac_ending
ac_ending_of_stream(enum ac_error_code code)
{
	if (is_timeout(code))
		return AC_ENDING_TIMEOUT;
	return code == AC_ERROR_SHUTTING_DOWN ? AC_ENDING_DRAIN : AC_ENDING_CUT;
}

const char *
ac_ending_name(enum ac_ending ending)
{
	return ending_names[ending];
}

const char *
ac_method_name(enum evhttp_cmd_type method)
{
	for (size_t i = 0; i < AC_LENGTH(methods); i++) {
		if (methods[i].method == method)
			return methods[i].name;
	}
	return "OTHER";
}

static bool
is_id_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
}

void
ac_access_choose_id(char id[AC_REQUEST_ID_MAX + 1], const char *given)
{
	size_t len = given == NULL ? 0 : strlen(given);
	bool usable = len > 0 && len <= AC_REQUEST_ID_MAX;

	static_assert(AC_ID_SIZE <= AC_REQUEST_ID_MAX + 1, "an id fits");
	for (size_t i = 0; usable && i < len; i++)
		usable = is_id_char(given[i]);
	if (usable)
		memcpy(id, given, len + 1);
	else
		ac_id_make(id, "req_");
}

void
ac_access_log(const struct ac_access *access)
{
	const struct ac_request_facts *facts = &access->facts;
	struct ac_log_field fields[14];
	char model[MODEL_SHOWN + 1];
	size_t n = 0;

	fields[n++] = AC_STR("id", access->id);
	fields[n++] = AC_STR("method", ac_method_name(access->method));
	fields[n++] = AC_STR("path", access->path);
	fields[n++] = AC_STR("route", facts->route);
	fields[n++] = AC_INT("status", access->status);
	fields[n++] = AC_STR("client", access->client);
	if (facts->key != NULL)
		fields[n++] = AC_STR("key", facts->key);
	if (facts->model != NULL) {
		/* A long name must not push the rest out of the line. */
		snprintf(model, sizeof(model), "%s", facts->model);
		fields[n++] = AC_STR("model", model);
	}
	if (access->first_byte_ns > 0)
		fields[n++] = AC_INT("ttfb_ms",
		    (access->first_byte_ns - access->started_ns) / NS_PER_MS);
	fields[n++] = AC_INT(
	    "duration_ms", (ac_clock_ns() - access->started_ns) / NS_PER_MS);
	if (facts->prompt_tokens >= 0)
		fields[n++] = AC_INT("prompt_tokens", facts->prompt_tokens);
	if (facts->completion_tokens >= 0)
		fields[n++] =
		    AC_INT("completion_tokens", facts->completion_tokens);
	fields[n++] = AC_STR("end", ac_ending_name(access->ending));
	fields[n] = AC_STR(NULL, NULL);
	ac_log_write(AC_LOG_INFO, "request", fields);
}

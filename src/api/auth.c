/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Checking keys: see auth.h. */
#include "api/auth.h"

#include <string.h>

#include <event2/http.h>
#include <event2/util.h>

#include "api/keys.h"
#include "base/clock.h"

/* The key of the request, or NULL; borrowed from the headers. */
static const char *
find_key(const struct evkeyvalq *headers)
{
	static const char bearer[] = "Bearer ";
	const char *value = evhttp_find_header(headers, "Authorization");

	if (value != NULL &&
	    evutil_ascii_strncasecmp(value, bearer, sizeof(bearer) - 1) == 0) {
		value += sizeof(bearer) - 1;
		return value + strspn(value, " ");
	}
	value = evhttp_find_header(headers, "x-api-key");
	if (value == NULL)
		value = evhttp_find_header(headers, "api-key");
	return value;
}

bool
ac_auth_check(const struct ac_keys *keys, const struct evkeyvalq *headers,
    const struct ac_key **key, struct ac_error *error)
{
	const char *token;

	*key = NULL;
	if (keys == NULL)
		return true;
	token = find_key(headers);
	if (token == NULL || *token == '\0') {
		ac_error_set(error, AC_ERROR_MISSING_KEY,
		    "You didn't provide an API key. Send it in an "
		    "Authorization header: Authorization: Bearer YOUR_KEY.");
		return false;
	}
	*key = ac_keys_find(keys, token);
	if (*key == NULL) {
		ac_error_set(
		    error, AC_ERROR_INVALID_KEY, "Incorrect API key provided.");
		return false;
	}
	if (ac_key_has_expired(*key, ac_clock_unix_seconds())) {
		ac_error_set(
		    error, AC_ERROR_EXPIRED_KEY, "The API key has expired.");
		return false;
	}
	return true;
}

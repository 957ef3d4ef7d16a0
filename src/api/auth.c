/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Checking keys: see auth.h. */
#include "api/auth.h"

#include <string.h>

#include <event2/http.h>
#include <event2/util.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>

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

/* Digests have one length, so the time tells nothing about the key's. */
static bool
is_equal(const char *a, const char *b)
{
	unsigned char digest_a[SHA256_DIGEST_LENGTH];
	unsigned char digest_b[SHA256_DIGEST_LENGTH];

	SHA256((const unsigned char *)a, strlen(a), digest_a);
	SHA256((const unsigned char *)b, strlen(b), digest_b);
	return CRYPTO_memcmp(digest_a, digest_b, sizeof(digest_a)) == 0;
}

bool
ac_auth_check(const struct ac_options *options, const struct evkeyvalq *headers,
    struct ac_error *error)
{
	const char *key;

	if (options->bearer_token == NULL)
		return true;
	key = find_key(headers);
	if (key == NULL || *key == '\0') {
		ac_error_set(error, AC_ERROR_MISSING_KEY,
		    "You didn't provide an API key. Send it in an "
		    "Authorization header: Authorization: Bearer YOUR_KEY.");
		return false;
	}
	if (!is_equal(key, options->bearer_token)) {
		ac_error_set(
		    error, AC_ERROR_INVALID_KEY, "Incorrect API key provided.");
		return false;
	}
	return true;
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What every call to the web app is made with: see site.h. */
#include "upstream/site.h"

#include <string.h>

#include <openssl/sha.h>

#include "base/mem.h"

char *
ac_site_path(const struct ac_site *site, const char *endpoint)
{
	return ac_asprintf("%s%s", site->path_prefix, endpoint);
}

char *
ac_site_cookie(const struct ac_site *site, const char *session_token)
{
	const char *more = site->options->upstream_cookies;

	/* The app takes the first session_token that it finds. */
	if (session_token != NULL)
		return ac_asprintf("session_token=%s%s%s", session_token,
		    more == NULL ? "" : "; ", more == NULL ? "" : more);
	return more == NULL ? NULL : ac_strdup(more);
}

/* The app wants the token's SHA-256 in hexadecimal and refuses it in clear. */
char *
ac_site_authorization(const struct ac_site *site)
{
	static const char hex[] = "0123456789abcdef";
	const char *token = site->options->akash_access_token;
	unsigned char digest[SHA256_DIGEST_LENGTH];
	char text[2 * SHA256_DIGEST_LENGTH + 1];

	if (token == NULL)
		return NULL;
	SHA256((const unsigned char *)token, strlen(token), digest);
	for (size_t i = 0; i < sizeof(digest); i++) {
		text[2 * i] = hex[digest[i] >> 4];
		text[2 * i + 1] = hex[digest[i] & 15];
	}
	text[2 * sizeof(digest)] = '\0';
	return ac_asprintf("Bearer %s", text);
}

const char *
ac_site_user_agent(const struct ac_site *site)
{
	const char *configured = site->options->upstream_user_agent;

	/* The site gives no session to a client without a name. */
	return configured != NULL ? configured : "akashchat-api/" AC_VERSION;
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The web app's parts, put together and taken apart: see upstream.h. */
#include "upstream/upstream.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "base/mem.h"
#include "net/http_client.h"
#include "upstream/models.h"
#include "upstream/session.h"

struct ac_upstream *
ac_upstream_new(const struct ac_http_origin *origin,
    struct ac_resolver *resolver, const struct ac_options *options)
{
	struct ac_upstream *upstream = ac_calloc(1, sizeof(*upstream));

	upstream->base = origin->base;
	upstream->reaper = origin->reaper;
	upstream->options = options;
	upstream->path_prefix = ac_strdup(origin->url->path);
	upstream->client = ac_http_client_new(origin, resolver);
	upstream->session = ac_session_new(upstream);
	upstream->models = ac_models_new(upstream);
	return upstream;
}

void
ac_upstream_free(struct ac_upstream *upstream)
{
	if (upstream == NULL)
		return;
	ac_models_free(upstream->models);
	ac_session_free(upstream->session);
	ac_http_client_free(upstream->client);
	free(upstream->path_prefix);
	free(upstream);
}

char *
ac_upstream_path(const struct ac_upstream *upstream, const char *endpoint)
{
	return ac_asprintf("%s%s", upstream->path_prefix, endpoint);
}

char *
ac_upstream_cookie(
    const struct ac_upstream *upstream, const char *session_token)
{
	const char *more = upstream->options->upstream_cookies;

	/* The app takes the first session_token that it finds. */
	if (session_token != NULL)
		return ac_asprintf("session_token=%s%s%s", session_token,
		    more == NULL ? "" : "; ", more == NULL ? "" : more);
	return more == NULL ? NULL : ac_strdup(more);
}

/* The app wants the token's SHA-256 in hexadecimal and refuses it in clear. */
char *
ac_upstream_authorization(const struct ac_upstream *upstream)
{
	static const char hex[] = "0123456789abcdef";
	const char *token = upstream->options->akash_access_token;
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
ac_upstream_user_agent(const struct ac_upstream *upstream)
{
	const char *configured = upstream->options->upstream_user_agent;

	/* The site gives no session to a client without a name. */
	return configured != NULL ? configured : "akashchat-api/" AC_VERSION;
}

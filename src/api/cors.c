/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Which web pages may call: see cors.h. */
#include "api/cors.h"

#include <string.h>

#include <event2/http.h>
#include <event2/util.h>

#include "api/api.h"
#include "api/request.h"

enum policy {
	POLICY_ANY,   /* every page */
	POLICY_LIST,  /* those of CORS_ALLOW_ORIGINS */
	POLICY_LOCAL, /* those of localhost */
};

static enum policy
choose_policy(const struct ac_api *api)
{
	const struct ac_options *options = api->options;

	if (options->cors_allow_origins != NULL)
		return strcmp(options->cors_allow_origins, "*") == 0
			   ? POLICY_ANY
			   : POLICY_LIST;
	/* The metrics' own address is for machines, not for pages. */
	return api->routes == AC_API_METRICS ||
		       (api->loopback_only && api->keys == NULL)
		   ? POLICY_LOCAL
		   : POLICY_ANY;
}

static bool
is_web_scheme(const char *scheme)
{
	return scheme == NULL || evutil_ascii_strcasecmp(scheme, "http") == 0 ||
	       evutil_ascii_strcasecmp(scheme, "https") == 0;
}

bool
ac_cors_is_local(const char *origin)
{
	struct evhttp_uri *uri = evhttp_uri_parse(origin);
	const char *host = uri == NULL ? NULL : evhttp_uri_get_host(uri);
	const char *scheme = uri == NULL ? NULL : evhttp_uri_get_scheme(uri);
	size_t len = host == NULL ? 0 : strlen(host);
	static const char suffix[] = ".localhost";
	const size_t suffix_len = sizeof(suffix) - 1;
	bool local = false;

	/* No page of the web has another scheme: these are programs and
	 * extensions of this machine, such as file:// and app://. */
	if (!is_web_scheme(scheme))
		local = strncmp(origin + strlen(scheme), "://", 3) == 0;
	else if (host != NULL)
		local = evutil_ascii_strcasecmp(host, "localhost") == 0 ||
			strncmp(host, "127.", 4) == 0 ||
			strcmp(host, "[::1]") == 0 ||
			(len > suffix_len &&
			    evutil_ascii_strcasecmp(
				host + len - suffix_len, suffix) == 0);
	/* 127.evil.example is a name, not an address. */
	if (local && host != NULL && strncmp(host, "127.", 4) == 0)
		local = strspn(host, "0123456789.") == len;
	if (uri != NULL)
		evhttp_uri_free(uri);
	return local;
}

bool
ac_cors_lists(const char *list, const char *origin)
{
	size_t origin_len = strlen(origin);

	while (*list != '\0') {
		size_t len;

		list += strspn(list, ", \t");
		len = strcspn(list, ", \t");
		if (len == 1 && *list == '*')
			return true;
		if (len > 0 && list[len - 1] == '/' && len == origin_len + 1)
			len--;
		if (len == origin_len &&
		    evutil_ascii_strncasecmp(list, origin, len) == 0)
			return true;
		list += strcspn(list, ", \t");
	}
	return false;
}

static bool
is_allowed(const struct ac_api *api, enum policy policy, const char *origin)
{
	switch (policy) {
	case POLICY_ANY:
		return true;
	case POLICY_LIST:
		return ac_cors_lists(api->options->cors_allow_origins, origin);
	case POLICY_LOCAL:
		return ac_cors_is_local(origin);
	}
	return false;
}

static const char *
find_header(struct ac_request *request, const char *name)
{
	return evhttp_find_header(
	    evhttp_request_get_input_headers(ac_request_http(request)), name);
}

static void
refuse(struct ac_request *request, enum policy policy, const char *origin)
{
	struct ac_error error;

	if (policy == POLICY_LOCAL)
		ac_error_set(&error, AC_ERROR_ORIGIN,
		    "A page of %.200s may not use this server, which is only "
		    "for this machine. Its operator can name the page in "
		    "CORS_ALLOW_ORIGINS or set BEARER_TOKEN.",
		    origin);
	else
		ac_error_set(&error, AC_ERROR_ORIGIN,
		    "A page of %.200s may not use this server: it is not named "
		    "in CORS_ALLOW_ORIGINS.",
		    origin);
	ac_request_reply_error(request, &error);
}

const char *
ac_cors_allowed_origin(const struct ac_api *api, const char *origin)
{
	enum policy policy = choose_policy(api);

	if (origin == NULL || !is_allowed(api, policy, origin))
		return NULL;
	return policy == POLICY_ANY ? "*" : origin;
}

bool
ac_cors_check(struct ac_request *request)
{
	const struct ac_api *api = ac_request_api(request);
	enum policy policy = choose_policy(api);
	const char *origin = find_header(request, "Origin");
	const char *allowed = ac_cors_allowed_origin(api, origin);

	/* The answer depends on the page, whoever asks first. */
	if (policy != POLICY_ANY)
		ac_request_add_header(request, "Vary", "Origin");
	if (origin == NULL)
		return true;
	if (allowed == NULL) {
		refuse(request, policy, origin);
		return false;
	}
	ac_request_add_header(request, "Access-Control-Allow-Origin", allowed);
	ac_request_add_header(
	    request, "Access-Control-Expose-Headers", AC_CORS_EXPOSED);
	return true;
}

bool
ac_cors_is_preflight(struct ac_request *request)
{
	return evhttp_request_get_command(ac_request_http(request)) ==
		   EVHTTP_REQ_OPTIONS &&
	       find_header(request, "Origin") != NULL &&
	       find_header(request, "Access-Control-Request-Method") != NULL;
}

void
ac_cors_add_preflight(struct ac_request *request)
{
	const char *wanted =
	    find_header(request, "Access-Control-Request-Headers");

	ac_request_add_header(
	    request, "Access-Control-Allow-Methods", "GET, POST, OPTIONS");
	/* A fixed list goes stale with every new SDK, so it is echoed. */
	ac_request_add_header(request, "Access-Control-Allow-Headers",
	    wanted != NULL ? wanted : "authorization, content-type");
	ac_request_add_header(request, "Access-Control-Max-Age", "600");
	if (find_header(request, "Access-Control-Request-Private-Network") !=
	    NULL)
		ac_request_add_header(
		    request, "Access-Control-Allow-Private-Network", "true");
}

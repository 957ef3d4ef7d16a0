/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * From a request's path to its handler: the api's entry (api.h). A path is
 * first brought into its plain form, since clients are given base URLs with
 * and without /v1 and some add another.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <event2/http.h>

#include "api/access_log.h"
#include "api/admission.h"
#include "api/api.h"
#include "api/auth.h"
#include "api/client_conn.h"
#include "api/cors.h"
#include "api/handlers.h"
#include "api/request.h"
#include "base/mem.h"

enum access {
	ACCESS_OPEN, /* no key is asked for */
	ACCESS_KEY,
};

static const char metrics_path[] = "metrics";

static const struct route {
	const char *path; /* plain; a final slash: anything may follow */
	enum evhttp_cmd_type method; /* GET stands for HEAD too */
	enum access access;
	const char *name; /* in the access line */
	void (*handle)(struct ac_request *, const char *tail);
} routes[] = {
    {"chat/completions", EVHTTP_REQ_POST, ACCESS_KEY, "chat", ac_handle_chat},
    {"completions", EVHTTP_REQ_POST, ACCESS_KEY, "completion",
	ac_handle_completion},
    {"models", EVHTTP_REQ_GET, ACCESS_KEY, "models", ac_handle_models},
    {"models/", EVHTTP_REQ_GET, ACCESS_KEY, "model", ac_handle_model},
    {"images/generations", EVHTTP_REQ_POST, ACCESS_KEY, "images",
	ac_handle_images},
    {"images/", EVHTTP_REQ_GET, ACCESS_OPEN, "image", ac_handle_image_file},
    {"health", EVHTTP_REQ_GET, ACCESS_OPEN, "health", ac_handle_health},
    {"ready", EVHTTP_REQ_GET, ACCESS_OPEN, "ready", ac_handle_ready},
    {metrics_path, EVHTTP_REQ_GET, ACCESS_KEY, "metrics", ac_handle_metrics},
    {"", EVHTTP_REQ_GET, ACCESS_OPEN, "root", ac_handle_root},
};

static void dispatch(struct ac_request *, const char *path, bool has_version);
static char *plain_path(struct evhttp_request *, bool *has_version);
static const struct route *find_route(const char *path, const char **tail);
static bool is_served(
    const struct ac_api *, const struct route *, bool has_version);
static bool is_options(const struct ac_request *);
static void reply_options(struct ac_request *, const struct route *);
static bool check_method(struct ac_request *, const struct route *);
static bool check_key(struct ac_request *, const struct route *);

void
ac_api_on_request(struct evhttp_request *http, void *arg)
{
	struct ac_api *api = arg;
	struct ac_client_conn *conn =
	    ac_client_conn_find(api, evhttp_request_get_connection(http));
	struct ac_request *request = ac_request_new(api, conn, http);
	bool has_version;
	char *path;

	if (request == NULL)
		return;
	path = plain_path(http, &has_version);
	dispatch(request, path, has_version);
	free(path);
}

static void
dispatch(struct ac_request *request, const char *path, bool has_version)
{
	const char *tail = NULL;
	const struct route *route = find_route(path, &tail);
	struct ac_error error;

	if (!is_served(ac_request_api(request), route, has_version))
		route = NULL;
	if (!ac_cors_check(request)) {
		ac_request_facts(request)->route = "refused";
		return;
	}
	if (ac_cors_is_preflight(request)) {
		/* Of an unknown URL too: a page that may not even ask would
		 * not see the 404. */
		ac_request_facts(request)->route = "preflight";
		ac_cors_add_preflight(request);
		ac_request_reply_empty(request, 204);
		return;
	}
	if (!is_options(request) && !check_key(request, route))
		return;
	if (route == NULL) {
		ac_error_set(&error, AC_ERROR_UNKNOWN_URL,
		    "There is nothing at this URL. The chat is at POST "
		    "/v1/chat/completions; GET / lists every route.");
		ac_request_reply_error(request, &error);
		return;
	}
	ac_request_facts(request)->route = route->name;
	if (is_options(request)) {
		reply_options(request, route);
		return;
	}
	if (!check_method(request, route))
		return;
	/* What is only looked up is neither counted nor kept waiting. */
	if (route->method == EVHTTP_REQ_POST)
		ac_admission_start(request, route->handle);
	else
		route->handle(request, tail);
}

/* The path without query, leading and final slashes and any /v1 in front;
 * *has_version tells whether there was one. */
static char *
plain_path(struct evhttp_request *http, bool *has_version)
{
	const char *uri = evhttp_request_get_uri(http);
	const struct evhttp_uri *parts = evhttp_request_get_evhttp_uri(http);
	size_t len;

	*has_version = false;
	/* An absolute target, as proxies send it. A target that begins with
	 * two slashes is a path here, whatever RFC 3986 calls it. */
	if (*uri != '/')
		uri = parts == NULL ? NULL : evhttp_uri_get_path(parts);
	if (uri == NULL)
		return ac_strdup("?");
	uri += strspn(uri, "/");
	while (strncmp(uri, "v1", 2) == 0 && strchr("/?#", uri[2]) != NULL) {
		*has_version = true;
		uri += 2;
		uri += strspn(uri, "/");
	}
	len = strcspn(uri, "?#");
	while (len > 0 && uri[len - 1] == '/')
		len--;
	return ac_memdup(uri, len);
}

static const struct route *
find_route(const char *path, const char **tail)
{
	for (size_t i = 0; i < AC_LENGTH(routes); i++) {
		size_t len = strlen(routes[i].path);

		if (strcmp(path, routes[i].path) == 0)
			return &routes[i];
		if (len > 0 && routes[i].path[len - 1] == '/' &&
		    strncmp(path, routes[i].path, len) == 0) {
			*tail = path + len;
			return &routes[i];
		}
	}
	return NULL;
}

/* Whether a route (or NULL) is there at this address; the metrics are no part
 * of OpenAI's API, and so not under /v1. */
static bool
is_served(const struct ac_api *api, const struct route *route, bool has_version)
{
	bool is_metrics = route != NULL && route->path == metrics_path;

	switch (api->routes) {
	case AC_API_ALL:
		return !is_metrics || !has_version;
	case AC_API_ALL_BUT_METRICS:
		return !is_metrics;
	case AC_API_METRICS:
		return is_metrics && !has_version;
	}
	return false;
}

static bool
is_options(const struct ac_request *request)
{
	return evhttp_request_get_command(ac_request_http(request)) ==
	       EVHTTP_REQ_OPTIONS;
}

/* What a route may be asked. */
static void
reply_options(struct ac_request *request, const struct route *route)
{
	ac_request_add_header(request, "Allow",
	    route->method == EVHTTP_REQ_GET ? "GET, HEAD, OPTIONS"
					    : "POST, OPTIONS");
	ac_request_reply_empty(request, 204);
}

static bool
check_method(struct ac_request *request, const struct route *route)
{
	enum evhttp_cmd_type method =
	    evhttp_request_get_command(ac_request_http(request));
	bool is_get = route->method == EVHTTP_REQ_GET;
	struct ac_error error;

	if (method == route->method || (is_get && method == EVHTTP_REQ_HEAD))
		return true;
	ac_error_set(&error, AC_ERROR_METHOD_NOT_ALLOWED,
	    "This URL is asked with %s.", is_get ? "GET" : "POST");
	ac_request_add_header(
	    request, "Allow", is_get ? "GET, HEAD, OPTIONS" : "POST, OPTIONS");
	ac_request_reply_error(request, &error);
	return false;
}

/* Without a key nobody learns even what is there; route may be NULL. */
static bool
check_key(struct ac_request *request, const struct route *route)
{
	struct ac_keys *keys = ac_request_api(request)->keys;
	const struct evkeyvalq *headers =
	    evhttp_request_get_input_headers(ac_request_http(request));
	const struct ac_key *key;
	struct ac_error error;
	bool is_let_in;

	if ((route != NULL && route->access == ACCESS_OPEN) ||
	    ac_request_api(request)->routes == AC_API_METRICS)
		return true;
	is_let_in = ac_auth_check(keys, headers, &key, &error);
	if (key != NULL)
		ac_request_set_key(request, keys, key);
	if (is_let_in)
		return true;
	ac_request_add_header(request, "WWW-Authenticate", "Bearer");
	ac_request_reply_error(request, &error);
	return false;
}

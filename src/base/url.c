/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* URLs by libevent's parser: see url.h. */
#include "base/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/http.h>
#include <event2/util.h>

#include "base/mem.h"

static const char *
check_url(const struct evhttp_uri *uri)
{
	const char *scheme = evhttp_uri_get_scheme(uri);
	const char *host = evhttp_uri_get_host(uri);

	if (scheme == NULL ||
	    (evutil_ascii_strcasecmp(scheme, "http") != 0 &&
		evutil_ascii_strcasecmp(scheme, "https") != 0))
		return "it must begin with http:// or https://";
	if (host == NULL || *host == '\0')
		return "it names no host";
	if (evhttp_uri_get_userinfo(uri) != NULL)
		return "it must not hold a user or a password";
	if (evhttp_uri_get_query(uri) != NULL ||
	    evhttp_uri_get_fragment(uri) != NULL)
		return "it must not hold a query or a fragment";
	if (evhttp_uri_get_port(uri) == 0)
		return "its port is not between 1 and 65535";
	return NULL;
}

static char *
make_host_header(const struct ac_url *url)
{
	bool v6 = strchr(url->host, ':') != NULL;
	const char *open = v6 ? "[" : "";
	const char *close = v6 ? "]" : "";

	if (url->port == (url->tls ? 443 : 80))
		return ac_asprintf("%s%s%s", open, url->host, close);
	return ac_asprintf(
	    "%s%s%s:%u", open, url->host, close, (unsigned)url->port);
}

/* The uri has passed check_url(). */
static void
fill_url(struct ac_url *url, const struct evhttp_uri *uri)
{
	const char *host = evhttp_uri_get_host(uri);
	const char *path = evhttp_uri_get_path(uri);
	int port = evhttp_uri_get_port(uri);
	size_t host_len = strlen(host);
	size_t path_len = path == NULL ? 0 : strlen(path);

	if (host[0] == '[') {
		host++;
		host_len -= 2;
	}
	while (path_len > 0 && path[path_len - 1] == '/')
		path_len--;
	url->tls = strlen(evhttp_uri_get_scheme(uri)) == strlen("https");
	url->port = (uint16_t)(port > 0 ? port : url->tls ? 443 : 80);
	url->host = ac_memdup(host, host_len);
	url->path = ac_memdup(path == NULL ? "" : path, path_len);
	url->host_header = make_host_header(url);
}

bool
ac_url_parse(struct ac_url *url, const char *text, const char **why)
{
	struct evhttp_uri *uri = evhttp_uri_parse(text);

	if (uri == NULL) {
		*why = "it is not a URL";
		return false;
	}
	*why = check_url(uri);
	if (*why == NULL)
		fill_url(url, uri);
	evhttp_uri_free(uri);
	return *why == NULL;
}

void
ac_url_clear(struct ac_url *url)
{
	free(url->host);
	free(url->host_header);
	free(url->path);
	*url = (struct ac_url){0};
}

bool
ac_ip_is_literal(const char *host)
{
	unsigned char bytes[16];

	return evutil_inet_pton(AF_INET, host, bytes) == 1 ||
	       evutil_inet_pton(AF_INET6, host, bytes) == 1;
}

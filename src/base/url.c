/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* URLs by libevent's parser, listening addresses by hand: see url.h. */
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

static bool
parse_port(uint16_t *port, const char *text)
{
	char *end;
	unsigned long value;

	if (*text < '0' || *text > '9' || strlen(text) > 5)
		return false;
	value = strtoul(text, &end, 10);
	if (*end != '\0' || value > 65535)
		return false;
	*port = (uint16_t)value;
	return true;
}

/* Whether host is "[…]" around an IPv6 address. */
static bool
is_in_brackets(const char *host, size_t len)
{
	unsigned char bytes[16];
	char *address;
	bool ok;

	if (len <= 2 || host[0] != '[' || host[len - 1] != ']')
		return false;
	address = ac_memdup(host + 1, len - 2);
	ok = evutil_inet_pton(AF_INET6, address, bytes) == 1;
	free(address);
	return ok;
}

bool
ac_address_parse(struct ac_address *address, const char *text, const char **why)
{
	const char *colon = strrchr(text, ':');
	const char *host = text;
	size_t host_len;

	if (colon == NULL) {
		*why = "it has no port (host:port, :port or [::1]:port)";
		return false;
	}
	host_len = (size_t)(colon - text);
	if (is_in_brackets(text, host_len)) {
		host++;
		host_len -= 2;
	} else if (memchr(text, ':', host_len) != NULL ||
		   strcspn(text, "[]") < host_len) {
		*why = "an IPv6 address stands in brackets: [::1]:port";
		return false;
	}
	if (!parse_port(&address->port, colon + 1)) {
		*why = "its port is not a number from 0 to 65535";
		return false;
	}
	address->host = ac_memdup(host, host_len);
	return true;
}

void
ac_address_clear(struct ac_address *address)
{
	free(address->host);
	*address = (struct ac_address){0};
}

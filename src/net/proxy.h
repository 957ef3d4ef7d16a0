/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Which proxy lies on the way to an origin: HTTPS_PROXY, HTTP_PROXY,
 * ALL_PROXY and NO_PROXY. What is said to it is in tunnel.h. */
#ifndef AC_NET_PROXY_H
#define AC_NET_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct ac_options;
struct ac_url;

enum ac_proxy_kind {
	AC_PROXY_HTTP,
	AC_PROXY_SOCKS5,
};

struct ac_proxy {
	enum ac_proxy_kind kind;
	uint16_t port;
	char *host;      /* owned; a name or an address without brackets */
	char *host_port; /* owned; "host:port" or "[v6]:port", for messages */
	char *user;      /* owned, decoded; NULL: no credentials */
	char *password;  /* owned, decoded; NULL: none */
};

/*
 * Chooses the proxy for an origin: HTTPS_PROXY or HTTP_PROXY by its scheme,
 * else ALL_PROXY; none for localhost, loopback addresses and what NO_PROXY
 * names (no_proxy.h). *proxy is NULL where the way is direct, otherwise the
 * caller's, for ac_proxy_free(). A value that is not used is not looked at.
 *
 * A proxy is [scheme://][user[:password]@]host[:port]; the scheme is http
 * (the default, port 80), socks5 or socks5h (port 1080; with both the proxy
 * resolves the origin's name). User and password are percent-encoded. False:
 * why says in one line which option is wrong, and shows nothing of it.
 */
AC_MUST_CHECK bool ac_proxy_choose(struct ac_proxy **proxy,
    const struct ac_options *options, const struct ac_url *origin, char *why,
    size_t why_size);

/* Wipes and frees; proxy may be NULL. */
void ac_proxy_free(struct ac_proxy *proxy);

/* The value of Proxy-Authorization (Basic, RFC 7617) for a request to an
 * HTTP proxy; NULL where there are no credentials. The caller frees it with
 * ac_wipe_and_free(). */
char *ac_proxy_authorization(const struct ac_proxy *proxy);

#endif

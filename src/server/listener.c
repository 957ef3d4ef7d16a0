/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Listening sockets: see listener.h. Names are looked up at the start only,
 * when blocking does no harm. */
#include "server/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/http.h>
#include <event2/listener.h>
#include <event2/util.h>

enum {
	BACKLOG = 4096,
	PORT_TRIES = 8, /* to find one that is free on 127.0.0.1 and ::1 */
};

static void
set_port(struct sockaddr *address, uint16_t port)
{
	if (address->sa_family == AF_INET6)
		((struct sockaddr_in6 *)(void *)address)->sin6_port =
		    htons(port);
	else
		((struct sockaddr_in *)(void *)address)->sin_port = htons(port);
}

static uint16_t
bound_port(evutil_socket_t fd)
{
	struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
	socklen_t len = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		return 0;
	if (address.ss_family == AF_INET6)
		return ntohs(
		    ((struct sockaddr_in6 *)(void *)&address)->sin6_port);
	return ntohs(((struct sockaddr_in *)(void *)&address)->sin_port);
}

/* One socket; its port, or 0 and errno. */
static uint16_t
listen_on(struct event_base *base, struct evhttp *http,
    const struct sockaddr *address, socklen_t len)
{
	unsigned flags =
	    LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC;
	struct evconnlistener *listener = evconnlistener_new_bind(
	    base, NULL, NULL, flags, BACKLOG, address, (int)len);
	int on = 1;

	if (listener == NULL)
		return 0;
	/* Accepted sockets inherit it. */
	setsockopt(evconnlistener_get_fd(listener), IPPROTO_TCP, TCP_NODELAY,
	    &on, sizeof(on));
	if (evhttp_bind_listener(http, listener) == NULL) {
		evconnlistener_free(listener);
		errno = ENOMEM;
		return 0;
	}
	return bound_port(evconnlistener_get_fd(listener));
}

static uint16_t
listen_on_v4(
    struct event_base *base, struct evhttp *http, in_addr_t ip, uint16_t port)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(ip),
	};

	return listen_on(
	    base, http, (struct sockaddr *)&address, sizeof(address));
}

static uint16_t
listen_on_v6(struct event_base *base, struct evhttp *http,
    const struct in6_addr *ip, uint16_t port)
{
	struct sockaddr_in6 address = {
	    .sin6_family = AF_INET6,
	    .sin6_port = htons(port),
	    .sin6_addr = *ip,
	};

	return listen_on(
	    base, http, (struct sockaddr *)&address, sizeof(address));
}

static bool
lacks_ipv6(int error)
{
	return error == EAFNOSUPPORT || error == EADDRNOTAVAIL;
}

/* 127.0.0.1 and ::1 on one port. */
static uint16_t
listen_on_localhost(
    struct event_base *base, struct evhttp *http, uint16_t wanted)
{
	uint16_t port = 0;

	for (int i = 0; i < PORT_TRIES; i++) {
		port = listen_on_v4(base, http, INADDR_LOOPBACK, wanted);
		if (port == 0)
			return 0;
		if (listen_on_v6(base, http, &in6addr_loopback, port) != 0 ||
		    lacks_ipv6(errno))
			return port;
		ac_listen_stop(http);
		errno = EADDRINUSE;
		if (wanted != 0)
			return 0;
	}
	return 0;
}

/* Every interface: one socket for both families where there is IPv6. */
static uint16_t
listen_on_all(struct event_base *base, struct evhttp *http, uint16_t wanted)
{
	uint16_t port = listen_on_v6(base, http, &in6addr_any, wanted);

	if (port != 0 || !lacks_ipv6(errno))
		return port;
	return listen_on_v4(base, http, INADDR_ANY, wanted);
}

static uint16_t
listen_on_name(struct event_base *base, struct evhttp *http,
    const struct ac_address *address, const char **why)
{
	struct addrinfo hints = {
	    .ai_family = AF_UNSPEC,
	    .ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_PASSIVE,
	};
	struct addrinfo *list;
	int result = getaddrinfo(address->host, NULL, &hints, &list);
	uint16_t port;

	if (result != 0) {
		*why = gai_strerror(result);
		return 0;
	}
	set_port(list->ai_addr, address->port);
	port = listen_on(base, http, list->ai_addr, list->ai_addrlen);
	*why = strerror(errno);
	freeaddrinfo(list);
	return port;
}

uint16_t
ac_listen(struct event_base *base, struct evhttp *http,
    const struct ac_address *address, char *why, size_t why_size)
{
	const char *reason = NULL;
	uint16_t port;

	if (strcmp(address->host, "localhost") == 0)
		port = listen_on_localhost(base, http, address->port);
	else if (*address->host == '\0')
		port = listen_on_all(base, http, address->port);
	else
		port = listen_on_name(base, http, address, &reason);
	if (port == 0)
		snprintf(why, why_size, "cannot listen on %s port %u: %s",
		    *address->host == '\0' ? "any address" : address->host,
		    (unsigned)address->port,
		    reason != NULL ? reason : strerror(errno));
	return port;
}

static void
collect(struct evhttp_bound_socket *bound, void *first)
{
	*(struct evhttp_bound_socket **)first = bound;
}

void
ac_listen_stop(struct evhttp *http)
{
	struct evhttp_bound_socket *bound;

	for (;;) {
		bound = NULL;
		evhttp_foreach_bound_socket(http, collect, &bound);
		if (bound == NULL)
			return;
		evhttp_del_accept_socket(http, bound);
	}
}

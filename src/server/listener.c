/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Listening sockets: see listener.h. Names are looked up at the start only,
 * when blocking does no harm. */
#include "server/listener.h"
#include "base/timer.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <event2/util.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

enum {
	BACKLOG = 4096,
	PORT_TRIES = 8, /* to find one that is free on 127.0.0.1 and ::1 */
	LISTENERS_MAX = 2,
	REST_MS = 200, /* after a connection could not be accepted */
};

struct ac_listeners {
	TAILQ_ENTRY(ac_listeners) entry;
	struct event_base *base;                          /* borrowed */
	struct evhttp *http;                              /* borrowed */
	struct evhttp_bound_socket *bound[LISTENERS_MAX]; /* evhttp's */
	size_t count;
	struct event *rest_timer; /* owned */
	bool paused;
	bool is_loopback;
	uint16_t port;
};

/* evhttp takes the listener's argument for itself, so an error of accept()
 * only tells which evhttp it was about. */
static TAILQ_HEAD(, ac_listeners) registry = TAILQ_HEAD_INITIALIZER(registry);

static void on_accept_error(struct evconnlistener *, void *http);
static void on_rested(evutil_socket_t, short, void *arg);

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
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} address = {.v6 = {.sin6_port = 0}};
	socklen_t len = sizeof(address);

	if (getsockname(fd, &address.any, &len) != 0)
		return 0;
	return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port
						       : address.v4.sin_port);
}

/* One socket; its port, or 0 and errno. */
static uint16_t
listen_on(struct ac_listeners *listeners, const struct sockaddr *address,
    socklen_t len)
{
	unsigned flags =
	    LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC;
	struct evconnlistener *listener = evconnlistener_new_bind(
	    listeners->base, NULL, NULL, flags, BACKLOG, address, (int)len);
	struct evhttp_bound_socket *bound;
	int on = 1;

	if (listener == NULL)
		return 0;
	/* Accepted sockets inherit it. */
	setsockopt(evconnlistener_get_fd(listener), IPPROTO_TCP, TCP_NODELAY,
	    &on, sizeof(on));
	bound = evhttp_bind_listener(listeners->http, listener);
	if (bound == NULL)
		ac_out_of_memory();
	evconnlistener_set_error_cb(listener, on_accept_error);
	listeners->bound[listeners->count++] = bound;
	return bound_port(evconnlistener_get_fd(listener));
}

static uint16_t
listen_on_v4(struct ac_listeners *listeners, in_addr_t ip, uint16_t port)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(ip),
	};

	return listen_on(
	    listeners, (struct sockaddr *)&address, sizeof(address));
}

static uint16_t
listen_on_v6(
    struct ac_listeners *listeners, const struct in6_addr *ip, uint16_t port)
{
	struct sockaddr_in6 address = {
	    .sin6_family = AF_INET6,
	    .sin6_port = htons(port),
	    .sin6_addr = *ip,
	};

	return listen_on(
	    listeners, (struct sockaddr *)&address, sizeof(address));
}

static bool
lacks_ipv6(int error)
{
	return error == EAFNOSUPPORT || error == EADDRNOTAVAIL;
}

/* 127.0.0.1 and ::1 on one port. */
static uint16_t
listen_on_localhost(struct ac_listeners *listeners, uint16_t wanted)
{
	uint16_t port = 0;

	for (int i = 0; i < PORT_TRIES; i++) {
		port = listen_on_v4(listeners, INADDR_LOOPBACK, wanted);
		if (port == 0)
			return 0;
		if (listen_on_v6(listeners, &in6addr_loopback, port) != 0 ||
		    lacks_ipv6(errno))
			return port;
		ac_listeners_stop(listeners);
		errno = EADDRINUSE;
		if (wanted != 0)
			return 0;
	}
	return 0;
}

/* Every interface: one socket for both families where there is IPv6. */
static uint16_t
listen_on_all(struct ac_listeners *listeners, uint16_t wanted)
{
	uint16_t port = listen_on_v6(listeners, &in6addr_any, wanted);

	if (port != 0 || !lacks_ipv6(errno))
		return port;
	return listen_on_v4(listeners, INADDR_ANY, wanted);
}

static bool
is_loopback(const struct sockaddr *address)
{
	const struct sockaddr_in *v4 = (const void *)address;
	const struct sockaddr_in6 *v6 = (const void *)address;

	if (address->sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
	return address->sa_family == AF_INET &&
	       ntohl(v4->sin_addr.s_addr) >> 24 == 127;
}

static uint16_t
listen_on_name(struct ac_listeners *listeners, const struct ac_address *address,
    const char **why)
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
	listeners->is_loopback = is_loopback(list->ai_addr);
	port = listen_on(listeners, list->ai_addr, list->ai_addrlen);
	*why = strerror(errno);
	freeaddrinfo(list);
	return port;
}

static uint16_t
listen_on_address(struct ac_listeners *listeners,
    const struct ac_address *address, const char **why)
{
	if (strcmp(address->host, "localhost") == 0) {
		listeners->is_loopback = true;
		return listen_on_localhost(listeners, address->port);
	}
	if (*address->host == '\0')
		return listen_on_all(listeners, address->port);
	return listen_on_name(listeners, address, why);
}

struct ac_listeners *
ac_listeners_new(struct event_base *base, struct evhttp *http,
    const struct ac_address *address, char *why, size_t why_size)
{
	struct ac_listeners *listeners = ac_calloc(1, sizeof(*listeners));
	const char *reason = NULL;

	listeners->base = base;
	listeners->http = http;
	listeners->rest_timer = ac_timer_new(base, on_rested, listeners);
	TAILQ_INSERT_TAIL(&registry, listeners, entry);
	listeners->port = listen_on_address(listeners, address, &reason);
	if (listeners->port != 0)
		return listeners;
	snprintf(why, why_size, "cannot listen on %s port %u: %s",
	    *address->host == '\0' ? "any address" : address->host,
	    (unsigned)address->port, reason != NULL ? reason : strerror(errno));
	ac_listeners_free(listeners);
	return NULL;
}

uint16_t
ac_listeners_port(const struct ac_listeners *listeners)
{
	return listeners->port;
}

bool
ac_listeners_are_loopback(const struct ac_listeners *listeners)
{
	return listeners->is_loopback;
}

static struct evconnlistener *
listener_of(const struct ac_listeners *listeners, size_t i)
{
	return evhttp_bound_socket_get_listener(listeners->bound[i]);
}

static void
disable(struct ac_listeners *listeners)
{
	for (size_t i = 0; i < listeners->count; i++)
		evconnlistener_disable(listener_of(listeners, i));
}

static void
enable(struct ac_listeners *listeners)
{
	for (size_t i = 0; i < listeners->count; i++)
		evconnlistener_enable(listener_of(listeners, i));
}

void
ac_listeners_pause(struct ac_listeners *listeners)
{
	listeners->paused = true;
	disable(listeners);
}

void
ac_listeners_resume(struct ac_listeners *listeners)
{
	listeners->paused = false;
	if (!evtimer_pending(listeners->rest_timer, NULL))
		enable(listeners);
}

static void
on_accept_error(struct evconnlistener *listener, void *http)
{
	int error = EVUTIL_SOCKET_ERROR();
	struct ac_listeners *listeners;

	evconnlistener_disable(listener);
	TAILQ_FOREACH(listeners, &registry, entry)
	{
		if (listeners->http != http)
			continue;
		ac_log_warn("cannot accept connections",
		    AC_STR("reason", evutil_socket_error_to_string(error)),
		    AC_INT("rest_ms", REST_MS));
		disable(listeners);
		ac_timer_start(listeners->rest_timer, REST_MS);
	}
}

static void
on_rested(evutil_socket_t fd, short what, void *arg)
{
	struct ac_listeners *listeners = arg;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	if (!listeners->paused)
		enable(listeners);
}

void
ac_listeners_stop(struct ac_listeners *listeners)
{
	while (listeners->count > 0)
		evhttp_del_accept_socket(
		    listeners->http, listeners->bound[--listeners->count]);
}

void
ac_listeners_free(struct ac_listeners *listeners)
{
	if (listeners == NULL)
		return;
	ac_listeners_stop(listeners);
	TAILQ_REMOVE(&registry, listeners, entry);
	event_free(listeners->rest_timer);
	free(listeners);
}

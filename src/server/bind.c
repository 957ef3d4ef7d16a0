/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Listening sockets: see bind.h. */
#include "server/bind.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	BACKLOG = 4096,
	PORT_TRIES = 8, /* to find one that is free on 127.0.0.1 and ::1 */
};

/* Of any family that is listened on. */
union any_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un local;
};

static void
read_address(int fd, union any_address *address)
{
	socklen_t len = sizeof(*address);

	*address = (union any_address){.any = {.sa_family = AF_UNSPEC}};
	if (getsockname(fd, &address->any, &len) != 0)
		address->any.sa_family = AF_UNSPEC;
}

uint16_t
ac_bound_port(int fd)
{
	union any_address address;

	read_address(fd, &address);
	if (address.any.sa_family == AF_INET6)
		return ntohs(address.v6.sin6_port);
	return address.any.sa_family == AF_INET ? ntohs(address.v4.sin_port)
						: 0;
}

bool
ac_bound_is_loopback(int fd)
{
	union any_address address;

	read_address(fd, &address);
	switch (address.any.sa_family) {
	case AF_UNIX:
		return true;
	case AF_INET6:
		return IN6_IS_ADDR_LOOPBACK(&address.v6.sin6_addr);
	case AF_INET:
		return ntohl(address.v4.sin_addr.s_addr) >> 24 == 127;
	default:
		return false;
	}
}

/* One socket; false and errno. */
static bool
listen_on(struct ac_bound *bound, const struct sockaddr *address, socklen_t len)
{
	int fd = socket(
	    address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1;
	int error;

	if (fd < 0)
		return false;
	if (address->sa_family != AF_UNIX) {
		/* While the kernel still remembers a connection of before. */
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		/* Accepted sockets inherit both. */
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	}
	if (bind(fd, address, len) == 0 && listen(fd, BACKLOG) == 0) {
		bound->fds[bound->count++] = fd;
		return true;
	}
	error = errno;
	close(fd);
	errno = error;
	return false;
}

static bool
listen_on_v4(struct ac_bound *bound, in_addr_t ip, uint16_t port)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(ip),
	};

	return listen_on(bound, (struct sockaddr *)&address, sizeof(address));
}

static bool
listen_on_v6(struct ac_bound *bound, const struct in6_addr *ip, uint16_t port)
{
	struct sockaddr_in6 address = {
	    .sin6_family = AF_INET6,
	    .sin6_port = htons(port),
	    .sin6_addr = *ip,
	};

	return listen_on(bound, (struct sockaddr *)&address, sizeof(address));
}

static bool
lacks_ipv6(int error)
{
	return error == EAFNOSUPPORT || error == EADDRNOTAVAIL;
}

/* 127.0.0.1 and ::1 on one port. */
static bool
listen_on_localhost(struct ac_bound *bound, uint16_t wanted)
{
	for (int i = 0; i < PORT_TRIES; i++) {
		if (!listen_on_v4(bound, INADDR_LOOPBACK, wanted))
			return false;
		if (listen_on_v6(bound, &in6addr_loopback,
			ac_bound_port(bound->fds[0])) ||
		    lacks_ipv6(errno))
			return true;
		close(bound->fds[--bound->count]);
		errno = EADDRINUSE;
		if (wanted != 0)
			return false;
	}
	return false;
}

/* Every interface: one socket for both families where there is IPv6. */
static bool
listen_on_all(struct ac_bound *bound, uint16_t wanted)
{
	return listen_on_v6(bound, &in6addr_any, wanted) ||
	       (lacks_ipv6(errno) && listen_on_v4(bound, INADDR_ANY, wanted));
}

static void
set_port(struct sockaddr *address, uint16_t port)
{
	if (address->sa_family == AF_INET6)
		((struct sockaddr_in6 *)(void *)address)->sin6_port =
		    htons(port);
	else
		((struct sockaddr_in *)(void *)address)->sin_port = htons(port);
}

static bool
listen_on_name(
    struct ac_bound *bound, const struct ac_address *address, const char **why)
{
	struct addrinfo hints = {
	    .ai_family = AF_UNSPEC,
	    .ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_PASSIVE,
	};
	struct addrinfo *list;
	int result = getaddrinfo(address->host, NULL, &hints, &list);
	bool ok;

	if (result != 0) {
		*why = gai_strerror(result);
		return false;
	}
	set_port(list->ai_addr, address->port);
	ok = listen_on(bound, list->ai_addr, list->ai_addrlen);
	*why = strerror(errno);
	freeaddrinfo(list);
	return ok;
}

/* Whether a socket's file is there that nobody listens on any more. */
static bool
is_left_over(const struct sockaddr_un *address)
{
	struct stat status;
	int fd;
	bool is_refused;

	if (lstat(address->sun_path, &status) != 0 || !S_ISSOCK(status.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	is_refused = connect(fd, (const struct sockaddr *)address,
			 sizeof(*address)) != 0 &&
		     errno == ECONNREFUSED;
	close(fd);
	return is_refused;
}

static bool
listen_on_path(struct ac_bound *bound, const char *path, unsigned mode)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	mode_t before;
	bool ok;
	int error;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (is_left_over(&address))
		unlink(path);
	/* There is no moment in which others might connect. */
	before = umask(0777 & ~(mode_t)mode);
	ok = listen_on(bound, (struct sockaddr *)&address, sizeof(address));
	error = errno;
	umask(before);
	errno = error;
	return ok;
}

bool
ac_bind(struct ac_bound *bound, const struct ac_address *address, unsigned mode,
    const char **why)
{
	bool ok;

	bound->count = 0;
	if (address->path != NULL)
		ok = listen_on_path(bound, address->path, mode);
	else if (strcmp(address->host, "localhost") == 0)
		ok = listen_on_localhost(bound, address->port);
	else if (*address->host == '\0')
		ok = listen_on_all(bound, address->port);
	else
		return listen_on_name(bound, address, why);
	*why = strerror(errno);
	return ok;
}

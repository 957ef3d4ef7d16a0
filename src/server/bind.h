/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* From an address to the sockets that listen on it. */
#ifndef AC_SERVER_BIND_H
#define AC_SERVER_BIND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/address.h"
#include "base/attr.h"

/* One address never has more: 127.0.0.1 and ::1. */
enum { AC_BOUND_MAX = 2 };

struct ac_bound {
	size_t count;
	int fds[AC_BOUND_MAX]; /* the caller's; non-blocking */
};

/*
 * Binds and listens: "localhost" is 127.0.0.1 and, where there is one, ::1;
 * an empty host is every interface; port 0 picks a port, the same for both.
 * A Unix socket is made with the permission bits mode; a file of its name
 * that nobody listens on any more is replaced. False and why (constant or
 * the system's word) where that fails. A host's name is looked up, which
 * blocks.
 */
AC_MUST_CHECK bool ac_bind(struct ac_bound *bound,
    const struct ac_address *address, unsigned mode, const char **why);

/* The port of a TCP socket; 0: it is a Unix socket. */
uint16_t ac_bound_port(int fd);

/* Whether only this machine can connect to a listening socket. */
bool ac_bound_is_loopback(int fd);

#endif

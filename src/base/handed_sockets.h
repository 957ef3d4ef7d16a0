/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Listening sockets that a service manager opened and hands over: those of
 * sd_listen_fds(3). LISTEN_PID names the process they are meant for,
 * LISTEN_FDS counts them, from descriptor 3 on, and LISTEN_FDNAMES has their
 * names, separated by colons.
 */
#ifndef AC_BASE_HANDED_SOCKETS_H
#define AC_BASE_HANDED_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

enum { AC_HANDED_SOCKETS_MAX = 64 };

struct ac_handed_sockets {
	size_t count;
	int fds[AC_HANDED_SOCKETS_MAX];
};

/*
 * Takes what the environment names, and the variables out of it: sockets
 * called "metrics" and all the others apart. The descriptors are the
 * caller's then, non-blocking and closed in children. Without any, both are
 * empty. False, and a line in reason, where one is no listening stream
 * socket.
 */
AC_MUST_CHECK bool ac_handed_sockets_take(struct ac_handed_sockets *clients,
    struct ac_handed_sockets *metrics, char *reason, size_t reason_size);

/* Closes those that nobody has taken on. */
void ac_handed_sockets_close(struct ac_handed_sockets *sockets);

#endif

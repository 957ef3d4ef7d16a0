/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The sockets that clients connect to. */
#ifndef AC_SERVER_LISTENER_H
#define AC_SERVER_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/attr.h"
#include "base/handed_sockets.h"

struct ac_listeners;
struct event_base;
struct evhttp;

/* Where to listen, and what the log says of each address. */
struct ac_listen {
	const struct ac_addresses *addresses;
	unsigned unix_mode; /* of Unix sockets, permission bits */
	/* Take the place of the addresses where there are any, and are taken
	 * out of here. */
	struct ac_handed_sockets *handed;
	const char *message;
};

/*
 * Gives http listening sockets, as server/bind.h makes them. NULL and a line
 * in why where that fails. base and http are borrowed. Where a connection
 * cannot be accepted (no descriptors are left) accepting rests for a moment
 * instead of trying in a circle.
 */
AC_MUST_CHECK struct ac_listeners *ac_listeners_new(struct event_base *base,
    struct evhttp *http, const struct ac_listen *where, char *why,
    size_t why_size);

/* The first TCP port; 0: there is none. */
uint16_t ac_listeners_port(const struct ac_listeners *listeners);

/* Whether only this machine can connect. */
bool ac_listeners_are_loopback(const struct ac_listeners *listeners);

/* Leaves new connections in the queue; takes them again. */
void ac_listeners_pause(struct ac_listeners *listeners);
void ac_listeners_resume(struct ac_listeners *listeners);

/* Closes the sockets for good; connections stay. */
void ac_listeners_stop(struct ac_listeners *listeners);

/* Stops and frees, before http goes; NULL is fine. */
void ac_listeners_free(struct ac_listeners *listeners);

#endif

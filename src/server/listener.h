/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The sockets that clients connect to. */
#ifndef AC_SERVER_LISTENER_H
#define AC_SERVER_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/url.h"

struct event_base;
struct evhttp;

/*
 * Binds http to address: "localhost" is 127.0.0.1 and, where there is one,
 * ::1; an empty host is every interface; port 0 picks a port, the same for
 * all. Returns the port, or 0 and a line in why. http owns the sockets.
 */
uint16_t ac_listen(struct event_base *base, struct evhttp *http,
    const struct ac_address *address, char *why, size_t why_size);

/* Closes every listening socket of http; its connections stay. */
void ac_listen_stop(struct evhttp *http);

#endif

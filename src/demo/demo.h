/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * A simulated Akash Chat web app on a loopback port: sessions, models and
 * streamed chat answers and pictures in the form the real app has on the wire.
 * Users try the program with it where there is no network (--demo), and tests
 * have an upstream. It runs on the host's loop, without threads.
 */
#ifndef AC_DEMO_DEMO_H
#define AC_DEMO_DEMO_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct ac_demo;
struct event_base;

struct ac_demo_settings {
	int64_t session_ttl_s; /* life of a session, 1 to 10^9 */
	int64_t delay_ms;      /* before each piece of an answer, 0 or more */
	const char *access_token; /* wanted for a session; NULL: none is */
};

/*
 * Listens on 127.0.0.1 on a port that the system chooses. settings are
 * copied; base must outlive the demo. Returns NULL and one line in why
 * (why_size bytes) if it cannot listen.
 */
AC_MUST_CHECK struct ac_demo *ac_demo_new(struct event_base *base,
    const struct ac_demo_settings *settings, char *why, size_t why_size);

/* The port it listens on, in host byte order. */
uint16_t ac_demo_port(const struct ac_demo *demo);

/* Closes the port and all connections, running answers included. Not to be
 * called from a callback of the demo's own connections. demo may be NULL. */
void ac_demo_free(struct ac_demo *demo);

#endif

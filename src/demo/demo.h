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

struct ac_demo_counters {
	uint64_t sessions; /* session cookies handed out */
	uint64_t models;   /* model lists given */
	uint64_t chats;    /* chat calls with a living session */
	uint64_t refused;  /* 403 for a stale or missing session */
	uint64_t polls;    /* calls for the status of jobs */
	uint64_t files;    /* calls for a picture's file */
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

/* As if the site's store was emptied: every session handed out so far is
 * stale. Answers under way go on, as those of the real app do. */
void ac_demo_flush_sessions(struct ac_demo *demo);

/* What has been answered since the start; lives as long as the demo. */
const struct ac_demo_counters *ac_demo_counters(const struct ac_demo *demo);

/* Closes the port and all connections, running answers included. Not to be
 * called from a callback of the demo's own connections. demo may be NULL. */
void ac_demo_free(struct ac_demo *demo);

#endif

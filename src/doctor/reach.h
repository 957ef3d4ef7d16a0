/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The way to a server, as steps of a checkup: the proxy in use, the names,
 * and one connection with a look at its certificate. The steps that follow make
 * their client of the origin that comes of it.
 */
#ifndef AC_DOCTOR_REACH_H
#define AC_DOCTOR_REACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "doctor/checkup.h"
#include "net/tls_peer.h"

struct ac_ask;
struct ac_http_client;
struct ac_http_origin;
struct ac_options;
struct ac_proxy;
struct ac_reaper;
struct ac_resolution;
struct ac_resolver;
struct ac_tls;
struct ac_url;
struct event;
struct event_base;

struct ac_reach {
	struct event_base *base; /* borrowed, like all down to url */
	struct ac_reaper *reaper;
	struct ac_checkup *checkup;
	const struct ac_options *options;
	const struct ac_url *url;
	const char *advice; /* where it is not reached; NULL: as for the site */
	struct ac_resolver *resolver; /* owned, like all that follows */
	struct ac_proxy *proxy;       /* NULL: none is on the way */
	struct ac_tls *tls;           /* verifies; NULL: plain, or not built */
	struct ac_tls *look_tls;      /* does not; likewise */
	struct ac_resolution *resolution; /* in the step of the names */
	struct ac_http_client *client;    /* of the look */
	struct ac_ask *ask;               /* in the step of the connection */
	struct event *connected;          /* told from the loop */
	/* What the look saw. */
	bool has_peer;
	struct ac_tls_peer peer;
	char ip[64];      /* connected to, the port behind it; "": unknown */
	char verify[256]; /* what is wrong with the certificate; "": nothing */
	int64_t connect_ms;
};

/* In place, with the borrowed fields from the arguments. */
void ac_reach_init(struct ac_reach *reach, struct event_base *base,
    struct ac_reaper *reaper, const struct ac_options *options);

/* Stops what is under way and frees the client. Then the reaper goes, and
 * after it ac_reach_clear_late() frees the rest. */
void ac_reach_clear(struct ac_reach *reach);

void ac_reach_clear_late(struct ac_reach *reach);

/* Stops what is under way. */
void ac_reach_stop(struct ac_reach *reach);

/* The steps' beginnings. */
void ac_reach_choose_proxy(struct ac_reach *reach);
void ac_reach_look_up(struct ac_reach *reach);
void ac_reach_connect(struct ac_reach *reach);

/* What a client of the server is made with, from the connection on. It tries
 * nothing again. */
struct ac_http_origin ac_reach_origin(const struct ac_reach *reach);

/* What to say of a certificate that lives for so long: WARNING shortly before
 * its end. */
enum ac_finding ac_reach_judge_life(int64_t seconds_left);

/* "ends in 61 days", "ended 2 days ago". */
void ac_reach_describe_life(int64_t seconds_left, char *out, size_t size);

#endif

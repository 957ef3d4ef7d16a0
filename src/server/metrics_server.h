/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* METRICS_ADDRESS: the metrics, and nothing else, at an address of their own,
 * in plain HTTP and without a key. */
#ifndef AC_SERVER_METRICS_SERVER_H
#define AC_SERVER_METRICS_SERVER_H

#include <stddef.h>

#include "base/attr.h"

struct ac_api;
struct ac_handed_sockets;
struct ac_metrics_server;

/* Listens, with the loop, the options and the instruments of clients, the api
 * that the metrics are about; all borrowed. handed is as in struct ac_listen.
 * NULL and a line in why where it cannot. */
AC_MUST_CHECK struct ac_metrics_server *ac_metrics_server_new(
    const struct ac_api *clients, struct ac_handed_sockets *handed, char *why,
    size_t why_size);

/* Closes its connections, before the reaper goes; NULL is fine. */
void ac_metrics_server_free(struct ac_metrics_server *server);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The metrics' own address: see metrics_server.h. It serves until the end,
 * while clients are drained too, and takes no place of theirs. */
#include "server/metrics_server.h"

#include <stdlib.h>

#include <event2/http.h>

#include "api/api.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/options.h"
#include "server/listener.h"

enum { CONNECTIONS_MAX = 32 };

struct ac_metrics_server {
	struct ac_api api;
	struct evhttp *http;            /* owned */
	struct ac_listeners *listeners; /* owned */
};

static void
on_full(void *arg)
{
	struct ac_metrics_server *server = arg;

	ac_listeners_pause(server->listeners);
}

static void
on_room(void *arg)
{
	struct ac_metrics_server *server = arg;

	if (server->listeners != NULL)
		ac_listeners_resume(server->listeners);
}

struct ac_metrics_server *
ac_metrics_server_new(const struct ac_api *clients,
    struct ac_handed_sockets *handed, char *why, size_t why_size)
{
	struct ac_listen where = {
	    .addresses = &clients->options->metrics_addresses,
	    .unix_mode = (unsigned)clients->options->unix_socket_mode,
	    .handed = handed,
	    .message = "metrics are served",
	};
	struct ac_metrics_server *server = ac_calloc(1, sizeof(*server));
	struct ac_api *api = &server->api;

	ac_api_init(api, clients->base, clients->reaper, clients->options,
	    clients->upstream, clients->instruments);
	api->routes = AC_API_METRICS;
	api->trusted_proxies = clients->trusted_proxies;
	api->conns.max = CONNECTIONS_MAX;
	api->conns.on_full = on_full;
	api->conns.on_room = on_room;
	api->conns.arg = server;
	server->http = ac_api_evhttp_new(api);
	server->listeners = ac_listeners_new(
	    clients->base, server->http, &where, why, why_size);
	if (server->listeners == NULL) {
		ac_metrics_server_free(server);
		return NULL;
	}
	api->loopback_only = ac_listeners_are_loopback(server->listeners);
	return server;
}

void
ac_metrics_server_free(struct ac_metrics_server *server)
{
	if (server == NULL)
		return;
	ac_api_abort_all(&server->api);
	ac_listeners_free(server->listeners);
	server->listeners = NULL;
	evhttp_free(server->http);
	ac_client_conns_clear(&server->api.conns);
	free(server);
}

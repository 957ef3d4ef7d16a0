/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The server (akashchat.h): builds the parts in order, takes them down in
 * reverse, and drains. Owned by the host.
 *
 *	SERVING -> DRAINING (no listener, requests finish) -> DRAINED
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <akashchat/akashchat.h>
#include <event2/event.h>
#include <event2/http.h>

#include "api/admission.h"
#include "api/api.h"
#include "api/instruments.h"
#include "api/keys.h"
#include "base/clock.h"
#include "base/ip.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/reaper.h"
#include "base/timer.h"
#include "demo/demo.h"
#include "net/http_conn.h"
#include "net/proxy.h"
#include "net/resolver.h"
#include "net/tls.h"
#include "net/tls_server.h"
#include "server/listener.h"
#include "server/metrics_server.h"
#include "upstream/models.h"
#include "upstream/upstream.h"

enum {
	DESCRIPTORS_KEPT = 64, /* for everything but clients */
	CONNECTIONS_MIN = 16,
};

struct ac_server {
	struct event_base *base;          /* borrowed */
	const struct ac_options *options; /* borrowed */
	struct ac_reaper *reaper;         /* owned, like all that follows */
	struct ac_demo *demo;             /* NULL: the real upstream */
	struct ac_url upstream_url;       /* of the demo */
	struct ac_proxy *proxy;           /* NULL: none is on the way */
	struct ac_tls *tls;               /* NULL: a plain upstream */
	struct ac_resolver *resolver;
	struct ac_upstream *upstream;
	struct ac_tls_server *client_tls; /* NULL: clients speak plain HTTP */
	struct ac_keys *keys;             /* a reference; NULL: none is
					     wanted */
	struct ac_ip_ranges trusted_proxies;
	struct ac_gate *gate;
	struct ac_instruments *instruments;
	struct ac_api api;
	struct evhttp *http;
	struct ac_listeners *listeners;
	struct ac_metrics_server *metrics; /* NULL: clients' address has them */
	struct event *drain_timer;
	struct event *drained_event;
	void (*on_drained)(struct ac_server *, void *arg);
	void *drained_arg;
	bool draining;
	bool drained; /* on_drained was called or is about to be */
};

static bool build_demo(struct ac_server *, char reason[AC_REASON_SIZE]);
static bool build_upstream(struct ac_server *, char reason[AC_REASON_SIZE]);
static bool build_client_tls(struct ac_server *, char reason[AC_REASON_SIZE]);
static bool build_keys(struct ac_server *, char reason[AC_REASON_SIZE]);
static bool build_http(struct ac_server *, char reason[AC_REASON_SIZE]);
static bool build_metrics(struct ac_server *, char reason[AC_REASON_SIZE]);
static void on_idle(void *arg);
static void on_drain_timeout(evutil_socket_t, short, void *arg);
static void on_drained_event(evutil_socket_t, short, void *arg);

struct ac_server *
ac_server_new(struct event_base *base, const struct ac_config *config,
    char reason[AC_REASON_SIZE])
{
	struct ac_server *server = ac_calloc(1, sizeof(*server));

	server->base = base;
	server->options = ac_config_options(config);
	ac_log_set_level(server->options->log_level);
	ac_log_set_format(server->options->log_format);
	server->reaper = ac_reaper_new(base);
	server->drain_timer = ac_timer_new(base, on_drain_timeout, server);
	server->drained_event = ac_timer_new(base, on_drained_event, server);
	if (!build_demo(server, reason) || !build_upstream(server, reason) ||
	    !build_client_tls(server, reason) || !build_keys(server, reason) ||
	    !build_http(server, reason) || !build_metrics(server, reason)) {
		ac_server_free(server);
		return NULL;
	}
	/* DEFAULT_MODEL is to hold for the first request too. */
	if (server->options->default_model != NULL)
		ac_models_known(server->upstream->models);
	ac_log_info("listening",
	    AC_STR("address", server->options->server_address.host),
	    AC_INT("port", ac_server_port(server)),
	    AC_STR(
		"upstream", server->demo != NULL
				? "demo"
				: server->options->akash_base_url.host_header),
	    AC_STR("version", ac_version()));
	return server;
}

static bool
build_demo(struct ac_server *server, char reason[AC_REASON_SIZE])
{
	struct ac_demo_settings settings = {
	    .session_ttl_s = server->options->demo_session_ttl_s,
	    .delay_ms = server->options->demo_delay_ms,
	};
	const char *why = NULL;
	char *url;
	bool ok;

	if (!server->options->demo)
		return true;
	server->demo =
	    ac_demo_new(server->base, &settings, reason, AC_REASON_SIZE);
	if (server->demo == NULL)
		return false;
	url = ac_asprintf(
	    "http://127.0.0.1:%u", (unsigned)ac_demo_port(server->demo));
	ok = ac_url_parse(&server->upstream_url, url, &why);
	free(url);
	return ok;
}

static bool
build_upstream(struct ac_server *server, char reason[AC_REASON_SIZE])
{
	const struct ac_options *options = server->options;
	const struct ac_url *url = server->demo != NULL
				       ? &server->upstream_url
				       : &options->akash_base_url;
	struct ac_http_origin origin = {
	    .base = server->base,
	    .reaper = server->reaper,
	    .url = url,
	    .connect_timeout_ms = options->connect_timeout_s * 1000,
	    .answer_timeout_ms = options->first_event_timeout_s * 1000,
	    .silence_timeout_ms = options->silence_timeout_s * 1000,
	    .retries = (int)options->upstream_retries,
	};

	if (url->tls) {
		server->tls = ac_tls_new(options->ssl_cert_file,
		    options->ssl_cert_dir, reason, AC_REASON_SIZE);
		if (server->tls == NULL)
			return false;
	}
	origin.tls = server->tls;
	if (!ac_proxy_choose(
		&server->proxy, options, url, reason, AC_REASON_SIZE))
		return false;
	origin.proxy = server->proxy;
	if (server->proxy != NULL)
		ac_log_info("the upstream is reached through a proxy",
		    AC_STR("proxy", server->proxy->host_port));
	server->resolver = ac_resolver_new(server->base);
	server->upstream = ac_upstream_new(&origin, server->resolver, options);
	return true;
}

static bool
build_client_tls(struct ac_server *server, char reason[AC_REASON_SIZE])
{
	const struct ac_options *options = server->options;

	if (options->tls_cert == NULL && options->tls_key == NULL)
		return true;
	if (options->tls_cert == NULL || options->tls_key == NULL) {
		snprintf(reason, AC_REASON_SIZE,
		    "%s is set without %s: TLS needs both",
		    options->tls_cert != NULL ? "TLS_CERT" : "TLS_KEY",
		    options->tls_cert != NULL ? "TLS_KEY" : "TLS_CERT");
		return false;
	}
	server->client_tls = ac_tls_server_new(
	    options->tls_cert, options->tls_key, reason, AC_REASON_SIZE);
	return server->client_tls != NULL;
}

static bool
build_keys(struct ac_server *server, char reason[AC_REASON_SIZE])
{
	const struct ac_options *options = server->options;
	const char *why;

	/* The option's check has read it before. */
	if (options->trusted_proxies != NULL &&
	    !ac_ip_ranges_parse(
		&server->trusted_proxies, options->trusted_proxies, &why))
		abort();
	server->gate = ac_gate_new(server->base, options);
	if (options->api_keys_file == NULL && options->bearer_token == NULL)
		return true;
	server->keys = ac_keys_load(options->api_keys_file,
	    options->bearer_token, NULL, reason, AC_REASON_SIZE);
	if (server->keys != NULL && ac_keys_count(server->keys) == 0)
		ac_log_warn("there is no key, so every one is refused",
		    AC_STR("file", options->api_keys_file));
	return server->keys != NULL;
}

/* Each client may need a connection to the upstream too. */
static size_t
count_connections(const struct ac_options *options)
{
	struct rlimit limit;
	size_t count;

	if (options->max_connections > 0)
		return (size_t)options->max_connections;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
	    limit.rlim_cur <= DESCRIPTORS_KEPT)
		return CONNECTIONS_MIN;
	count = (size_t)(limit.rlim_cur - DESCRIPTORS_KEPT) / 2;
	return count < CONNECTIONS_MIN ? CONNECTIONS_MIN : count;
}

static void
on_full(void *arg)
{
	struct ac_server *server = arg;

	ac_log_warn("no more connections are accepted",
	    AC_INT("connections", (int64_t)server->api.conns.count));
	ac_listeners_pause(server->listeners);
}

static void
on_room(void *arg)
{
	struct ac_server *server = arg;

	if (server->listeners != NULL)
		ac_listeners_resume(server->listeners);
}

static void
build_api(struct ac_server *server)
{
	struct ac_api *api = &server->api;

	server->instruments = ac_instruments_new(api);
	ac_api_init(api, server->base, server->reaper, server->options,
	    server->upstream, server->instruments);
	if (server->options->metrics_address.host != NULL)
		api->routes = AC_API_ALL_BUT_METRICS;
	api->tls = server->client_tls;
	api->keys = server->keys;
	api->gate = server->gate;
	api->trusted_proxies = &server->trusted_proxies;
	api->on_idle = on_idle;
	api->idle_arg = server;
	api->conns.max = count_connections(server->options);
	api->conns.on_full = on_full;
	api->conns.on_room = on_room;
	api->conns.arg = server;
}

static bool
build_http(struct ac_server *server, char reason[AC_REASON_SIZE])
{
	build_api(server);
	server->http = ac_api_evhttp_new(&server->api);
	server->listeners = ac_listeners_new(server->base, server->http,
	    &server->options->server_address, reason, AC_REASON_SIZE);
	if (server->listeners == NULL)
		return false;
	server->api.loopback_only =
	    ac_listeners_are_loopback(server->listeners);
	if (!server->api.loopback_only && server->keys == NULL)
		ac_log_warn("other machines can connect without a key",
		    AC_STR("remedy", "set BEARER_TOKEN or API_KEYS_FILE"));
	return true;
}

static bool
build_metrics(struct ac_server *server, char reason[AC_REASON_SIZE])
{
	if (server->options->metrics_address.host == NULL)
		return true;
	server->metrics =
	    ac_metrics_server_new(&server->api, reason, AC_REASON_SIZE);
	return server->metrics != NULL;
}

uint16_t
ac_server_port(const struct ac_server *server)
{
	return ac_listeners_port(server->listeners);
}

void
ac_server_drain(struct ac_server *server,
    void (*on_drained)(struct ac_server *, void *arg), void *arg)
{
	if (server->draining)
		return;
	server->draining = true;
	server->api.draining = true;
	server->on_drained = on_drained;
	server->drained_arg = arg;
	ac_listeners_stop(server->listeners);
	ac_log_info(
	    "draining", AC_INT("timeout_s", server->options->drain_timeout_s));
	ac_timer_start(
	    server->drain_timer, server->options->drain_timeout_s * 1000);
	ac_api_check_idle(&server->api);
}

/* The last running request has ended. */
static void
on_idle(void *arg)
{
	struct ac_server *server = arg;

	if (server->drained)
		return;
	server->drained = true;
	ac_timer_run_soon(server->drained_event);
}

static void
on_drain_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct ac_server *server = arg;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	ac_api_abort_all(&server->api);
	on_idle(server); /* uploads that are still under way are cut too */
}

static void
on_drained_event(evutil_socket_t fd, short what, void *arg)
{
	struct ac_server *server = arg;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	evtimer_del(server->drain_timer);
	server->on_drained(server, server->drained_arg);
}

void
ac_server_free(struct ac_server *server)
{
	if (server == NULL)
		return;
	server->api.on_idle = NULL;
	ac_metrics_server_free(server->metrics);
	if (server->http != NULL) {
		ac_api_abort_all(&server->api);
		ac_listeners_free(server->listeners);
		server->listeners = NULL;
		evhttp_free(server->http);
		ac_client_conns_clear(&server->api.conns);
	}
	ac_tls_server_free(server->client_tls);
	ac_upstream_free(server->upstream);
	ac_reaper_free(server->reaper);
	ac_gate_free(server->gate);
	ac_keys_unref(server->keys);
	ac_ip_ranges_clear(&server->trusted_proxies);
	ac_instruments_free(server->instruments);
	ac_resolver_free(server->resolver);
	ac_tls_free(server->tls);
	ac_proxy_free(server->proxy);
	ac_demo_free(server->demo);
	ac_url_clear(&server->upstream_url);
	event_free(server->drain_timer);
	event_free(server->drained_event);
	free(server);
}

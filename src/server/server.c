/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The server (akashchat.h): builds the parts in order, takes them down in
 * reverse, and drains. Owned by the host.
 *
 *	SERVING -> DELAYING (told /ready, takes new connections) -> DRAINING
 *	(no listener, requests finish) -> LAST_WORDS (they get an error) ->
 *	DRAINED
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include <akashchat/akashchat.h>
#include <event2/event.h>
#include <event2/http.h>

#include "api/admission.h"
#include "api/api.h"
#include "api/instruments.h"
#include "api/keys.h"
#include "base/clock.h"
#include "base/file.h"
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
#include "server/turns.h"
#include "upstream/models.h"
#include "upstream/upstream.h"

enum {
	DESCRIPTORS_KEPT = 64, /* for everything but clients */
	CONNECTIONS_MIN = 16,
	LAST_WORDS_MS = 1000, /* to write errors to those who are cut */
};

enum server_state {
	SERVER_SERVING,
	SERVER_DELAYING,
	SERVER_DRAINING,
	SERVER_LAST_WORDS,
	SERVER_DRAINED, /* on_drained is about to be called, whatever runs */
};

struct ac_server {
	struct event_base *base;          /* borrowed */
	struct ac_config *config;         /* borrowed */
	const struct ac_options *options; /* its */
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
	enum server_state state;
};

static bool build_demo(struct ac_server *, char reason[AC_REASON_SIZE]);
static bool build_upstream(struct ac_server *, char reason[AC_REASON_SIZE]);
static bool load_tls(struct ac_tls_server **, const struct ac_options *,
    char reason[AC_REASON_SIZE]);
static bool load_keys(struct ac_keys **, const struct ac_options *,
    const struct ac_keys *previous, char reason[AC_REASON_SIZE]);
static void read_trusted_proxies(struct ac_server *);
static bool build_http(struct ac_server *, char reason[AC_REASON_SIZE]);
static bool build_metrics(struct ac_server *, char reason[AC_REASON_SIZE]);
static void on_idle(void *arg);
static void on_drain_timer(evutil_socket_t, short, void *arg);
static void on_drained_event(evutil_socket_t, short, void *arg);

/* DEFAULT_MODEL is to hold for the first request too. */
static void
learn_models(struct ac_server *server)
{
	if (server->options->default_model != NULL)
		ac_models_known(server->upstream->models);
}

struct ac_server *
ac_server_new(struct event_base *base, struct ac_config *config,
    char reason[AC_REASON_SIZE])
{
	struct ac_server *server = ac_calloc(1, sizeof(*server));

	server->base = base;
	server->config = config;
	server->options = ac_config_options(config);
	ac_log_set_level(server->options->log_level);
	ac_log_set_format(server->options->log_format);
	server->reaper = ac_reaper_new(base);
	server->drain_timer = ac_timer_new(base, on_drain_timer, server);
	server->drained_event = ac_timer_new(base, on_drained_event, server);
	if (!build_demo(server, reason) || !build_upstream(server, reason) ||
	    !load_tls(&server->client_tls, server->options, reason) ||
	    !load_keys(&server->keys, server->options, NULL, reason) ||
	    !build_http(server, reason) || !build_metrics(server, reason)) {
		ac_server_free(server);
		return NULL;
	}
	learn_models(server);
	ac_file_take_regular_alone();
	ac_log_info("serving", AC_STR("version", ac_version()),
	    AC_STR(
		"upstream", server->demo != NULL
				? "demo"
				: server->options->akash_base_url.host_header));
	return server;
}

static bool
build_demo(struct ac_server *server, char reason[AC_REASON_SIZE])
{
	struct ac_demo_settings settings = {
	    .session_ttl_s = server->options->demo_session_ttl_s,
	    .delay_ms = server->options->demo_delay_ms,
	    .access_token = server->options->akash_access_token,
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
load_tls(struct ac_tls_server **tls, const struct ac_options *options,
    char reason[AC_REASON_SIZE])
{
	return ac_tls_server_load(
	    tls, options->tls_cert, options->tls_key, reason, AC_REASON_SIZE);
}

static bool
load_keys(struct ac_keys **keys, const struct ac_options *options,
    const struct ac_keys *previous, char reason[AC_REASON_SIZE])
{
	*keys = NULL;
	if (options->api_keys_file == NULL && options->bearer_token == NULL)
		return true;
	*keys = ac_keys_load(options->api_keys_file, options->bearer_token,
	    previous, reason, AC_REASON_SIZE);
	if (*keys != NULL && ac_keys_count(*keys) == 0)
		ac_log_warn("there is no key, so every one is refused",
		    AC_STR("file", options->api_keys_file));
	return *keys != NULL;
}

static void
read_trusted_proxies(struct ac_server *server)
{
	const char *text = server->options->trusted_proxies;
	const char *why;

	ac_ip_ranges_clear(&server->trusted_proxies);
	server->trusted_proxies.has_unix = false;
	/* The option's check has read it before. */
	if (text != NULL &&
	    !ac_ip_ranges_parse(&server->trusted_proxies, text, &why))
		abort();
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

static bool
has_metrics_address(const struct ac_server *server)
{
	return server->options->metrics_addresses.count > 0 ||
	       ac_config_handed_metrics(server->config)->count > 0;
}

static void
build_api(struct ac_server *server)
{
	struct ac_api *api = &server->api;

	read_trusted_proxies(server);
	server->gate = ac_gate_new(server->base, server->options);
	server->instruments = ac_instruments_new(api);
	ac_api_init(api, server->base, server->reaper, server->options,
	    server->upstream, server->instruments);
	if (has_metrics_address(server))
		api->routes = AC_API_ALL_BUT_METRICS;
	api->tls = server->client_tls;
	api->keys = server->keys;
	api->gate = server->gate;
	api->trusted_proxies = &server->trusted_proxies;
	api->idle_arg = server;
	api->conns.max = count_connections(server->options);
	api->conns.on_full = on_full;
	api->conns.on_room = on_room;
	api->conns.arg = server;
}

static bool
build_http(struct ac_server *server, char reason[AC_REASON_SIZE])
{
	struct ac_listen where = {
	    .addresses = &server->options->server_addresses,
	    .unix_mode = (unsigned)server->options->unix_socket_mode,
	    .handed = ac_config_handed_clients(server->config),
	    .message = "listening",
	};

	build_api(server);
	server->http = ac_api_evhttp_new(&server->api);
	server->listeners = ac_listeners_new(
	    server->base, server->http, &where, reason, AC_REASON_SIZE);
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
	if (server->api.routes == AC_API_ALL)
		return true;
	server->metrics = ac_metrics_server_new(&server->api,
	    ac_config_handed_metrics(server->config), reason, AC_REASON_SIZE);
	return server->metrics != NULL;
}

uint16_t
ac_server_port(const struct ac_server *server)
{
	return ac_listeners_port(server->listeners);
}

/* A file that was emptied, or a pipe that was read before, must not open the
 * door to everybody. */
static bool
still_wants_keys(const struct ac_server *server, const struct ac_keys *keys,
    char reason[AC_REASON_SIZE])
{
	if (server->keys == NULL || keys != NULL)
		return true;
	snprintf(reason, AC_REASON_SIZE,
	    "BEARER_TOKEN and API_KEYS_FILE are empty now: to serve without a "
	    "key takes a restart");
	return false;
}

bool
ac_server_reload(struct ac_server *server, struct ac_config *fresh,
    char reason[AC_REASON_SIZE])
{
	const struct ac_options *options = ac_config_options(fresh);
	struct ac_tls_server *tls;
	struct ac_keys *keys;
	size_t changes;

	if (!load_tls(&tls, options, reason))
		return false;
	if (!load_keys(&keys, options, server->keys, reason) ||
	    !still_wants_keys(server, keys, reason)) {
		ac_tls_server_free(tls);
		return false;
	}
	changes = ac_config_reload(server->config, fresh);
	ac_log_set_level(server->options->log_level);
	ac_log_set_format(server->options->log_format);
	/* Connections hold on to the old certificate, requests to old keys. */
	ac_tls_server_free(server->client_tls);
	server->api.tls = server->client_tls = tls;
	ac_keys_unref(server->keys);
	server->api.keys = server->keys = keys;
	ac_gate_set_limits(server->gate, server->options);
	read_trusted_proxies(server);
	evhttp_set_max_body_size(
	    server->http, (ev_ssize_t)server->options->max_body_size);
	server->api.conns.max = count_connections(server->options);
	if (server->api.conns.count < server->api.conns.max)
		on_room(server);
	learn_models(server);
	ac_log_info("reloaded", AC_INT("options_changed", (int64_t)changes));
	return true;
}

static void
stop_listening(struct ac_server *server)
{
	server->state = SERVER_DRAINING;
	ac_listeners_stop(server->listeners);
	server->api.on_idle = on_idle;
	ac_timer_start(
	    server->drain_timer, server->options->drain_timeout_s * 1000);
	ac_api_check_idle(&server->api);
}

void
ac_server_drain(struct ac_server *server,
    void (*on_drained)(struct ac_server *, void *arg), void *arg)
{
	if (server->state != SERVER_SERVING)
		return;
	server->state = SERVER_DELAYING;
	server->api.draining = true;
	server->on_drained = on_drained;
	server->drained_arg = arg;
	ac_log_info("draining",
	    AC_INT("delay_s", server->options->drain_delay_s),
	    AC_INT("timeout_s", server->options->drain_timeout_s));
	/* Without a delay too the loop goes round once: connections that are
	 * in the kernel's queue are taken, which nobody could reset. */
	ac_timer_start(
	    server->drain_timer, server->options->drain_delay_s * 1000);
}

/* The last running request has ended, for this moment. */
static void
on_idle(void *arg)
{
	struct ac_server *server = arg;

	ac_timer_run_soon(server->drained_event);
}

static void
on_drain_timer(evutil_socket_t fd, short what, void *arg)
{
	struct ac_server *server = arg;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	switch (server->state) {
	case SERVER_DELAYING:
		stop_listening(server);
		break;
	case SERVER_DRAINING:
		server->state = SERVER_LAST_WORDS;
		ac_timer_start(server->drain_timer, LAST_WORDS_MS);
		ac_api_give_up_all(&server->api);
		break;
	case SERVER_LAST_WORDS:
		/* Uploads that are under way are cut too. */
		server->state = SERVER_DRAINED;
		server->api.on_idle = NULL;
		ac_api_abort_all(&server->api);
		ac_timer_run_soon(server->drained_event);
		break;
	case SERVER_SERVING:
	case SERVER_DRAINED:
		break;
	}
}

static void
on_drained_event(evutil_socket_t fd, short what, void *arg)
{
	struct ac_server *server = arg;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	/* A request may have begun meanwhile, on a connection that was there.
	 */
	if (server->state != SERVER_DRAINED && !ac_api_is_idle(&server->api))
		return;
	server->state = SERVER_DRAINED;
	server->api.on_idle = NULL;
	evtimer_del(server->drain_timer);
	server->on_drained(server, server->drained_arg);
}

static bool
is_stopped(const struct ac_server *server)
{
	return event_base_got_break(server->base) ||
	       event_base_got_exit(server->base);
}

/* Rests as long as deltas of many streams should gather. */
static void
rest(struct ac_server *server, struct ac_turns *turns)
{
	const struct ac_instruments *instruments = server->instruments;
	struct timespec time = {
	    .tv_nsec = (long)ac_turns_rest_ns(turns, ac_clock_ns(),
		ac_instruments_streams(instruments),
		ac_instruments_deltas(instruments)),
	};

	if (time.tv_nsec > 0)
		nanosleep(&time, NULL); /* a signal ends it */
}

int
ac_server_run(struct ac_server *server)
{
	struct ac_turns turns = {0};
	int status;

	do {
		status = event_base_loop(server->base, EVLOOP_ONCE);
		if (status == 0 && !is_stopped(server))
			rest(server, &turns);
	} while (status == 0 && !is_stopped(server));
	return status;
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

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The way to a server: see reach.h. Part of a doctor, who owns it. */
#include "doctor/reach.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "base/options.h"
#include "base/text.h"
#include "base/timer.h"
#include "doctor/ask.h"
#include "doctor/checkup.h"
#include "doctor/words.h"
#include "net/http_client.h"
#include "net/proxy.h"
#include "net/resolver.h"
#include "net/tls.h"

enum {
	DAY_S = 24 * 60 * 60,
	SOON_DAYS = 14,
	NAMES_MS = 15000,
};

static void on_resolved(const struct ac_ip_list *, const char *, void *arg);
static void on_connected(struct bufferevent *, void *arg);
static void on_connected_event(evutil_socket_t, short, void *arg);
static void on_done(struct ac_ask_reply *, const struct ac_error *, void *arg);

static const struct ac_ask_handlers handlers = {.on_done = on_done};

void
ac_reach_init(struct ac_reach *reach, struct event_base *base,
    struct ac_reaper *reaper, const struct ac_options *options)
{
	*reach = (struct ac_reach){
	    .base = base,
	    .reaper = reaper,
	    .options = options,
	    .resolver = ac_resolver_new(base),
	};
	reach->connected = ac_timer_new(base, on_connected_event, reach);
}

void
ac_reach_stop(struct ac_reach *reach)
{
	if (reach->resolution != NULL)
		ac_resolution_cancel(reach->resolution);
	reach->resolution = NULL;
	if (reach->ask != NULL)
		ac_ask_cancel(reach->ask);
	reach->ask = NULL;
	event_del(reach->connected);
}

void
ac_reach_clear(struct ac_reach *reach)
{
	ac_reach_stop(reach);
	ac_http_client_free(reach->client);
	reach->client = NULL;
}

void
ac_reach_clear_late(struct ac_reach *reach)
{
	ac_resolver_free(reach->resolver);
	ac_tls_free(reach->tls);
	ac_tls_free(reach->look_tls);
	ac_proxy_free(reach->proxy);
	event_free(reach->connected);
}

void
ac_reach_choose_proxy(struct ac_reach *reach)
{
	char why[AC_REASON_SIZE];

	if (!ac_proxy_choose(
		&reach->proxy, reach->options, reach->url, why, sizeof(why)))
		ac_checkup_say(
		    reach->checkup, AC_FINDING_FAILED, NULL, "%s", why);
	else if (reach->proxy == NULL)
		ac_checkup_say(
		    reach->checkup, AC_FINDING_OK, NULL, "none is used");
	else
		ac_checkup_say(reach->checkup, AC_FINDING_OK, NULL,
		    "%s proxy %s%s",
		    reach->proxy->kind == AC_PROXY_HTTP ? "HTTP" : "SOCKS",
		    reach->proxy->host_port,
		    reach->proxy->user == NULL ? "" : ", with credentials");
	ac_checkup_next(reach->checkup);
}

/* ---- names --------------------------------------------------------------- */

static const char *
next_hop(const struct ac_reach *reach)
{
	return reach->proxy != NULL ? reach->proxy->host : reach->url->host;
}

void
ac_reach_look_up(struct ac_reach *reach)
{
	ac_checkup_set_limit(reach->checkup, NAMES_MS);
	reach->resolution = ac_resolver_start(
	    reach->resolver, next_hop(reach), on_resolved, reach);
}

static void
on_resolved(const struct ac_ip_list *ips, const char *why, void *arg)
{
	struct ac_reach *reach = arg;
	struct evbuffer *text;
	char *list;

	reach->resolution = NULL;
	if (ips == NULL) {
		ac_checkup_say(reach->checkup, AC_FINDING_FAILED,
		    "Is the name right, and does this machine's resolver work "
		    "(/etc/resolv.conf)?\nWhere only a proxy knows names, set "
		    "HTTPS_PROXY.",
		    "%s: %s (%" PRId64 " ms)", next_hop(reach), why,
		    ac_checkup_elapsed_ms(reach->checkup));
		ac_checkup_next(reach->checkup);
		return;
	}
	text = ac_text_new();
	for (size_t i = 0; i < ips->count; i++) {
		ac_text_add_string(text, i == 0 ? "" : ", ");
		ac_text_add_string(text, ips->ips[i].text);
	}
	list = ac_text_take(text);
	if (ac_ip_is_literal(next_hop(reach)))
		ac_checkup_say(reach->checkup, AC_FINDING_OK, NULL,
		    "%s is an address", next_hop(reach));
	else
		ac_checkup_say(reach->checkup, AC_FINDING_OK, NULL,
		    "%s is %s (%" PRId64 " ms)", next_hop(reach), list,
		    ac_checkup_elapsed_ms(reach->checkup));
	free(list);
	ac_checkup_next(reach->checkup);
}

/* ---- connection ---------------------------------------------------------- */

struct ac_http_origin
ac_reach_origin(const struct ac_reach *reach)
{
	return (struct ac_http_origin){
	    .base = reach->base,
	    .reaper = reach->reaper,
	    .tls = reach->tls,
	    .url = reach->url,
	    .proxy = reach->proxy,
	    .connect_timeout_ms = reach->options->connect_timeout_s * 1000,
	    .answer_timeout_ms = reach->options->first_event_timeout_s * 1000,
	    .silence_timeout_ms = reach->options->silence_timeout_s * 1000,
	};
}

static struct ac_tls *
make_tls(struct ac_reach *reach, char *why, size_t why_size)
{
	return ac_tls_new(reach->options->ssl_cert_file,
	    reach->options->ssl_cert_dir, why, why_size);
}

static bool
build_tls(struct ac_reach *reach)
{
	char why[AC_REASON_SIZE];

	if (!reach->url->tls)
		return true;
	reach->tls = make_tls(reach, why, sizeof(why));
	if (reach->tls != NULL)
		reach->look_tls = make_tls(reach, why, sizeof(why));
	if (reach->look_tls != NULL) {
		ac_tls_accept_any(reach->look_tls);
		return true;
	}
	ac_checkup_say(reach->checkup, AC_FINDING_FAILED, NULL, "%s", why);
	return false;
}

void
ac_reach_connect(struct ac_reach *reach)
{
	struct ac_http_origin origin;
	struct ac_http_header header = {
	    "User-Agent", "akashchat-api/" AC_VERSION};
	struct ac_http_request request = {
	    .method = AC_HTTP_GET,
	    .path = "/",
	    .headers = &header,
	    .header_count = 1,
	};

	if (!build_tls(reach)) {
		ac_checkup_next(reach->checkup);
		return;
	}
	origin = ac_reach_origin(reach);
	origin.tls = reach->look_tls;
	origin.on_connected = on_connected;
	origin.connected_arg = reach;
	/* Every address has its turn. */
	ac_checkup_set_limit(reach->checkup,
	    origin.connect_timeout_ms * AC_ADDRESSES_MAX + NAMES_MS);
	reach->client = ac_http_client_new(&origin, reach->resolver);
	reach->ask = ac_ask_start(
	    reach->client, reach->reaper, &request, &handlers, reach);
}

/* Where a connection leads to. */
static void
print_peer(struct bufferevent *bev, char *out, size_t size)
{
	struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
	socklen_t len = sizeof(peer);
	const struct sockaddr_in *v4 = (const void *)&peer;
	const struct sockaddr_in6 *v6 = (const void *)&peer;
	char text[INET6_ADDRSTRLEN] = "";

	*out = '\0';
	if (getpeername(
		bufferevent_getfd(bev), (struct sockaddr *)&peer, &len) != 0)
		return;
	if (peer.ss_family == AF_INET &&
	    evutil_inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text)) !=
		NULL)
		snprintf(out, size, "%s port %u", text, ntohs(v4->sin_port));
	if (peer.ss_family == AF_INET6 &&
	    evutil_inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text)) !=
		NULL)
		snprintf(out, size, "%s port %u", text, ntohs(v6->sin6_port));
}

static void
on_connected(struct bufferevent *bev, void *arg)
{
	struct ac_reach *reach = arg;

	reach->connect_ms = ac_checkup_elapsed_ms(reach->checkup);
	print_peer(bev, reach->ip, sizeof(reach->ip));
	reach->has_peer = ac_tls_look(bev, &reach->peer);
	if (!reach->has_peer || !ac_tls_explain(bev, reach->url->host,
				    reach->verify, sizeof(reach->verify)))
		reach->verify[0] = '\0';
	ac_timer_run_soon(reach->connected);
}

enum ac_finding
ac_reach_judge_life(int64_t seconds_left)
{
	if (seconds_left <= 0)
		return AC_FINDING_FAILED;
	return seconds_left < (int64_t)SOON_DAYS * DAY_S ? AC_FINDING_WARNING
							 : AC_FINDING_OK;
}

void
ac_reach_describe_life(int64_t seconds_left, char *out, size_t size)
{
	int64_t days =
	    (seconds_left < 0 ? -seconds_left : seconds_left) / DAY_S;

	snprintf(out, size,
	    seconds_left < 0 ? "ended %" PRId64 " day%s ago"
			     : "ends in %" PRId64 " day%s",
	    days, days == 1 ? "" : "s");
}

static void
say_certificate(struct ac_reach *reach)
{
	const struct ac_tls_certificate *certificate = &reach->peer.certificate;
	enum ac_finding finding =
	    ac_reach_judge_life(certificate->seconds_left);
	const char *advice = NULL;
	char life[64];

	ac_reach_describe_life(certificate->seconds_left, life, sizeof(life));
	if (finding != AC_FINDING_OK)
		advice = "Renew the server's certificate.";
	if (reach->verify[0] != '\0') {
		finding = AC_FINDING_FAILED;
		advice = "An authority of one's own goes into SSL_CERT_FILE. "
			 "Is this machine's clock right,\nand does the server "
			 "send the whole chain?";
	}
	ac_checkup_say(reach->checkup, finding, advice,
	    "%s, certificate of %s by %s, %s, %zu in the chain%s%s",
	    reach->peer.protocol, certificate->subject, certificate->issuer,
	    life, reach->peer.chain_len, reach->verify[0] == '\0' ? "" : "; ",
	    reach->verify);
}

static void
on_connected_event(evutil_socket_t fd, short what, void *arg)
{
	struct ac_reach *reach = arg;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	ac_reach_stop(reach);
	ac_checkup_say(reach->checkup, AC_FINDING_OK, NULL,
	    "%s to %s%s in %" PRId64 " ms",
	    reach->url->tls ? "TCP and TLS" : "TCP",
	    reach->proxy != NULL ? "the proxy at " : "", reach->ip,
	    reach->connect_ms);
	if (reach->has_peer)
		say_certificate(reach);
	ac_checkup_next(reach->checkup);
}

static const char *
advise(const struct ac_reach *reach, const struct ac_error *error)
{
	if (error == NULL)
		return NULL;
	return reach->advice != NULL && error->code != AC_ERROR_UPSTREAM_PROXY
		   ? reach->advice
		   : ac_words_advice(error->code);
}

static void
on_done(struct ac_ask_reply *reply, const struct ac_error *error, void *arg)
{
	struct ac_reach *reach = arg;

	AC_UNUSED(reply);
	reach->ask = NULL;
	if (event_pending(reach->connected, EV_TIMEOUT, NULL))
		return; /* it has come about, and that is told */
	ac_checkup_say(reach->checkup, AC_FINDING_FAILED, advise(reach, error),
	    "%s (%" PRId64 " ms)",
	    error == NULL ? "no connection" : ac_words_cause(error),
	    ac_checkup_elapsed_ms(reach->checkup));
	ac_checkup_next(reach->checkup);
}

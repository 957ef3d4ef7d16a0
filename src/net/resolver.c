/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The resolver: see resolver.h. evdns may call back before
 * evdns_getaddrinfo() returns (literals, /etc/hosts), so an answer is kept
 * in the resolution and told from an event of its own.
 *
 * A resolution is LOOKING (evdns owes a callback) or ANSWERED. One that is
 * cancelled while LOOKING stays until evdns has called back, and so does
 * evdns's base, since evdns looks at it in that callback, also where the base
 * was freed meanwhile.
 */
#include "net/resolver.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/timer.h"
#include "base/url.h"

struct ac_resolver {
	struct event_base *base; /* borrowed */
	struct evdns_base *dns;  /* owned */
	size_t looking;          /* how many callbacks evdns owes */
	struct event *end_event; /* owned; NULL: it was not freed yet */
};

struct ac_resolution {
	struct ac_resolver *resolver; /* borrowed */
	ac_resolved_fn *on_resolved;  /* NULL: cancelled */
	void *arg;
	struct event *answer_event;                /* owned */
	struct evdns_getaddrinfo_request *request; /* evdns's, while LOOKING */
	bool looking;
	const char *why;
	struct ac_ip_list ips;
};

static void end(struct ac_resolver *);
static void on_dns_answer(int result, struct evutil_addrinfo *, void *arg);
static void on_answer(evutil_socket_t, short, void *arg);
static void on_end(evutil_socket_t, short, void *arg);
static void free_resolution(struct ac_resolution *);

struct ac_resolver *
ac_resolver_new(struct event_base *base)
{
	struct ac_resolver *resolver = ac_calloc(1, sizeof(*resolver));

	resolver->base = base;
	resolver->dns =
	    evdns_base_new(base, EVDNS_BASE_INITIALIZE_NAMESERVERS |
				     EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (resolver->dns == NULL) {
		/* No resolv.conf, or one without a name server. */
		resolver->dns =
		    evdns_base_new(base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
		if (resolver->dns == NULL)
			ac_out_of_memory();
		evdns_base_resolv_conf_parse(
		    resolver->dns, DNS_OPTIONS_ALL, "/etc/resolv.conf");
	}
	/* Quicker than evdns's 3 times 5 s; mixed case breaks some resolvers.
	 */
	evdns_base_set_option(resolver->dns, "timeout:", "2");
	evdns_base_set_option(resolver->dns, "attempts:", "2");
	evdns_base_set_option(resolver->dns, "randomize-case:", "0");
	return resolver;
}

void
ac_resolver_free(struct ac_resolver *resolver)
{
	if (resolver == NULL)
		return;
	if (resolver->looking > 0)
		resolver->end_event =
		    ac_timer_new(resolver->base, on_end, resolver);
	else
		end(resolver);
}

static void
end(struct ac_resolver *resolver)
{
	evdns_base_free(resolver->dns, 1);
	free(resolver);
}

static void
on_end(evutil_socket_t fd, short what, void *arg)
{
	struct ac_resolver *resolver = arg;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	event_free(resolver->end_event);
	end(resolver);
}

struct ac_resolution *
ac_resolver_start(struct ac_resolver *resolver, const char *host,
    ac_resolved_fn *on_resolved, void *arg)
{
	struct ac_resolution *resolution = ac_calloc(1, sizeof(*resolution));
	struct evutil_addrinfo hints = {
	    .ai_family = AF_UNSPEC,
	    .ai_socktype = SOCK_STREAM,
	    .ai_protocol = IPPROTO_TCP,
	};

	resolution->resolver = resolver;
	resolution->on_resolved = on_resolved;
	resolution->arg = arg;
	resolution->answer_event =
	    ac_timer_new(resolver->base, on_answer, resolution);
	/* No IPv6 addresses of a name where this machine has no IPv6; a literal
	 * is taken as it is. */
	if (!ac_ip_is_literal(host))
		hints.ai_flags = EVUTIL_AI_ADDRCONFIG;
	resolution->looking = true;
	resolver->looking++;
	resolution->request = evdns_getaddrinfo(
	    resolver->dns, host, NULL, &hints, on_dns_answer, resolution);
	return resolution;
}

void
ac_resolution_cancel(struct ac_resolution *resolution)
{
	resolution->on_resolved = NULL;
	if (!resolution->looking)
		free_resolution(resolution);
	else if (resolution->request != NULL)
		evdns_getaddrinfo_cancel(resolution->request);
}

static void
free_resolution(struct ac_resolution *resolution)
{
	event_free(resolution->answer_event);
	free(resolution);
}

static const char *
explain(int result)
{
	switch (result) {
	case EVUTIL_EAI_NONAME:
	case EVUTIL_EAI_NODATA:
		return "there is no such host";
	case EVUTIL_EAI_AGAIN:
	case EVUTIL_EAI_FAIL:
		return "the name server did not answer";
	default:
		return "the name could not be looked up";
	}
}

static void
add_ip(struct ac_ip_list *ips, const struct sockaddr *address)
{
	const struct sockaddr_in *v4 = (const void *)address;
	const struct sockaddr_in6 *v6 = (const void *)address;
	char *text = ips->ips[ips->count].text;
	size_t size = sizeof(ips->ips[0].text);
	const void *bytes;

	if (address->sa_family == AF_INET)
		bytes = &v4->sin_addr;
	else if (address->sa_family == AF_INET6)
		bytes = &v6->sin6_addr;
	else
		return;
	if (inet_ntop(address->sa_family, bytes, text, (socklen_t)size) != NULL)
		ips->count++;
}

static void
on_dns_answer(int result, struct evutil_addrinfo *list, void *arg)
{
	struct ac_resolution *resolution = arg;
	struct ac_resolver *resolver = resolution->resolver;

	resolution->looking = false;
	if (--resolver->looking == 0 && resolver->end_event != NULL)
		ac_timer_run_soon(resolver->end_event);
	resolution->request = NULL;
	for (struct evutil_addrinfo *ai = list;
	     ai != NULL && resolution->ips.count < AC_ADDRESSES_MAX;
	     ai = ai->ai_next)
		add_ip(&resolution->ips, ai->ai_addr);
	if (list != NULL)
		evutil_freeaddrinfo(list);
	if (resolution->ips.count == 0)
		resolution->why = explain(result);
	if (resolution->on_resolved == NULL)
		free_resolution(resolution);
	else
		ac_timer_run_soon(resolution->answer_event);
}

static void
on_answer(evutil_socket_t fd, short what, void *arg)
{
	struct ac_resolution *resolution = arg;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	resolution->on_resolved(
	    resolution->ips.count > 0 ? &resolution->ips : NULL,
	    resolution->why, resolution->arg);
	free_resolution(resolution);
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Names to addresses without blocking: literals, /etc/hosts and DNS by
 * libevent's evdns. Works without an /etc/resolv.conf too (then the name
 * server is 127.0.0.1, as resolv.conf(5) says).
 */
#ifndef AC_NET_RESOLVER_H
#define AC_NET_RESOLVER_H

#include <stddef.h>
#include <sys/socket.h>

struct ac_resolver;
struct ac_resolution;
struct event_base;

enum { AC_ADDRESSES_MAX = 8 };

/* An address as text, such as "127.0.0.1" or "::1". */
struct ac_ip {
	char text[64];
};

struct ac_ip_list {
	size_t count; /* at least 1, at most AC_ADDRESSES_MAX */
	struct ac_ip ips[AC_ADDRESSES_MAX];
};

/* Called once: with the addresses (borrowed for the call), or with NULL and
 * a constant text that says why there are none. */
typedef void ac_resolved_fn(
    const struct ac_ip_list *ips, const char *why, void *arg);

struct ac_resolver *ac_resolver_new(struct event_base *base);

/* Every resolution has been cancelled or has called back before. What is left
 * of those that were cancelled goes with the loop's next turn. */
void ac_resolver_free(struct ac_resolver *resolver);

/*
 * Starts to look host up. The callback does not run before this returns.
 * The result belongs to the resolver and is gone when the callback returns
 * or after the cancelling.
 */
struct ac_resolution *ac_resolver_start(struct ac_resolver *resolver,
    const char *host, ac_resolved_fn *on_resolved, void *arg);

/* The callback will not run any more. */
void ac_resolution_cancel(struct ac_resolution *resolution);

#endif

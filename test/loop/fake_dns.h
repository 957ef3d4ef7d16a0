/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Names without a network. In a program that is linked with --wrap for
 * evdns_base_new, evdns_base_free and evdns_getaddrinfo, the resolver has
 * the hosts file that is given here and, as its only name server, one on a
 * loopback port of its own loop; and it never leaves IPv6 out.
 */
#ifndef AC_TEST_FAKE_DNS_H
#define AC_TEST_FAKE_DNS_H

#include <stdbool.h>
#include <stddef.h>

struct fake_record {
	const char *name;
	const char *v4; /* or NULL */
	const char *v6; /* or NULL */
};

struct fake_dns {
	const char *hosts;                 /* the hosts file's text */
	const struct fake_record *records; /* its end: a NULL name */
	bool is_silent;                    /* no query is answered */
	size_t queries;                    /* that have come */
};

/* For the resolvers that are made from now on; what lies behind fake must
 * outlive them. */
void fake_dns_use(struct fake_dns *fake);

#endif

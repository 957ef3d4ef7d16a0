/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What can be told of the other side of a TLS connection, and of
 * certificates in files. */
#ifndef AC_NET_TLS_PEER_H
#define AC_NET_TLS_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct bufferevent;

enum { AC_TLS_NAME_SIZE = 128 };

/* Names are one line of printable ASCII, perhaps cut. */
struct ac_tls_certificate {
	char subject[AC_TLS_NAME_SIZE]; /* its common name, or all of it */
	char issuer[AC_TLS_NAME_SIZE];  /* likewise */
	int64_t seconds_left;           /* negative: it has expired */
};

struct ac_tls_peer {
	const char *protocol; /* "TLSv1.3"; constant */
	size_t chain_len;     /* certificates that were sent */
	struct ac_tls_certificate certificate;
};

/* Looks at a connection whose handshake is over; false where it is plain. */
AC_MUST_CHECK bool ac_tls_look(
    struct bufferevent *bev, struct ac_tls_peer *peer);

/* Reads the first certificate of a PEM file; false where there is none. */
AC_MUST_CHECK bool ac_tls_certificate_read(
    struct ac_tls_certificate *certificate, const char *path);

#endif

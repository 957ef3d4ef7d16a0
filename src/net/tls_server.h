/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * TLS for incoming connections: one context with the certificate and its
 * key, one TLS object for each connection. A context does not change. New
 * files make a new one: connections that exist hold on to the old one, so it
 * may be freed as soon as no more are to be made with it.
 */
#ifndef AC_NET_TLS_SERVER_H
#define AC_NET_TLS_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct ac_tls_server;
struct bufferevent;
struct event_base;

/*
 * A server context for TLS 1.2 and 1.3. Both files are PEM (RFC 7468):
 * cert_file holds the certificate and then the chain above it, key_file its
 * key without a password. NULL, and a line in why that names the option
 * (TLS_CERT or TLS_KEY) and the file, where they are of no use; nobody is
 * asked for anything.
 */
AC_MUST_CHECK struct ac_tls_server *ac_tls_server_new(
    const char *cert_file, const char *key_file, char *why, size_t why_size);

/*
 * The same for options that may be empty (NULL): *tls is NULL where both are,
 * which is fine. False and why where one of them is, or as above.
 */
AC_MUST_CHECK bool ac_tls_server_load(struct ac_tls_server **tls,
    const char *cert_file, const char *key_file, char *why, size_t why_size);

/* tls may be NULL. */
void ac_tls_server_free(struct ac_tls_server *tls);

/* A bufferevent without a socket, whose handshake begins when it gets one.
 * The caller owns it; it closes its socket when it is freed. */
struct bufferevent *ac_tls_server_bufferevent_new(
    struct ac_tls_server *tls, struct event_base *base);

/* What went wrong with a client's TLS. */
enum ac_tls_server_failure {
	AC_TLS_SERVER_FINE,       /* or plain, or cut off by the client */
	AC_TLS_SERVER_PLAIN_HTTP, /* an http:// request came instead; nothing
				     has been sent */
	AC_TLS_SERVER_FAILED,
};

/* What ended a connection, with OpenSSL's word for it (constant) in text in
 * all cases but FINE. It can be asked once, within the bufferevent's event
 * callback or right before it is freed. */
enum ac_tls_server_failure ac_tls_server_find_failure(
    struct bufferevent *bev, const char **text);

#endif

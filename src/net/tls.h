/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * TLS for outgoing connections to one host: a context with the trusted
 * authorities and the session to resume, one TLS object for each connection
 * with the host's name to be verified, and plain words for what a handshake
 * found wrong.
 */
#ifndef AC_NET_TLS_H
#define AC_NET_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct ac_tls;
struct bufferevent;
struct event_base;

/*
 * A client context, TLS 1.2 at least. cert_file and cert_dir are those of
 * the options and may be NULL. The system's authorities come from its hash
 * directory, of which OpenSSL reads only the file it needs; the large bundle
 * is read only where there is no such directory. NULL, and a line in why,
 * where a named file or directory cannot be read.
 */
struct ac_tls *ac_tls_new(
    const char *cert_file, const char *cert_dir, char *why, size_t why_size);

/* Connections that are made from now on are kept whatever the certificate is;
 * ac_tls_explain() and ac_tls_look() (tls_peer.h) still tell what a
 * verification would have said. */
void ac_tls_accept_any(struct ac_tls *tls);

/* tls may be NULL. Connections that exist keep what they need of it. */
void ac_tls_free(struct ac_tls *tls);

/*
 * A bufferevent, not yet connected, whose handshake sends host as SNI and
 * accepts only a chain and a name that verify; host may be an IP address and
 * is the same in every call for one tls. The session of an earlier
 * connection is resumed where the server does so. The caller owns the
 * bufferevent; it closes its socket when it is freed.
 */
struct bufferevent *ac_tls_bufferevent_new(
    struct ac_tls *tls, struct event_base *base, const char *host);

/*
 * After a handshake failed: writes why into out, in words for people, and
 * returns true; false if TLS found nothing wrong. Call it within the
 * bufferevent's event callback, when its errors are still there.
 */
AC_MUST_CHECK bool ac_tls_explain(
    struct bufferevent *bev, const char *host, char *out, size_t size);

/*
 * Gives back the record buffers that a connection holds without a record in
 * them. OpenSSL does so itself (SSL_MODE_RELEASE_BUFFERS), but not where it
 * has read a session's ticket, which a server sends at the beginning. Does
 * nothing on a plain one.
 */
void ac_tls_release_buffers(struct bufferevent *bev);

/* Brings what waits to be written together, so that it leaves in one record:
 * libevent makes a record of each piece of the buffer. Nothing happens to a
 * plain bufferevent, which writes all pieces at once. */
void ac_tls_join_output(struct bufferevent *bev);

/* Says goodbye on a connection whose handshake had ended, so that the peer
 * sees a clean end and the session may be resumed. Call it right before the
 * socket is closed; does nothing on a plain one, nor where it is closed. */
void ac_tls_shutdown(struct bufferevent *bev);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The TLS of a scripted peer's connection, and of a raw client's: a machine
 * without a socket, so that the test decides what goes out when. */
#ifndef AC_TEST_PEER_TLS_H
#define AC_TEST_PEER_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/types.h>

struct evbuffer;

struct peer_tls {
	SSL *ssl;             /* owned */
	bool is_up;           /* the handshake is over */
	bool failed;          /* the other side gave up, or spoke no TLS */
	bool got_goodbye;     /* a close_notify came */
	size_t data_records;  /* of application data that came */
	struct evbuffer *out; /* borrowed: what is to go on the wire */
};

struct peer_tls *peer_tls_new(SSL_CTX *context, struct evbuffer *out);

/* The client's side: its first words are in out when this returns. */
struct peer_tls *peer_tls_new_client(SSL_CTX *context, struct evbuffer *out);

void peer_tls_free(struct peer_tls *tls);

/* len bytes came from the wire; the plain text in them is put into in. */
void peer_tls_feed(
    struct peer_tls *tls, const void *data, size_t len, struct evbuffer *in);

/* Sends plain text. */
void peer_tls_send(struct peer_tls *tls, const void *data, size_t len);

/* Sends close_notify. */
void peer_tls_say_goodbye(struct peer_tls *tls);

#endif

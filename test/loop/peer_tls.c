/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The TLS of a scripted peer's connection: see peer_tls.h. */
#include "peer_tls.h"

#include <stdlib.h>

#include <event2/buffer.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/attr.h"
#include "base/mem.h"

/* OpenSSL tells of every record's header and, of TLS 1.3, of what is inside
 * it (SSL_CTX_set_msg_callback(3)). */
static void
on_message(int is_written, int version, int content_type, const void *data,
    size_t len, SSL *ssl, void *arg)
{
	struct peer_tls *tls = arg;
	const unsigned char *bytes = data;

	AC_UNUSED(version);
	if (is_written || len == 0 || bytes[0] != SSL3_RT_APPLICATION_DATA)
		return;
	if (content_type == SSL3_RT_INNER_CONTENT_TYPE ||
	    (content_type == SSL3_RT_HEADER &&
		SSL_version(ssl) < TLS1_3_VERSION))
		tls->data_records++;
}

static struct peer_tls *
new_machine(SSL_CTX *context, struct evbuffer *out)
{
	struct peer_tls *tls = ac_calloc(1, sizeof(*tls));

	tls->out = out;
	tls->ssl = SSL_new(context);
	if (tls->ssl == NULL)
		ac_out_of_memory();
	SSL_set_bio(tls->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_set_msg_callback(tls->ssl, on_message);
	SSL_set_msg_callback_arg(tls->ssl, tls);
	return tls;
}

struct peer_tls *
peer_tls_new(SSL_CTX *context, struct evbuffer *out)
{
	struct peer_tls *tls = new_machine(context, out);

	SSL_set_accept_state(tls->ssl);
	return tls;
}

struct peer_tls *
peer_tls_new_client(SSL_CTX *context, struct evbuffer *out)
{
	struct peer_tls *tls = new_machine(context, out);

	SSL_set_connect_state(tls->ssl);
	peer_tls_feed(tls, "", 0, NULL);
	return tls;
}

void
peer_tls_free(struct peer_tls *tls)
{
	if (tls == NULL)
		return;
	SSL_free(tls->ssl);
	free(tls);
}

/* Moves what OpenSSL has to say to the wire. */
static void
collect(struct peer_tls *tls)
{
	BIO *bio = SSL_get_wbio(tls->ssl);
	char piece[4096];
	int len;

	while ((len = BIO_read(bio, piece, sizeof(piece))) > 0)
		evbuffer_add(tls->out, piece, (size_t)len);
}

static void
read_all(struct peer_tls *tls, struct evbuffer *in)
{
	char piece[4096];
	int len;

	while ((len = SSL_read(tls->ssl, piece, sizeof(piece))) > 0)
		evbuffer_add(in, piece, (size_t)len);
	switch (SSL_get_error(tls->ssl, len)) {
	case SSL_ERROR_WANT_READ:
		break;
	case SSL_ERROR_ZERO_RETURN:
		tls->got_goodbye = true;
		break;
	default:
		tls->failed = true;
		break;
	}
}

void
peer_tls_feed(
    struct peer_tls *tls, const void *data, size_t len, struct evbuffer *in)
{
	ERR_clear_error();
	if (tls->failed ||
	    BIO_write(SSL_get_rbio(tls->ssl), data, (int)len) != (int)len)
		return;
	if (!tls->is_up) {
		int result = SSL_do_handshake(tls->ssl);

		tls->is_up = result == 1;
		tls->failed = result != 1 && SSL_get_error(tls->ssl, result) !=
						 SSL_ERROR_WANT_READ;
	}
	if (tls->is_up)
		read_all(tls, in);
	collect(tls);
	ERR_clear_error();
}

void
peer_tls_send(struct peer_tls *tls, const void *data, size_t len)
{
	ERR_clear_error();
	if (len > 0 && SSL_write(tls->ssl, data, (int)len) != (int)len)
		tls->failed = true;
	collect(tls);
}

void
peer_tls_say_goodbye(struct peer_tls *tls)
{
	ERR_clear_error();
	if (tls->is_up)
		SSL_shutdown(tls->ssl);
	collect(tls);
	ERR_clear_error();
}

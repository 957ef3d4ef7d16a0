/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* TLS for incoming connections: see tls_server.h. */
#include "net/tls_server.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "base/file.h"
#include "base/mem.h"

struct ac_tls_server {
	SSL_CTX *context; /* owned; every SSL holds a reference */
};

static void set_up(SSL_CTX *);
static bool load_certificate(
    SSL_CTX *, const char *path, char *why, size_t why_size);
static bool load_key(SSL_CTX *, const char *path, char *why, size_t why_size);
static int choose_protocol(SSL *, const unsigned char **out,
    unsigned char *out_len, const unsigned char *in, unsigned in_len,
    void *arg);

struct ac_tls_server *
ac_tls_server_new(
    const char *cert_file, const char *key_file, char *why, size_t why_size)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	struct ac_tls_server *tls;
	bool ok;

	if (context == NULL)
		ac_out_of_memory();
	set_up(context);
	ok = load_certificate(context, cert_file, why, why_size) &&
	     load_key(context, key_file, why, why_size);
	/* Or a connection's error would seem to be one of these. */
	ERR_clear_error();
	if (!ok) {
		SSL_CTX_free(context);
		return NULL;
	}
	tls = ac_calloc(1, sizeof(*tls));
	tls->context = context;
	return tls;
}

bool
ac_tls_server_load(struct ac_tls_server **tls, const char *cert_file,
    const char *key_file, char *why, size_t why_size)
{
	*tls = NULL;
	if (cert_file == NULL && key_file == NULL)
		return true;
	if (cert_file == NULL || key_file == NULL) {
		snprintf(why, why_size, "%s is set without %s: TLS needs both",
		    cert_file != NULL ? "TLS_CERT" : "TLS_KEY",
		    cert_file != NULL ? "TLS_KEY" : "TLS_CERT");
		return false;
	}
	*tls = ac_tls_server_new(cert_file, key_file, why, why_size);
	return *tls != NULL;
}

void
ac_tls_server_free(struct ac_tls_server *tls)
{
	if (tls == NULL)
		return;
	SSL_CTX_free(tls->context);
	free(tls);
}

static void
set_up(SSL_CTX *context)
{
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	/* Clients resume by tickets, which they keep themselves. */
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
}

/* A client that offers protocols gets the one that is spoken here, or, where
 * it is not among them, an alert (RFC 7301, 3.2). */
static int
choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
    const unsigned char *in, unsigned in_len, void *arg)
{
	static const unsigned char spoken[] = "\x08http/1.1";
	unsigned char *chosen;

	AC_UNUSED(ssl);
	AC_UNUSED(arg);
	if (SSL_select_next_proto(&chosen, out_len, spoken, sizeof(spoken) - 1,
		in, in_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static bool
can_read(const char *option, const char *path, char *why, size_t why_size)
{
	const char *reason = NULL;
	FILE *file = ac_file_open(path, &reason);

	if (file != NULL && fgetc(file) == EOF && ferror(file))
		reason = strerror(errno);
	if (reason != NULL)
		snprintf(why, why_size, "%s=%.300s: %s", option, path, reason);
	if (file != NULL)
		fclose(file);
	return reason == NULL;
}

/* What OpenSSL thinks of a file that could be read. */
static bool
refuse_file(const char *option, const char *path, const char *lacks, char *why,
    size_t why_size)
{
	unsigned long error = ERR_peek_last_error();

	/* A reason of its own, such as a key that is too small, or that
	 * there was nothing to parse. */
	if (ERR_GET_LIB(error) == ERR_LIB_SSL &&
	    ERR_GET_REASON(error) != ERR_R_PEM_LIB)
		snprintf(why, why_size,
		    "%s=%.300s: OpenSSL does not accept it: %s", option, path,
		    ERR_reason_error_string(error));
	else
		snprintf(why, why_size, "%s=%.300s: there is no %s in it",
		    option, path, lacks);
	return false;
}

static bool
load_certificate(SSL_CTX *context, const char *path, char *why, size_t why_size)
{
	if (!can_read("TLS_CERT", path, why, why_size))
		return false;
	if (SSL_CTX_use_certificate_chain_file(context, path) == 1)
		return true;
	return refuse_file("TLS_CERT", path, "certificate", why, why_size);
}

/* In place of OpenSSL's, which asks on the terminal. */
static int
refuse_password(char *buf, int size, int is_writing, void *arg)
{
	bool *is_encrypted = arg;

	AC_UNUSED(is_writing);
	if (size > 0)
		*buf = '\0';
	*is_encrypted = true;
	return -1;
}

static bool
load_key(SSL_CTX *context, const char *path, char *why, size_t why_size)
{
	bool is_encrypted = false;
	EVP_PKEY *key;
	FILE *file;
	bool ok;

	if (!can_read("TLS_KEY", path, why, why_size))
		return false;
	file = fopen(path, "r");
	key = file == NULL ? NULL
			   : PEM_read_PrivateKey(
				 file, NULL, refuse_password, &is_encrypted);
	if (file != NULL)
		fclose(file);
	if (is_encrypted) {
		snprintf(why, why_size,
		    "TLS_KEY=%.300s: the key is encrypted; it is to be without "
		    "a password",
		    path);
		ok = false;
	} else if (key == NULL) {
		ok = refuse_file("TLS_KEY", path, "private key", why, why_size);
	} else if (SSL_CTX_use_PrivateKey(context, key) != 1 ||
		   SSL_CTX_check_private_key(context) != 1) {
		snprintf(why, why_size,
		    "TLS_KEY=%.300s: it is not the key of the certificate in "
		    "TLS_CERT",
		    path);
		ok = false;
	} else {
		ok = true;
	}
	EVP_PKEY_free(key);
	return ok;
}

struct bufferevent *
ac_tls_server_bufferevent_new(
    struct ac_tls_server *tls, struct event_base *base)
{
	SSL *ssl = SSL_new(tls->context);
	struct bufferevent *bev;

	if (ssl == NULL)
		ac_out_of_memory();
	bev = bufferevent_openssl_socket_new(
	    base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	if (bev == NULL)
		ac_out_of_memory();
	return bev;
}

enum ac_tls_server_failure
ac_tls_server_find_failure(struct bufferevent *bev, const char **text)
{
	SSL *ssl = bufferevent_openssl_get_ssl(bev);
	unsigned long error;

	if (ssl == NULL || SSL_is_init_finished(ssl))
		return AC_TLS_SERVER_FINE;
	/* The first is libevent's note of the kind of error, and the last to
	 * be told. */
	while ((error = bufferevent_get_openssl_error(bev)) != 0) {
		*text = ERR_reason_error_string(error);
		if (ERR_GET_LIB(error) != ERR_LIB_SSL || *text == NULL)
			continue;
		switch (ERR_GET_REASON(error)) {
		case SSL_R_UNEXPECTED_EOF_WHILE_READING:
			return AC_TLS_SERVER_FINE;
		case SSL_R_HTTP_REQUEST:
			return AC_TLS_SERVER_PLAIN_HTTP;
		default:
			return AC_TLS_SERVER_FAILED;
		}
	}
	return AC_TLS_SERVER_FINE;
}

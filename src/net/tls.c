/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * TLS for outgoing connections: see tls.h.
 *
 * OpenSSL tells of a session when its ticket arrives, which with TLS 1.3 is
 * after the handshake. The latest is kept and offered to every new
 * connection; a server that does not know it any more makes a full handshake
 * of that. A session is only taken back by a later connection if its own
 * ended with SSL_shutdown(): see ac_tls_shutdown().
 */
#include "net/tls.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/mem.h"
#include "base/url.h"

struct ac_tls {
	SSL_CTX *context;     /* owned; every SSL holds a reference */
	SSL_SESSION *session; /* owned: the latest; NULL: none yet */
	char *host;           /* owned: of the first connection, and of all */
};

static bool load_authorities(SSL_CTX *, const char *cert_file,
    const char *cert_dir, char *why, size_t why_size);
static bool has_hashed_names(const char *dir);
static int on_session(SSL *, SSL_SESSION *);
static bool set_expected_name(SSL *, const char *host);

struct ac_tls *
ac_tls_new(
    const char *cert_file, const char *cert_dir, char *why, size_t why_size)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	struct ac_tls *tls;

	if (context == NULL)
		ac_out_of_memory();
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	if (!load_authorities(context, cert_file, cert_dir, why, why_size)) {
		SSL_CTX_free(context);
		return NULL;
	}
	tls = ac_calloc(1, sizeof(*tls));
	tls->context = context;
	SSL_CTX_set_app_data(context, tls);
	SSL_CTX_set_session_cache_mode(
	    context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(context, on_session);
	return tls;
}

void
ac_tls_accept_any(struct ac_tls *tls)
{
	SSL_CTX_set_verify(tls->context, SSL_VERIFY_NONE, NULL);
}

void
ac_tls_free(struct ac_tls *tls)
{
	if (tls == NULL)
		return;
	/* Connections may outlive this, and with them the context. */
	SSL_CTX_sess_set_new_cb(tls->context, NULL);
	SSL_CTX_free(tls->context);
	SSL_SESSION_free(tls->session);
	free(tls->host);
	free(tls);
}

/* A session that may be resumed; its reference is kept by returning 1. */
static int
on_session(SSL *ssl, SSL_SESSION *session)
{
	struct ac_tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	SSL_SESSION_free(tls->session);
	tls->session = session;
	return 1;
}

static bool
load_authorities(SSL_CTX *context, const char *cert_file, const char *cert_dir,
    char *why, size_t why_size)
{
	const char *dir =
	    cert_dir != NULL ? cert_dir : X509_get_default_cert_dir();

	if (cert_file != NULL &&
	    SSL_CTX_load_verify_file(context, cert_file) != 1) {
		snprintf(why, why_size,
		    "SSL_CERT_FILE=%s: no certificate could be read from it",
		    cert_file);
		ERR_clear_error();
		return false;
	}
	if (has_hashed_names(dir))
		return SSL_CTX_load_verify_dir(context, dir) == 1;
	if (cert_dir != NULL) {
		snprintf(why, why_size,
		    "SSL_CERT_DIR=%s: it holds no hashed certificates "
		    "(openssl rehash makes them)",
		    cert_dir);
		return false;
	}
	/* Where nothing is to be found no chain will verify, and the first
	 * request is told so: a program with a plain upstream may start. */
	if (cert_file == NULL && SSL_CTX_load_verify_file(context,
				     X509_get_default_cert_file()) != 1)
		ERR_clear_error();
	return true;
}

/* Whether a directory holds names such as 5ed36f99.0. */
static bool
has_hashed_names(const char *dir)
{
	DIR *stream = opendir(dir);
	struct dirent *entry;
	bool found = false;

	if (stream == NULL)
		return false;
	while (!found && (entry = readdir(stream)) != NULL) {
		size_t digits = strspn(entry->d_name, "0123456789abcdef");

		found = digits == 8 && entry->d_name[8] == '.' &&
			isdigit((unsigned char)entry->d_name[9]);
	}
	closedir(stream);
	return found;
}

struct bufferevent *
ac_tls_bufferevent_new(
    struct ac_tls *tls, struct event_base *base, const char *host)
{
	SSL *ssl = SSL_new(tls->context);
	struct bufferevent *bev;

	/* A resumed session is not verified again: never for another host. */
	if (tls->host == NULL)
		tls->host = ac_strdup(host);
	else if (strcmp(tls->host, host) != 0)
		abort();
	if (ssl == NULL || !set_expected_name(ssl, host))
		ac_out_of_memory();
	if (tls->session != NULL && SSL_SESSION_is_resumable(tls->session))
		SSL_set_session(ssl, tls->session);
	bev = bufferevent_openssl_socket_new(
	    base, -1, ssl, BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
	if (bev == NULL)
		ac_out_of_memory();
	return bev;
}

static bool
set_expected_name(SSL *ssl, const char *host)
{
	if (ac_ip_is_literal(host))
		return X509_VERIFY_PARAM_set1_ip_asc(
			   SSL_get0_param(ssl), host) == 1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set_tlsext_host_name(ssl, host) == 1 &&
	       SSL_set1_host(ssl, host) == 1;
}

/* What a failed verification means, or NULL where OpenSSL's text must do. */
static const char *
explain_verify_result(long result)
{
	switch (result) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return "its certificate has expired";
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return "its certificate is not valid yet (is this machine's "
		       "clock right?)";
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return "its certificate is for another host name";
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		return "its certificate is from an unknown authority (see "
		       "SSL_CERT_FILE)";
	default:
		return NULL;
	}
}

/* The handshake's own error, or 0. libevent notes SSL_get_error()'s results
 * in the same place, and a socket's errors or its end are not about TLS. */
static unsigned long
take_tls_error(struct bufferevent *bev)
{
	unsigned long error;

	do {
		error = bufferevent_get_openssl_error(bev);
	} while (
	    error != 0 &&
	    (ERR_SYSTEM_ERROR(error) || ERR_GET_LIB(error) == 0 ||
		ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING));
	return error;
}

bool
ac_tls_explain(
    struct bufferevent *bev, const char *host, char *out, size_t size)
{
	SSL *ssl = bufferevent_openssl_get_ssl(bev);
	unsigned long error = take_tls_error(bev);
	long result = ssl == NULL ? X509_V_OK : SSL_get_verify_result(ssl);
	const char *text;

	if (result != X509_V_OK) {
		text = explain_verify_result(result);
		if (text == NULL)
			text = X509_verify_cert_error_string(result);
	} else if (error != 0) {
		text = ERR_reason_error_string(error);
		if (text == NULL)
			text = "unknown error";
	} else {
		return false;
	}
	snprintf(out, size, "TLS with %s failed: %s", host, text);
	return true;
}

void
ac_tls_release_buffers(struct bufferevent *bev)
{
	SSL *ssl = bufferevent_openssl_get_ssl(bev);

	if (ssl != NULL)
		SSL_free_buffers(ssl);
}

void
ac_tls_join_output(struct bufferevent *bev)
{
	struct evbuffer *output = bufferevent_get_output(bev);
	size_t len = evbuffer_get_length(output);

	if (bufferevent_openssl_get_ssl(bev) == NULL || len == 0)
		return;
	if (len > SSL3_RT_MAX_PLAIN_LENGTH)
		len = SSL3_RT_MAX_PLAIN_LENGTH;
	/* A write that waits to be tried again may grow, which OpenSSL takes:
	 * the bytes at its beginning stay the same. */
	evbuffer_pullup(output, (ev_ssize_t)len);
}

void
ac_tls_shutdown(struct bufferevent *bev)
{
	SSL *ssl = bufferevent_openssl_get_ssl(bev);

	if (ssl == NULL || bufferevent_getfd(bev) == -1 ||
	    !SSL_is_init_finished(ssl))
		return;
	SSL_shutdown(ssl);
	ERR_clear_error();
}

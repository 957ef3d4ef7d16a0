/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What can be told of a peer and its certificate: see tls_peer.h. */
#include "net/tls_peer.h"

#include <stdio.h>
#include <stdlib.h>

#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/mem.h"

enum { DAY_S = 24 * 60 * 60 };

/* The last entry of a kind in a name, made printable; false: none. */
static bool
print_entry(char *out, const X509_NAME *name, int nid)
{
	int at = X509_NAME_get_index_by_NID(name, nid, -1);
	const ASN1_STRING *value;
	BIO *bio;
	int len;

	if (at < 0)
		return false;
	value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
	bio = BIO_new(BIO_s_mem());
	if (bio == NULL)
		ac_out_of_memory();
	ASN1_STRING_print_ex(
	    bio, value, ASN1_STRFLGS_ESC_CTRL | ASN1_STRFLGS_ESC_MSB);
	len = BIO_read(bio, out, AC_TLS_NAME_SIZE - 1);
	out[len < 0 ? 0 : len] = '\0';
	BIO_free(bio);
	return len > 0;
}

static void
print_name(char *out, const X509_NAME *name)
{
	BIO *bio;
	int len;

	if (print_entry(out, name, NID_commonName))
		return;
	bio = BIO_new(BIO_s_mem());
	if (bio == NULL)
		ac_out_of_memory();
	X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE);
	len = BIO_read(bio, out, AC_TLS_NAME_SIZE - 1);
	out[len < 0 ? 0 : len] = '\0';
	BIO_free(bio);
}

static void
describe(struct ac_tls_certificate *out, const X509 *x509)
{
	int days, seconds;

	print_name(out->subject, X509_get_subject_name(x509));
	print_name(out->issuer, X509_get_issuer_name(x509));
	out->seconds_left = 0;
	if (ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(x509)))
		out->seconds_left = (int64_t)days * DAY_S + seconds;
}

bool
ac_tls_look(struct bufferevent *bev, struct ac_tls_peer *peer)
{
	SSL *ssl = bufferevent_openssl_get_ssl(bev);
	X509 *x509 = ssl == NULL ? NULL : SSL_get0_peer_certificate(ssl);
	STACK_OF(X509) * chain;

	if (x509 == NULL)
		return false;
	chain = SSL_get_peer_cert_chain(ssl);
	peer->protocol = SSL_get_version(ssl);
	peer->chain_len = chain == NULL ? 1 : (size_t)sk_X509_num(chain);
	describe(&peer->certificate, x509);
	return true;
}

bool
ac_tls_certificate_read(
    struct ac_tls_certificate *certificate, const char *path)
{
	FILE *file = fopen(path, "r");
	X509 *x509 = NULL;

	if (file == NULL)
		return false;
	x509 = PEM_read_X509_AUX(file, NULL, NULL, NULL);
	fclose(file);
	ERR_clear_error();
	if (x509 == NULL)
		return false;
	describe(certificate, x509);
	X509_free(x509);
	return true;
}

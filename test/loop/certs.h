/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Certificates for tests, made when they are wanted: an authority, which a
 * client may be told to trust, and server contexts with certificates of it
 * or of nobody.
 */
#ifndef AC_TEST_CERTS_H
#define AC_TEST_CERTS_H

#include <openssl/types.h>

/* A file without a name in any directory. */
struct pem_file {
	int fd;
	char path[32];
};

struct authority {
	EVP_PKEY *key;
	X509 *cert;
	struct pem_file file; /* the certificate, for ac_tls_new() */
};

void authority_open(struct authority *authority);
void authority_close(struct authority *authority);

/* One for all tests of a program: cmocka's fixtures of a group. */
extern struct authority group_authority;
int group_authority_open(void **state);
int group_authority_close(void **state);

struct cert_wish {
	const char *names; /* as in "DNS:a.example,IP:127.0.0.1" */
	int days_from;     /* relative to now */
	int days_until;
};

/* A server context with a certificate of the authority, or with one that is
 * signed by itself where authority is NULL. The caller frees it. */
SSL_CTX *certs_server_new(
    const struct authority *authority, const struct cert_wish *wish);

/* A certificate for localhost, valid now, signed by itself, and its key: for
 * TLS_CERT and TLS_KEY. */
struct server_files {
	struct pem_file cert;
	struct pem_file key;
};

void server_files_open(struct server_files *files);
void server_files_close(struct server_files *files);

/* What most tests want: for localhost and 127.0.0.1, valid now. */
SSL_CTX *certs_good_server_new(const struct authority *authority);

#endif

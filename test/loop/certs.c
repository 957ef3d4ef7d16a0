/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Certificates for tests: see certs.h. */
#include "certs.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/attr.h"
#include "loop.h"

static long serial_number;

static void
add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;

	X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(cert, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

/* Not signed yet. Each has a name of its own. */
static X509 *
new_cert(EVP_PKEY *key, int days_from, int days_until)
{
	X509 *cert = X509_new();
	X509_NAME *subject;
	char name[32];

	assert_non_null(cert);
	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial_number);
	snprintf(name, sizeof(name), "test %ld", serial_number);
	X509_time_adj_ex(X509_getm_notBefore(cert), days_from, 0, NULL);
	X509_time_adj_ex(X509_getm_notAfter(cert), days_until, 0, NULL);
	X509_set_pubkey(cert, key);
	subject = X509_get_subject_name(cert);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
	    (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(cert, subject);
	return cert;
}

static void
write_pem_file(struct pem_file *file, BIO *bio)
{
	char *data;
	long len = BIO_get_mem_data(bio, &data);

	file->fd = memfd_create("pem", MFD_CLOEXEC);
	assert_int_equal(write(file->fd, data, (size_t)len), len);
	snprintf(file->path, sizeof(file->path), "/proc/self/fd/%d", file->fd);
	BIO_free(bio);
}

static void
write_cert_file(struct pem_file *file, X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());

	assert_int_equal(PEM_write_bio_X509(bio, cert), 1);
	write_pem_file(file, bio);
}

static void
write_key_file(struct pem_file *file, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());

	assert_int_equal(
	    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
	write_pem_file(file, bio);
}

void
authority_open(struct authority *authority)
{
	authority->key = EVP_EC_gen("P-256");
	assert_non_null(authority->key);
	authority->cert = new_cert(authority->key, -1, 1);
	add_extension(authority->cert, authority->cert, NID_basic_constraints,
	    "critical,CA:TRUE");
	assert_true(
	    X509_sign(authority->cert, authority->key, EVP_sha256()) > 0);
	write_cert_file(&authority->file, authority->cert);
}

void
authority_close(struct authority *authority)
{
	close(authority->file.fd);
	X509_free(authority->cert);
	EVP_PKEY_free(authority->key);
}

struct authority group_authority;

int
group_authority_open(void **state)
{
	AC_UNUSED(state);
	authority_open(&group_authority);
	return 0;
}

int
group_authority_close(void **state)
{
	AC_UNUSED(state);
	authority_close(&group_authority);
	return 0;
}

SSL_CTX *
certs_server_new(
    const struct authority *authority, const struct cert_wish *wish)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = new_cert(key, wish->days_from, wish->days_until);
	X509 *issuer = authority == NULL ? cert : authority->cert;

	X509_set_issuer_name(cert, X509_get_subject_name(issuer));
	add_extension(cert, issuer, NID_subject_alt_name, wish->names);
	assert_true(X509_sign(cert, authority == NULL ? key : authority->key,
			EVP_sha256()) > 0);
	assert_int_equal(SSL_CTX_use_certificate(context, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(context, key), 1);
	X509_free(cert);
	EVP_PKEY_free(key);
	return context;
}

SSL_CTX *
certs_good_server_new(const struct authority *authority)
{
	static const struct cert_wish wish = {
	    .names = "DNS:localhost,IP:127.0.0.1",
	    .days_from = -1,
	    .days_until = 1,
	};

	return certs_server_new(authority, &wish);
}

void
server_files_open(struct server_files *files)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = new_cert(key, -1, 1);

	add_extension(
	    cert, cert, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	write_cert_file(&files->cert, cert);
	write_key_file(&files->key, key);
	X509_free(cert);
	EVP_PKEY_free(key);
}

void
server_files_close(struct server_files *files)
{
	close(files->cert.fd);
	close(files->key.fd);
}

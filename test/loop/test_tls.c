/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* TLS to the upstream: whom it trusts, what it says when it does not, and
 * what it looks like on the wire. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/ssl.h>

#include "base/attr.h"
#include "call.h"
#include "certs.h"
#include "peer_tls.h"

#define BEGIN_CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

static const struct peer_step answers_ok[] = {
    READ_REQUEST, ANSWER_OK, READ_REQUEST, ANSWER_OK, END};
static const struct peer_step stalls[] = {STALL, END};

static void
a_right_certificate_is_trusted(void **state)
{
	static const char *const hosts[] = {"localhost", "127.0.0.1"};
	struct scene_wish wish = {.ca_file = group_authority.file.path};

	AC_UNUSED(state);
	wish.peer_tls = certs_good_server_new(&group_authority);
	for (size_t i = 0; i < AC_LENGTH(hosts); i++) {
		struct scene scene;

		wish.host = hosts[i];
		scene_open(&scene, &wish);
		peer_script(scene.peer, answers_ok);
		call_check_client(&scene);
		call_check_client(&scene);
		assert_int_equal(scene.peer->accepted, 1);
		scene_close(&scene);
	}
	SSL_CTX_free(wish.peer_tls);
}

static void
tls_1_2_and_1_3_are_spoken(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(versions); i++) {
		struct scene_wish wish = {
		    .host = "localhost",
		    .ca_file = group_authority.file.path,
		};
		struct scene scene;

		wish.peer_tls = certs_good_server_new(&group_authority);
		SSL_CTX_set_min_proto_version(wish.peer_tls, versions[i]);
		SSL_CTX_set_max_proto_version(wish.peer_tls, versions[i]);
		scene_open(&scene, &wish);
		peer_script(scene.peer, answers_ok);
		call_check_client(&scene);
		assert_int_equal(
		    SSL_version(scene.peer->conns[0]->tls->ssl), versions[i]);
		scene_close(&scene);
		SSL_CTX_free(wish.peer_tls);
	}
}

/* The call fails with a TLS error that says so, nothing is sent, and the
 * connection ends. */
static void
check_refused(const struct scene_wish *wish, const struct peer_step *script,
    const char *said)
{
	struct scene scene;
	struct call call = {.heads = 0};

	scene_open(&scene, wish);
	peer_script(scene.peer, script);
	call_get(&call, &scene, "/");
	call_wait_for_error(&call, AC_ERROR_UPSTREAM_TLS);
	if (strstr(call.error.message, said) == NULL)
		fail_msg("it says: %s", call.error.message);
	assert_non_null(strstr(call.error.message, scene.url.host));
	LOOP_UNTIL(&scene.loop, peer_open_count(scene.peer) == 0);
	assert_int_equal(scene.peer->accepted, 1);
	assert_int_equal(scene.peer->conns[0]->received, 0);
	scene_close(&scene);
}

static void
check_bad_cert(const struct authority *signer, const struct cert_wish *cert,
    const char *said)
{
	struct scene_wish wish = {
	    .host = "localhost",
	    .ca_file = group_authority.file.path,
	};

	wish.peer_tls = certs_server_new(signer, cert);
	check_refused(&wish, stalls, said);
	SSL_CTX_free(wish.peer_tls);
}

static void
a_certificate_for_another_name_is_refused(void **state)
{
	static const struct cert_wish other = {"DNS:other.test", -1, 1};
	static const struct cert_wish address = {"IP:127.0.0.1", -1, 1};
	static const struct cert_wish longer = {
	    "DNS:localhost.other.test,DNS:xlocalhost", -1, 1};

	AC_UNUSED(state);
	check_bad_cert(&group_authority, &other, "for another host name");
	check_bad_cert(&group_authority, &address, "for another host name");
	check_bad_cert(&group_authority, &longer, "for another host name");
}

static void
a_certificate_for_another_address_is_refused(void **state)
{
	static const struct cert_wish cert = {
	    "DNS:127.0.0.1,IP:127.0.0.2", -1, 1};
	struct scene_wish wish = {
	    .host = "127.0.0.1",
	    .ca_file = group_authority.file.path,
	};

	AC_UNUSED(state);
	wish.peer_tls = certs_server_new(&group_authority, &cert);
	check_refused(&wish, stalls, "for another host name");
	SSL_CTX_free(wish.peer_tls);
}

static void
a_certificate_of_an_unknown_authority_is_refused(void **state)
{
	static const struct cert_wish cert = {"DNS:localhost", -1, 1};
	struct authority unknown;

	AC_UNUSED(state);
	authority_open(&unknown);
	check_bad_cert(&unknown, &cert, "unknown authority");
	authority_close(&unknown);
}

static void
a_self_signed_certificate_is_refused(void **state)
{
	static const struct cert_wish cert = {"DNS:localhost", -1, 1};

	AC_UNUSED(state);
	check_bad_cert(NULL, &cert, "unknown authority");
}

static void
an_expired_certificate_is_refused(void **state)
{
	static const struct cert_wish cert = {"DNS:localhost", -3, -2};

	AC_UNUSED(state);
	check_bad_cert(&group_authority, &cert, "has expired");
}

static void
a_certificate_of_the_future_is_refused(void **state)
{
	static const struct cert_wish cert = {"DNS:localhost", 2, 3};

	AC_UNUSED(state);
	check_bad_cert(&group_authority, &cert, "not valid yet");
}

static void
an_old_version_of_tls_is_refused(void **state)
{
	struct scene_wish wish = {
	    .host = "localhost",
	    .ca_file = group_authority.file.path,
	};

	AC_UNUSED(state);
	wish.peer_tls = certs_good_server_new(&group_authority);
	/* OpenSSL wants that for them. */
	SSL_CTX_set_security_level(wish.peer_tls, 0);
	SSL_CTX_set_min_proto_version(wish.peer_tls, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(wish.peer_tls, TLS1_1_VERSION);
	check_refused(&wish, stalls, "TLS with localhost failed");
	SSL_CTX_free(wish.peer_tls);
}

static void
plain_http_on_the_tls_port_is_told(void **state)
{
	static const struct peer_step script[] = {
	    SEND("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
	    CLOSE, END};
	struct scene_wish wish = {
	    .host = "localhost",
	    .ca_file = group_authority.file.path,
	};
	struct scene scene;
	struct call call = {.heads = 0};

	AC_UNUSED(state);
	scene_open(&scene, &wish);
	peer_script(scene.peer, script);
	call_get(&call, &scene, "/");
	call_wait_for_error(&call, AC_ERROR_UPSTREAM_TLS);
	assert_int_equal(call.heads, 0);
	scene_close(&scene);
}

/* Whether that is a matter of TLS or of the network cannot be known; it is
 * an error of the connection either way. */
static void
check_end_in_handshake(const struct peer_step *script)
{
	struct scene_wish wish = {
	    .host = "localhost",
	    .ca_file = group_authority.file.path,
	};
	struct scene scene;
	struct call call = {.heads = 0};

	scene_open(&scene, &wish);
	peer_script(scene.peer, script);
	call_get(&call, &scene, "/");
	call_wait_for_error(&call, AC_ERROR_UPSTREAM_UNREACHABLE);
	assert_null(strstr(call.error.message, "Success"));
	assert_null(strstr(call.error.message, "temporarily"));
	assert_null(strstr(call.error.message, "in progress"));
	scene_close(&scene);
}

static void
an_end_within_the_handshake_is_told(void **state)
{
	static const struct peer_step closes[] = {CLOSE, END};
	static const struct peer_step resets[] = {RESET, END};
	static const struct peer_step late_close[] = {WAIT(20), CLOSE, END};
	static const struct peer_step late_reset[] = {WAIT(20), RESET, END};
	/* The beginning of a record that never ends. */
	static const struct peer_step begins[] = {
	    SEND("\x16\x03\x03\x01"), WAIT(20), CLOSE, END};

	AC_UNUSED(state);
	check_end_in_handshake(closes);
	check_end_in_handshake(resets);
	check_end_in_handshake(late_close);
	check_end_in_handshake(late_reset);
	check_end_in_handshake(begins);
}

/* The wish of a test with a good server. */
static struct scene_wish
good_wish(void)
{
	struct scene_wish wish = {
	    .host = "localhost",
	    .ca_file = group_authority.file.path,
	};

	wish.peer_tls = certs_good_server_new(&group_authority);
	return wish;
}

static void
the_host_name_is_sent_but_no_address(void **state)
{
	struct scene_wish wish = good_wish();
	struct scene scene;

	AC_UNUSED(state);
	scene_open(&scene, &wish);
	peer_script(scene.peer, answers_ok);
	call_check_client(&scene);
	assert_string_equal(SSL_get_servername(scene.peer->conns[0]->tls->ssl,
				TLSEXT_NAMETYPE_host_name),
	    "localhost");
	scene_close(&scene);
	wish.host = "127.0.0.1";
	scene_open(&scene, &wish);
	peer_script(scene.peer, answers_ok);
	call_check_client(&scene);
	assert_null(SSL_get_servername(
	    scene.peer->conns[0]->tls->ssl, TLSEXT_NAMETYPE_host_name));
	scene_close(&scene);
	SSL_CTX_free(wish.peer_tls);
}

static void
check_nodelay(const struct scene_wish *wish)
{
	struct scene scene;
	socklen_t len = sizeof(int);
	int on = 0;
	int fd;

	scene_open(&scene, wish);
	peer_script(scene.peer, answers_ok);
	call_check_client(&scene);
	fd = loop_find_socket_to(scene.peer->port);
	assert_int_not_equal(fd, -1);
	assert_int_equal(
	    getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
	assert_int_not_equal(on, 0);
	scene_close(&scene);
}

static void
small_writes_are_not_held_back(void **state)
{
	struct scene_wish wish = good_wish();

	AC_UNUSED(state);
	check_nodelay(&wish);
	check_nodelay(NULL);
	SSL_CTX_free(wish.peer_tls);
}

static void
a_small_post_leaves_in_one_record(void **state)
{
	struct scene_wish wish = good_wish();
	struct scene scene;
	struct call fresh = {.heads = 0};
	struct call pooled = {.heads = 0};
	struct peer_tls *tls;

	AC_UNUSED(state);
	scene_open(&scene, &wish);
	peer_script(scene.peer, answers_ok);
	call_post(&fresh, &scene, "/", 5000);
	call_wait_for_success(&fresh, 200, "ok");
	tls = scene.peer->conns[0]->tls;
	assert_int_equal(tls->data_records, 1);
	call_post(&pooled, &scene, "/", 5000);
	call_wait_for_success(&pooled, 200, "ok");
	assert_int_equal(scene.peer->accepted, 1);
	assert_int_equal(tls->data_records, 2);
	assert_int_equal(strlen(scene.peer->requests[1].body), 5000);
	scene_close(&scene);
	SSL_CTX_free(wish.peer_tls);
}

static void
a_large_post_arrives_whole(void **state)
{
	struct scene_wish wish = good_wish();
	struct scene scene;
	struct call call = {.heads = 0};

	AC_UNUSED(state);
	scene_open(&scene, &wish);
	peer_script(scene.peer, answers_ok);
	call_post(&call, &scene, "/", 3000000);
	call_wait_for_success(&call, 200, "ok");
	assert_int_equal(strlen(scene.peer->requests[0].body), 3000000);
	scene_close(&scene);
	SSL_CTX_free(wish.peer_tls);
}

static void
the_client_says_goodbye(void **state)
{
	static const struct peer_step begins[] = {READ_REQUEST,
	    SEND("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"), STALL,
	    END};
	struct scene_wish wish = good_wish();
	struct scene scene;
	struct call call = {.heads = 0};

	AC_UNUSED(state);
	/* To a pooled connection … */
	scene_open(&scene, &wish);
	peer_script(scene.peer, answers_ok);
	call_check_client(&scene);
	scene_drop_client(&scene);
	LOOP_UNTIL(&scene.loop, peer_open_count(scene.peer) == 0);
	assert_true(scene.peer->conns[0]->tls->got_goodbye);
	scene_close(&scene);
	/* … and to one in use. */
	scene_open(&scene, &wish);
	peer_script(scene.peer, begins);
	call_get(&call, &scene, "/");
	LOOP_UNTIL(&scene.loop, call.datas > 0);
	call_cancel(&call);
	LOOP_UNTIL(&scene.loop, peer_open_count(scene.peer) == 0);
	assert_int_equal(scene.peer->conns[0]->end, PEER_CONN_GOT_FIN);
	scene_close(&scene);
	SSL_CTX_free(wish.peer_tls);
}

static void
a_body_until_the_close_needs_a_goodbye(void **state)
{
	static const struct peer_step closes[] = {
	    READ_REQUEST, SEND("HTTP/1.1 200 OK\r\n\r\nhello"), CLOSE, END};
	static const struct peer_step cuts[] = {
	    READ_REQUEST, SEND("HTTP/1.1 200 OK\r\n\r\nhello"), CUT, END};
	struct scene_wish wish = good_wish();
	struct scene scene;
	struct call whole = {.heads = 0};
	struct call cut = {.heads = 0};

	AC_UNUSED(state);
	scene_open(&scene, &wish);
	peer_script(scene.peer, closes);
	peer_script(scene.peer, cuts);
	call_get(&whole, &scene, "/");
	call_wait_for_success(&whole, 200, "hello");
	call_get(&cut, &scene, "/");
	call_wait_for_error(&cut, AC_ERROR_UPSTREAM);
	assert_string_equal(cut.body, "hello");
	scene_close(&scene);
	SSL_CTX_free(wish.peer_tls);
}

static void
a_truncated_answer_is_an_error(void **state)
{
	static const char *const answers[] = {
	    "",
	    "HTTP/1.1 200 OK\r\nConte",
	    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
	    BEGIN_CHUNKED "5\r\nhel",
	    BEGIN_CHUNKED "5\r\nhello\r\n",
	};
	struct scene_wish wish = good_wish();

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(answers); i++) {
		struct peer_step closes[] = {
		    READ_REQUEST, SEND(answers[i]), CLOSE, END};
		struct peer_step cuts[] = {
		    READ_REQUEST, SEND(answers[i]), CUT, END};
		struct peer_step resets[] = {
		    READ_REQUEST, SEND(answers[i]), WAIT(0), RESET, END};
		const struct peer_step *scripts[] = {closes, cuts, resets};

		for (size_t n = 0; n < AC_LENGTH(scripts); n++) {
			struct scene scene;
			struct call call = {.heads = 0};

			scene_open(&scene, &wish);
			peer_script(scene.peer, scripts[n]);
			call_get(&call, &scene, "/");
			call_wait_for_error(&call, AC_ERROR_UPSTREAM);
			scene_close(&scene);
		}
	}
	SSL_CTX_free(wish.peer_tls);
}

static void
an_answer_in_single_records_is_told(void **state)
{
	static const struct peer_step script[] = {READ_REQUEST,
	    SEND_BYTES(BEGIN_CHUNKED
		"5\r\nhello\r\n2\r\n, \r\n5\r\nworld\r\n0\r\n\r\n"),
	    END};
	struct scene_wish wish = good_wish();
	struct scene scene;
	struct call call = {.heads = 0};

	AC_UNUSED(state);
	scene_open(&scene, &wish);
	peer_script(scene.peer, script);
	call_get(&call, &scene, "/");
	call_wait_for_success(&call, 200, "hello, world");
	scene_close(&scene);
	SSL_CTX_free(wish.peer_tls);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_right_certificate_is_trusted),
	    cmocka_unit_test(tls_1_2_and_1_3_are_spoken),
	    cmocka_unit_test(a_certificate_for_another_name_is_refused),
	    cmocka_unit_test(a_certificate_for_another_address_is_refused),
	    cmocka_unit_test(a_certificate_of_an_unknown_authority_is_refused),
	    cmocka_unit_test(a_self_signed_certificate_is_refused),
	    cmocka_unit_test(an_expired_certificate_is_refused),
	    cmocka_unit_test(a_certificate_of_the_future_is_refused),
	    cmocka_unit_test(an_old_version_of_tls_is_refused),
	    cmocka_unit_test(plain_http_on_the_tls_port_is_told),
	    cmocka_unit_test(an_end_within_the_handshake_is_told),
	    cmocka_unit_test(the_host_name_is_sent_but_no_address),
	    cmocka_unit_test(small_writes_are_not_held_back),
	    cmocka_unit_test(a_small_post_leaves_in_one_record),
	    cmocka_unit_test(a_large_post_arrives_whole),
	    cmocka_unit_test(the_client_says_goodbye),
	    cmocka_unit_test(a_body_until_the_close_needs_a_goodbye),
	    cmocka_unit_test(a_truncated_answer_is_an_error),
	    cmocka_unit_test(an_answer_in_single_records_is_told),
	};

	loop_process_init();
	return cmocka_run_group_tests(
	    tests, group_authority_open, group_authority_close);
}

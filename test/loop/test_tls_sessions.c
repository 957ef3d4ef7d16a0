/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What one TLS connection leaves to the next: its session, and not itself
 * where it has said goodbye. */
#include <openssl/ssl.h>

#include "base/attr.h"
#include "call.h"
#include "certs.h"
#include "peer_tls.h"

static const struct peer_step answers_ok[] = {
    READ_REQUEST, ANSWER_OK, READ_REQUEST, ANSWER_OK, END};

/* The first connection ends by first_script; whether the second one resumes its
 * session. */
static bool
is_resumed(int version, const struct peer_step *first_script)
{
	struct scene_wish wish = {
	    .host = "localhost",
	    .ca_file = group_authority.file.path,
	};
	struct scene scene;
	struct call call = {.heads = 0};
	bool resumed;

	wish.peer_tls = certs_good_server_new(&group_authority);
	SSL_CTX_set_max_proto_version(wish.peer_tls, version);
	scene_open(&scene, &wish);
	peer_script(scene.peer, first_script);
	peer_script(scene.peer, answers_ok);
	call_get(&call, &scene, "/");
	call_wait(&call);
	LOOP_UNTIL(&scene.loop, peer_open_count(scene.peer) == 0);
	loop_turns(&scene.loop, 3);
	call_check_client(&scene);
	assert_int_equal(scene.peer->accepted, 2);
	resumed = SSL_session_reused(scene.peer->conns[1]->tls->ssl) == 1;
	assert_false(SSL_session_reused(scene.peer->conns[0]->tls->ssl));
	scene_close(&scene);
	SSL_CTX_free(wish.peer_tls);
	return resumed;
}

static void
sessions_are_resumed(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	static const struct peer_step closes_idle[] = {
	    READ_REQUEST, ANSWER_OK, CLOSE, END};
	static const struct peer_step asks_to_close[] = {READ_REQUEST,
	    SEND("HTTP/1.1 200 OK\r\nConnection: close\r\n"
		 "Content-Length: 2\r\n\r\nok"),
	    STALL, END};
	static const struct peer_step answers_garbage[] = {
	    READ_REQUEST, SEND("garbage\r\n\r\n"), STALL, END};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(versions); i++) {
		assert_true(is_resumed(versions[i], closes_idle));
		assert_true(is_resumed(versions[i], asks_to_close));
		assert_true(is_resumed(versions[i], answers_garbage));
	}
}

/* The server has changed its keys: the offer costs nothing. */
static void
a_session_that_the_server_forgot_is_replaced(void **state)
{
	static const struct peer_step once[] = {
	    READ_REQUEST, ANSWER_OK, CLOSE, END};
	struct scene_wish wish = {
	    .host = "localhost",
	    .ca_file = group_authority.file.path,
	};
	unsigned char keys[80] = {0};
	struct scene scene;

	AC_UNUSED(state);
	wish.peer_tls = certs_good_server_new(&group_authority);
	scene_open(&scene, &wish);
	peer_script(scene.peer, once);
	for (int i = 0; i < 3; i++) {
		call_check_client(&scene);
		LOOP_UNTIL(&scene.loop, peer_open_count(scene.peer) == 0);
		loop_turns(&scene.loop, 3);
		assert_int_equal(
		    SSL_session_reused(scene.peer->conns[i]->tls->ssl), i == 2);
		if (i == 0)
			assert_int_equal(SSL_CTX_set_tlsext_ticket_keys(
					     wish.peer_tls, keys, sizeof(keys)),
			    1);
	}
	scene_close(&scene);
	SSL_CTX_free(wish.peer_tls);
}

/* The peer has said goodbye with the body's end, but not closed. */
static void
a_connection_that_said_goodbye_is_not_used_again(void **state)
{
	static const char *const answers[] = {
	    "HTTP/1.1 200 OK\r\n\r\nok",
	    "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok",
	    "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\nok",
	    "HTTP/1.0 200 OK\r\n\r\nok",
	    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
	};
	struct scene_wish wish = {
	    .host = "localhost",
	    .ca_file = group_authority.file.path,
	};

	AC_UNUSED(state);
	wish.peer_tls = certs_good_server_new(&group_authority);
	for (size_t i = 0; i < AC_LENGTH(answers); i++) {
		struct peer_step script[] = {
		    READ_REQUEST, SEND(answers[i]), HALF_CLOSE, STALL, END};
		struct scene scene;
		struct call call = {.heads = 0};

		scene_open(&scene, &wish);
		peer_script(scene.peer, script);
		peer_script(scene.peer, answers_ok);
		call_get(&call, &scene, "/");
		call_wait_for_success(&call, 200, "ok");
		call_check_client(&scene);
		assert_int_equal(scene.peer->accepted, 2);
		scene_close(&scene);
	}
	SSL_CTX_free(wish.peer_tls);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sessions_are_resumed),
	    cmocka_unit_test(a_connection_that_said_goodbye_is_not_used_again),
	    cmocka_unit_test(a_session_that_the_server_forgot_is_replaced),
	};

	loop_process_init();
	return cmocka_run_group_tests(
	    tests, group_authority_open, group_authority_close);
}

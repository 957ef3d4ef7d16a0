/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Records of TLS that come together, or in pieces: OpenSSL reads ahead of
 * libevent, and nothing may be left lying in its buffer. Where something is,
 * the test's guard ends the wait. */
#include <string.h>

#include <openssl/ssl.h>

#include "base/attr.h"
#include "call.h"
#include "certs.h"
#include "peer_tls.h"

#define BEGIN_CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

enum { PIECES_MAX = 160 };

static void
open_scene(struct scene *scene)
{
	struct scene_wish wish = {
	    .host = "localhost",
	    .ca_file = group_authority.file.path,
	    .peer_tls = certs_good_server_new(&group_authority),
	};

	scene_open(scene, &wish);
}

static void
close_scene(struct scene *scene)
{
	SSL_CTX *tls = scene->peer->tls;

	scene_close(scene);
	SSL_CTX_free(tls);
}

/* All of them lie in the socket before the client's turn comes, and nothing
 * comes behind them that would wake it. */
static void
records_that_come_together_are_read(void **state)
{
	static const struct peer_step script[] = {READ_REQUEST,
	    SEND("HTTP/1.1 200 OK\r\n"), SEND("Transfer-Encoding: chunked\r\n"),
	    SEND("\r\n"), SEND("5\r\nhello\r\n"), SEND("1\r\n"), SEND(","),
	    SEND("\r\n6\r\n worl"), SEND("d\r\n0\r\n"), SEND("\r\n"),
	    READ_REQUEST, ANSWER_OK, END};
	struct scene scene;
	struct call call = {.heads = 0};

	AC_UNUSED(state);
	open_scene(&scene);
	peer_script(scene.peer, script);
	call_get(&call, &scene, "/");
	call_wait_for_success(&call, 200, "hello, world");
	call_check_client(&scene);
	assert_int_equal(scene.peer->accepted, 1);
	close_scene(&scene);
}

/* More than OpenSSL's buffer holds, so that it often ends within a record. */
static void
many_records_are_read(void **state)
{
	static const struct peer_step script[] = {READ_REQUEST,
	    SEND("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"),
	    REPEAT("0123456789abcdefghij", 50000), READ_REQUEST, ANSWER_OK,
	    END};
	struct scene scene;
	struct call call = {.heads = 0};

	AC_UNUSED(state);
	open_scene(&scene);
	peer_script(scene.peer, script);
	call_get(&call, &scene, "/");
	call_wait(&call);
	assert_true(call.succeeded);
	assert_int_equal(call.body_len, 1000000);
	call_check_client(&scene);
	assert_int_equal(scene.peer->accepted, 1);
	close_scene(&scene);
}

/* Of two records and what is around them, cut every so many bytes, and so at
 * every offset. */
static void
records_in_pieces_are_read(void **state)
{
	static const struct peer_step answer[] = {
	    SEND(BEGIN_CHUNKED "2\r\no"), SEND("k\r\n0\r\n\r\n"), END};
	static const struct peer_step script[] = {SERVE, END};
	struct scene scene;

	AC_UNUSED(state);
	open_scene(&scene);
	peer_script(scene.peer, script);
	peer_route(scene.peer, "/check", answer);
	for (size_t piece = 1; piece <= PIECES_MAX; piece++) {
		scene.peer->piece = piece;
		call_check_client(&scene);
	}
	assert_int_equal(scene.peer->accepted, 1);
	close_scene(&scene);
}

static void
an_end_behind_records_is_seen(void **state)
{
	static const struct peer_step script[] = {READ_REQUEST,
	    SEND("HTTP/1.1 200 OK\r\n\r\n"), SEND("o"), SEND("k"), CLOSE, END};
	struct scene scene;

	AC_UNUSED(state);
	open_scene(&scene);
	peer_script(scene.peer, script);
	call_check_client(&scene);
	call_check_client(&scene);
	assert_int_equal(scene.peer->accepted, 2);
	close_scene(&scene);
}

static void
an_end_within_records_is_seen(void **state)
{
	static const struct peer_step script[] = {READ_REQUEST,
	    SEND(BEGIN_CHUNKED), SEND("2\r\no"), SEND("k\r\n"), CUT, END};
	struct scene scene;
	struct call call = {.heads = 0};

	AC_UNUSED(state);
	open_scene(&scene);
	peer_script(scene.peer, script);
	call_get(&call, &scene, "/");
	call_wait_for_error(&call, AC_ERROR_UPSTREAM);
	assert_string_equal(call.body, "ok");
	close_scene(&scene);
}

static void
within_data_pause(struct call *call, enum call_moment moment)
{
	if (moment == CALL_DATA)
		ac_http_call_pause(call->call);
}

/* Paused by every piece; what was read ahead waits in OpenSSL's buffer. */
static void
records_behind_a_pause_are_read(void **state)
{
	static const struct peer_step script[] = {READ_REQUEST,
	    SEND(BEGIN_CHUNKED), SEND("2\r\nab\r\n"), SEND("2\r\ncd\r\n"),
	    SEND("2\r\nef\r\n"), SEND("2\r\ngh\r\n"), SEND("0\r\n\r\n"), END};
	struct scene scene;
	struct call call = {.within = within_data_pause};
	int resumed = 0;

	AC_UNUSED(state);
	open_scene(&scene);
	peer_script(scene.peer, script);
	call_get(&call, &scene, "/");
	while (call.dones == 0) {
		int datas = call.datas;

		LOOP_UNTIL(&scene.loop, call.datas > datas || call.dones > 0);
		/* No more of it while it is paused. */
		datas = call.datas;
		loop_turns(&scene.loop, 5);
		assert_int_equal(call.datas, datas);
		if (call.dones == 0)
			ac_http_call_resume(call.call);
		resumed++;
	}
	call_wait_for_success(&call, 200, "abcdefgh");
	assert_int_equal(resumed, 5);
	close_scene(&scene);
}

static void
within_done_ask_again(struct call *call, enum call_moment moment)
{
	if (moment == CALL_DONE)
		call_get(call->other, call->scene, "/");
}

/* What lies behind an answer belongs to nobody: never to the next call, be it
 * made before the rest has been looked at. */
static void
a_connection_with_a_rest_is_not_used_again(void **state)
{
	static const struct peer_step with_rest[] = {READ_REQUEST, ANSWER_OK,
	    SEND("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad"), STALL,
	    END};
	static const struct peer_step good[] = {READ_REQUEST, ANSWER_OK, END};
	struct scene scene;
	struct call next = {.heads = 0};
	struct call call = {.within = within_done_ask_again, .other = &next};

	AC_UNUSED(state);
	open_scene(&scene);
	peer_script(scene.peer, with_rest);
	peer_script(scene.peer, good);
	call_get(&call, &scene, "/");
	call_wait_for_success(&call, 200, "ok");
	call_wait_for_success(&next, 200, "ok");
	assert_int_equal(scene.peer->accepted, 2);
	close_scene(&scene);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(records_that_come_together_are_read),
	    cmocka_unit_test(many_records_are_read),
	    cmocka_unit_test(records_in_pieces_are_read),
	    cmocka_unit_test(an_end_behind_records_is_seen),
	    cmocka_unit_test(an_end_within_records_is_seen),
	    cmocka_unit_test(records_behind_a_pause_are_read),
	    cmocka_unit_test(a_connection_with_a_rest_is_not_used_again),
	};

	loop_process_init();
	return cmocka_run_group_tests(
	    tests, group_authority_open, group_authority_close);
}

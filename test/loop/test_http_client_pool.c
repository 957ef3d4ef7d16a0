/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The HTTP client: when a connection is used again and when it is not. */
#include <string.h>

#include <openssl/ssl.h>

#include "base/attr.h"
#include "base/clock.h"
#include "call.h"
#include "certs.h"

#define BEGIN_CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

static const struct peer_step answers_always[] = {READ_REQUEST, ANSWER_OK,
    READ_REQUEST, ANSWER_OK, READ_REQUEST, ANSWER_OK, READ_REQUEST, ANSWER_OK,
    READ_REQUEST, ANSWER_OK, READ_REQUEST, ANSWER_OK, END};

static void
check_success(struct scene *scene, const char *body)
{
	struct call call = {.heads = 0};

	call_get(&call, scene, "/");
	call_wait_for_success(&call, 200, body);
}

static void
a_connection_is_used_again_after_a_clean_end(void **state)
{
	static const struct peer_step script[] = {READ_REQUEST, ANSWER_OK,
	    READ_REQUEST, SEND(BEGIN_CHUNKED "2\r\nok\r\n0\r\n\r\n"),
	    READ_REQUEST, SEND("HTTP/1.1 204 No Content\r\n\r\n"), READ_REQUEST,
	    SEND_BYTES(BEGIN_CHUNKED "2\r\nok\r\n0\r\n\r\n"), READ_REQUEST,
	    ANSWER_OK, END};
	struct scene scene;
	struct call empty = {.heads = 0};

	AC_UNUSED(state);
	scene_open(&scene, NULL);
	peer_script(scene.peer, script);
	check_success(&scene, "ok");
	check_success(&scene, "ok");
	call_get(&empty, &scene, "/");
	call_wait_for_success(&empty, 204, "");
	check_success(&scene, "ok");
	check_success(&scene, "ok");
	assert_int_equal(scene.peer->accepted, 1);
	assert_int_equal(scene.peer->request_count, 5);
	scene_close(&scene);
}

static void
within_done_start_other(struct call *call, enum call_moment moment)
{
	if (moment == CALL_DONE)
		call_get(call->other, call->scene, "/other");
}

static void
a_connection_is_used_again_within_on_done(void **state)
{
	struct scene scene;
	struct call first = {.within = within_done_start_other};
	struct call second = {.within = within_done_start_other};
	struct call third = {.heads = 0};

	AC_UNUSED(state);
	scene_open(&scene, NULL);
	peer_script(scene.peer, answers_always);
	first.other = &second;
	second.other = &third;
	call_get(&first, &scene, "/");
	call_wait_for_success(&first, 200, "ok");
	call_wait_for_success(&second, 200, "ok");
	call_wait_for_success(&third, 200, "ok");
	assert_int_equal(scene.peer->accepted, 1);
	scene_close(&scene);
}

static void
calls_at_once_have_connections_of_their_own(void **state)
{
	static const struct peer_step script[] = {
	    READ_REQUEST, GATE, ANSWER_OK, READ_REQUEST, ANSWER_OK, END};
	struct scene scene;
	struct call calls[5] = {{.heads = 0}};

	AC_UNUSED(state);
	scene_open(&scene, NULL);
	peer_script(scene.peer, script);
	for (size_t i = 0; i < AC_LENGTH(calls); i++)
		call_get(&calls[i], &scene, "/");
	LOOP_UNTIL(&scene.loop, scene.peer->request_count == 5);
	peer_open(scene.peer);
	for (size_t i = 0; i < AC_LENGTH(calls); i++)
		call_wait_for_success(&calls[i], 200, "ok");
	assert_int_equal(scene.peer->accepted, 5);
	check_success(&scene, "ok");
	assert_int_equal(scene.peer->accepted, 5);
	assert_int_equal(peer_open_count(scene.peer), 5);
	scene_close(&scene);
}

/* After an answer by script the connection is gone, and the next call is on
 * another one. */
static void
check_not_used_again(const struct peer_step *script, const char *body)
{
	struct scene scene;

	scene_open(&scene, NULL);
	peer_script(scene.peer, script);
	peer_script(scene.peer, answers_always);
	check_success(&scene, body);
	/* At once, not when its idle time is over. */
	loop_turns(&scene.loop, 5);
	assert_int_equal(peer_open_count(scene.peer), 0);
	check_success(&scene, "ok");
	assert_int_equal(scene.peer->accepted, 2);
	scene_close(&scene);
}

static void
a_connection_is_not_used_again_after_connection_close(void **state)
{
	static const struct peer_step counted[] = {READ_REQUEST,
	    SEND("HTTP/1.1 200 OK\r\nConnection: close\r\n"
		 "Content-Length: 2\r\n\r\nok"),
	    STALL, END};
	static const struct peer_step chunked[] = {READ_REQUEST,
	    SEND("HTTP/1.1 200 OK\r\nconnection: Close\r\n"
		 "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
	    STALL, END};

	AC_UNUSED(state);
	check_not_used_again(counted, "ok");
	check_not_used_again(chunked, "ok");
}

static void
a_connection_is_not_used_again_after_surplus_bytes(void **state)
{
	static const struct peer_step counted[] = {READ_REQUEST,
	    SEND("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok?"), STALL,
	    END};
	static const struct peer_step chunked[] = {READ_REQUEST,
	    SEND(BEGIN_CHUNKED "2\r\nok\r\n0\r\n\r\n\r\n"), STALL, END};
	static const struct peer_step poison[] = {READ_REQUEST,
	    SEND("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
		 "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"),
	    STALL, END};
	static const struct peer_step late[] = {READ_REQUEST, ANSWER_OK,
	    WAIT(0), SEND("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"),
	    STALL, END};

	AC_UNUSED(state);
	check_not_used_again(counted, "ok");
	check_not_used_again(chunked, "ok");
	check_not_used_again(poison, "ok");
	check_not_used_again(late, "ok");
}

static void
surplus_bytes_do_not_reach_a_call_that_starts_within_on_done(void **state)
{
	static const struct peer_step poison[] = {READ_REQUEST,
	    SEND("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
		 "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"),
	    STALL, END};
	struct scene scene;
	struct call first = {.within = within_done_start_other};
	struct call second = {.heads = 0};

	AC_UNUSED(state);
	scene_open(&scene, NULL);
	peer_script(scene.peer, poison);
	peer_script(scene.peer, answers_always);
	first.other = &second;
	call_get(&first, &scene, "/");
	call_wait_for_success(&first, 200, "ok");
	call_wait_for_success(&second, 200, "ok");
	assert_int_equal(scene.peer->accepted, 2);
	scene_close(&scene);
}

static void
within_data_cancel(struct call *call, enum call_moment moment)
{
	if (moment == CALL_DATA)
		call_cancel(call);
}

static void
a_connection_is_not_used_again_with_an_unread_rest(void **state)
{
	static const struct peer_step script[] = {READ_REQUEST,
	    SEND("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"), GATE,
	    SEND("HTTP/"), STALL, END};
	struct scene scene;
	struct call call = {.within = within_data_cancel};

	AC_UNUSED(state);
	scene_open(&scene, NULL);
	peer_script(scene.peer, script);
	peer_script(scene.peer, answers_always);
	call_get(&call, &scene, "/");
	LOOP_UNTIL(&scene.loop, call.datas == 1);
	check_success(&scene, "ok");
	assert_int_equal(scene.peer->accepted, 2);
	scene_close(&scene);
}

static void
an_idle_connection_is_closed_after_4_s(void **state)
{
	static const struct peer_step gated[] = {
	    READ_REQUEST, GATE, ANSWER_OK, READ_REQUEST, ANSWER_OK, END};
	struct scene scene;
	struct call calls[2] = {{.heads = 0}};
	int64_t start;
	int64_t restart;
	int used;

	AC_UNUSED(state);
	scene_open(&scene, NULL);
	peer_script(scene.peer, gated);
	call_get(&calls[0], &scene, "/");
	call_get(&calls[1], &scene, "/");
	LOOP_UNTIL(&scene.loop, scene.peer->request_count == 2);
	peer_open(scene.peer);
	call_wait_for_success(&calls[0], 200, "ok");
	call_wait_for_success(&calls[1], 200, "ok");
	start = ac_clock_ms();
	loop_for(&scene.loop, 700);
	/* One of the two is used once more: its time begins anew. */
	check_success(&scene, "ok");
	restart = ac_clock_ms();
	used = scene.peer->requests[2].conn;
	LOOP_UNTIL(&scene.loop, peer_was_left(scene.peer, 1 - used));
	assert_in_range(ac_clock_ms() - start, 3900, 4950);
	assert_false(peer_was_left(scene.peer, used));
	LOOP_UNTIL(&scene.loop, peer_was_left(scene.peer, used));
	assert_in_range(ac_clock_ms() - restart, 3900, 4950);
	scene_close(&scene);
}

static void
an_idle_connection_that_the_peer_ends_is_forgotten(void **state)
{
	static const struct peer_step closes[] = {
	    READ_REQUEST, ANSWER_OK, GATE, CLOSE, END};
	static const struct peer_step resets[] = {
	    READ_REQUEST, ANSWER_OK, GATE, RESET, END};
	const struct peer_step *scripts[] = {closes, resets};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(scripts); i++) {
		struct scene scene;

		scene_open(&scene, NULL);
		peer_script(scene.peer, scripts[i]);
		peer_script(scene.peer, answers_always);
		check_success(&scene, "ok");
		peer_open(scene.peer);
		loop_turns(&scene.loop, 3);
		check_success(&scene, "ok");
		assert_int_equal(scene.peer->accepted, 2);
		assert_int_equal(scene.peer->request_count, 2);
		scene_close(&scene);
	}
}

/* The second call goes out on a connection that is dead or dies before it
 * answers, by script; it succeeds on another one. */
static void
check_replaced(const struct scene_wish *wish, const struct peer_step *script)
{
	struct scene scene;
	struct call call = {.heads = 0};

	scene_open(&scene, wish);
	peer_script(scene.peer, script);
	peer_script(scene.peer, answers_always);
	check_success(&scene, "ok");
	/* For a script with a gate: its FIN or RST has come when the request
	 * is sent, but nobody has looked. */
	peer_open(scene.peer);
	call_post(&call, &scene, "/again", 100);
	call_wait_for_success(&call, 200, "ok");
	assert_int_equal(call.heads, 1);
	assert_int_equal(scene.peer->accepted, 2);
	assert_int_equal(
	    strlen(scene.peer->requests[scene.peer->request_count - 1].body),
	    100);
	scene_close(&scene);
}

static const struct peer_step closes_idle[] = {
    READ_REQUEST, ANSWER_OK, GATE, CLOSE, END};
static const struct peer_step resets_idle[] = {
    READ_REQUEST, ANSWER_OK, GATE, RESET, END};
static const struct peer_step closes_asked[] = {
    READ_REQUEST, ANSWER_OK, READ_REQUEST, CLOSE, END};
static const struct peer_step resets_asked[] = {
    READ_REQUEST, ANSWER_OK, READ_REQUEST, RESET, END};
static const struct peer_step cuts_asked[] = {
    READ_REQUEST, ANSWER_OK, READ_REQUEST, CUT, END};

static void
a_pooled_connection_that_dies_before_the_answer_is_replaced(void **state)
{
	AC_UNUSED(state);
	check_replaced(NULL, closes_idle);
	check_replaced(NULL, resets_idle);
	check_replaced(NULL, closes_asked);
	check_replaced(NULL, resets_asked);
}

static void
a_pooled_tls_connection_that_dies_before_the_answer_is_replaced(void **state)
{
	struct authority authority;
	struct scene_wish wish = {.host = "127.0.0.1"};

	AC_UNUSED(state);
	authority_open(&authority);
	wish.peer_tls = certs_good_server_new(&authority);
	wish.ca_file = authority.file.path;
	check_replaced(&wish, closes_idle);
	check_replaced(&wish, resets_idle);
	check_replaced(&wish, closes_asked);
	check_replaced(&wish, resets_asked);
	check_replaced(&wish, cuts_asked);
	SSL_CTX_free(wish.peer_tls);
	authority_close(&authority);
}

static void
a_pooled_connection_is_replaced_once_only(void **state)
{
	static const struct peer_step closes[] = {READ_REQUEST, CLOSE, END};
	struct scene scene;
	struct call call = {.heads = 0};

	AC_UNUSED(state);
	scene_open(&scene, NULL);
	peer_script(scene.peer, closes_asked);
	peer_script(scene.peer, closes);
	check_success(&scene, "ok");
	call_get(&call, &scene, "/");
	call_wait_for_error(&call, AC_ERROR_UPSTREAM);
	assert_int_equal(scene.peer->accepted, 2);
	scene_close(&scene);
}

static void
a_dead_pooled_connection_that_cannot_be_replaced_is_unreachable(void **state)
{
	struct scene scene;
	struct call call = {.heads = 0};

	AC_UNUSED(state);
	scene_open(&scene, NULL);
	peer_script(scene.peer, closes_asked);
	check_success(&scene, "ok");
	peer_refuse(scene.peer);
	call_get(&call, &scene, "/");
	call_wait_for_error(&call, AC_ERROR_UPSTREAM_UNREACHABLE);
	scene_close(&scene);
}

static void
other_dead_connections_of_the_pool_are_not_tried(void **state)
{
	static const struct peer_step script[] = {
	    READ_REQUEST, GATE, ANSWER_OK, GATE, CLOSE, END};
	struct scene scene;
	struct call calls[3] = {{.heads = 0}};
	struct call call = {.heads = 0};

	AC_UNUSED(state);
	scene_open(&scene, NULL);
	for (size_t i = 0; i < AC_LENGTH(calls); i++) {
		peer_script(scene.peer, script);
		call_get(&calls[i], &scene, "/");
	}
	peer_script(scene.peer, answers_always);
	LOOP_UNTIL(&scene.loop, scene.peer->request_count == 3);
	peer_open(scene.peer);
	for (size_t i = 0; i < AC_LENGTH(calls); i++)
		call_wait_for_success(&calls[i], 200, "ok");
	peer_open(scene.peer); /* all three are dead now */
	call_get(&call, &scene, "/");
	call_wait_for_success(&call, 200, "ok");
	assert_int_equal(scene.peer->accepted, 4);
	scene_close(&scene);
}

/* The second call of a pooled connection fails and is not repeated. */
static void
check_not_repeated(
    const struct peer_step *script, int timeout_ms, enum ac_error_code code)
{
	struct scene_wish wish = {.answer_timeout_ms = timeout_ms};
	struct scene scene;
	struct call call = {.heads = 0};

	scene_open(&scene, &wish);
	peer_script(scene.peer, script);
	peer_script(scene.peer, answers_always);
	check_success(&scene, "ok");
	call_get(&call, &scene, "/");
	call_wait_for_error(&call, code);
	assert_int_equal(scene.peer->accepted, 1);
	assert_int_equal(scene.peer->request_count, 2);
	scene_close(&scene);
}

static void
a_pooled_connection_that_dies_within_the_body_is_an_error(void **state)
{
	static const struct peer_step closes[] = {READ_REQUEST, ANSWER_OK,
	    READ_REQUEST, SEND(BEGIN_CHUNKED "5\r\nhel"), CLOSE, END};
	static const struct peer_step resets[] = {READ_REQUEST, ANSWER_OK,
	    READ_REQUEST, SEND(BEGIN_CHUNKED), WAIT(0), RESET, END};

	AC_UNUSED(state);
	check_not_repeated(closes, 0, AC_ERROR_UPSTREAM);
	check_not_repeated(resets, 0, AC_ERROR_UPSTREAM);
}

/* http_client.h: "nothing that has begun to answer is sent again". */
static void
a_pooled_connection_that_dies_within_the_head_is_an_error(void **state)
{
	static const struct peer_step script[] = {READ_REQUEST, ANSWER_OK,
	    READ_REQUEST, SEND("HTTP/1.1 200 OK\r\nContent-Le"), WAIT(0), CLOSE,
	    END};

	AC_UNUSED(state);
	check_not_repeated(script, 0, AC_ERROR_UPSTREAM);
}

static void
a_pooled_connection_that_stays_silent_is_an_error(void **state)
{
	static const struct peer_step script[] = {
	    READ_REQUEST, ANSWER_OK, READ_REQUEST, STALL, END};

	AC_UNUSED(state);
	check_not_repeated(script, 200, AC_ERROR_FIRST_EVENT_TIMEOUT);
}

static void
a_pooled_connection_that_answers_nonsense_is_an_error(void **state)
{
	static const struct peer_step script[] = {READ_REQUEST, ANSWER_OK,
	    READ_REQUEST, SEND("nonsense\r\n\r\n"), STALL, END};

	AC_UNUSED(state);
	check_not_repeated(script, 0, AC_ERROR_UPSTREAM);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_connection_is_used_again_after_a_clean_end),
	    cmocka_unit_test(a_connection_is_used_again_within_on_done),
	    cmocka_unit_test(calls_at_once_have_connections_of_their_own),
	    cmocka_unit_test(
		a_connection_is_not_used_again_after_connection_close),
	    cmocka_unit_test(
		a_connection_is_not_used_again_after_surplus_bytes),
	    cmocka_unit_test(
		surplus_bytes_do_not_reach_a_call_that_starts_within_on_done),
	    cmocka_unit_test(
		a_connection_is_not_used_again_with_an_unread_rest),
	    cmocka_unit_test(an_idle_connection_is_closed_after_4_s),
	    cmocka_unit_test(
		an_idle_connection_that_the_peer_ends_is_forgotten),
	    cmocka_unit_test(
		a_pooled_connection_that_dies_before_the_answer_is_replaced),
	    cmocka_unit_test(
		a_pooled_tls_connection_that_dies_before_the_answer_is_replaced),
	    cmocka_unit_test(a_pooled_connection_is_replaced_once_only),
	    cmocka_unit_test(
		a_dead_pooled_connection_that_cannot_be_replaced_is_unreachable),
	    cmocka_unit_test(other_dead_connections_of_the_pool_are_not_tried),
	    cmocka_unit_test(
		a_pooled_connection_that_dies_within_the_body_is_an_error),
	    cmocka_unit_test(
		a_pooled_connection_that_dies_within_the_head_is_an_error),
	    cmocka_unit_test(a_pooled_connection_that_stays_silent_is_an_error),
	    cmocka_unit_test(
		a_pooled_connection_that_answers_nonsense_is_an_error),
	};

	loop_process_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The HTTP client: cancelling a call at any moment. No handler runs
 * afterwards, the peer sees its connection close, the client goes on
 * working, and nothing is left (scene_close() looks).
 */
#include <string.h>
#include <sys/socket.h>

#include <openssl/ssl.h>

#include "base/attr.h"
#include "call.h"
#include "certs.h"

static const struct peer_step serves[] = {SERVE, END};

#define BEGIN_CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

/* Its connection is not kept. */
static const struct peer_step answers_ok_and_closes[] = {
    SEND("HTTP/1.1 200 OK\r\nConnection: close\r\n"
	 "Content-Length: 2\r\n\r\nok"),
    CLOSE, END};

static const struct peer_step answers_ok[] = {ANSWER_OK, END};

static const struct peer_step answers_slowly[] = {
    SEND_BYTES(BEGIN_CHUNKED "2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n"), END};

static void
within_nothing(struct call *call, enum call_moment moment)
{
	AC_UNUSED(call);
	AC_UNUSED(moment);
}

static void
within_head_cancel(struct call *call, enum call_moment moment)
{
	if (moment == CALL_HEAD)
		call_cancel(call);
}

static void
within_data_cancel(struct call *call, enum call_moment moment)
{
	if (moment == CALL_DATA)
		call_cancel(call);
}

static void
within_head_pause(struct call *call, enum call_moment moment)
{
	if (moment == CALL_HEAD)
		ac_http_call_pause(call->call);
}

static void
within_data_pause(struct call *call, enum call_moment moment)
{
	if (moment == CALL_DATA)
		ac_http_call_pause(call->call);
}

static void
within_done_cancel_other(struct call *call, enum call_moment moment)
{
	if (moment == CALL_DONE)
		call_cancel(call->other);
}

static void
check_cancelled(const struct call *call)
{
	assert_int_equal(call->dones, 0);
	if (call->problem != NULL)
		fail_msg("%s", call->problem);
}

/*
 * Cancels a call after 0, 1, 2 … turns of the loop, until it is over before
 * that. The answer comes in single bytes, so every state is met.
 */
static void
sweep(const struct scene_wish *wish, const struct peer_step *check)
{
	struct scene scene;
	bool over = false;

	scene_open(&scene, wish);
	peer_script(scene.peer, serves);
	peer_route(scene.peer, "/", answers_slowly);
	peer_route(scene.peer, "/check", check);
	for (int turns = 0; !over; turns++) {
		struct call call = {.within = within_nothing};

		call_get(&call, &scene, "/");
		loop_turns(&scene.loop, turns);
		over = call.dones > 0;
		if (!over) {
			call_cancel(&call);
			/* The peer does not answer before this. */
			call_check_client(&scene);
			LOOP_UNTIL(
			    &scene.loop, peer_open_count(scene.peer) <= 1);
			check_cancelled(&call);
		}
		assert_true(turns < 2000);
	}
	assert_true(scene.peer->accepted > 20);
	scene_close(&scene);
}

static void
a_call_on_a_fresh_connection_can_be_cancelled_in_any_turn(void **state)
{
	AC_UNUSED(state);
	sweep(NULL, answers_ok_and_closes);
}

static void
a_call_on_a_pooled_connection_can_be_cancelled_in_any_turn(void **state)
{
	AC_UNUSED(state);
	sweep(NULL, answers_ok);
}

static void
a_call_over_tls_can_be_cancelled_in_any_turn(void **state)
{
	struct authority authority;
	struct scene_wish wish = {.host = "127.0.0.1"};

	AC_UNUSED(state);
	authority_open(&authority);
	wish.peer_tls = certs_good_server_new(&authority);
	wish.ca_file = authority.file.path;
	sweep(&wish, answers_ok_and_closes);
	sweep(&wish, answers_ok);
	SSL_CTX_free(wish.peer_tls);
	authority_close(&authority);
}

static void
a_call_that_was_never_on_the_loop_reaches_nobody(void **state)
{
	struct scene scene;
	struct call call = {.heads = 0};

	AC_UNUSED(state);
	scene_open(&scene, NULL);
	call_get(&call, &scene, "/");
	call_cancel(&call);
	loop_for(&scene.loop, 20);
	assert_int_equal(scene.peer->accepted, 0);
	check_cancelled(&call);
	scene_close(&scene);
}

static void
the_peer_sees_the_cancelling_within_two_turns(void **state)
{
	static const struct peer_step script[] = {READ_REQUEST, STALL, END};
	struct scene scene;
	struct call call = {.heads = 0};

	AC_UNUSED(state);
	scene_open(&scene, NULL);
	peer_script(scene.peer, script);
	call_get(&call, &scene, "/");
	LOOP_UNTIL(&scene.loop, scene.peer->request_count == 1);
	call_cancel(&call);
	loop_turns(&scene.loop, 2);
	assert_true(peer_was_left(scene.peer, 0));
	scene_close(&scene);
}

/* Runs a call against script, with within cancelling it. */
static void
check_cancel_within(const struct peer_step *script,
    void (*within)(struct call *, enum call_moment), int datas)
{
	static const struct peer_step then[] = {READ_REQUEST, ANSWER_OK, END};
	struct scene scene;
	struct call call = {.within = within};

	scene_open(&scene, NULL);
	peer_script(scene.peer, script);
	peer_script(scene.peer, then);
	call_get(&call, &scene, "/");
	LOOP_UNTIL(&scene.loop, call.call == NULL);
	LOOP_UNTIL(&scene.loop, peer_open_count(scene.peer) == 0);
	call_check_client(&scene);
	check_cancelled(&call);
	assert_int_equal(call.heads, 1);
	assert_int_equal(call.datas, datas);
	scene_close(&scene);
}

static const struct peer_step whole_counted[] = {READ_REQUEST,
    SEND("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), STALL, END};
static const struct peer_step whole_chunked[] = {READ_REQUEST,
    SEND(BEGIN_CHUNKED "5\r\nhello\r\n2\r\n, \r\n5\r\nworld\r\n0\r\n\r\n"),
    STALL, END};
static const struct peer_step begun_chunk[] = {READ_REQUEST,
    SEND(BEGIN_CHUNKED), WAIT(0), SEND("5\r\nhel"), WAIT(0), SEND("l"), STALL,
    END};
static const struct peer_step begun_counted[] = {READ_REQUEST,
    SEND("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), WAIT(0), SEND("hel"),
    STALL, END};
static const struct peer_step until_close[] = {
    READ_REQUEST, SEND("HTTP/1.1 200 OK\r\n\r\nhello"), STALL, END};
static const struct peer_step until_close_and_closed[] = {
    READ_REQUEST, SEND("HTTP/1.1 200 OK\r\n\r\nhello"), CLOSE, END};
static const struct peer_step no_body[] = {
    READ_REQUEST, SEND("HTTP/1.1 204 No Content\r\n\r\n"), STALL, END};

static void
a_call_can_be_cancelled_within_on_head(void **state)
{
	AC_UNUSED(state);
	check_cancel_within(whole_counted, within_head_cancel, 0);
	check_cancel_within(whole_chunked, within_head_cancel, 0);
	check_cancel_within(begun_chunk, within_head_cancel, 0);
	check_cancel_within(begun_counted, within_head_cancel, 0);
	check_cancel_within(until_close, within_head_cancel, 0);
	check_cancel_within(until_close_and_closed, within_head_cancel, 0);
	check_cancel_within(no_body, within_head_cancel, 0);
}

static void
a_call_can_be_cancelled_within_on_data(void **state)
{
	AC_UNUSED(state);
	check_cancel_within(whole_counted, within_data_cancel, 1);
	check_cancel_within(whole_chunked, within_data_cancel, 1);
	check_cancel_within(begun_chunk, within_data_cancel, 1);
	check_cancel_within(begun_counted, within_data_cancel, 1);
	check_cancel_within(until_close, within_data_cancel, 1);
	check_cancel_within(until_close_and_closed, within_data_cancel, 1);
}

/* Waits until the call has got one head and perhaps data, then cancels. */
static void
check_cancel_between(const struct peer_step *script,
    void (*within)(struct call *, enum call_moment), size_t body_len)
{
	static const struct peer_step then[] = {READ_REQUEST, ANSWER_OK, END};
	struct scene scene;
	struct call call = {.within = within};

	scene_open(&scene, NULL);
	peer_script(scene.peer, script);
	peer_script(scene.peer, then);
	call_get(&call, &scene, "/");
	LOOP_UNTIL(&scene.loop, call.heads > 0 && call.body_len >= body_len);
	loop_turns(&scene.loop, 2);
	call_cancel(&call);
	LOOP_UNTIL(&scene.loop, peer_open_count(scene.peer) == 0);
	call_check_client(&scene);
	check_cancelled(&call);
	scene_close(&scene);
}

static void
a_call_can_be_cancelled_between_data(void **state)
{
	AC_UNUSED(state);
	check_cancel_between(begun_counted, within_nothing, 0);
	check_cancel_between(begun_counted, within_nothing, 3);
	check_cancel_between(begun_chunk, within_nothing, 3);
	check_cancel_between(until_close, within_nothing, 5);
}

static void
a_call_can_be_cancelled_while_paused(void **state)
{
	static const struct peer_step flood[] = {READ_REQUEST,
	    SEND("HTTP/1.1 200 OK\r\n\r\n"), REPEAT("x", MB), STALL, END};

	AC_UNUSED(state);
	check_cancel_between(begun_counted, within_head_pause, 0);
	check_cancel_between(begun_chunk, within_data_pause, 3);
	check_cancel_between(flood, within_data_pause, 1);
}

static void
a_call_can_be_cancelled_within_another_ones_on_done(void **state)
{
	static const struct peer_step stalls[] = {READ_REQUEST, STALL, END};
	static const struct peer_step gate[] = {
	    READ_REQUEST, GATE, ANSWER_OK, STALL, END};
	struct scene scene;
	struct call victim = {.heads = 0};
	struct call killer = {.within = within_done_cancel_other};

	AC_UNUSED(state);
	scene_open(&scene, NULL);
	peer_script(scene.peer, stalls);
	peer_script(scene.peer, gate);
	call_get(&victim, &scene, "/victim");
	LOOP_UNTIL(&scene.loop, scene.peer->request_count == 1);
	killer.other = &victim;
	call_get(&killer, &scene, "/killer");
	LOOP_UNTIL(&scene.loop, scene.peer->request_count == 2);
	peer_open(scene.peer);
	call_wait_for_success(&killer, 200, "ok");
	LOOP_UNTIL(&scene.loop, peer_was_left(scene.peer, 0));
	check_cancelled(&victim);
	scene_close(&scene);
}

static void
a_refused_call_can_be_cancelled_in_any_turn(void **state)
{
	struct scene_wish wish = {.port = peer_dead_port()};
	bool over = false;

	AC_UNUSED(state);
	for (int turns = 0; !over; turns++) {
		struct scene scene;
		struct call call = {.heads = 0};

		scene_open(&scene, &wish);
		call_get(&call, &scene, "/");
		loop_turns(&scene.loop, turns);
		over = call.dones > 0;
		if (!over) {
			call_cancel(&call);
			loop_turns(&scene.loop, 3);
			check_cancelled(&call);
		}
		scene_close(&scene);
		assert_true(turns < 100);
	}
}

static void
the_client_can_be_freed_right_after_the_cancelling(void **state)
{
	static const struct peer_step script[] = {READ_REQUEST,
	    SEND("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"), STALL,
	    END};

	AC_UNUSED(state);
	for (int turns = 0; turns < 12; turns++) {
		struct scene scene;
		struct call call = {.heads = 0};

		scene_open(&scene, NULL);
		peer_script(scene.peer, script);
		call_get(&call, &scene, "/");
		loop_turns(&scene.loop, turns);
		call_cancel(&call);
		scene_drop_client(&scene);
		loop_turns(&scene.loop, 3);
		assert_int_equal(peer_open_count(scene.peer), 0);
		check_cancelled(&call);
		scene_close(&scene);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_call_that_was_never_on_the_loop_reaches_nobody),
	    cmocka_unit_test(the_peer_sees_the_cancelling_within_two_turns),
	    cmocka_unit_test(
		a_call_on_a_fresh_connection_can_be_cancelled_in_any_turn),
	    cmocka_unit_test(
		a_call_on_a_pooled_connection_can_be_cancelled_in_any_turn),
	    cmocka_unit_test(a_call_over_tls_can_be_cancelled_in_any_turn),
	    cmocka_unit_test(a_refused_call_can_be_cancelled_in_any_turn),
	    cmocka_unit_test(a_call_can_be_cancelled_within_on_head),
	    cmocka_unit_test(a_call_can_be_cancelled_within_on_data),
	    cmocka_unit_test(a_call_can_be_cancelled_between_data),
	    cmocka_unit_test(a_call_can_be_cancelled_while_paused),
	    cmocka_unit_test(
		a_call_can_be_cancelled_within_another_ones_on_done),
	    cmocka_unit_test(
		the_client_can_be_freed_right_after_the_cancelling),
	};

	loop_process_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

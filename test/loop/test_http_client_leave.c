/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The HTTP client: calls that are left when the answer is there but not at
 * its end. No handler runs afterwards. */
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "call.h"

#define BEGIN_CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

enum { LEFT_MS = 1000 };

static const struct peer_step answers_ok[] = {READ_REQUEST, ANSWER_OK, END};

static void
within_data_leave(struct call *call, enum call_moment moment)
{
	if (moment == CALL_DATA)
		call_leave(call);
}

static void
within_head_leave(struct call *call, enum call_moment moment)
{
	if (moment == CALL_HEAD)
		call_leave(call);
}

static void
within_data_pause(struct call *call, enum call_moment moment)
{
	if (moment == CALL_DATA)
		ac_http_call_pause(call->call);
}

static void
check_left(const struct call *call)
{
	assert_int_equal(call->dones, 0);
	if (call->problem != NULL)
		fail_msg("%s", call->problem);
}

/* The peer has answered the first request; the client has read all of it. */
static void
wait_for_rest(struct scene *scene)
{
	LOOP_UNTIL(&scene->loop,
	    scene->peer->conns[0]->step->action == PEER_READ_REQUEST);
	loop_turns(&scene->loop, 5);
}

/* The rest comes soon: the next call is on the same connection. */
static void
check_used_again(const struct peer_step *script,
    void (*within)(struct call *, enum call_moment))
{
	struct scene scene;
	struct call call = {.within = within};

	scene_open(&scene, NULL);
	peer_script(scene.peer, script);
	peer_script(scene.peer, answers_ok);
	call_get(&call, &scene, "/");
	LOOP_UNTIL(&scene.loop, call.call == NULL);
	peer_open(scene.peer);
	wait_for_rest(&scene);
	call_check_client(&scene);
	check_left(&call);
	assert_int_equal(scene.peer->accepted, 1);
	scene_close(&scene);
}

static void
a_connection_is_used_again_after_the_rest(void **state)
{
	static const struct peer_step at_once[] = {READ_REQUEST,
	    SEND(BEGIN_CHUNKED "5\r\nhello\r\n2\r\n, \r\n5\r\nworld\r\n"
			       "0\r\n\r\n"),
	    READ_REQUEST, ANSWER_OK, END};
	static const struct peer_step later[] = {READ_REQUEST,
	    SEND(BEGIN_CHUNKED "5\r\nhello\r\n"), GATE,
	    SEND("2\r\n, \r\n5\r\nwo"), WAIT(5), SEND("rld\r\n0\r\n\r\n"),
	    READ_REQUEST, ANSWER_OK, END};
	static const struct peer_step only_the_end[] = {READ_REQUEST,
	    SEND(BEGIN_CHUNKED "5\r\nhello\r\n"), GATE, SEND("0\r\n\r\n"),
	    READ_REQUEST, ANSWER_OK, END};
	static const struct peer_step counted[] = {READ_REQUEST,
	    SEND("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"), GATE,
	    SEND("9999"), READ_REQUEST, ANSWER_OK, END};
	static const struct peer_step counted_whole[] = {
	    READ_REQUEST, ANSWER_OK, READ_REQUEST, ANSWER_OK, END};

	AC_UNUSED(state);
	check_used_again(at_once, within_data_leave);
	check_used_again(later, within_data_leave);
	check_used_again(only_the_end, within_data_leave);
	check_used_again(counted, within_data_leave);
	check_used_again(counted_whole, within_data_leave);
	check_used_again(at_once, within_head_leave);
	check_used_again(later, within_head_leave);
	check_used_again(counted_whole, within_head_leave);
}

static void
a_call_can_be_left_while_it_is_paused(void **state)
{
	static const struct peer_step script[] = {READ_REQUEST,
	    SEND(BEGIN_CHUNKED "5\r\nhello\r\n"), WAIT(0),
	    SEND("5\r\nworld\r\n0\r\n\r\n"), READ_REQUEST, ANSWER_OK, END};
	struct scene scene;
	struct call call = {.within = within_data_pause};

	AC_UNUSED(state);
	scene_open(&scene, NULL);
	peer_script(scene.peer, script);
	call_get(&call, &scene, "/");
	LOOP_UNTIL(&scene.loop, call.datas > 0);
	loop_turns(&scene.loop, 5);
	call_leave(&call);
	wait_for_rest(&scene);
	call_check_client(&scene);
	check_left(&call);
	assert_int_equal(scene.peer->accepted, 1);
	scene_close(&scene);
}

/* Ends without another word; a later call is on another connection. */
static void
check_given_up(const struct peer_step *script, int64_t min_ms, int64_t max_ms)
{
	struct scene scene;
	struct call call = {.within = within_data_leave};
	int64_t start;

	scene_open(&scene, NULL);
	peer_script(scene.peer, script);
	peer_script(scene.peer, answers_ok);
	call_get(&call, &scene, "/");
	LOOP_UNTIL(&scene.loop, call.call == NULL);
	start = ac_clock_ms();
	LOOP_UNTIL(&scene.loop, peer_open_count(scene.peer) == 0);
	assert_in_range(
	    ac_clock_ms() - start, min_ms, max_ms * loop_slowness());
	call_check_client(&scene);
	check_left(&call);
	assert_int_equal(scene.peer->accepted, 2);
	scene_close(&scene);
}

static void
an_end_that_does_not_come_is_not_waited_for(void **state)
{
	static const struct peer_step stalls[] = {
	    READ_REQUEST, SEND(BEGIN_CHUNKED "5\r\nhello\r\n"), STALL, END};
	static const struct peer_step drips[] = {READ_REQUEST,
	    SEND(BEGIN_CHUNKED "5\r\nhello\r\n"), WAIT(300), SEND("1\r\nx\r\n"),
	    WAIT(300), SEND("1\r\nx\r\n"), WAIT(300), SEND("1\r\nx\r\n"),
	    WAIT(300), SEND("1\r\nx\r\n"), STALL, END};

	AC_UNUSED(state);
	check_given_up(stalls, LEFT_MS - 20, LEFT_MS + 700);
	check_given_up(drips, LEFT_MS - 20, LEFT_MS + 700);
}

static void
a_rest_that_is_too_long_is_not_waited_for(void **state)
{
	static const struct peer_step script[] = {READ_REQUEST,
	    SEND(BEGIN_CHUNKED "5\r\nhello\r\n"), WAIT(5),
	    REPEAT("4\r\nmore\r\n", MB), STALL, END};

	AC_UNUSED(state);
	check_given_up(script, 0, 700);
}

static void
a_rest_that_is_broken_is_told_to_nobody(void **state)
{
	static const struct peer_step closes[] = {READ_REQUEST,
	    SEND(BEGIN_CHUNKED "5\r\nhello\r\n"), WAIT(5), CLOSE, END};
	static const struct peer_step resets[] = {READ_REQUEST,
	    SEND(BEGIN_CHUNKED "5\r\nhello\r\n"), WAIT(5), RESET, END};
	static const struct peer_step nonsense[] = {READ_REQUEST,
	    SEND(BEGIN_CHUNKED "5\r\nhello\r\n"), WAIT(5), SEND("zzz\r\n"),
	    STALL, END};

	AC_UNUSED(state);
	check_given_up(closes, 0, 700);
	check_given_up(resets, 0, 700);
	check_given_up(nonsense, 0, 700);
}

static void
a_client_can_be_freed_with_calls_that_were_left(void **state)
{
	static const struct peer_step stalls[] = {
	    READ_REQUEST, SEND(BEGIN_CHUNKED "5\r\nhello\r\n"), STALL, END};
	struct scene scene;
	struct call calls[3];

	AC_UNUSED(state);
	scene_open(&scene, NULL);
	peer_script(scene.peer, stalls);
	for (size_t i = 0; i < AC_LENGTH(calls); i++) {
		calls[i] = (struct call){.within = within_data_leave};
		call_get(&calls[i], &scene, "/");
	}
	for (size_t i = 0; i < AC_LENGTH(calls); i++)
		LOOP_UNTIL(&scene.loop, calls[i].call == NULL);
	scene_drop_client(&scene);
	LOOP_UNTIL(&scene.loop, peer_open_count(scene.peer) == 0);
	for (size_t i = 0; i < AC_LENGTH(calls); i++)
		check_left(&calls[i]);
	scene_close(&scene);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_connection_is_used_again_after_the_rest),
	    cmocka_unit_test(a_call_can_be_left_while_it_is_paused),
	    cmocka_unit_test(an_end_that_does_not_come_is_not_waited_for),
	    cmocka_unit_test(a_rest_that_is_too_long_is_not_waited_for),
	    cmocka_unit_test(a_rest_that_is_broken_is_told_to_nobody),
	    cmocka_unit_test(a_client_can_be_freed_with_calls_that_were_left),
	};

	loop_process_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The deadlines of a call's phases: until the answer, and within it. */
#include "base/attr.h"
#include "call.h"

#define BEGIN_CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

static void
within_data_note_answer(struct call *call, enum call_moment moment)
{
	if (moment == CALL_DATA)
		ac_http_call_note_answer(call->call);
}

/* A head and bytes that the caller takes for no answer yet. */
static void
before_the_answer_its_own_timeout_counts(void **state)
{
	static const struct peer_step script[] = {
	    READ_REQUEST, SEND(BEGIN_CHUNKED "2\r\nf:\r\n"), STALL, END};
	struct scene_wish wish = {.answer_timeout_ms = 300};
	struct scene scene;
	struct call call = {.heads = 0};

	AC_UNUSED(state);
	scene_open(&scene, &wish);
	peer_script(scene.peer, script);
	call_get(&call, &scene, "/");
	call_wait_for_error(&call, AC_ERROR_FIRST_EVENT_TIMEOUT);
	assert_int_equal(call.heads, 1);
	assert_int_equal(call.body_len, 2);
	scene_close(&scene);
}

static void
within_the_answer_the_silence_timeout_counts(void **state)
{
	static const struct peer_step script[] = {
	    READ_REQUEST, SEND(BEGIN_CHUNKED "2\r\n0:\r\n"), STALL, END};
	struct scene_wish wish = {.silence_timeout_ms = 300};
	struct scene scene;
	struct call call = {.within = within_data_note_answer};

	AC_UNUSED(state);
	scene_open(&scene, &wish);
	peer_script(scene.peer, script);
	call_get(&call, &scene, "/");
	call_wait_for_error(&call, AC_ERROR_SILENCE_TIMEOUT);
	LOOP_UNTIL(&scene.loop, peer_was_left(scene.peer, 0));
	scene_close(&scene);
}

/* Also where the time before the answer is the shorter one. */
static void
an_answer_may_be_silent_for_longer(void **state)
{
	static const struct peer_step script[] = {READ_REQUEST,
	    SEND(BEGIN_CHUNKED "2\r\n0:\r\n"), WAIT(700),
	    SEND("2\r\nd:\r\n0\r\n\r\n"), END};
	struct scene_wish wish = {
	    .answer_timeout_ms = 300,
	    .silence_timeout_ms = 5000,
	};
	struct scene scene;
	struct call call = {.within = within_data_note_answer};

	AC_UNUSED(state);
	scene_open(&scene, &wish);
	peer_script(scene.peer, script);
	call_get(&call, &scene, "/");
	call_wait_for_success(&call, 200, "0:d:");
	scene_close(&scene);
}

static void
a_stream_that_is_alive_is_not_cut(void **state)
{
	static const struct peer_step script[] = {READ_REQUEST,
	    SEND(BEGIN_CHUNKED "1\r\na\r\n"), WAIT(250), SEND("1\r\nb\r\n"),
	    WAIT(250), SEND("1\r\nc\r\n"), WAIT(250), SEND("1\r\nd\r\n"),
	    WAIT(250), SEND("0\r\n\r\n"), END};
	struct scene_wish wish = {.silence_timeout_ms = 700};
	struct scene scene;
	struct call call = {.within = within_data_note_answer};

	AC_UNUSED(state);
	scene_open(&scene, &wish);
	peer_script(scene.peer, script);
	call_get(&call, &scene, "/");
	call_wait_for_success(&call, 200, "abcd");
	scene_close(&scene);
}

/* The next call on a connection begins with its own time again. */
static void
a_pooled_connection_waits_for_its_answer_anew(void **state)
{
	static const struct peer_step script[] = {
	    READ_REQUEST, ANSWER_OK, READ_REQUEST, WAIT(600), ANSWER_OK, END};
	struct scene_wish wish = {
	    .answer_timeout_ms = 5000,
	    .silence_timeout_ms = 300,
	};
	struct scene scene;
	struct call first = {.within = within_data_note_answer};
	struct call second = {.heads = 0};

	AC_UNUSED(state);
	scene_open(&scene, &wish);
	peer_script(scene.peer, script);
	call_get(&first, &scene, "/");
	call_wait_for_success(&first, 200, "ok");
	call_get(&second, &scene, "/");
	call_wait_for_success(&second, 200, "ok");
	assert_int_equal(scene.peer->accepted, 1);
	scene_close(&scene);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(before_the_answer_its_own_timeout_counts),
	    cmocka_unit_test(within_the_answer_the_silence_timeout_counts),
	    cmocka_unit_test(an_answer_may_be_silent_for_longer),
	    cmocka_unit_test(a_stream_that_is_alive_is_not_cut),
	    cmocka_unit_test(a_pooled_connection_waits_for_its_answer_anew),
	};

	loop_process_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

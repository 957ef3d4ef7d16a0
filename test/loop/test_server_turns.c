/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* ac_server_run(): with many streams the loop goes round less often. */
#include <akashchat/akashchat.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/timer.h"
#include "server/turns.h"
#include "stage.h"

enum { TURNS = 1000 };

/* What so many turns take where each waits. */
static const int64_t WAITED_NS =
    (int64_t)(TURNS - AC_TURNS_AT_ONCE - 1) * AC_TURN_NS;

static const struct peer_step gives_a[] = {
    APP_SESSION("aaa", "; Max-Age=600"), END};
static const struct peer_step answers_late[] = {
    SEND(APP_STREAM APP_START APP_TEXT("hello")), GATE,
    SEND(APP_TEXT("world") APP_FINISH APP_END), END};

/* Something that always wants to be done. */
struct restless {
	struct event_base *base;
	struct event *event;
	int turns;
};

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct restless *restless = arg;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	if (++restless->turns == TURNS)
		event_base_loopbreak(restless->base);
	else
		ac_timer_start(restless->event, 0);
}

/* How long TURNS turns take. */
static int64_t
run_turns(struct stage *stage)
{
	struct restless restless = {.base = stage->loop.base};
	int64_t began_ns = ac_clock_ns();

	restless.event = ac_timer_new(restless.base, on_turn, &restless);
	ac_timer_start(restless.event, 0);
	assert_int_equal(ac_server_run(stage->server), 0);
	assert_int_equal(restless.turns, TURNS);
	event_free(restless.event);
	return ac_clock_ns() - began_ns;
}

static void
many_streams_slow_the_loop_and_end_as_ever(void **state)
{
	struct stage stage;
	struct client clients[AC_TURNS_STREAMS_MIN];

	AC_UNUSED(state);
	stage_open(&stage, NULL);
	peer_route(stage.peer, PATH_SESSION, gives_a);
	peer_route(stage.peer, PATH_CHAT, answers_late);
	for (size_t i = 0; i < AC_LENGTH(clients); i++) {
		client_open(&clients[i], &stage);
		client_ask(&clients[i], true);
		client_wait_for(&clients[i], "hello");
		if (i == AC_LENGTH(clients) - 2)
			assert_true(run_turns(&stage) < WAITED_NS);
	}
	assert_true(run_turns(&stage) >= WAITED_NS);
	for (size_t i = 0; i < AC_LENGTH(clients); i++)
		peer_open(stage.peer);
	for (size_t i = 0; i < AC_LENGTH(clients); i++) {
		client_wait_for(&clients[i], "[DONE]\n\n\r\n0\r\n\r\n");
		client_close(&clients[i]);
	}
	assert_true(run_turns(&stage) < WAITED_NS);
	stage_close(&stage);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(many_streams_slow_the_loop_and_end_as_ever),
	};

	loop_process_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* ac_server_run(): the deltas of many streams share turns of the loop. */
#include <akashchat/akashchat.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/timer.h"
#include "server/turns.h"
#include "stage.h"

enum { TURNS = 200 };

/* What so many turns take where each waits. */
static const int64_t WAITED_NS =
    (int64_t)(TURNS - AC_TURNS_AT_ONCE - 3) * AC_TURN_NS;

static const struct peer_step gives_a[] = {
    APP_SESSION("aaa", "; Max-Age=600"), END};

/* A stream that says a word whenever the gate is opened, and silent ones. */
#define WORD      GATE, SEND(APP_TEXT("~~~~~"))
#define WORDS_5   WORD, WORD, WORD, WORD, WORD
#define WORDS_25  WORDS_5, WORDS_5, WORDS_5, WORDS_5, WORDS_5
#define WORDS_100 WORDS_25, WORDS_25, WORDS_25, WORDS_25
static const struct peer_step talks[] = {
    SEND(APP_STREAM APP_START APP_TEXT("hello")), WORDS_100, WORDS_100,
    WORDS_100, WORDS_100, SEND(APP_FINISH APP_END), END};
static const struct peer_step says_hello[] = {
    SEND(APP_STREAM APP_START APP_TEXT("hello")), STALL, END};

/* Something that always wants to be done. */
struct restless {
	struct event_base *base;
	struct event *event;
	struct peer *peer; /* brings a delta each turn; NULL: none */
	int turns;
};

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct restless *restless = arg;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	if (restless->peer != NULL)
		peer_open(restless->peer);
	if (++restless->turns == TURNS)
		event_base_loopbreak(restless->base);
	else
		ac_timer_start(restless->event, 0);
}

/* How long TURNS turns take. peer: with a delta in each; NULL: without. */
static int64_t
run_turns(struct stage *stage, struct peer *peer)
{
	struct restless restless = {.base = stage->loop.base, .peer = peer};
	int64_t began_ns = ac_clock_ns();

	restless.event = ac_timer_new(restless.base, on_turn, &restless);
	ac_timer_start(restless.event, 0);
	assert_int_equal(ac_server_run(stage->server), 0);
	assert_int_equal(restless.turns, TURNS);
	event_free(restless.event);
	return ac_clock_ns() - began_ns;
}

static void
deltas_of_many_streams_share_turns(void **state)
{
	struct stage stage;
	struct client clients[AC_TURNS_STREAMS_MIN];

	AC_UNUSED(state);
	stage_open(&stage, NULL);
	peer_route(stage.peer, PATH_SESSION, gives_a);
	peer_route(stage.peer, PATH_CHAT, talks);
	peer_route(stage.peer, PATH_CHAT, says_hello);
	for (size_t i = 0; i < AC_LENGTH(clients); i++) {
		client_open(&clients[i], &stage);
		client_ask(&clients[i], true);
		client_wait_for(&clients[i], "hello");
		if (i == AC_LENGTH(clients) - 2)
			assert_true(run_turns(&stage, stage.peer) < WAITED_NS);
	}
	assert_true(run_turns(&stage, NULL) < WAITED_NS);
	assert_true(run_turns(&stage, stage.peer) >= WAITED_NS);
	LOOP_UNTIL(&stage.loop, clients[0].tildes == (size_t)10 * TURNS);
	for (size_t i = 0; i < AC_LENGTH(clients); i++)
		client_close(&clients[i]);
	stage_close(&stage);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(deltas_of_many_streams_share_turns),
	};

	loop_process_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

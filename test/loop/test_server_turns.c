/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Deltas that share turns of the loop, of many streams and of one. */
#include <akashchat/akashchat.h>
#include <openssl/ssl.h>

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
#define TEXT     SEND(APP_TEXT("world"))
#define TEXTS_5  TEXT, TEXT, TEXT, TEXT, TEXT
#define TEXTS_25 TEXTS_5, TEXTS_5, TEXTS_5, TEXTS_5, TEXTS_5
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

/* Each in a TLS record of its own. */
static void
deltas_that_came_together_leave_in_one_chunk(void **state)
{
	static const struct peer_step says_much[] = {
	    SEND(APP_STREAM APP_START APP_TEXT("hello")), GATE, TEXTS_25,
	    SEND(APP_FINISH APP_END), END};
	struct authority authority;
	struct stage_wish wish = {0};
	struct stage stage;
	struct client client;

	AC_UNUSED(state);
	authority_open(&authority);
	wish.peer_tls = certs_good_server_new(&authority);
	wish.ca_file = authority.file.path;
	stage_open(&stage, &wish);
	peer_route(stage.peer, PATH_SESSION, gives_a);
	peer_route(stage.peer, PATH_CHAT, says_much);
	client_open(&client, &stage);
	client_ask(&client, true);
	client_wait_for(&client, "hello");
	peer_open(stage.peer);
	client_wait_for(&client, "[DONE]\n\n\r\n0\r\n\r\n");
	assert_int_equal(client_count(&client, "world"), 25);
	assert_in_range(client_count(&client, "\n\n\r\n"), 2, 3);
	client_close(&client);
	stage_close(&stage);
	SSL_CTX_free(wish.peer_tls);
	authority_close(&authority);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(deltas_of_many_streams_share_turns),
	    cmocka_unit_test(deltas_that_came_together_leave_in_one_chunk),
	};

	loop_process_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

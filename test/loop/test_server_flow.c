/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The server: clients that send too much, too early, or read too slowly. */
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "peer_tls.h"
#include "stage.h"

/* 1000 of them. */
#define TILDES_10 "~~~~~~~~~~"
#define TILDES_100                                                            \
	TILDES_10 TILDES_10 TILDES_10 TILDES_10 TILDES_10 TILDES_10 TILDES_10 \
	    TILDES_10 TILDES_10 TILDES_10
#define TILDES_1000                                                       \
	TILDES_100 TILDES_100 TILDES_100 TILDES_100 TILDES_100 TILDES_100 \
	    TILDES_100 TILDES_100 TILDES_100 TILDES_100
#define LONG_LINE "0:\"" TILDES_1000 "\"\n"

enum {
	MEMORY_MAX = 16 * MB,
	LINE_LEN = 1005,
	LINES = 64 * MB / LINE_LEN,
};

static const struct peer_step gives_a[] = {
    APP_SESSION("aaa", "; Max-Age=600"), END};
static const struct peer_step answers_late[] = {
    SEND(APP_STREAM APP_START APP_TEXT("hello")), GATE,
    SEND(APP_TEXT("world") APP_FINISH APP_END), END};
static const struct peer_step answers[] = {
    SEND(APP_STREAM APP_START APP_TEXT("hello") APP_FINISH APP_END), END};

/* Each line is a chunk. */
static const struct peer_step floods_chunks[] = {SEND(APP_STREAM APP_START),
    REPEAT("3ed\r\n" LONG_LINE "\r\n", LINES), SEND(APP_FINISH APP_END), END};
/* All lines are one, of LINES * LINE_LEN bytes. */
static const struct peer_step floods_one_chunk[] = {
    SEND(APP_STREAM APP_START "3fffc1e\r\n"), REPEAT(LONG_LINE, LINES),
    SEND("\r\n" APP_FINISH APP_END), END};

static void
a_pipelined_request_is_answered_after_the_stream(void **state)
{
	struct stage stage;
	struct client client;
	const char *end;
	const char *health;

	AC_UNUSED(state);
	stage_open(&stage, NULL);
	peer_route(stage.peer, PATH_SESSION, gives_a);
	peer_route(stage.peer, PATH_CHAT, answers_late);
	client_open(&client, &stage);
	client_ask(&client, true);
	client_wait_for(&client, "hello");
	client_send(&client, ASK_HEALTH);
	loop_for(&stage.loop, 30);
	assert_int_equal(client_count(&client, "HTTP/1.1 "), 1);
	peer_open(stage.peer);
	LOOP_UNTIL(&stage.loop, client_count(&client, "HTTP/1.1 200 OK") == 2);
	end = strstr(client.text, "0\r\n\r\n");
	health = strstr(strstr(client.text, "[DONE]"), "HTTP/1.1 200 OK");
	assert_non_null(strstr(client.text, "world"));
	assert_true(end != NULL && end < health);
	assert_false(client.ended);
	client_close(&client);
	stage_close(&stage);
}

static void
a_pipelined_request_is_answered_after_a_whole_answer(void **state)
{
	struct stage stage;
	struct client client;

	AC_UNUSED(state);
	stage_open(&stage, NULL);
	peer_route(stage.peer, PATH_SESSION, gives_a);
	peer_route(stage.peer, PATH_CHAT, answers_late);
	client_open(&client, &stage);
	client_ask(&client, false);
	stage_wait_for_chats(&stage, 1);
	client_send(&client, ASK_HEALTH);
	loop_for(&stage.loop, 30);
	assert_int_equal(client.received, 0);
	peer_open(stage.peer);
	LOOP_UNTIL(&stage.loop, client_count(&client, "HTTP/1.1 200 OK") == 2);
	assert_non_null(strstr(client.text, "helloworld"));
	assert_false(client.ended);
	client_close(&client);
	stage_close(&stage);
}

/* The last piece but one is being written, and the client's early byte makes
 * its socket the first to be looked at, in the turn in which the end comes:
 * over TLS libevent tells evhttp of the one when the other is there already. */
static void
a_streams_end_is_sent_whatever_else_happens_in_its_turn(void **state)
{
	static const struct peer_step ends_apart[] = {
	    SEND(APP_STREAM APP_START APP_TEXT("hello")), GATE,
	    SEND(APP_TEXT("world")), GATE, SEND(APP_FINISH APP_END), END};

	AC_UNUSED(state);
	for (int turns = 0; turns < 8; turns++) {
		struct stage stage;
		struct client client;

		stage_open(&stage, NULL);
		peer_route(stage.peer, PATH_SESSION, gives_a);
		peer_route(stage.peer, PATH_CHAT, ends_apart);
		client_open(&client, &stage);
		client_ask(&client, true);
		client_wait_for(&client, "hello");
		loop_turns(&stage.loop, 5);
		client_send(&client, "G");
		peer_open(stage.peer);
		loop_turns(&stage.loop, turns);
		peer_open(stage.peer);
		client_wait_for(&client, "[DONE]\n\n\r\n0\r\n\r\n");
		client_send(&client, &ASK_HEALTH[1]);
		LOOP_UNTIL(
		    &stage.loop, client_count(&client, "HTTP/1.1 200 OK") == 2);
		client_close(&client);
		stage_close(&stage);
	}
}

static void
what_is_written_in_one_turn_leaves_in_one_tls_record(void **state)
{
	struct stage stage;
	struct client client;

	AC_UNUSED(state);
	if (!stage_has_tls())
		skip();
	stage_open(&stage, NULL);
	peer_route(stage.peer, PATH_SESSION, gives_a);
	peer_route(stage.peer, PATH_CHAT, answers_late);
	peer_route(stage.peer, PATH_CHAT, answers);
	client_open(&client, &stage);
	client_send(&client, ASK_HEALTH);
	client_wait_for(&client, "\"ok\"");
	assert_int_equal(client.tls->data_records, 1);
	/* A stream's head with its first pieces, then the last ones. */
	client_ask(&client, true);
	client_wait_for(&client, "hello");
	assert_int_equal(client.tls->data_records, 2);
	peer_open(stage.peer);
	client_wait_for(&client, "[DONE]");
	assert_int_equal(client.tls->data_records, 3);
	client_ask(&client, false);
	client_wait_for(&client, "\"chat.completion\"");
	assert_int_equal(client.tls->data_records, 4);
	client_send(&client, "nonsense\r\n\r\n");
	client_wait_for(&client, "bad_http");
	assert_int_equal(client.tls->data_records, 5);
	client_close(&client);
	stage_close(&stage);
}

/* Around the limit of what is kept of a client that waits: what is not kept
 * ends the connection behind the answer, and nothing is waited for. */
static void
a_long_pipelined_request_is_answered_or_ends_the_connection(void **state)
{
	static const size_t bodies[] = {16 * KB, 60 * KB, 64 * KB - 200,
	    64 * KB - 1, 64 * KB, 64 * KB + 1, 80 * KB, 96 * KB};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(bodies); i++) {
		static char text[100 * KB];
		struct stage stage;
		struct client client;
		int len = snprintf(text, sizeof(text),
		    "POST /nowhere HTTP/1.1\r\nHost: localhost\r\n"
		    "Content-Length: %zu\r\n\r\n",
		    bodies[i]);

		memset(text + len, 'x', bodies[i]);
		text[(size_t)len + bodies[i]] = '\0';
		stage_open(&stage, NULL);
		peer_route(stage.peer, PATH_SESSION, gives_a);
		peer_route(stage.peer, PATH_CHAT, answers_late);
		client_open(&client, &stage);
		client_ask(&client, true);
		client_wait_for(&client, "hello");
		client_send(&client, text);
		loop_for(&stage.loop, 30);
		peer_open(stage.peer);
		client_wait_for(&client, "[DONE]\n\n\r\n0\r\n\r\n");
		if (bodies[i] < 64 * KB - 150)
			client_wait_for(&client, "HTTP/1.1 404");
		else
			LOOP_UNTIL(&stage.loop, client.ended);
		client_close(&client);
		stage_close(&stage);
	}
}

static void
many_pipelined_requests_are_answered_in_order(void **state)
{
	enum { COUNT = 20 };
	struct stage stage;
	struct client client;

	AC_UNUSED(state);
	stage_open(&stage, NULL);
	peer_route(stage.peer, PATH_SESSION, gives_a);
	peer_route(stage.peer, PATH_CHAT, answers);
	client_open(&client, &stage);
	for (int i = 0; i < COUNT; i++)
		client_ask(&client, i % 2 == 0);
	client_send(&client, ASK_HEALTH);
	LOOP_UNTIL(
	    &stage.loop, client_count(&client, "HTTP/1.1 200 OK") == COUNT + 1);
	assert_int_equal(peer_asked(stage.peer, PATH_CHAT), COUNT);
	assert_int_equal(client_count(&client, "[DONE]"), COUNT / 2);
	/* One at a time: the app saw one connection besides the session's. */
	assert_in_range(stage.peer->accepted, 1, 2);
	client_close(&client);
	stage_close(&stage);
}

static void
a_client_that_leaves_behind_pipelined_requests_cancels_the_first(void **state)
{
	struct stage stage;
	struct client client;

	AC_UNUSED(state);
	stage_open(&stage, NULL);
	peer_route(stage.peer, PATH_SESSION, gives_a);
	peer_route(stage.peer, PATH_CHAT, answers_late);
	client_open(&client, &stage);
	client_ask(&client, true);
	client_ask(&client, true);
	client_wait_for(&client, "hello");
	client_close(&client);
	loop_turns(&stage.loop, 2);
	assert_true(peer_was_left(stage.peer, stage_chat_conn(&stage, 0)));
	loop_for(&stage.loop, 30);
	assert_int_equal(peer_asked(stage.peer, PATH_CHAT), 1);
	stage_close(&stage);
}

/* A client that sends without end while its answer is being made. */
static void
check_flood(bool wants_stream, const char *flood)
{
	struct stage stage;
	struct client client;
	struct client other;
	size_t flooded;

	stage_open(&stage, NULL);
	peer_route(stage.peer, PATH_SESSION, gives_a);
	peer_route(stage.peer, PATH_CHAT, answers_late);
	client_open(&client, &stage);
	client_ask(&client, wants_stream);
	stage_wait_for_chats(&stage, 1);
	if (wants_stream)
		client_wait_for(&client, "hello");
	loop_forget_memory();
	client_flood(&client, flood);
	/* Until it is held back, or it is clear that it never will. */
	do {
		flooded = client.flooded;
		loop_for(&stage.loop, 100);
	} while (client.flooded != flooded && flooded < 64 * MB);
	assert_in_range(loop_memory_growth(), 0, MEMORY_MAX);
	/* Nobody else suffers, and the connection comes to an end. */
	client_open(&other, &stage);
	client_send(&other, ASK_HEALTH);
	client_wait_for(&other, "HTTP/1.1 200 OK");
	peer_open(stage.peer);
	LOOP_UNTIL(&stage.loop, client.ended);
	assert_in_range(loop_memory_growth(), 0, MEMORY_MAX);
	client_close(&other);
	client_close(&client);
	stage_close(&stage);
}

static void
a_client_that_floods_while_it_waits_costs_little_memory(void **state)
{
	static char junk[64 * KB];
	static char requests[64 * KB];

	AC_UNUSED(state);
	memset(junk, 'x', sizeof(junk) - 1);
	while (strlen(requests) + sizeof(ASK_HEALTH) < sizeof(requests))
		memcpy(requests + strlen(requests), ASK_HEALTH,
		    sizeof(ASK_HEALTH));
	check_flood(true, junk);
	check_flood(false, junk);
	check_flood(true, requests);
	check_flood(false, requests);
}

static void
a_client_that_floods_and_leaves_cancels_the_upstream(void **state)
{
	static char junk[64 * KB];
	static void (*const ways_to_leave[])(struct client *) = {
	    client_close,
	    client_reset,
	};

	AC_UNUSED(state);
	memset(junk, 'x', sizeof(junk) - 1);
	for (size_t i = 0; i < 2 * AC_LENGTH(ways_to_leave); i++) {
		struct stage stage;
		struct client client;
		int conn;

		stage_open(&stage, NULL);
		peer_route(stage.peer, PATH_SESSION, gives_a);
		peer_route(stage.peer, PATH_CHAT, answers_late);
		client_open(&client, &stage);
		client_ask(&client, i % 2 == 0);
		stage_wait_for_chats(&stage, 1);
		client_flood(&client, junk);
		LOOP_UNTIL(&stage.loop, client.flooded > 200 * KB);
		conn = stage_chat_conn(&stage, 0);
		assert_false(peer_was_left(stage.peer, conn));
		ways_to_leave[i / 2](&client);
		LOOP_UNTIL(&stage.loop, peer_was_left(stage.peer, conn));
		stage_close(&stage);
	}
}

/* The client reads nothing for a while, then everything. */
static void
check_slow_reader(const struct peer_step *floods)
{
	struct stage stage;
	struct client client;
	const struct peer_conn *conn;
	size_t sent;

	stage_open(&stage, NULL);
	peer_route(stage.peer, PATH_SESSION, gives_a);
	peer_route(stage.peer, PATH_CHAT, floods);
	client_open(&client, &stage);
	loop_forget_memory();
	client_ask(&client, true);
	client_wait_for(&client, TILDES_10);
	client_stop_reading(&client);
	conn = stage.peer->conns[stage_chat_conn(&stage, 0)];
	do {
		sent = conn->sent;
		loop_for(&stage.loop, 100);
	} while (conn->sent != sent);
	/* The app is held back. */
	assert_in_range(sent, 1, 40 * MB);
	assert_in_range(loop_memory_growth(), 0, MEMORY_MAX);
	client_go_on_reading(&client);
	LOOP_UNTIL(&stage.loop, client.tildes == (size_t)LINES * 1000);
	assert_in_range(loop_memory_growth(), 0, MEMORY_MAX);
	/* The answer is whole: the connection serves another request. */
	client_send(&client, ASK_HEALTH);
	sent = client.received;
	LOOP_UNTIL(&stage.loop, client.received > sent + 100);
	assert_false(client.ended);
	client_close(&client);
	stage_close(&stage);
}

static void
a_slow_reader_of_a_fast_stream_costs_little_memory(void **state)
{
	AC_UNUSED(state);
	check_slow_reader(floods_chunks);
	check_slow_reader(floods_one_chunk);
}

static void
a_reader_that_is_slow_all_the_time_gets_every_byte(void **state)
{
	static const struct peer_step floods[] = {SEND(APP_STREAM APP_START),
	    REPEAT("3ed\r\n" LONG_LINE "\r\n", 8000), SEND(APP_FINISH APP_END),
	    END};
	struct stage stage;
	struct client client;

	AC_UNUSED(state);
	stage_open(&stage, NULL);
	peer_route(stage.peer, PATH_SESSION, gives_a);
	peer_route(stage.peer, PATH_CHAT, floods);
	client_open(&client, &stage);
	client_ask(&client, true);
	loop_set_guard(&stage.loop);
	while (client.tildes < 8000000) {
		size_t before = client.received;

		client_go_on_reading(&client);
		while (client.received == before)
			loop_turn(&stage.loop, "data", __FILE__, __LINE__);
		client_stop_reading(&client);
		loop_turns(&stage.loop, 2);
	}
	loop_clear_guard(&stage.loop);
	client_close(&client);
	stage_close(&stage);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_pipelined_request_is_answered_after_the_stream),
	    cmocka_unit_test(
		a_pipelined_request_is_answered_after_a_whole_answer),
	    cmocka_unit_test(
		a_streams_end_is_sent_whatever_else_happens_in_its_turn),
	    cmocka_unit_test(
		what_is_written_in_one_turn_leaves_in_one_tls_record),
	    cmocka_unit_test(
		a_long_pipelined_request_is_answered_or_ends_the_connection),
	    cmocka_unit_test(many_pipelined_requests_are_answered_in_order),
	    cmocka_unit_test(
		a_client_that_leaves_behind_pipelined_requests_cancels_the_first),
	    cmocka_unit_test(
		a_client_that_floods_while_it_waits_costs_little_memory),
	    cmocka_unit_test(
		a_client_that_floods_and_leaves_cancels_the_upstream),
	    cmocka_unit_test(
		a_slow_reader_of_a_fast_stream_costs_little_memory),
	    cmocka_unit_test(
		a_reader_that_is_slow_all_the_time_gets_every_byte),
	};

	loop_process_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

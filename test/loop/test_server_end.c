/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The server: draining, and being freed in the middle of everything. */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <akashchat/akashchat.h>

#include "base/attr.h"
#include "base/clock.h"
#include "stage.h"

static const struct peer_step gives_a[] = {
    APP_SESSION("aaa", "; Max-Age=600"), END};
static const struct peer_step gives_b[] = {
    APP_SESSION("bbb", "; Max-Age=600"), END};
static const struct peer_step stale[] = {APP_STALE, END};
static const struct peer_step answers_late[] = {
    SEND(APP_STREAM APP_START APP_TEXT("hello")), GATE,
    SEND(APP_TEXT("world") APP_FINISH APP_END), END};
static const struct peer_step answers_slowly[] = {
    SEND_BYTES(APP_STREAM APP_START APP_TEXT("hello") APP_FINISH APP_END), END};
static const struct peer_step lists_slowly[] = {
    SEND_BYTES("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	       "Content-Length: 12\r\n\r\n[{\"id\":\"x\"}]"),
    END};

struct drain {
	struct stage *stage;
	bool started;
	int times;
	bool early;
	bool frees; /* the server, within the callback */
};

static void
on_drained(struct ac_server *server, void *arg)
{
	struct drain *drain = arg;

	AC_UNUSED(server);
	drain->early = drain->early || !drain->started;
	drain->times++;
	if (drain->frees)
		stage_free_server(drain->stage);
}

static void
drain_start(struct drain *drain, struct stage *stage)
{
	drain->stage = stage;
	ac_server_drain(stage->server, on_drained, drain);
	drain->started = true;
}

static void
drain_wait(struct drain *drain)
{
	LOOP_UNTIL(&drain->stage->loop, drain->times > 0);
	loop_turns(&drain->stage->loop, 3);
	assert_int_equal(drain->times, 1);
	assert_false(drain->early);
}

static void
a_server_at_rest_is_drained_at_once(void **state)
{
	struct stage stage;
	struct drain drain = {.times = 0};

	AC_UNUSED(state);
	stage_open(&stage, NULL);
	drain_start(&drain, &stage);
	assert_int_equal(drain.times, 0);
	drain_wait(&drain);
	stage_close(&stage);
}

static bool
is_refused(uint16_t port)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	    .sin_port = htons(port),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool refused =
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) == -1;

	close(fd);
	return refused;
}

static void
a_running_stream_ends_before_the_server_is_drained(void **state)
{
	struct stage stage;
	struct client client;
	struct drain drain = {.times = 0};
	uint16_t port;

	AC_UNUSED(state);
	stage_open(&stage, NULL);
	peer_route(stage.peer, PATH_SESSION, gives_a);
	peer_route(stage.peer, PATH_CHAT, answers_late);
	client_open(&client, &stage);
	client_ask(&client, true);
	client_wait_for(&client, "hello");
	port = ac_server_port(stage.server);
	drain_start(&drain, &stage);
	loop_for(&stage.loop, 30);
	assert_int_equal(drain.times, 0);
	assert_false(client.ended);
	assert_true(is_refused(port));
	peer_open(stage.peer);
	drain_wait(&drain);
	LOOP_UNTIL(&stage.loop, strstr(client.text, "[DONE]") != NULL);
	assert_non_null(strstr(client.text, "world"));
	client_close(&client);
	stage_close(&stage);
}

static void
a_running_answer_ends_before_the_server_is_drained(void **state)
{
	struct stage stage;
	struct client clients[3];
	struct drain drain = {.times = 0};

	AC_UNUSED(state);
	stage_open(&stage, NULL);
	peer_route(stage.peer, PATH_SESSION, gives_a);
	peer_route(stage.peer, PATH_CHAT, answers_late);
	for (size_t i = 0; i < AC_LENGTH(clients); i++) {
		client_open(&clients[i], &stage);
		client_ask(&clients[i], i == 0);
	}
	stage_wait_for_chats(&stage, 3);
	drain_start(&drain, &stage);
	loop_for(&stage.loop, 30);
	assert_int_equal(drain.times, 0);
	peer_open(stage.peer);
	drain_wait(&drain);
	for (size_t i = 0; i < AC_LENGTH(clients); i++) {
		client_wait_for(&clients[i], "world");
		client_close(&clients[i]);
	}
	stage_close(&stage);
}

static void
a_client_that_leaves_ends_the_drain(void **state)
{
	struct stage stage;
	struct client client;
	struct drain drain = {.times = 0};

	AC_UNUSED(state);
	stage_open(&stage, NULL);
	peer_route(stage.peer, PATH_SESSION, gives_a);
	peer_route(stage.peer, PATH_CHAT, answers_late);
	client_open(&client, &stage);
	client_ask(&client, true);
	client_wait_for(&client, "hello");
	drain_start(&drain, &stage);
	client_close(&client);
	drain_wait(&drain);
	stage_close(&stage);
}

static void
what_runs_too_long_ends_with_an_error(void **state)
{
	struct stage_wish wish = {.option = "DRAIN_TIMEOUT", .value = "1"};
	struct stage stage;
	struct client client;
	struct drain drain = {.times = 0};
	int64_t start;

	AC_UNUSED(state);
	stage_open(&stage, &wish);
	peer_route(stage.peer, PATH_SESSION, gives_a);
	peer_route(stage.peer, PATH_CHAT, answers_late);
	client_open(&client, &stage);
	client_ask(&client, true);
	client_wait_for(&client, "hello");
	start = ac_clock_ms();
	drain_start(&drain, &stage);
	drain_wait(&drain);
	assert_in_range(ac_clock_ms() - start, 950, 2500);
	LOOP_UNTIL(&stage.loop, client.ended);
	/* Not as if it were whole. */
	assert_null(strstr(client.text, "[DONE]"));
	assert_non_null(strstr(client.text, "\"code\":\"shutting_down\""));
	LOOP_UNTIL(
	    &stage.loop, peer_was_left(stage.peer, stage_chat_conn(&stage, 0)));
	client_close(&client);
	stage_close(&stage);
}

static const char upload_begins[] =
    "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
    "Content-Length: 60\r\n\r\n{\"model\":\"m\",";
static const char upload_ends[] =
    "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}   ";

static void
a_request_that_is_being_sent_is_answered_before_the_drain(void **state)
{
	struct stage stage;
	struct client client;
	struct drain drain = {.times = 0};

	AC_UNUSED(state);
	stage_open(&stage, NULL);
	peer_route(stage.peer, PATH_SESSION, gives_a);
	peer_route(stage.peer, PATH_CHAT, answers_late);
	peer_open(stage.peer);
	client_open(&client, &stage);
	client_shake_hands(&client);
	client_send(&client, upload_begins);
	loop_turns(&stage.loop, 3);
	drain_start(&drain, &stage);
	loop_for(&stage.loop, 30);
	assert_int_equal(drain.times, 0);
	client_send(&client, upload_ends);
	client_wait_for(&client, "helloworld");
	assert_non_null(strstr(client.text, "Connection: close"));
	drain_wait(&drain);
	client_close(&client);
	stage_close(&stage);
}

static void
a_request_that_is_never_whole_is_cut_off(void **state)
{
	struct stage_wish wish = {.option = "DRAIN_TIMEOUT", .value = "1"};
	struct stage stage;
	struct client client;
	struct drain drain = {.times = 0};

	AC_UNUSED(state);
	stage_open(&stage, &wish);
	client_open(&client, &stage);
	client_shake_hands(&client);
	client_send(&client, upload_begins);
	loop_turns(&stage.loop, 3);
	drain_start(&drain, &stage);
	drain_wait(&drain);
	client_close(&client);
	stage_close(&stage);
}

static void
draining_twice_changes_nothing(void **state)
{
	struct stage stage;
	struct client client;
	struct drain drain = {.times = 0};
	struct drain second = {.times = 0};

	AC_UNUSED(state);
	stage_open(&stage, NULL);
	peer_route(stage.peer, PATH_SESSION, gives_a);
	peer_route(stage.peer, PATH_CHAT, answers_late);
	client_open(&client, &stage);
	client_ask(&client, true);
	client_wait_for(&client, "hello");
	drain_start(&drain, &stage);
	drain_start(&second, &stage);
	loop_turns(&stage.loop, 3);
	peer_open(stage.peer);
	drain_wait(&drain);
	assert_int_equal(second.times, 0);
	client_close(&client);
	stage_close(&stage);
}

/* A kept-alive connection outlives the drain and is used once more. */
static void
a_request_after_the_drain_does_not_drain_again(void **state)
{
	struct stage stage;
	struct client client;
	struct drain drain = {.times = 0};

	AC_UNUSED(state);
	stage_open(&stage, NULL);
	client_open(&client, &stage);
	client_send(&client, ASK_HEALTH);
	client_wait_for(&client, "HTTP/1.1 200 OK");
	drain_start(&drain, &stage);
	drain_wait(&drain);
	client.text[0] = '\0';
	client_send(&client, ASK_HEALTH);
	loop_for(&stage.loop, 50);
	/* Answered as the last one, or not at all. */
	if (client.text[0] != '\0')
		assert_non_null(strstr(client.text, "Connection: close"));
	LOOP_UNTIL(&stage.loop, client.ended);
	assert_int_equal(drain.times, 1);
	client_close(&client);
	stage_close(&stage);
}

static void
an_answer_during_the_drain_is_the_connections_last(void **state)
{
	struct stage stage;
	struct client client;
	struct drain drain = {.times = 0};

	AC_UNUSED(state);
	stage_open(&stage, NULL);
	peer_route(stage.peer, PATH_SESSION, gives_a);
	peer_route(stage.peer, PATH_CHAT, answers_late);
	client_open(&client, &stage);
	client_ask(&client, false);
	stage_wait_for_chats(&stage, 1);
	drain_start(&drain, &stage);
	peer_open(stage.peer);
	client_wait_for(&client, "helloworld");
	assert_non_null(strstr(client.text, "Connection: close"));
	LOOP_UNTIL(&stage.loop, client.ended);
	assert_false(client.was_reset);
	drain_wait(&drain);
	client_close(&client);
	stage_close(&stage);
}

static void
the_server_may_be_freed_when_it_is_drained(void **state)
{
	struct stage stage;
	struct client client;
	struct drain drain = {.frees = true};

	AC_UNUSED(state);
	stage_open(&stage, NULL);
	peer_route(stage.peer, PATH_SESSION, gives_a);
	peer_route(stage.peer, PATH_CHAT, answers_late);
	client_open(&client, &stage);
	client_ask(&client, true);
	client_wait_for(&client, "hello");
	drain_start(&drain, &stage);
	client_close(&client);
	drain_wait(&drain);
	assert_null(stage.server);
	stage_close(&stage);
}

enum { CLIENTS = 7 };

/* Everything at once: streams, whole answers, lists, a stale session, a
 * client in the middle of its request, one that is idle, one that is
 * pipelined, one that is refused. */
static void
start_everything(struct stage *stage, struct client clients[CLIENTS])
{
	static const char begun[] = "POST /v1/chat/completions HTTP/1.1\r\nHo";

	peer_route(stage->peer, PATH_SESSION, gives_a);
	peer_route(stage->peer, PATH_SESSION, gives_b);
	peer_route(stage->peer, PATH_CHAT, stale);
	peer_route(stage->peer, PATH_CHAT, answers_slowly);
	peer_route(stage->peer, PATH_MODELS, lists_slowly);
	for (int i = 0; i < CLIENTS; i++)
		client_open(&clients[i], stage);
	client_ask(&clients[0], true);
	client_ask(&clients[1], false);
	client_send(
	    &clients[2], "GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n");
	client_send(&clients[3], begun);
	client_ask(&clients[5], true);
	client_send(&clients[5], ASK_HEALTH);
	client_send(&clients[6], "nonsense\r\n\r\n");
}

static void
a_server_can_be_freed_in_any_turn(void **state)
{
	bool over = false;

	AC_UNUSED(state);
	for (int turns = 0; !over; turns++) {
		struct stage stage;
		struct client clients[CLIENTS];

		stage_open(&stage, NULL);
		start_everything(&stage, clients);
		loop_turns(&stage.loop, turns);
		over = strstr(clients[0].text, "[DONE]") != NULL;
		stage_free_server(&stage);
		/* Half of the times the loop does not turn again. */
		if (turns % 2 == 0) {
			loop_turns(&stage.loop, 3);
			assert_int_equal(peer_open_count(stage.peer), 0);
			for (size_t i = 0; i < CLIENTS; i++)
				assert_true(clients[i].ended);
		}
		for (size_t i = 0; i < CLIENTS; i++)
			client_close(&clients[i]);
		stage_close(&stage);
		assert_true(turns < 1000);
	}
}

static void
a_server_can_be_freed_in_any_turn_of_its_drain(void **state)
{
	AC_UNUSED(state);
	for (int turns = 0; turns < 60; turns += 3) {
		struct stage stage;
		struct client clients[CLIENTS];
		struct drain drain = {.times = 0};

		stage_open(&stage, NULL);
		start_everything(&stage, clients);
		client_shake_hands(&clients[0]);
		loop_turns(&stage.loop, turns);
		drain_start(&drain, &stage);
		loop_turns(&stage.loop, turns / 2);
		stage_free_server(&stage);
		for (size_t i = 0; i < CLIENTS; i++)
			client_close(&clients[i]);
		stage_close(&stage);
		assert_int_equal(drain.times, 0);
	}
}

static void
a_server_can_be_freed_while_its_clients_are_behind(void **state)
{
	static const struct peer_step floods[] = {
	    SEND(APP_STREAM APP_START), REPEAT(APP_TEXT("~~~~~"), 4 * MB), END};
	struct stage stage;
	struct client client;

	AC_UNUSED(state);
	stage_open(&stage, NULL);
	peer_route(stage.peer, PATH_SESSION, gives_a);
	peer_route(stage.peer, PATH_CHAT, floods);
	client_open(&client, &stage);
	client_ask(&client, true);
	client_wait_for(&client, "~~~~~");
	client_stop_reading(&client);
	loop_for(&stage.loop, 300);
	stage_free_server(&stage);
	client_close(&client);
	stage_close(&stage);
}

static void
a_server_can_be_freed_before_its_loop_ran(void **state)
{
	struct stage stage;
	struct client client;

	AC_UNUSED(state);
	stage_open(&stage, NULL);
	stage_close(&stage);
	stage_open(&stage, NULL);
	client_open(&client, &stage);
	client_send(&client, ASK_HEALTH);
	stage_free_server(&stage);
	client_close(&client);
	stage_close(&stage);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_server_at_rest_is_drained_at_once),
	    cmocka_unit_test(
		a_running_stream_ends_before_the_server_is_drained),
	    cmocka_unit_test(
		a_running_answer_ends_before_the_server_is_drained),
	    cmocka_unit_test(a_client_that_leaves_ends_the_drain),
	    cmocka_unit_test(what_runs_too_long_ends_with_an_error),
	    cmocka_unit_test(
		a_request_that_is_being_sent_is_answered_before_the_drain),
	    cmocka_unit_test(a_request_that_is_never_whole_is_cut_off),
	    cmocka_unit_test(draining_twice_changes_nothing),
	    cmocka_unit_test(a_request_after_the_drain_does_not_drain_again),
	    cmocka_unit_test(
		an_answer_during_the_drain_is_the_connections_last),
	    cmocka_unit_test(the_server_may_be_freed_when_it_is_drained),
	    cmocka_unit_test(a_server_can_be_freed_in_any_turn),
	    cmocka_unit_test(a_server_can_be_freed_in_any_turn_of_its_drain),
	    cmocka_unit_test(
		a_server_can_be_freed_while_its_clients_are_behind),
	    cmocka_unit_test(a_server_can_be_freed_before_its_loop_ran),
	};

	loop_process_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

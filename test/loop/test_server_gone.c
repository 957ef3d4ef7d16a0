/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The server: clients that leave. Whatever they wait for, and however they
 * leave, the upstream's connection is closed in the turn of the loop in
 * which that is seen; the app sees it in the next.
 */
#include <string.h>

#include <openssl/ssl.h>

#include "base/attr.h"
#include "certs.h"
#include "stage.h"

static const struct peer_step gives_a[] = {
    APP_SESSION("aaa", "; Max-Age=600"), END};
static const struct peer_step waits[] = {GATE, END};
static const struct peer_step begins[] = {
    SEND(APP_STREAM APP_START APP_TEXT("hello")), GATE, END};
static const struct peer_step answers[] = {
    SEND(APP_STREAM APP_START APP_TEXT("hello") APP_FINISH APP_END), END};
static const struct peer_step answers_slowly[] = {
    SEND_BYTES(APP_STREAM APP_START APP_TEXT("hello") APP_FINISH APP_END), END};

/* Over TLS with close_notify, without it otherwise. */
static void
leave_politely(struct client *client)
{
	if (stage_has_tls())
		client_say_goodbye(client);
	else
		client_half_close(client);
}

static void
leave_politely_at_once(struct client *client)
{
	leave_politely(client);
	client_close(client);
}

static void (*const ways_to_leave[])(struct client *) = {
    client_close,
    client_reset,
    client_half_close,
    leave_politely,
    leave_politely_at_once,
};

/* Another client is answered. */
static void
check_server(struct stage *stage)
{
	struct client client;

	client_open(&client, stage);
	client_send(&client, ASK_HEALTH);
	client_wait_for(&client, "HTTP/1.1 200 OK");
	client_close(&client);
}

/* A client asks, the app does what the script says, until says (or, where
 * that is NULL, until the app has been asked); then the client leaves. */
static void
check_gone(const struct stage_wish *wish, const struct peer_step *script,
    bool wants_stream, const char *until)
{
	for (size_t i = 0; i < AC_LENGTH(ways_to_leave); i++) {
		struct stage stage;
		struct client client;
		int conn;

		stage_open(&stage, wish);
		peer_route(stage.peer, PATH_SESSION, gives_a);
		peer_route(stage.peer, PATH_CHAT, script);
		client_open(&client, &stage);
		client_ask(&client, wants_stream);
		stage_wait_for_chats(&stage, 1);
		if (until != NULL)
			client_wait_for(&client, until);
		else
			loop_turns(&stage.loop, 3);
		conn = stage_chat_conn(&stage, 0);
		assert_false(peer_was_left(stage.peer, conn));
		ways_to_leave[i](&client);
		/* With TLS there is a goodbye before the end. */
		loop_turns(&stage.loop, 3);
		assert_true(peer_was_left(stage.peer, conn));
		check_server(&stage);
		client_close(&client);
		stage_close(&stage);
	}
}

static void
a_client_gone_before_the_head_cancels_the_upstream(void **state)
{
	AC_UNUSED(state);
	check_gone(NULL, waits, true, NULL);
}

static void
a_client_gone_in_mid_stream_cancels_the_upstream(void **state)
{
	AC_UNUSED(state);
	check_gone(NULL, begins, true, "hello");
}

static void
a_client_gone_without_a_stream_cancels_the_upstream(void **state)
{
	AC_UNUSED(state);
	check_gone(NULL, waits, false, NULL);
	check_gone(NULL, begins, false, NULL);
}

static void
a_client_gone_cancels_an_upstream_behind_tls(void **state)
{
	struct authority authority;
	struct stage_wish wish = {.option = NULL};

	AC_UNUSED(state);
	authority_open(&authority);
	wish.peer_tls = certs_good_server_new(&authority);
	wish.ca_file = authority.file.path;
	check_gone(&wish, waits, true, NULL);
	check_gone(&wish, begins, true, "hello");
	check_gone(&wish, begins, false, NULL);
	SSL_CTX_free(wish.peer_tls);
	authority_close(&authority);
}

/* The session is fetched for all: it goes on, but no chat is made. */
static void
a_client_gone_before_the_session_makes_no_chat(void **state)
{
	static const struct peer_step gives_a_late[] = {
	    GATE, APP_SESSION("aaa", "; Max-Age=600"), END};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(ways_to_leave); i++) {
		struct stage stage;
		struct client client;
		struct client next;

		stage_open(&stage, NULL);
		peer_route(stage.peer, PATH_SESSION, gives_a_late);
		peer_route(stage.peer, PATH_CHAT, answers);
		client_open(&client, &stage);
		client_ask(&client, true);
		LOOP_UNTIL(&stage.loop, stage.peer->request_count == 1);
		ways_to_leave[i](&client);
		loop_turns(&stage.loop, 3);
		peer_open(stage.peer);
		client_open(&next, &stage);
		client_ask(&next, true);
		client_wait_for(&next, "[DONE]");
		assert_int_equal(peer_asked(stage.peer, PATH_SESSION), 1);
		assert_int_equal(peer_asked(stage.peer, PATH_CHAT), 1);
		client_close(&next);
		client_close(&client);
		stage_close(&stage);
	}
}

static void
a_client_gone_while_the_list_of_models_is_fetched_is_forgotten(void **state)
{
	static const struct peer_step lists_late[] = {GATE,
	    SEND("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
		 "Content-Length: 12\r\n\r\n[{\"id\":\"x\"}]"),
	    END};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(ways_to_leave); i++) {
		struct stage stage;
		struct client client;
		struct client next;

		stage_open(&stage, NULL);
		peer_route(stage.peer, PATH_SESSION, gives_a);
		peer_route(stage.peer, PATH_MODELS, lists_late);
		client_open(&client, &stage);
		client_send(&client, "GET /v1/models HTTP/1.1\r\n"
				     "Host: localhost\r\n\r\n");
		LOOP_UNTIL(&stage.loop, stage.peer->request_count == 2);
		ways_to_leave[i](&client);
		loop_turns(&stage.loop, 3);
		client_open(&next, &stage);
		client_send(&next, "GET /v1/models HTTP/1.1\r\n"
				   "Host: localhost\r\n\r\n");
		loop_turns(&stage.loop, 3);
		peer_open(stage.peer);
		client_wait_for(&next, "\"id\":\"x\"");
		assert_int_equal(peer_asked(stage.peer, PATH_MODELS), 1);
		client_close(&next);
		client_close(&client);
		stage_close(&stage);
	}
}

/* The client takes nothing, so the upstream is paused when it leaves. */
static void
a_client_gone_while_it_is_behind_cancels_the_upstream(void **state)
{
	static const struct peer_step floods[] = {
	    SEND(APP_STREAM APP_START), REPEAT(APP_TEXT("~~~~~"), 4 * MB), END};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(ways_to_leave); i++) {
		struct stage stage;
		struct client client;
		const struct peer_conn *conn;
		size_t sent;

		stage_open(&stage, NULL);
		peer_route(stage.peer, PATH_SESSION, gives_a);
		peer_route(stage.peer, PATH_CHAT, floods);
		client_open(&client, &stage);
		client_ask(&client, true);
		client_wait_for(&client, "~~~~~");
		client_stop_reading(&client);
		conn = stage.peer->conns[stage_chat_conn(&stage, 0)];
		/* Until nothing moves any more. */
		do {
			sent = conn->sent;
			loop_for(&stage.loop, 100);
		} while (conn->sent != sent);
		ways_to_leave[i](&client);
		loop_turns(&stage.loop, 2);
		assert_true(
		    peer_was_left(stage.peer, stage_chat_conn(&stage, 0)));
		client_close(&client);
		stage_close(&stage);
	}
}

/* Leaves after 0, 1, 2 … turns of the loop, until the answer is whole. */
static void
sweep(void (*leave)(struct client *), bool wants_stream)
{
	struct stage stage;
	bool over = false;

	stage_open(&stage, NULL);
	peer_route(stage.peer, PATH_SESSION, gives_a);
	peer_route(stage.peer, PATH_CHAT, answers_slowly);
	for (int turns = 0; !over; turns++) {
		struct client client;

		client_open(&client, &stage);
		client_ask(&client, wants_stream);
		loop_turns(&stage.loop, turns);
		over =
		    strstr(client.text,
			wants_stream ? "[DONE]" : "\"finish_reason\"") != NULL;
		leave(&client);
		loop_turns(&stage.loop, 3);
		/* The session's connection may be in the pool; the chat's is
		 * gone, unless its answer is whole but for its end. */
		over = over || peer_open_count(stage.peer) > 1;
		assert_true(!over || turns > 100);
		client_close(&client);
		assert_true(turns < 1000);
		assert_true(stage.peer->request_count < PEER_REQUESTS_MAX);
	}
	check_server(&stage);
	stage_close(&stage);
}

static void
a_client_may_leave_in_any_turn(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(ways_to_leave); i++) {
		sweep(ways_to_leave[i], true);
		sweep(ways_to_leave[i], false);
	}
}

static void
a_client_that_leaves_within_its_request_is_forgotten(void **state)
{
	static const char request[] =
	    "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
	    "Content-Length: 20\r\n\r\n{\"model\"";

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(ways_to_leave); i++) {
		struct stage stage;

		stage_open(&stage, NULL);
		for (size_t len = 1; len < sizeof(request); len += 7) {
			struct client client;
			char begin[sizeof(request)];

			memcpy(begin, request, len);
			begin[len] = '\0';
			client_open(&client, &stage);
			client_send(&client, begin);
			loop_turns(&stage.loop, 2);
			ways_to_leave[i](&client);
			loop_turns(&stage.loop, 3);
			client_close(&client);
		}
		check_server(&stage);
		assert_int_equal(stage.peer->accepted, 0);
		stage_close(&stage);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		a_client_gone_before_the_head_cancels_the_upstream),
	    cmocka_unit_test(a_client_gone_in_mid_stream_cancels_the_upstream),
	    cmocka_unit_test(
		a_client_gone_without_a_stream_cancels_the_upstream),
	    cmocka_unit_test(a_client_gone_cancels_an_upstream_behind_tls),
	    cmocka_unit_test(a_client_gone_before_the_session_makes_no_chat),
	    cmocka_unit_test(
		a_client_gone_while_the_list_of_models_is_fetched_is_forgotten),
	    cmocka_unit_test(
		a_client_gone_while_it_is_behind_cancels_the_upstream),
	    cmocka_unit_test(a_client_may_leave_in_any_turn),
	    cmocka_unit_test(
		a_client_that_leaves_within_its_request_is_forgotten),
	};

	loop_process_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

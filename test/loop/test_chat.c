/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A chat with the web app: its session, its refusals, its stream. */
#include "upstream/chat.h"

#include <stdio.h>
#include <string.h>

#include <event2/buffer.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "site.h"
#include "upstream/upstream.h"

static const char body_text[] = "{\"messages\":[]}";

#define STREAM_HEAD                                     \
	APP_HEAD("200 OK", "content-type: text/plain; " \
			   "charset=utf-8\r\n"          \
			   "x-vercel-ai-data-stream: v1\r\n")
#define STREAM SEND(STREAM_HEAD "7\r\n0:\"hi\"\n\r\n" APP_END)

static const struct peer_step gives_a[] = {
    APP_SESSION("aaa", "; Max-Age=600"), END};
static const struct peer_step gives_b[] = {
    APP_SESSION("bbb", "; Max-Age=600"), END};
static const struct peer_step streams[] = {STREAM, END};
static const struct peer_step stale[] = {APP_STALE, END};

struct talk {
	struct site *site;
	struct ac_chat *chat; /* NULL: over */
	bool started;
	int opens;
	int dones;
	size_t data_len;
	char data[256];
	bool succeeded;
	struct ac_error error;
	const char *problem;
	enum ac_chat_protocol protocol;
	int cancel_at; /* 1: within on_open, 2: on_data; 0: never */
};

static void
talk_cancel(struct talk *talk)
{
	struct ac_chat *chat = talk->chat;

	talk->chat = NULL;
	ac_chat_cancel(chat);
}

static void
check_moment(struct talk *talk)
{
	if (!talk->started)
		talk->problem = "a handler ran before the start returned";
	if (talk->chat == NULL)
		talk->problem = "a handler ran when the chat was over";
}

static void
on_open(enum ac_chat_protocol protocol, void *arg)
{
	struct talk *talk = arg;

	check_moment(talk);
	if (talk->opens++ > 0)
		talk->problem = "on_open ran twice";
	talk->protocol = protocol;
	if (talk->cancel_at == 1)
		talk_cancel(talk);
}

static void
on_data(struct evbuffer *data, void *arg)
{
	struct talk *talk = arg;
	size_t room = sizeof(talk->data) - 1 - strlen(talk->data);
	size_t len = evbuffer_get_length(data);

	check_moment(talk);
	if (talk->opens == 0)
		talk->problem = "on_data ran before on_open";
	talk->data_len += len;
	evbuffer_remove(
	    data, talk->data + strlen(talk->data), len < room ? len : room);
	if (talk->cancel_at == 2)
		talk_cancel(talk);
}

static void
on_done(const struct ac_error *error, void *arg)
{
	struct talk *talk = arg;

	check_moment(talk);
	talk->chat = NULL;
	talk->dones++;
	talk->succeeded = error == NULL;
	if (error != NULL)
		talk->error = *error;
}

static const struct ac_chat_handlers handlers = {
    .on_open = on_open,
    .on_data = on_data,
    .on_done = on_done,
};

static void
talk_start(struct talk *talk, struct site *site)
{
	struct ac_bytes *body =
	    ac_bytes_take(ac_strdup(body_text), sizeof(body_text) - 1);

	talk->site = site;
	talk->chat = ac_chat_start(site->upstream, body, &handlers, talk);
	talk->started = true;
	ac_bytes_unref(body);
}

static void
talk_wait(struct talk *talk)
{
	LOOP_UNTIL(&talk->site->loop, talk->dones > 0);
	loop_turns(&talk->site->loop, 3);
	if (talk->problem != NULL)
		fail_msg("%s", talk->problem);
	assert_int_equal(talk->dones, 1);
}

static void
talk_wait_for_stream(struct talk *talk)
{
	talk_wait(talk);
	if (!talk->succeeded)
		fail_msg("it failed: %s", talk->error.message);
	assert_string_equal(talk->data, "0:\"hi\"\n");
}

static void
a_chat_is_sent_with_the_session(void **state)
{
	struct site site = {.peer = NULL};
	struct talk talk = {.dones = 0};
	const struct peer_request *request;

	AC_UNUSED(state);
	site_open_with(&site, "UPSTREAM_USER_AGENT", "a test/1.0");
	peer_route(site.peer, PATH_SESSION, gives_a);
	peer_route(site.peer, PATH_CHAT, streams);
	talk_start(&talk, &site);
	talk_wait_for_stream(&talk);
	assert_int_equal(site.peer->request_count, 2);
	request = &site.peer->requests[1];
	assert_ptr_equal(
	    strstr(request->text, "POST /api/chat/ "), request->text);
	assert_non_null(
	    strstr(request->text, "\r\nCookie: session_token=aaa\r\n"));
	assert_non_null(
	    strstr(request->text, "\r\nContent-Type: application/json\r\n"));
	assert_non_null(
	    strstr(request->text, "\r\nUser-Agent: a test/1.0\r\n"));
	assert_string_equal(request->body, body_text);
	site_close(&site);
}

static void
chats_share_a_session(void **state)
{
	struct site site = {.peer = NULL};
	struct talk talks[20] = {{.dones = 0}};

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_SESSION, gives_a);
	peer_route(site.peer, PATH_CHAT, streams);
	for (size_t i = 0; i < AC_LENGTH(talks); i++)
		talk_start(&talks[i], &site);
	for (size_t i = 0; i < AC_LENGTH(talks); i++)
		talk_wait_for_stream(&talks[i]);
	assert_int_equal(peer_asked(site.peer, PATH_SESSION), 1);
	assert_int_equal(peer_asked(site.peer, PATH_CHAT), 20);
	site_close(&site);
}

static void
a_stale_session_is_replaced_unseen(void **state)
{
	struct site site = {.peer = NULL};
	struct talk talk = {.dones = 0};

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_SESSION, gives_a);
	peer_route(site.peer, PATH_SESSION, gives_b);
	peer_route(site.peer, PATH_CHAT, stale);
	peer_route(site.peer, PATH_CHAT, streams);
	talk_start(&talk, &site);
	talk_wait_for_stream(&talk);
	assert_int_equal(talk.opens, 1);
	assert_int_equal(peer_asked(site.peer, PATH_SESSION), 2);
	assert_int_equal(peer_asked(site.peer, PATH_CHAT), 2);
	assert_non_null(strstr(
	    site.peer->requests[3].text, "\r\nCookie: session_token=bbb\r\n"));
	assert_string_equal(site.peer->requests[3].body, body_text);
	site_close(&site);
}

static void
many_chats_replace_a_stale_session_once(void **state)
{
	static const struct peer_step stale_gated[] = {GATE, APP_STALE, END};
	struct site site = {.peer = NULL};
	struct talk talks[20] = {{.dones = 0}};

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_SESSION, gives_a);
	peer_route(site.peer, PATH_SESSION, gives_b);
	for (size_t i = 0; i < AC_LENGTH(talks); i++)
		peer_route(site.peer, PATH_CHAT, stale_gated);
	peer_route(site.peer, PATH_CHAT, streams);
	for (size_t i = 0; i < AC_LENGTH(talks); i++)
		talk_start(&talks[i], &site);
	LOOP_UNTIL(&site.loop, peer_asked(site.peer, PATH_CHAT) == 20);
	peer_open(site.peer);
	for (size_t i = 0; i < AC_LENGTH(talks); i++)
		talk_wait_for_stream(&talks[i]);
	assert_int_equal(peer_asked(site.peer, PATH_SESSION), 2);
	assert_int_equal(peer_asked(site.peer, PATH_CHAT), 40);
	site_close(&site);
}

static void
a_second_stale_session_is_an_error(void **state)
{
	struct site site = {.peer = NULL};
	struct talk talk = {.dones = 0};
	struct talk next = {.dones = 0};

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_SESSION, gives_a);
	peer_route(site.peer, PATH_SESSION, gives_b);
	peer_route(site.peer, PATH_CHAT, stale);
	peer_route(site.peer, PATH_CHAT, stale);
	peer_route(site.peer, PATH_CHAT, streams);
	talk_start(&talk, &site);
	talk_wait(&talk);
	assert_int_equal(talk.error.code, AC_ERROR_UPSTREAM_SESSION);
	assert_int_equal(peer_asked(site.peer, PATH_CHAT), 2);
	/* Neither token is used again. */
	talk_start(&next, &site);
	talk_wait_for_stream(&next);
	assert_int_equal(peer_asked(site.peer, PATH_SESSION), 3);
	site_close(&site);
}

static void
a_session_that_cannot_be_had_is_the_chats_error(void **state)
{
	static const struct peer_step fails[] = {APP_500, END};
	struct site site = {.peer = NULL};
	struct talk talk = {.dones = 0};
	struct talk later = {.dones = 0};

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_SESSION, fails);
	talk_start(&talk, &site);
	talk_wait(&talk);
	assert_int_equal(talk.error.code, AC_ERROR_UPSTREAM_SESSION);
	talk_start(&later, &site);
	talk_wait(&later);
	assert_int_equal(later.error.code, AC_ERROR_UPSTREAM_SESSION);
	assert_int_equal(peer_asked(site.peer, PATH_SESSION), 1);
	site_close(&site);
}

/* A session that is stale and cannot be replaced. */
static void
a_replay_without_a_session_is_an_error(void **state)
{
	static const struct peer_step fails[] = {APP_500, END};
	struct site site = {.peer = NULL};
	struct talk talk = {.dones = 0};

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_SESSION, gives_a);
	peer_route(site.peer, PATH_SESSION, fails);
	peer_route(site.peer, PATH_CHAT, stale);
	talk_start(&talk, &site);
	talk_wait(&talk);
	assert_int_equal(talk.error.code, AC_ERROR_UPSTREAM_SESSION);
	assert_int_equal(peer_asked(site.peer, PATH_CHAT), 1);
	site_close(&site);
}

static void
check_refusal(const char *answer, enum ac_error_code code, const char *said)
{
	struct peer_step script[] = {SEND(answer), END};
	struct site site = {.peer = NULL};
	struct talk talk = {.dones = 0};

	site_open(&site);
	peer_route(site.peer, PATH_SESSION, gives_a);
	peer_route(site.peer, PATH_CHAT, script);
	talk_start(&talk, &site);
	talk_wait(&talk);
	assert_false(talk.succeeded);
	assert_int_equal(talk.opens, 0);
	if (talk.error.code != code || strstr(talk.error.message, said) == NULL)
		print_error("the error: %s\n", talk.error.message);
	assert_int_equal(talk.error.code, code);
	assert_non_null(strstr(talk.error.message, said));
	assert_int_equal(peer_asked(site.peer, PATH_CHAT), 1);
	assert_int_equal(peer_asked(site.peer, PATH_SESSION), 1);
	/* The session was not at fault. */
	assert_string_equal(ac_session_token(site.upstream->session), "aaa");
	site_close(&site);
}

static void
a_refusal_is_told_as_what_it_is(void **state)
{
	static const struct {
		const char *answer;
		enum ac_error_code code;
		const char *said;
	} cases[] = {
	    {APP_HEAD("500 Internal Server Error", "") APP_END,
		AC_ERROR_UPSTREAM, "HTTP 500"},
	    {APP_HEAD("400 Bad Request",
		 "Content-Type: text/plain\r\n") "19\r\n[Message too long for us]\r\n" APP_END,
		AC_ERROR_CONTEXT_LENGTH, "[Message too long for us]"},
	    {APP_HEAD("400 Bad Request",
		 "Content-Type: application/json\r\n") "10\r\n{\"error\":\"nope\"}\r\n" APP_END,
		AC_ERROR_UPSTREAM, "nope"},
	    {APP_HEAD("400 Bad Request",
		 "Content-Type: text/plain\r\n") "11\r\nYour files have x\r\n" APP_END,
		AC_ERROR_CONTEXT_LENGTH, "Your files have x"},
	    {APP_HEAD("400 Bad Request",
		 "Content-Type: text/plain\r\n") "5\r\nother\r\n" APP_END,
		AC_ERROR_UPSTREAM, "HTTP 400"},
	    {APP_HEAD("403 Forbidden",
		 "Content-Type: text/plain\r\n") "10\r\nerror code: 1020\r\n" APP_END,
		AC_ERROR_UPSTREAM_CHALLENGE, "in front of the upstream"},
	    {APP_HEAD("308 Permanent Redirect",
		 "location: /api/x/\r\n") "7\r\n/api/x/\r\n" APP_END,
		AC_ERROR_UPSTREAM, "/api/x/"},
	    {APP_HEAD("403 Forbidden",
		 "Content-Type: text/html\r\n") "9\r\n<p>no</p>\r\n" APP_END,
		AC_ERROR_UPSTREAM_CHALLENGE, "in front of the upstream"},
	    {APP_HEAD("503 Busy",
		 "Content-Type: text/html\r\n") "9\r\n<p>no</p>\r\n" APP_END,
		AC_ERROR_UPSTREAM_CHALLENGE, "in front of the upstream"},
	    {APP_HEAD("200 OK",
		 "Content-Type: text/html\r\n") "9\r\n<p>hi</p>\r\n" APP_END,
		AC_ERROR_UPSTREAM_CHALLENGE, "in front of the upstream"},
	    {APP_HEAD("403 Forbidden",
		 "Content-Type: application/json\r\n") "10\r\n{\"error\":\"nope\"}\r\n" APP_END,
		AC_ERROR_UPSTREAM, "nope"},
	    {APP_HEAD("429 Too Many", "") APP_END, AC_ERROR_RATE_LIMIT, "429"},
	    {APP_HEAD("200 OK",
		 "Content-Type: application/json\r\n") "2\r\n{}\r\n" APP_END,
		AC_ERROR_UPSTREAM, "not the chat"},
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++)
		check_refusal(cases[i].answer, cases[i].code, cases[i].said);
}

static void
a_long_refusal_is_cut(void **state)
{
	static const struct peer_step script[] = {
	    SEND("HTTP/1.1 400 Bad\r\nContent-Type: text/plain\r\n"
		 "Content-Length: 1000017\r\n\r\n[Message too long"),
	    REPEAT("0123456789", 100000), END};
	struct site site = {.peer = NULL};
	struct talk talk = {.dones = 0};

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_SESSION, gives_a);
	peer_route(site.peer, PATH_CHAT, script);
	talk_start(&talk, &site);
	talk_wait(&talk);
	assert_int_equal(talk.error.code, AC_ERROR_CONTEXT_LENGTH);
	site_close(&site);
}

static void
a_broken_stream_is_told_with_what_came_before(void **state)
{
	static const struct peer_step cut[] = {
	    SEND(STREAM_HEAD "7\r\n0:\"hi\"\n\r\n"), WAIT(0), CLOSE, END};
	struct site site = {.peer = NULL};
	struct talk talk = {.dones = 0};

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_SESSION, gives_a);
	peer_route(site.peer, PATH_CHAT, cut);
	talk_start(&talk, &site);
	talk_wait(&talk);
	assert_int_equal(talk.error.code, AC_ERROR_UPSTREAM);
	assert_string_equal(talk.data, "0:\"hi\"\n");
	assert_int_equal(peer_asked(site.peer, PATH_CHAT), 1);
	site_close(&site);
}

static void
a_chat_can_be_cancelled_in_any_turn(void **state)
{
	static const struct peer_step slowly[] = {
	    SEND_BYTES(STREAM_HEAD "7\r\n0:\"hi\"\n\r\n" APP_END), END};
	bool over = false;

	AC_UNUSED(state);
	for (int turns = 0; !over; turns++) {
		struct site site = {.peer = NULL};
		struct talk talk = {.dones = 0};

		site_open(&site);
		peer_route(site.peer, PATH_SESSION, gives_a);
		peer_route(site.peer, PATH_SESSION, gives_b);
		peer_route(site.peer, PATH_CHAT, stale);
		peer_route(site.peer, PATH_CHAT, slowly);
		talk_start(&talk, &site);
		loop_turns(&site.loop, turns);
		over = talk.dones > 0;
		if (!over)
			talk_cancel(&talk);
		loop_turns(&site.loop, 3);
		assert_null(talk.problem);
		assert_int_equal(talk.dones, over);
		site_close(&site);
		assert_true(turns < 1000);
	}
}

static void
a_chat_can_be_cancelled_within_its_handlers(void **state)
{
	AC_UNUSED(state);
	for (int at = 1; at <= 2; at++) {
		struct site site = {.peer = NULL};
		struct talk talk = {.cancel_at = at};

		site_open(&site);
		peer_route(site.peer, PATH_SESSION, gives_a);
		peer_route(site.peer, PATH_CHAT, streams);
		talk_start(&talk, &site);
		LOOP_UNTIL(&site.loop, talk.started && talk.chat == NULL);
		LOOP_UNTIL(&site.loop, peer_open_count(site.peer) == 0);
		assert_null(talk.problem);
		assert_int_equal(talk.dones, 0);
		site_close(&site);
	}
}

static void
a_paused_chat_goes_on_when_resumed(void **state)
{
	static const struct peer_step script[] = {
	    SEND(STREAM_HEAD "7\r\n0:\"hi\"\n\r\n"), GATE,
	    SEND("7\r\n0:\"ho\"\n\r\n" APP_END), END};
	struct site site = {.peer = NULL};
	struct talk talk = {.dones = 0};

	AC_UNUSED(state);
	site_open(&site);
	peer_route(site.peer, PATH_SESSION, gives_a);
	peer_route(site.peer, PATH_CHAT, script);
	talk_start(&talk, &site);
	LOOP_UNTIL(&site.loop, talk.data_len > 0);
	ac_chat_pause(talk.chat);
	peer_open(site.peer);
	loop_for(&site.loop, 30);
	assert_string_equal(talk.data, "0:\"hi\"\n");
	ac_chat_resume(talk.chat);
	talk_wait(&talk);
	assert_true(talk.succeeded);
	assert_string_equal(talk.data, "0:\"hi\"\n0:\"ho\"\n");
	site_close(&site);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_chat_is_sent_with_the_session),
	    cmocka_unit_test(chats_share_a_session),
	    cmocka_unit_test(a_stale_session_is_replaced_unseen),
	    cmocka_unit_test(many_chats_replace_a_stale_session_once),
	    cmocka_unit_test(a_second_stale_session_is_an_error),
	    cmocka_unit_test(a_session_that_cannot_be_had_is_the_chats_error),
	    cmocka_unit_test(a_replay_without_a_session_is_an_error),
	    cmocka_unit_test(a_refusal_is_told_as_what_it_is),
	    cmocka_unit_test(a_long_refusal_is_cut),
	    cmocka_unit_test(a_broken_stream_is_told_with_what_came_before),
	    cmocka_unit_test(a_chat_can_be_cancelled_in_any_turn),
	    cmocka_unit_test(a_chat_can_be_cancelled_within_its_handlers),
	    cmocka_unit_test(a_paused_chat_goes_on_when_resumed),
	};

	loop_process_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

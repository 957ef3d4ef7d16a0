/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The HTTP client: how a call goes and how it ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/mem.h"
#include "call.h"

/* For the connection after the one that is tested. */
static const struct peer_step answers_ok[] = {
    READ_REQUEST, ANSWER_OK, STALL, END};

/* A call that is answered by script and succeeds. */
static void
check_success(const struct peer_step *script, int status, const char *body)
{
	struct scene scene;
	struct call call = {.heads = 0};

	scene_open(&scene, NULL);
	peer_script(scene.peer, script);
	call_get(&call, &scene, "/");
	call_wait_for_success(&call, status, body);
	assert_int_equal(scene.peer->accepted, 1);
	scene_close(&scene);
}

/* A call that is answered by script and fails; the client goes on working,
 * on another connection. */
static struct ac_error
check_error(const struct peer_step *script, enum ac_error_code code)
{
	struct scene scene;
	struct call call = {.heads = 0};

	scene_open(&scene, NULL);
	peer_script(scene.peer, script);
	peer_script(scene.peer, answers_ok);
	call_get(&call, &scene, "/");
	call_wait_for_error(&call, code);
	assert_int_equal(scene.peer->accepted, 1);
	assert_int_equal(peer_open_count(scene.peer), 0);
	call_check_client(&scene);
	assert_int_equal(scene.peer->accepted, 2);
	scene_close(&scene);
	return call.error;
}

static void
a_request_says_what_it_was_given(void **state)
{
	static const struct peer_step script[] = {
	    READ_REQUEST, ANSWER_OK, READ_REQUEST, ANSWER_OK, END};
	struct scene scene;
	struct call get = {.heads = 0};
	struct call post = {.heads = 0};
	char *expected;

	AC_UNUSED(state);
	scene_open(&scene, NULL);
	peer_script(scene.peer, script);
	call_get(&get, &scene, "/a/path?and=query");
	call_wait_for_success(&get, 200, "ok");
	call_post(&post, &scene, "/post", 5);
	call_wait_for_success(&post, 200, "ok");
	expected = ac_asprintf("GET /a/path?and=query HTTP/1.1\r\n"
			       "Host: 127.0.0.1:%u\r\n"
			       "Accept-Encoding: identity\r\n"
			       "X-Test: yes\r\n\r\n",
	    (unsigned)scene.peer->port);
	assert_string_equal(scene.peer->requests[0].text, expected);
	free(expected);
	expected = ac_asprintf("POST /post HTTP/1.1\r\n"
			       "Host: 127.0.0.1:%u\r\n"
			       "Accept-Encoding: identity\r\n"
			       "Content-Length: 5\r\n\r\nxxxxx",
	    (unsigned)scene.peer->port);
	assert_string_equal(scene.peer->requests[1].text, expected);
	free(expected);
	scene_close(&scene);
}

static void
an_answer_with_content_length_is_told(void **state)
{
	static const struct peer_step script[] = {READ_REQUEST,
	    SEND("HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello"),
	    END};

	AC_UNUSED(state);
	check_success(script, 201, "hello");
}

static void
an_empty_answer_is_told(void **state)
{
	static const struct peer_step script[] = {READ_REQUEST,
	    SEND("HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n"
		 "0\r\n\r\n"),
	    END};

	AC_UNUSED(state);
	check_success(script, 500, "");
}

static void
an_answer_without_a_body_is_told(void **state)
{
	static const struct peer_step script[] = {
	    READ_REQUEST, SEND("HTTP/1.1 204 No Content\r\n\r\n"), END};

	AC_UNUSED(state);
	check_success(script, 204, "");
}

static void
a_chunked_answer_is_told(void **state)
{
	static const struct peer_step script[] = {READ_REQUEST,
	    SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		 "5\r\nhello\r\n1\r\n,\r\n6\r\n world\r\n0\r\n\r\n"),
	    END};

	AC_UNUSED(state);
	check_success(script, 200, "hello, world");
}

static void
an_answer_in_single_bytes_is_told(void **state)
{
	static const struct peer_step chunked[] = {READ_REQUEST,
	    SEND_BYTES("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		       "5\r\nhello\r\n1\r\n,\r\n"
		       "0006\r\n world\r\n0\r\nX-Trailer: t\r\n\r\n"),
	    END};
	static const struct peer_step counted[] = {READ_REQUEST,
	    SEND_BYTES("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n"
		       "hello, world"),
	    END};

	AC_UNUSED(state);
	check_success(chunked, 200, "hello, world");
	check_success(counted, 200, "hello, world");
}

static void
a_chunked_answer_may_be_cut_anywhere(void **state)
{
	static const char answer[] =
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "5\r\nhello\r\n10\r\n, world, how are\r\n5\r\n you?\r\n0\r\n\r\n";
	char first[sizeof(answer)];

	AC_UNUSED(state);
	for (size_t cut = 1; cut < sizeof(answer) - 1; cut++) {
		struct peer_step script[] = {READ_REQUEST, SEND(first), WAIT(0),
		    SEND(answer + cut), END};

		snprintf(first, sizeof(first), "%.*s", (int)cut, answer);
		check_success(script, 200, "hello, world, how are you?");
	}
}

static void
an_answer_until_the_close_is_told(void **state)
{
	static const struct peer_step silent[] = {READ_REQUEST,
	    SEND("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nhello"),
	    WAIT(0), SEND(", world"), CLOSE, END};
	static const struct peer_step said[] = {READ_REQUEST,
	    SEND("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello"), WAIT(0),
	    SEND(", world"), CLOSE, END};
	static const struct peer_step old[] = {READ_REQUEST,
	    SEND("HTTP/1.0 200 OK\r\n\r\nhello"), WAIT(0), SEND(", world"),
	    CLOSE, END};

	AC_UNUSED(state);
	check_success(silent, 200, "hello, world");
	check_success(said, 200, "hello, world");
	check_success(old, 200, "hello, world");
}

/* RFC 9112, section 6.3: without a length the body ends with the connection,
 * whatever Connection says. */
static void
an_answer_without_a_length_that_says_keep_alive_is_not_lost(void **state)
{
	static const struct peer_step keep[] = {READ_REQUEST,
	    SEND("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\nhello"),
	    WAIT(0), SEND(", world"), CLOSE, END};
	static const struct peer_step list[] = {READ_REQUEST,
	    SEND("HTTP/1.1 200 OK\r\nConnection: close, TE\r\n\r\nhello"),
	    WAIT(0), SEND(", world"), CLOSE, END};

	AC_UNUSED(state);
	check_success(keep, 200, "hello, world");
	check_success(list, 200, "hello, world");
}

static void
a_repeated_header_keeps_every_value(void **state)
{
	static const struct peer_step script[] = {READ_REQUEST,
	    SEND("HTTP/1.1 200 OK\r\nset-cookie: a=1\r\nSET-COOKIE: b=2\r\n"
		 "Content-Length: 0\r\n\r\n"),
	    END};
	struct scene scene;
	struct call call = {.heads = 0};

	AC_UNUSED(state);
	scene_open(&scene, NULL);
	peer_script(scene.peer, script);
	call_get(&call, &scene, "/");
	call_wait_for_success(&call, 200, "");
	assert_string_equal(call.cookie, "a=1");
	scene_close(&scene);
}

static void
a_chunk_is_handed_on_before_it_is_whole(void **state)
{
	static const struct peer_step script[] = {READ_REQUEST,
	    SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		 "c\r\nhel"),
	    GATE, SEND("lo"), GATE, SEND(", world\r\n0\r\n\r\n"), END};
	struct scene scene;
	struct call call = {.heads = 0};

	AC_UNUSED(state);
	scene_open(&scene, NULL);
	peer_script(scene.peer, script);
	call_get(&call, &scene, "/");
	LOOP_UNTIL(&scene.loop, call.body_len >= 3);
	assert_string_equal(call.body, "hel");
	peer_open(scene.peer);
	LOOP_UNTIL(&scene.loop, call.body_len >= 5);
	assert_string_equal(call.body, "hello");
	assert_int_equal(call.dones, 0);
	peer_open(scene.peer);
	call_wait_for_success(&call, 200, "hello, world");
	scene_close(&scene);
}

static void
a_head_is_told_before_the_body_comes(void **state)
{
	static const struct peer_step script[] = {READ_REQUEST,
	    SEND("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"), GATE,
	    SEND("ok"), END};
	struct scene scene;
	struct call call = {.heads = 0};

	AC_UNUSED(state);
	scene_open(&scene, NULL);
	peer_script(scene.peer, script);
	call_get(&call, &scene, "/");
	LOOP_UNTIL(&scene.loop, call.heads > 0);
	assert_int_equal(call.datas, 0);
	peer_open(scene.peer);
	call_wait_for_success(&call, 200, "ok");
	scene_close(&scene);
}

static void
an_answer_before_the_request_was_read_ends_it(void **state)
{
	static const struct peer_step script[] = {
	    SEND("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno"),
	    READ_REQUEST, END};
	struct scene scene;
	struct call call = {.heads = 0};

	AC_UNUSED(state);
	scene_open(&scene, NULL);
	peer_script(scene.peer, script);
	call_post(&call, &scene, "/", 8 * MB);
	call_wait_for_success(&call, 403, "no");
	LOOP_UNTIL(&scene.loop, peer_open_count(scene.peer) == 0);
	assert_int_equal(scene.peer->request_count, 0);
	scene_close(&scene);
}

static void
a_large_body_arrives_whole(void **state)
{
	static const struct peer_step script[] = {READ_REQUEST, ANSWER_OK, END};
	enum { LEN = 8 * MB };
	struct scene scene;
	struct call call = {.heads = 0};

	AC_UNUSED(state);
	scene_open(&scene, NULL);
	peer_script(scene.peer, script);
	call_post(&call, &scene, "/", LEN);
	call_wait_for_success(&call, 200, "ok");
	assert_int_equal(strlen(scene.peer->requests[0].body), LEN);
	scene_close(&scene);
}

#define BEGIN_CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

static void
a_truncated_body_is_an_error(void **state)
{
	static const char *const answers[] = {
	    "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
	    "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
	    BEGIN_CHUNKED,
	    BEGIN_CHUNKED "5",
	    BEGIN_CHUNKED "5\r\nhel",
	    BEGIN_CHUNKED "5\r\nhello",
	    BEGIN_CHUNKED "5\r\nhello\r\n",
	    BEGIN_CHUNKED "5\r\nhello\r\n0",
	    BEGIN_CHUNKED "5\r\nhello\r\n0\r\n",
	    BEGIN_CHUNKED "5\r\nhello\r\n0\r\nX-Trailer: t\r\n",
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(answers); i++) {
		struct peer_step closes[] = {
		    READ_REQUEST, SEND(answers[i]), CLOSE, END};
		struct peer_step resets[] = {
		    READ_REQUEST, SEND(answers[i]), WAIT(0), RESET, END};

		check_error(closes, AC_ERROR_UPSTREAM);
		check_error(resets, AC_ERROR_UPSTREAM);
	}
}

static void
an_end_before_the_head_is_an_error(void **state)
{
	static const char *const answers[] = {
	    "",
	    "HTTP/1.1 20",
	    "HTTP/1.1 200 OK\r\n",
	    "HTTP/1.1 200 OK\r\nContent-Le",
	    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n",
	    "HTTP/1.1 100 Continue\r\n\r\n",
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(answers); i++) {
		struct peer_step closes[] = {
		    READ_REQUEST, SEND(answers[i]), CLOSE, END};
		struct peer_step resets[] = {
		    READ_REQUEST, SEND(answers[i]), WAIT(0), RESET, END};

		check_error(closes, AC_ERROR_UPSTREAM);
		check_error(resets, AC_ERROR_UPSTREAM);
	}
}

static void
what_is_not_http_is_an_error(void **state)
{
	static const char *const answers[] = {
	    "SSH-2.0-OpenSSH_9.2p1\r\n",
	    "HTTP/2.0 200 OK\r\n\r\n",
	    "HTTP/1.1\r\n\r\n",
	    "HTTP/1.1 OK\r\n\r\n",
	    "HTTP/1.1 0 OK\r\n\r\n",
	    "HTTP/1.1 99 OK\r\n\r\n",
	    "HTTP/1.1 -200 OK\r\n\r\n",
	    "HTTP/1.1 1000 OK\r\n\r\n",
	    "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
	    "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok",
	    "HTTP/1.1 200 OK\r\nContent-Length: 2x\r\n\r\nok",
	    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
	    "Content-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
	    BEGIN_CHUNKED "hello\r\n",
	    BEGIN_CHUNKED "-1\r\n",
	    BEGIN_CHUNKED "5x\r\nhello\r\n",
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(answers); i++) {
		struct peer_step script[] = {
		    READ_REQUEST, SEND(answers[i]), STALL, END};

		check_error(script, AC_ERROR_UPSTREAM);
	}
}

static void
a_head_that_is_too_large_is_an_error(void **state)
{
	static const struct peer_step one_line[] = {READ_REQUEST,
	    SEND("HTTP/1.1 200 OK\r\nX-Large: "), REPEAT("x", 70 * KB), STALL,
	    END};
	static const struct peer_step status_line[] = {READ_REQUEST,
	    SEND("HTTP/1.1 200 "), REPEAT("x", 70 * KB), STALL, END};
	static const struct peer_step many_lines[] = {READ_REQUEST,
	    SEND("HTTP/1.1 200 OK\r\n"), REPEAT("X-Small: x\r\n", 7 * KB),
	    STALL, END};

	AC_UNUSED(state);
	check_error(one_line, AC_ERROR_UPSTREAM);
	check_error(status_line, AC_ERROR_UPSTREAM);
	check_error(many_lines, AC_ERROR_UPSTREAM);
}

static void
a_head_of_60_kb_is_fine(void **state)
{
	static const struct peer_step script[] = {READ_REQUEST,
	    SEND("HTTP/1.1 200 OK\r\nX-Large: "), REPEAT("x", 60 * KB),
	    SEND("\r\nContent-Length: 2\r\n\r\nok"), END};

	AC_UNUSED(state);
	check_success(script, 200, "ok");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_request_says_what_it_was_given),
	    cmocka_unit_test(an_answer_with_content_length_is_told),
	    cmocka_unit_test(an_empty_answer_is_told),
	    cmocka_unit_test(an_answer_without_a_body_is_told),
	    cmocka_unit_test(a_chunked_answer_is_told),
	    cmocka_unit_test(an_answer_in_single_bytes_is_told),
	    cmocka_unit_test(a_chunked_answer_may_be_cut_anywhere),
	    cmocka_unit_test(an_answer_until_the_close_is_told),
	    cmocka_unit_test(
		an_answer_without_a_length_that_says_keep_alive_is_not_lost),
	    cmocka_unit_test(a_repeated_header_keeps_every_value),
	    cmocka_unit_test(a_chunk_is_handed_on_before_it_is_whole),
	    cmocka_unit_test(a_head_is_told_before_the_body_comes),
	    cmocka_unit_test(an_answer_before_the_request_was_read_ends_it),
	    cmocka_unit_test(a_large_body_arrives_whole),
	    cmocka_unit_test(a_truncated_body_is_an_error),
	    cmocka_unit_test(an_end_before_the_head_is_an_error),
	    cmocka_unit_test(what_is_not_http_is_an_error),
	    cmocka_unit_test(a_head_that_is_too_large_is_an_error),
	    cmocka_unit_test(a_head_of_60_kb_is_fine),
	};

	loop_process_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The HTTP client: interim answers (1xx). evhttp takes any but 100 for the
 * answer and the answer for the next request's; that must not be seen.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/ssl.h>

#include "base/attr.h"
#include "call.h"
#include "certs.h"

#define HINTS \
	"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nSet-Cookie: hint=1\r\n\r\n"
#define CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"
#define WITH_FRAMING                                     \
	"HTTP/1.1 100 Continue\r\nContent-Length: 7\r\n" \
	"Set-Cookie: b=2\r\n\r\n"
#define ANSWER                                                            \
	"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nContent-Length: 5\r\n\r\n" \
	"hello"

/* After an answer by script the same connection serves a second call, which
 * gets its own answer. */
static void
check_skipped(const struct peer_step *script)
{
	struct scene scene;
	struct call call = {.heads = 0};

	scene_open(&scene, NULL);
	peer_script(scene.peer, script);
	call_get(&call, &scene, "/");
	call_wait_for_success(&call, 200, "hello");
	/* No header of the interim answer is taken over. */
	assert_string_equal(call.cookie, "a=1");
	call_check_client(&scene);
	assert_int_equal(scene.peer->accepted, 1);
	scene_close(&scene);
}

static void
an_interim_answer_is_skipped(void **state)
{
	static const char *const interims[] = {
	    HINTS,
	    HINTS HINTS HINTS,
	    "HTTP/1.1 102 Processing\r\n\r\n",
	    CONTINUE,
	    CONTINUE HINTS,
	    HINTS CONTINUE,
	    /* Headers that would mean something in the answer. */
	    WITH_FRAMING,
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(interims); i++) {
		struct peer_step apart[] = {READ_REQUEST, SEND(interims[i]),
		    WAIT(10), SEND(ANSWER), READ_REQUEST, ANSWER_OK, END};
		struct peer_step together[] = {READ_REQUEST, SEND(interims[i]),
		    SEND(ANSWER), READ_REQUEST, ANSWER_OK, END};
		struct peer_step bytes[] = {READ_REQUEST,
		    SEND_BYTES(interims[i]), SEND_BYTES(ANSWER), READ_REQUEST,
		    ANSWER_OK, END};

		check_skipped(apart);
		check_skipped(together);
		check_skipped(bytes);
	}
}

static void
an_interim_answer_in_one_segment_with_the_answer_is_skipped(void **state)
{
	static const struct peer_step script[] = {
	    READ_REQUEST, SEND(HINTS ANSWER), READ_REQUEST, ANSWER_OK, END};

	AC_UNUSED(state);
	check_skipped(script);
}

/* The connection's end is there before the answer has been read. */
static void
an_answer_behind_an_interim_one_may_end_with_the_connection(void **state)
{
	static const char *const answers[] = {
	    HINTS ANSWER,
	    CONTINUE HINTS ANSWER,
	    HINTS "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\n\r\nhello",
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(answers); i++) {
		struct peer_step script[] = {
		    READ_REQUEST, SEND(answers[i]), CLOSE, END};
		struct scene scene;
		struct call call = {.heads = 0};

		scene_open(&scene, NULL);
		peer_script(scene.peer, script);
		call_get(&call, &scene, "/");
		call_wait_for_success(&call, 200, "hello");
		assert_string_equal(call.cookie, "a=1");
		scene_close(&scene);
	}
}

/* The rest comes in the very turn in which the interim answer was read, so
 * that evhttp's deferred reading and a read event meet. */
static void
an_interim_answer_may_be_cut_from_the_answer_anywhere(void **state)
{
	static const char all[] = HINTS ANSWER;
	char first[sizeof(all)];

	AC_UNUSED(state);
	for (size_t cut = 1; cut < sizeof(all) - 1; cut++) {
		for (int turns = 0; turns < 3; turns++) {
			struct scene scene;
			struct call call = {.heads = 0};
			struct peer_step script[] = {READ_REQUEST, SEND(first),
			    GATE, SEND(all + cut), END};

			snprintf(first, sizeof(first), "%.*s", (int)cut, all);
			scene_open(&scene, NULL);
			peer_script(scene.peer, script);
			call_get(&call, &scene, "/");
			LOOP_UNTIL(&scene.loop, scene.peer->request_count == 1);
			loop_turns(&scene.loop, turns);
			peer_open(scene.peer);
			call_wait_for_success(&call, 200, "hello");
			assert_string_equal(call.cookie, "a=1");
			scene_close(&scene);
		}
	}
}

static void
an_interim_answer_to_a_pooled_connection_is_skipped(void **state)
{
	static const struct peer_step script[] = {READ_REQUEST, ANSWER_OK,
	    READ_REQUEST, SEND(HINTS), WAIT(10), SEND(ANSWER), READ_REQUEST,
	    ANSWER_OK, END};
	struct scene scene;
	struct call call = {.heads = 0};

	AC_UNUSED(state);
	scene_open(&scene, NULL);
	peer_script(scene.peer, script);
	call_check_client(&scene);
	call_post(&call, &scene, "/", 100);
	call_wait_for_success(&call, 200, "hello");
	assert_int_equal(strlen(scene.peer->requests[1].body), 100);
	call_check_client(&scene);
	assert_int_equal(scene.peer->request_count, 3);
	scene_close(&scene);
}

static void
an_end_after_an_interim_answer_is_an_error(void **state)
{
	static const struct peer_step closes[] = {
	    READ_REQUEST, SEND(HINTS), WAIT(0), CLOSE, END};
	static const struct peer_step resets[] = {
	    READ_REQUEST, SEND(HINTS), WAIT(0), RESET, END};
	const struct peer_step *scripts[] = {closes, resets};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(scripts); i++) {
		struct scene scene;
		struct call call = {.heads = 0};

		scene_open(&scene, NULL);
		peer_script(scene.peer, scripts[i]);
		call_get(&call, &scene, "/");
		call_wait_for_error(&call, AC_ERROR_UPSTREAM);
		assert_int_equal(call.heads, 0);
		scene_close(&scene);
	}
}

static void
early_hints_over_tls_are_an_error_and_reach_nobody(void **state)
{
	static const struct peer_step hints[] = {
	    READ_REQUEST, SEND(HINTS), WAIT(10), SEND(ANSWER), STALL, END};
	static const struct peer_step answers_ok[] = {
	    READ_REQUEST, ANSWER_OK, END};
	struct authority authority;
	struct scene_wish wish = {.host = "127.0.0.1"};
	struct scene scene;
	struct call call = {.heads = 0};

	AC_UNUSED(state);
	authority_open(&authority);
	wish.peer_tls = certs_good_server_new(&authority);
	wish.ca_file = authority.file.path;
	scene_open(&scene, &wish);
	peer_script(scene.peer, hints);
	peer_script(scene.peer, answers_ok);
	call_get(&call, &scene, "/");
	call_wait_for_error(&call, AC_ERROR_UPSTREAM);
	assert_non_null(strstr(call.error.message, "103"));
	assert_int_equal(call.heads, 0);
	call_check_client(&scene);
	assert_int_equal(scene.peer->accepted, 2);
	scene_close(&scene);
	SSL_CTX_free(wish.peer_tls);
	authority_close(&authority);
}

static void
a_continue_over_tls_does_not_make_the_call_wait(void **state)
{
	static const struct peer_step script[] = {
	    READ_REQUEST, SEND(CONTINUE), SEND(ANSWER), STALL, END};
	struct authority authority;
	struct scene_wish wish = {
	    .host = "127.0.0.1",
	    .answer_timeout_ms = 1500,
	};
	struct scene scene;
	struct call call = {.heads = 0};

	AC_UNUSED(state);
	authority_open(&authority);
	wish.peer_tls = certs_good_server_new(&authority);
	wish.ca_file = authority.file.path;
	scene_open(&scene, &wish);
	peer_script(scene.peer, script);
	call_get(&call, &scene, "/");
	call_wait(&call);
	if (!call.succeeded)
		assert_int_equal(call.error.code, AC_ERROR_UPSTREAM);
	scene_close(&scene);
	SSL_CTX_free(wish.peer_tls);
	authority_close(&authority);
}

static void
interim_answers_have_an_end(void **state)
{
	static const struct peer_step many[] = {READ_REQUEST,
	    REPEAT("HTTP/1.1 100 Continue\r\nX: 0123456789\r\n\r\n", 100000),
	    STALL, END};
	static const struct peer_step hints[] = {
	    READ_REQUEST, REPEAT(HINTS, 100000), STALL, END};

	AC_UNUSED(state);
	for (int i = 0; i < 2; i++) {
		struct scene scene;
		struct call call = {.heads = 0};

		scene_open(&scene, NULL);
		peer_script(scene.peer, i == 0 ? many : hints);
		call_get(&call, &scene, "/");
		call_wait_for_error(&call, AC_ERROR_UPSTREAM);
		LOOP_UNTIL(&scene.loop, peer_open_count(scene.peer) == 0);
		scene_close(&scene);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_interim_answer_is_skipped),
	    cmocka_unit_test(
		an_interim_answer_in_one_segment_with_the_answer_is_skipped),
	    cmocka_unit_test(
		an_answer_behind_an_interim_one_may_end_with_the_connection),
	    cmocka_unit_test(
		an_interim_answer_may_be_cut_from_the_answer_anywhere),
	    cmocka_unit_test(
		an_interim_answer_to_a_pooled_connection_is_skipped),
	    cmocka_unit_test(an_end_after_an_interim_answer_is_an_error),
	    cmocka_unit_test(
		early_hints_over_tls_are_an_error_and_reach_nobody),
	    cmocka_unit_test(a_continue_over_tls_does_not_make_the_call_wait),
	    cmocka_unit_test(interim_answers_have_an_end),
	};

	loop_process_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

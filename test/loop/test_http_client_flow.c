/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The HTTP client: pausing, large answers in little memory, and interim
 * answers. Memory is measured as the system sees it (loop.h).
 */
#include <string.h>

#include <openssl/ssl.h>

#include "base/attr.h"
#include "call.h"
#include "certs.h"

#define BEGIN_CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
#define LINE_64 \
	"012345678901234567890123456789012345678901234567890123456789abc\n"
#define CHUNK_64 "40\r\n" LINE_64 "\r\n"

enum {
	LARGE = 64 * MB,
	MEMORY_MAX = 16 * MB,
	/* What one read may bring after a pause has begun. */
	READ_MAX = 16 * 1024,
};

static const struct peer_step large_counted[] = {READ_REQUEST,
    SEND("HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n"),
    REPEAT(LINE_64, LARGE / 64), END};
static const struct peer_step large_chunk[] = {READ_REQUEST,
    SEND(BEGIN_CHUNKED "4000000\r\n"), REPEAT(LINE_64, LARGE / 64),
    SEND("\r\n0\r\n\r\n"), END};
static const struct peer_step large_chunks[] = {READ_REQUEST,
    SEND(BEGIN_CHUNKED), REPEAT(CHUNK_64, LARGE / 64), SEND("0\r\n\r\n"), END};
static const struct peer_step large_until_close[] = {READ_REQUEST,
    SEND("HTTP/1.1 200 OK\r\n\r\n"), REPEAT(LINE_64, LARGE / 64), CLOSE, END};

static const struct peer_step *const large_answers[] = {
    large_counted,
    large_chunk,
    large_chunks,
    large_until_close,
};

static uint64_t
sum_of(const char *text, size_t times)
{
	uint64_t sum = 0;

	while (*text != '\0')
		sum += (unsigned char)*text++;
	return sum * times;
}

static void
check_large(const struct call *call)
{
	assert_int_equal(call->body_len, LARGE);
	assert_int_equal(call->body_sum, sum_of(LINE_64, LARGE / 64));
	assert_in_range(loop_memory_growth(), 0, MEMORY_MAX);
}

static void
large_answers_take_little_memory(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(large_answers); i++) {
		struct scene scene;
		struct call call = {.heads = 0};

		scene_open(&scene, NULL);
		peer_script(scene.peer, large_answers[i]);
		loop_forget_memory();
		call_get(&call, &scene, "/");
		call_wait(&call);
		assert_true(call.succeeded);
		check_large(&call);
		scene_close(&scene);
	}
}

static void
within_data_pause_once(struct call *call, enum call_moment moment)
{
	if (moment == CALL_DATA && call->datas == 1)
		ac_http_call_pause(call->call);
}

/* Pauses with the first data for a while. */
static void
check_pause(const struct scene_wish *wish, const struct peer_step *script)
{
	struct scene scene;
	struct call call = {.within = within_data_pause_once};
	size_t before;

	scene_open(&scene, wish);
	peer_script(scene.peer, script);
	loop_forget_memory();
	call_get(&call, &scene, "/");
	LOOP_UNTIL(&scene.loop, call.datas > 0);
	loop_turns(&scene.loop, 3);
	before = call.body_len;
	assert_in_range(before, 1, READ_MAX);
	loop_for(&scene.loop, 50);
	assert_int_equal(call.body_len, before);
	assert_int_equal(call.dones, 0);
	ac_http_call_resume(call.call);
	call_wait(&call);
	if (!call.succeeded)
		fail_msg(
		    "after %zu bytes: %s", call.body_len, call.error.message);
	check_large(&call);
	scene_close(&scene);
}

static void
nothing_comes_while_paused_and_everything_afterwards(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(large_answers); i++)
		check_pause(NULL, large_answers[i]);
}

static void
nothing_comes_while_paused_over_tls_either(void **state)
{
	struct authority authority;
	struct scene_wish wish = {.host = "127.0.0.1"};

	AC_UNUSED(state);
	authority_open(&authority);
	wish.peer_tls = certs_good_server_new(&authority);
	wish.ca_file = authority.file.path;
	for (size_t i = 0; i < AC_LENGTH(large_answers); i++)
		check_pause(&wish, large_answers[i]);
	SSL_CTX_free(wish.peer_tls);
	authority_close(&authority);
}

static void
within_data_pause_always(struct call *call, enum call_moment moment)
{
	if (moment == CALL_DATA)
		ac_http_call_pause(call->call);
}

/* All has been sent, only nobody reads it. */
static void
a_pause_is_no_silence(void **state)
{
	static const struct peer_step script[] = {READ_REQUEST,
	    SEND(BEGIN_CHUNKED "5\r\nhello\r\n"), WAIT(0),
	    SEND("7\r\n, world\r\n0\r\n\r\n"), END};
	struct authority authority;
	struct scene_wish wish = {
	    .host = "127.0.0.1",
	    .silence_timeout_ms = 500,
	};

	AC_UNUSED(state);
	authority_open(&authority);
	for (int tls = 0; tls < 2; tls++) {
		struct scene scene;
		struct call call = {.within = within_data_pause_once};

		if (tls) {
			wish.peer_tls = certs_good_server_new(&authority);
			wish.ca_file = authority.file.path;
		}
		scene_open(&scene, &wish);
		peer_script(scene.peer, script);
		call_get(&call, &scene, "/");
		LOOP_UNTIL(&scene.loop, call.datas > 0);
		loop_for(&scene.loop, 900);
		assert_int_equal(call.dones, 0);
		ac_http_call_resume(call.call);
		call_wait_for_success(&call, 200, "hello, world");
		scene_close(&scene);
	}
	SSL_CTX_free(wish.peer_tls);
	authority_close(&authority);
}

static void
a_call_may_be_paused_again_and_again(void **state)
{
	static const struct peer_step script[] = {READ_REQUEST,
	    SEND(BEGIN_CHUNKED), REPEAT(CHUNK_64, 64 * KB), SEND("0\r\n\r\n"),
	    END};
	struct scene scene;
	struct call call = {.within = within_data_pause_always};

	AC_UNUSED(state);
	scene_open(&scene, NULL);
	peer_script(scene.peer, script);
	call_get(&call, &scene, "/");
	loop_set_guard(&scene.loop);
	while (call.dones == 0) {
		if (call.call != NULL)
			ac_http_call_resume(call.call);
		loop_turn(&scene.loop, "on_done", __FILE__, __LINE__);
	}
	loop_clear_guard(&scene.loop);
	call_wait(&call);
	assert_true(call.succeeded);
	assert_int_equal(call.body_len, 4 * MB);
	assert_int_equal(call.body_sum, sum_of(LINE_64, 64 * KB));
	scene_close(&scene);
}

static void
within_head_pause(struct call *call, enum call_moment moment)
{
	if (moment == CALL_HEAD)
		ac_http_call_pause(call->call);
}

static void
a_call_may_be_paused_within_on_head(void **state)
{
	static const struct peer_step apart[] = {READ_REQUEST,
	    SEND(BEGIN_CHUNKED), WAIT(10), SEND("5\r\nhello\r\n0\r\n\r\n"),
	    END};
	static const struct peer_step begun[] = {READ_REQUEST,
	    SEND(BEGIN_CHUNKED "5\r\nhe"), WAIT(10), SEND("llo\r\n0\r\n\r\n"),
	    END};
	const struct peer_step *scripts[] = {apart, begun};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(scripts); i++) {
		struct scene scene;
		struct call call = {.within = within_head_pause};

		scene_open(&scene, NULL);
		peer_script(scene.peer, scripts[i]);
		call_get(&call, &scene, "/");
		LOOP_UNTIL(&scene.loop, call.heads > 0);
		loop_for(&scene.loop, 50);
		assert_int_equal(call.datas, 0);
		ac_http_call_resume(call.call);
		call_wait_for_success(&call, 200, "hello");
		scene_close(&scene);
	}
}

static void
a_paused_call_sees_the_end_after_its_resuming(void **state)
{
	static const struct peer_step closes[] = {READ_REQUEST,
	    SEND("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"), WAIT(0),
	    CLOSE, END};
	static const struct peer_step resets[] = {READ_REQUEST,
	    SEND(BEGIN_CHUNKED "5\r\nhello\r\n"), WAIT(0), RESET, END};
	const struct peer_step *scripts[] = {closes, resets};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(scripts); i++) {
		struct scene scene;
		struct call call = {.within = within_data_pause_always};

		scene_open(&scene, NULL);
		peer_script(scene.peer, scripts[i]);
		call_get(&call, &scene, "/");
		LOOP_UNTIL(&scene.loop, call.datas > 0);
		loop_for(&scene.loop, 50);
		assert_int_equal(call.dones, 0);
		ac_http_call_resume(call.call);
		call_wait_for_error(&call, AC_ERROR_UPSTREAM);
		assert_string_equal(call.body, "hello");
		scene_close(&scene);
	}
}

static void
a_connection_is_used_again_after_a_pause(void **state)
{
	static const struct peer_step script[] = {READ_REQUEST,
	    SEND("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"), WAIT(0),
	    SEND("lo"), READ_REQUEST, ANSWER_OK, END};
	struct scene scene;
	struct call call = {.within = within_data_pause_once};

	AC_UNUSED(state);
	scene_open(&scene, NULL);
	peer_script(scene.peer, script);
	call_get(&call, &scene, "/");
	LOOP_UNTIL(&scene.loop, call.datas > 0);
	ac_http_call_resume(call.call);
	call_wait_for_success(&call, 200, "hello");
	call_check_client(&scene);
	assert_int_equal(scene.peer->accepted, 1);
	scene_close(&scene);
}

/* It never ends by itself, so the client must. */
static void
check_flood(const struct peer_step *script, size_t body_len)
{
	struct scene scene;
	struct call call = {.heads = 0};

	scene_open(&scene, NULL);
	peer_script(scene.peer, script);
	loop_forget_memory();
	if (body_len > 0)
		call_post(&call, &scene, "/", body_len);
	else
		call_get(&call, &scene, "/");
	call_wait_for_error(&call, AC_ERROR_UPSTREAM);
	assert_in_range(loop_memory_growth(), 0, MEMORY_MAX + 2 * body_len);
	scene_close(&scene);
}

static void
what_never_makes_an_answer_takes_little_memory(void **state)
{
	static const struct peer_step status_line[] = {
	    READ_REQUEST, REPEAT("H", LARGE), STALL, END};
	static const struct peer_step header[] = {READ_REQUEST,
	    SEND("HTTP/1.1 200 OK\r\nX: "), REPEAT("x", LARGE), STALL, END};
	static const struct peer_step chunk_size[] = {
	    READ_REQUEST, SEND(BEGIN_CHUNKED), REPEAT("0", LARGE), STALL, END};
	static const struct peer_step later_chunk_size[] = {READ_REQUEST,
	    SEND(BEGIN_CHUNKED "5\r\nhello\r\n"), REPEAT("0", LARGE), STALL,
	    END};
	static const struct peer_step trailer[] = {READ_REQUEST,
	    SEND(BEGIN_CHUNKED "0\r\nX: "), REPEAT("x", LARGE), STALL, END};
	static const struct peer_step trailers[] = {READ_REQUEST,
	    SEND(BEGIN_CHUNKED "0\r\n"), REPEAT("X: y\r\n", LARGE / 6), STALL,
	    END};

	AC_UNUSED(state);
	check_flood(status_line, 0);
	check_flood(header, 0);
	check_flood(chunk_size, 0);
	check_flood(later_chunk_size, 0);
	check_flood(trailer, 0);
	check_flood(trailers, 0);
}

static void
a_flood_from_a_peer_that_takes_no_request_takes_little_memory(void **state)
{
	static const struct peer_step script[] = {
	    DEAF, REPEAT("HTTP/1.1 200 OK\r\n", LARGE / 17), STALL, END};

	AC_UNUSED(state);
	check_flood(script, 16 * MB);
}

/* An answer that comes within a large upload, from a peer that reads no more
 * of it and perhaps closes: it is the answer. */
static void
an_answer_within_the_upload_is_read(void **state)
{
	static const struct peer_step script[] = {
	    SEND("HTTP/1.1 413 Content Too Large\r\nContent-Length: "
		 "4\r\n\r\nmuch"),
	    DEAF, WAIT(100), CLOSE, END};
	static const struct peer_step half[] = {
	    SEND("HTTP/1.1 413 Conten"), DEAF, WAIT(100), CLOSE, END};
	static const struct peer_step stays[] = {
	    SEND("HTTP/1.1 413 Content Too Large\r\nContent-Length: "
		 "4\r\n\r\nmuch"),
	    DEAF, STALL, END};
	static const struct peer_step *const scripts[] = {script, half, stays};
	struct authority authority;
	struct scene_wish wish = {.host = "127.0.0.1"};

	AC_UNUSED(state);
	authority_open(&authority);
	for (int i = 0; i < 6; i++) {
		struct scene scene;
		struct call call = {.heads = 0};

		if (i == 3) {
			wish.peer_tls = certs_good_server_new(&authority);
			wish.ca_file = authority.file.path;
		}
		scene_open(&scene, &wish);
		peer_script(scene.peer, scripts[i % 3]);
		call_post(&call, &scene, "/", 32 * MB);
		if (i % 3 != 1)
			call_wait_for_success(&call, 413, "much");
		else
			call_wait_for_error(&call, AC_ERROR_UPSTREAM);
		scene_close(&scene);
	}
	SSL_CTX_free(wish.peer_tls);
	authority_close(&authority);
}

/* The connection breaks while a large request is being written, and some of
 * it has just gone out. */
static void
an_upload_may_break_at_any_moment(void **state)
{
	static const struct peer_step at_once[] = {RESET, END};
	static const struct peer_step soon[] = {WAIT(1), RESET, END};
	static const struct peer_step later[] = {WAIT(20), RESET, END};
	static const struct peer_step deaf[] = {
	    WAIT(5), DEAF, WAIT(5), CUT, END};
	static const struct peer_step *const scripts[] = {
	    at_once, soon, later, deaf};
	struct authority authority;
	struct scene_wish wish = {.host = "127.0.0.1"};

	AC_UNUSED(state);
	authority_open(&authority);
	for (size_t i = 0; i < 2 * AC_LENGTH(scripts); i++) {
		struct scene scene;
		struct call call = {.heads = 0};

		if (i == AC_LENGTH(scripts)) {
			wish.peer_tls = certs_good_server_new(&authority);
			wish.ca_file = authority.file.path;
		}
		scene_open(&scene, &wish);
		peer_script(scene.peer, scripts[i % AC_LENGTH(scripts)]);
		call_post(&call, &scene, "/", 64 * MB);
		call_wait(&call);
		assert_false(call.succeeded);
		assert_int_equal(call.heads, 0);
		scene_close(&scene);
	}
	SSL_CTX_free(wish.peer_tls);
	authority_close(&authority);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(large_answers_take_little_memory),
	    cmocka_unit_test(
		nothing_comes_while_paused_and_everything_afterwards),
	    cmocka_unit_test(nothing_comes_while_paused_over_tls_either),
	    cmocka_unit_test(a_pause_is_no_silence),
	    cmocka_unit_test(a_call_may_be_paused_again_and_again),
	    cmocka_unit_test(a_call_may_be_paused_within_on_head),
	    cmocka_unit_test(a_paused_call_sees_the_end_after_its_resuming),
	    cmocka_unit_test(a_connection_is_used_again_after_a_pause),
	    cmocka_unit_test(what_never_makes_an_answer_takes_little_memory),
	    cmocka_unit_test(
		a_flood_from_a_peer_that_takes_no_request_takes_little_memory),
	    cmocka_unit_test(an_answer_within_the_upload_is_read),
	    cmocka_unit_test(an_upload_may_break_at_any_moment),
	};

	loop_process_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

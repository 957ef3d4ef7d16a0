/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The HTTP client: connections that do not come about, and silence. */
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "call.h"
#include "certs.h"

#define BEGIN_CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

static void
a_refused_connection_is_told_from_the_loop(void **state)
{
	struct scene_wish wish = {.port = peer_dead_port()};
	struct scene scene;
	struct call call = {.heads = 0};

	AC_UNUSED(state);
	scene_open(&scene, &wish);
	call_get(&call, &scene, "/");
	assert_int_equal(call.dones, 0);
	call_wait_for_error(&call, AC_ERROR_UPSTREAM_UNREACHABLE);
	assert_non_null(strstr(call.error.message, "refused"));
	scene_close(&scene);
}

/* connect(2) fails at once for a link-local address without its link. */
static void
a_connection_that_cannot_be_tried_is_told_from_the_loop(void **state)
{
	struct scene_wish wish = {.host = "[fe80::1]"};
	struct scene scene;
	struct call call = {.heads = 0};

	AC_UNUSED(state);
	scene_open(&scene, &wish);
	call_get(&call, &scene, "/");
	assert_int_equal(call.dones, 0);
	call_wait_for_error(&call, AC_ERROR_UPSTREAM_UNREACHABLE);
	scene_close(&scene);
}

static void
many_refused_connections_are_all_told(void **state)
{
	static struct call calls[50];
	struct scene_wish wish = {.port = peer_dead_port()};
	struct scene scene;

	AC_UNUSED(state);
	scene_open(&scene, &wish);
	for (size_t i = 0; i < AC_LENGTH(calls); i++)
		call_get(&calls[i], &scene, "/");
	for (size_t i = 0; i < AC_LENGTH(calls); i++)
		call_wait_for_error(&calls[i], AC_ERROR_UPSTREAM_UNREACHABLE);
	scene_close(&scene);
}

/* Waits for the call's timeout and checks when it came. */
static void
wait_for_timeout(
    struct call *call, enum ac_error_code code, int64_t started, int ms)
{
	call_wait_for_error(call, code);
	assert_in_range(ac_clock_ms() - started, ms - 20, ms + 700);
}

static void
a_connection_that_does_not_come_about_is_a_timeout(void **state)
{
	struct scene_wish wish = {.connect_timeout_ms = 1000};
	struct full_port full;
	struct scene scene;
	struct call call = {.heads = 0};
	int64_t started = ac_clock_ms();

	AC_UNUSED(state);
	full_port_open(&full, "127.0.0.1", 0);
	wish.port = full.port;
	scene_open(&scene, &wish);
	call_get(&call, &scene, "/");
	wait_for_timeout(&call, AC_ERROR_CONNECT_TIMEOUT, started, 1000);
	scene_close(&scene);
	full_port_close(&full);
}

static void
a_call_can_be_cancelled_while_it_connects(void **state)
{
	struct scene_wish wish = {.connect_timeout_ms = 200};
	struct full_port full;
	struct scene scene;
	struct call call = {.heads = 0};

	AC_UNUSED(state);
	full_port_open(&full, "127.0.0.1", 0);
	wish.port = full.port;
	scene_open(&scene, &wish);
	call_get(&call, &scene, "/");
	loop_for(&scene.loop, 50);
	assert_int_not_equal(loop_find_socket_to(full.port), -1);
	call_cancel(&call);
	loop_turns(&scene.loop, 2);
	loop_for(&scene.loop, 300);
	assert_int_equal(call.dones, 0);
	assert_null(call.problem);
	scene_close(&scene);
	full_port_close(&full);
}

static void
a_tls_handshake_that_is_not_answered_is_a_timeout(void **state)
{
	static const struct peer_step stalls[] = {STALL, END};
	struct scene_wish wish = {
	    .host = "127.0.0.1",
	    .connect_timeout_ms = 1000,
	};
	struct authority authority;
	struct scene scene;
	struct call call = {.heads = 0};
	int64_t started;

	AC_UNUSED(state);
	authority_open(&authority);
	wish.ca_file = authority.file.path;
	scene_open(&scene, &wish);
	peer_script(scene.peer, stalls);
	started = ac_clock_ms();
	call_get(&call, &scene, "/");
	wait_for_timeout(&call, AC_ERROR_CONNECT_TIMEOUT, started, 1000);
	LOOP_UNTIL(&scene.loop, peer_was_left(scene.peer, 0));
	scene_close(&scene);
	authority_close(&authority);
}

/* Whichever of the two settings is smaller. */
static void
a_silence_timeout_within_the_connecting_is_a_timeout_too(void **state)
{
	static const struct peer_step stalls[] = {STALL, END};
	struct scene_wish wish = {
	    .host = "127.0.0.1",
	    .answer_timeout_ms = 300,
	    .connect_timeout_ms = 1500,
	};
	struct authority authority;
	struct scene scene;
	struct call call = {.heads = 0};

	AC_UNUSED(state);
	authority_open(&authority);
	wish.ca_file = authority.file.path;
	scene_open(&scene, &wish);
	peer_script(scene.peer, stalls);
	call_get(&call, &scene, "/");
	call_wait_for_error(&call, AC_ERROR_CONNECT_TIMEOUT);
	LOOP_UNTIL(&scene.loop, peer_was_left(scene.peer, 0));
	scene_close(&scene);
	authority_close(&authority);
}

/* The peer goes silent after what the script sends. */
static void
check_silence(const struct peer_step *script, int heads, size_t body_len)
{
	struct scene_wish wish = {.answer_timeout_ms = 300};
	struct scene scene;
	struct call call = {.heads = 0};
	int64_t started;

	scene_open(&scene, &wish);
	peer_script(scene.peer, script);
	started = ac_clock_ms();
	call_get(&call, &scene, "/");
	wait_for_timeout(&call, AC_ERROR_FIRST_EVENT_TIMEOUT, started, 300);
	assert_int_equal(call.heads, heads);
	assert_int_equal(call.body_len, body_len);
	LOOP_UNTIL(&scene.loop, peer_open_count(scene.peer) == 0);
	scene_close(&scene);
}

static void
silence_is_a_timeout(void **state)
{
	static const struct peer_step accepts[] = {STALL, END};
	static const struct peer_step reads[] = {READ_REQUEST, STALL, END};
	static const struct peer_step in_head[] = {
	    READ_REQUEST, SEND("HTTP/1.1 200 OK\r\nConte"), STALL, END};
	static const struct peer_step interim[] = {
	    READ_REQUEST, SEND("HTTP/1.1 100 Continue\r\n\r\n"), STALL, END};
	static const struct peer_step early[] = {
	    READ_REQUEST, SEND("HTTP/1.1 103 Hints\r\n\r\n"), STALL, END};
	static const struct peer_step counted[] = {READ_REQUEST,
	    SEND("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"), STALL,
	    END};
	static const struct peer_step chunked[] = {
	    READ_REQUEST, SEND(BEGIN_CHUNKED "5\r\nhello\r\n"), STALL, END};
	static const struct peer_step in_chunk[] = {READ_REQUEST,
	    SEND(BEGIN_CHUNKED), WAIT(0), SEND("9\r\nhello"), STALL, END};
	static const struct peer_step before_last_line[] = {READ_REQUEST,
	    SEND(BEGIN_CHUNKED "5\r\nhello\r\n0\r\n"), STALL, END};
	static const struct peer_step until_close[] = {
	    READ_REQUEST, SEND("HTTP/1.1 200 OK\r\n\r\nhello"), STALL, END};

	AC_UNUSED(state);
	check_silence(accepts, 0, 0);
	check_silence(reads, 0, 0);
	check_silence(in_head, 0, 0);
	check_silence(interim, 0, 0);
	check_silence(early, 0, 0);
	check_silence(counted, 1, 5);
	check_silence(chunked, 1, 5);
	check_silence(in_chunk, 1, 5);
	check_silence(before_last_line, 1, 5);
	check_silence(until_close, 1, 5);
}

static void
a_peer_that_takes_no_request_is_a_timeout(void **state)
{
	static const struct peer_step deaf[] = {DEAF, STALL, END};
	struct scene_wish wish = {.answer_timeout_ms = 300};
	struct scene scene;
	struct call call = {.heads = 0};

	AC_UNUSED(state);
	scene_open(&scene, &wish);
	peer_script(scene.peer, deaf);
	call_post(&call, &scene, "/", 32 * MB);
	call_wait_for_error(&call, AC_ERROR_FIRST_EVENT_TIMEOUT);
	scene_close(&scene);
}

/* Each piece comes in time, all of them take longer. */
static void
every_byte_ends_a_silence(void **state)
{
	static const struct peer_step script[] = {READ_REQUEST, WAIT(150),
	    SEND("HTTP/1.1 200 OK\r\n"), WAIT(150),
	    SEND("Transfer-Encoding: chunked\r\n\r\n"), WAIT(150), SEND("5"),
	    WAIT(150), SEND("\r\nhel"), WAIT(150), SEND("lo\r\n"), WAIT(150),
	    SEND("0\r\n"), WAIT(150), SEND("\r\n"), END};
	struct scene_wish wish = {.answer_timeout_ms = 700};
	struct scene scene;
	struct call call = {.heads = 0};

	AC_UNUSED(state);
	scene_open(&scene, &wish);
	peer_script(scene.peer, script);
	call_get(&call, &scene, "/");
	call_wait_for_success(&call, 200, "hello");
	scene_close(&scene);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_refused_connection_is_told_from_the_loop),
	    cmocka_unit_test(
		a_connection_that_cannot_be_tried_is_told_from_the_loop),
	    cmocka_unit_test(many_refused_connections_are_all_told),
	    cmocka_unit_test(
		a_connection_that_does_not_come_about_is_a_timeout),
	    cmocka_unit_test(a_call_can_be_cancelled_while_it_connects),
	    cmocka_unit_test(a_tls_handshake_that_is_not_answered_is_a_timeout),
	    cmocka_unit_test(
		a_silence_timeout_within_the_connecting_is_a_timeout_too),
	    cmocka_unit_test(silence_is_a_timeout),
	    cmocka_unit_test(a_peer_that_takes_no_request_is_a_timeout),
	    cmocka_unit_test(every_byte_ends_a_silence),
	};

	loop_process_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

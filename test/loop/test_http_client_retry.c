/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What is sent again, how often and after which pause, and what is not. */
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/mem.h"
#include "call.h"

#define PAGE(status)                                                         \
	"HTTP/1.1 " status "\r\nContent-Type: text/html\r\nContent-Length: " \
	"4\r\n\r\noops"

static const struct peer_step closes[] = {READ_REQUEST, CLOSE, END};
static const struct peer_step resets[] = {READ_REQUEST, RESET, END};
static const struct peer_step answers[] = {
    READ_REQUEST, ANSWER_OK, READ_REQUEST, ANSWER_OK, END};
static const struct peer_step gateway_page[] = {
    READ_REQUEST, SEND(PAGE("502 Bad Gateway")), STALL, END};

static const struct scene_wish two_retries = {.retries = 2};

/* Two connections fail by script, the third answers. */
static void
check_repeated_twice(const struct peer_step *fails)
{
	struct scene scene;
	struct call call = {.heads = 0};
	int64_t started = ac_clock_ms();

	scene_open(&scene, &two_retries);
	peer_script(scene.peer, fails);
	peer_script(scene.peer, fails);
	peer_script(scene.peer, answers);
	call_get(&call, &scene, "/");
	call_wait_for_success(&call, 200, "ok");
	/* 100 ms and 300 ms, each three to five quarters of it. */
	assert_in_range(ac_clock_ms() - started, 295, 1200 * loop_slowness());
	assert_int_equal(scene.peer->accepted, 3);
	assert_int_equal(scene.peer->request_count, 3);
	assert_int_equal(call.heads, 1);
	LOOP_UNTIL(&scene.loop, peer_open_count(scene.peer) == 1);
	scene_close(&scene);
}

static void
a_connection_closed_before_the_first_byte_is_tried_again(void **state)
{
	AC_UNUSED(state);
	check_repeated_twice(closes);
	check_repeated_twice(resets);
}

static void
a_gateway_failure_is_tried_again(void **state)
{
	static const struct peer_step busy[] = {
	    READ_REQUEST, SEND(PAGE("503 Service Unavailable")), STALL, END};
	static const struct peer_step late[] = {READ_REQUEST,
	    SEND("HTTP/1.1 504 Gateway Timeout\r\n\r\nerror code: 504"), CLOSE,
	    END};

	AC_UNUSED(state);
	check_repeated_twice(gateway_page);
	check_repeated_twice(busy);
	check_repeated_twice(late);
}

static void
a_refused_connection_is_tried_again(void **state)
{
	struct scene scene;
	struct peer *late;
	struct call call = {.heads = 0};

	AC_UNUSED(state);
	scene_open(&scene, &two_retries);
	peer_refuse(scene.peer);
	call_get(&call, &scene, "/");
	loop_turns(&scene.loop, 5);
	assert_int_equal(call.dones, 0);
	late =
	    peer_new_at(scene.loop.base, "127.0.0.1", scene.peer->port, NULL);
	assert_non_null(late);
	peer_script(late, answers);
	call_wait_for_success(&call, 200, "ok");
	assert_int_equal(late->accepted, 1);
	scene_drop_client(&scene);
	peer_free(late);
	scene_close(&scene);
}

static void
the_last_failure_is_told(void **state)
{
	struct scene scene;
	struct call lost = {.heads = 0};
	struct call refused = {.heads = 0};

	AC_UNUSED(state);
	scene_open(&scene, &two_retries);
	peer_script(scene.peer, closes);
	call_get(&lost, &scene, "/");
	call_wait_for_error(&lost, AC_ERROR_UPSTREAM);
	assert_int_equal(scene.peer->accepted, 3);
	peer_refuse(scene.peer);
	call_get(&refused, &scene, "/");
	call_wait_for_error(&refused, AC_ERROR_UPSTREAM_UNREACHABLE);
	scene_close(&scene);
}

static void
the_last_gateway_failure_is_handed_on(void **state)
{
	struct scene scene;
	struct call call = {.heads = 0};

	AC_UNUSED(state);
	scene_open(&scene, &two_retries);
	peer_script(scene.peer, gateway_page);
	call_get(&call, &scene, "/");
	call_wait_for_success(&call, 502, "oops");
	assert_int_equal(scene.peer->accepted, 3);
	assert_int_equal(call.heads, 1);
	scene_close(&scene);
}

/* Handed on as it is, from the first connection. */
static void
check_answer_stands(const struct peer_step *script, int status)
{
	struct scene scene;
	struct call call = {.heads = 0};

	scene_open(&scene, &two_retries);
	peer_script(scene.peer, script);
	call_get(&call, &scene, "/");
	call_wait_for_success(&call, status, "oops");
	assert_int_equal(scene.peer->accepted, 1);
	scene_close(&scene);
}

static void
other_answers_are_handed_on(void **state)
{
	static const struct peer_step of_the_app[] = {READ_REQUEST,
	    SEND("HTTP/1.1 503 Service Unavailable\r\nContent-Type: "
		 "application/json; charset=utf-8\r\nContent-Length: "
		 "4\r\n\r\noops"),
	    STALL, END};
	static const struct peer_step names_a_time[] = {READ_REQUEST,
	    SEND("HTTP/1.1 503 Service Unavailable\r\nRetry-After: "
		 "30\r\nContent-Length: 4\r\n\r\noops"),
	    STALL, END};
	static const struct peer_step internal[] = {
	    READ_REQUEST, SEND(PAGE("500 Internal Server Error")), STALL, END};
	static const struct peer_step unknown[] = {
	    READ_REQUEST, SEND(PAGE("505 What")), STALL, END};

	AC_UNUSED(state);
	check_answer_stands(of_the_app, 503);
	check_answer_stands(names_a_time, 503);
	check_answer_stands(internal, 500);
	check_answer_stands(unknown, 505);
}

/* It fails with the first connection. */
static void
check_failure_stands(const struct peer_step *script, enum ac_error_code code)
{
	struct scene_wish wish = {.retries = 2, .answer_timeout_ms = 300};
	struct scene scene;
	struct call call = {.heads = 0};

	scene_open(&scene, &wish);
	peer_script(scene.peer, script);
	call_get(&call, &scene, "/");
	call_wait_for_error(&call, code);
	loop_for(&scene.loop, 200);
	assert_int_equal(scene.peer->accepted, 1);
	scene_close(&scene);
}

static void
what_has_begun_to_answer_is_not_sent_again(void **state)
{
	static const struct peer_step one_byte[] = {
	    READ_REQUEST, SEND("H"), WAIT(0), CLOSE, END};
	static const struct peer_step in_body[] = {READ_REQUEST,
	    SEND("HTTP/1.1 502 Bad\r\nContent-Type: application/json\r\n"
		 "Content-Length: 9\r\n\r\n{"),
	    WAIT(0), RESET, END};
	static const struct peer_step silent[] = {READ_REQUEST, STALL, END};

	AC_UNUSED(state);
	check_failure_stands(one_byte, AC_ERROR_UPSTREAM);
	check_failure_stands(in_body, AC_ERROR_UPSTREAM);
	check_failure_stands(silent, AC_ERROR_FIRST_EVENT_TIMEOUT);
}

static void
a_body_is_sent_again_whole(void **state)
{
	struct scene scene;
	struct call call = {.heads = 0};

	AC_UNUSED(state);
	scene_open(&scene, &two_retries);
	peer_script(scene.peer, closes);
	peer_script(scene.peer, answers);
	call_post(&call, &scene, "/post", 300 * KB);
	call_wait_for_success(&call, 200, "ok");
	assert_int_equal(scene.peer->request_count, 2);
	for (int i = 0; i < 2; i++)
		assert_int_equal(
		    strlen(scene.peer->requests[i].body), 300 * KB);
	scene_close(&scene);
}

/* Ends the call in its pause, by either way. */
static void
check_end_in_pause(void (*end)(struct call *))
{
	struct scene scene;
	struct call call = {.heads = 0};

	scene_open(&scene, &two_retries);
	peer_script(scene.peer, closes);
	call_get(&call, &scene, "/");
	LOOP_UNTIL(&scene.loop,
	    scene.peer->accepted == 1 && peer_open_count(scene.peer) == 0);
	loop_turns(&scene.loop, 3);
	end(&call);
	loop_for(&scene.loop, 300);
	assert_int_equal(scene.peer->accepted, 1);
	assert_int_equal(call.dones, 0);
	scene_close(&scene);
}

static void
a_call_may_end_in_its_pause(void **state)
{
	AC_UNUSED(state);
	check_end_in_pause(call_cancel);
	check_end_in_pause(call_leave);
}

/* A pooled connection that was dead costs none of the retries. */
static void
a_dead_pooled_connection_is_not_counted(void **state)
{
	static const struct peer_step dies_in_pool[] = {
	    READ_REQUEST, ANSWER_OK, READ_REQUEST, CLOSE, END};
	struct scene_wish wish = {.retries = 1};
	struct scene scene;
	struct call call = {.heads = 0};

	AC_UNUSED(state);
	scene_open(&scene, &wish);
	peer_script(scene.peer, dies_in_pool);
	peer_script(scene.peer, closes);
	peer_script(scene.peer, answers);
	call_check_client(&scene);
	call_get(&call, &scene, "/");
	call_wait_for_success(&call, 200, "ok");
	assert_int_equal(scene.peer->accepted, 3);
	scene_close(&scene);
}

static void
without_retries_nothing_is_sent_again(void **state)
{
	struct scene scene;
	struct call lost = {.heads = 0};
	struct call page = {.heads = 0};

	AC_UNUSED(state);
	scene_open(&scene, NULL);
	peer_script(scene.peer, closes);
	peer_script(scene.peer, gateway_page);
	call_get(&lost, &scene, "/");
	call_wait_for_error(&lost, AC_ERROR_UPSTREAM);
	call_get(&page, &scene, "/");
	call_wait_for_success(&page, 502, "oops");
	assert_int_equal(scene.peer->accepted, 2);
	scene_close(&scene);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		a_connection_closed_before_the_first_byte_is_tried_again),
	    cmocka_unit_test(a_gateway_failure_is_tried_again),
	    cmocka_unit_test(a_refused_connection_is_tried_again),
	    cmocka_unit_test(the_last_failure_is_told),
	    cmocka_unit_test(the_last_gateway_failure_is_handed_on),
	    cmocka_unit_test(other_answers_are_handed_on),
	    cmocka_unit_test(what_has_begun_to_answer_is_not_sent_again),
	    cmocka_unit_test(a_body_is_sent_again_whole),
	    cmocka_unit_test(a_call_may_end_in_its_pause),
	    cmocka_unit_test(a_dead_pooled_connection_is_not_counted),
	    cmocka_unit_test(without_retries_nothing_is_sent_again),
	};

	loop_process_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A picture's job of which the site says nothing usable: a few tries in a
 * row, then an error that says what it was. */
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/mem.h"
#include "drawing.h"

struct failure {
	const char *status;
	const char *headers;
	const char *body;
	enum ac_error_code code;
	const char *words;
};

static const struct failure failures[] = {
    {"200 OK", STATUS_TYPE, "\"Job not found: a\"", AC_ERROR_UPSTREAM,
	"says of the picture's job: Job not found: a"},
    {"404 Not Found", JSON_TYPE, "{\"error\":\"Middleware error: 404\"}",
	AC_ERROR_UPSTREAM, "(HTTP 404): Middleware error: 404"},
    {"500 Internal Server Error", JSON_TYPE,
	"{\"error\":\"Failed to check image status\"}", AC_ERROR_UPSTREAM,
	"(HTTP 500): Failed to check image status"},
    {"500 Internal Server Error", "", "", AC_ERROR_UPSTREAM,
	"(HTTP 500) without a reason"},
    {"400 Bad Request", JSON_TYPE, "{\"error\":\"No job IDs provided\"}",
	AC_ERROR_UPSTREAM, "No job IDs provided"},
    {"200 OK", STATUS_TYPE, "nonsense", AC_ERROR_UPSTREAM, "is not JSON"},
    {"200 OK", STATUS_TYPE, "", AC_ERROR_UPSTREAM, "is not JSON"},
    {"200 OK", STATUS_TYPE, "[{\"job_id\":\"a\"", AC_ERROR_UPSTREAM,
	"is not JSON"},
    {"200 OK", STATUS_TYPE, "{\"job_id\":\"a\",\"status\":\"waiting\"}",
	AC_ERROR_UPSTREAM, "is no list"},
    {"200 OK", STATUS_TYPE, "{\"error\":\"queue is full\"}", AC_ERROR_UPSTREAM,
	"queue is full"},
    {"200 OK", STATUS_TYPE, "null", AC_ERROR_UPSTREAM, "is no list"},
    {"200 OK", STATUS_TYPE, "7", AC_ERROR_UPSTREAM, "is no list"},
    {"200 OK", STATUS_TYPE, "[]", AC_ERROR_UPSTREAM,
	"nothing of the picture's job"},
    {"200 OK", STATUS_TYPE, "[" READY("b") "]", AC_ERROR_UPSTREAM,
	"nothing of the picture's job"},
    {"200 OK", STATUS_TYPE, "[{\"job_id\":\"a\"}]", AC_ERROR_UPSTREAM,
	"nothing of the picture's status"},
    {"200 OK", STATUS_TYPE, "[{\"job_id\":\"a\",\"status\":1}]",
	AC_ERROR_UPSTREAM, "nothing of the picture's status"},
    {"200 OK", STATUS_TYPE, "[" JOB("a", "succeeded", "null") "]",
	AC_ERROR_UPSTREAM, "not where it is"},
    {"200 OK", STATUS_TYPE, "[" JOB("a", "succeeded", "\"\"") "]",
	AC_ERROR_UPSTREAM, "not where it is"},
    {"200 OK", STATUS_TYPE, "[" JOB("a", "completed", "{}") "]",
	AC_ERROR_UPSTREAM, "not where it is"},
    {"200 OK", "Content-Type: text/html\r\n", "<html></html>",
	AC_ERROR_UPSTREAM_CHALLENGE, "in front of the upstream"},
    {"403 Forbidden", "Content-Type: text/html\r\n", "<html></html>",
	AC_ERROR_UPSTREAM_CHALLENGE, "in front of the upstream"},
    {"429 Too Many Requests", "", "", AC_ERROR_RATE_LIMIT, "rate"},
    {"308 Permanent Redirect", "Location: /elsewhere\r\n", "",
	AC_ERROR_UPSTREAM, "/elsewhere"},
    {"405 Method Not Allowed", "", "", AC_ERROR_UPSTREAM, "HTTP 405"},
};

static void
each_failure_ends_a_job_after_a_few_tries(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(failures); i++) {
		const struct failure *failure = &failures[i];
		struct studio studio;
		struct drawing drawing = {.times = 0};

		studio_open(&studio, &quick_pace);
		studio_answer(&studio, PATH_STATUS, failure->status,
		    failure->headers, failure->body);
		drawing_start(&drawing, &studio, "a");
		drawing_wait_for_error(&drawing, failure->code, failure->words);
		assert_int_equal(studio_asked(&studio), AC_IMAGE_TRIES);
		studio_close(&studio);
	}
}

static void
each_failure_can_be_overcome(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(failures); i++) {
		const struct failure *failure = &failures[i];
		struct studio studio;
		struct drawing drawing = {.times = 0};

		studio_open(&studio, &quick_pace);
		for (int n = 0; n < 2 * AC_IMAGE_TRIES - 1; n++) {
			/* Never as many in a row as would end it. */
			if (n == AC_IMAGE_TRIES - 1)
				studio_list(
				    &studio, PATH_STATUS, NOT_READY("a"));
			else
				studio_answer(&studio, PATH_STATUS,
				    failure->status, failure->headers,
				    failure->body);
		}
		studio_list(&studio, PATH_STATUS, READY("a"));
		drawing_start(&drawing, &studio, "a");
		drawing_wait_for_name(&drawing, "a.png");
		assert_int_equal(
		    studio_asked(&studio), 2 * (size_t)AC_IMAGE_TRIES);
		studio_close(&studio);
	}
}

static void
a_connection_that_fails_is_a_try(void **state)
{
	static const struct peer_step closes[] = {CLOSE, END};
	static const struct peer_step cuts[] = {
	    SEND("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[{"), CLOSE,
	    END};
	static const struct peer_step resets[] = {
	    SEND("HTTP/1.1 200 OK\r\n"), RESET, END};
	static const struct peer_step *const scripts[] = {closes, cuts, resets};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(scripts); i++) {
		struct studio studio;
		struct drawing drawing = {.times = 0};

		studio_open(&studio, &quick_pace);
		peer_route(studio.site.peer, PATH_STATUS, scripts[i]);
		drawing_start(&drawing, &studio, "a");
		drawing_wait_for_error(
		    &drawing, AC_ERROR_UPSTREAM, "answer failed");
		assert_int_equal(studio_asked(&studio), AC_IMAGE_TRIES);
		studio_close(&studio);
	}
}

static void
a_site_that_cannot_be_reached_ends_a_job(void **state)
{
	struct studio studio;
	struct drawing drawing = {.times = 0};

	AC_UNUSED(state);
	studio_open(&studio, &quick_pace);
	peer_refuse(studio.site.peer);
	drawing_start(&drawing, &studio, "a");
	drawing_wait_for_error(
	    &drawing, AC_ERROR_UPSTREAM_UNREACHABLE, "cannot be reached");
	studio_close(&studio);
}

static void
an_answer_that_does_not_come_is_a_try(void **state)
{
	static const struct peer_step stalls[] = {STALL, END};
	static const struct peer_step stalls_within[] = {
	    SEND("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n["), STALL, END};
	struct ac_image_pace pace = quick_pace;
	struct studio studio;
	struct drawing drawing = {.times = 0};

	AC_UNUSED(state);
	pace.answer_ms = 60;
	studio_open(&studio, &pace);
	peer_route(studio.site.peer, PATH_STATUS, stalls_within);
	peer_route(studio.site.peer, PATH_STATUS, stalls);
	drawing_start(&drawing, &studio, "a");
	drawing_wait_for_error(
	    &drawing, AC_ERROR_FIRST_EVENT_TIMEOUT, "does not say");
	assert_int_equal(studio_asked(&studio), AC_IMAGE_TRIES);
	LOOP_UNTIL(&studio.site.loop, peer_open_count(studio.site.peer) == 0);
	studio_close(&studio);
}

static void
an_answer_without_an_end_takes_no_more_memory(void **state)
{
	static const struct peer_step floods[] = {
	    SEND("HTTP/1.1 200 OK\r\n" STATUS_TYPE "\r\n[\""),
	    REPEAT("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 3 * MB), CLOSE, END};
	struct studio studio;
	struct drawing drawing = {.times = 0};

	AC_UNUSED(state);
	studio_open(&studio, &quick_pace);
	peer_route(studio.site.peer, PATH_STATUS, floods);
	drawing_start(&drawing, &studio, "a");
	loop_forget_memory();
	drawing_wait_for_error(&drawing, AC_ERROR_UPSTREAM, "larger than");
	/* The buffer grows by doubling: 32 MB, and 16 MB before. */
	assert_in_range(loop_memory_growth(), 0, 64 * MB);
	assert_int_equal(studio_asked(&studio), AC_IMAGE_TRIES);
	studio_close(&studio);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_failure_ends_a_job_after_a_few_tries),
	    cmocka_unit_test(each_failure_can_be_overcome),
	    cmocka_unit_test(a_connection_that_fails_is_a_try),
	    cmocka_unit_test(a_site_that_cannot_be_reached_ends_a_job),
	    cmocka_unit_test(an_answer_that_does_not_come_is_a_try),
	    cmocka_unit_test(an_answer_without_an_end_takes_no_more_memory),
	};

	loop_process_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

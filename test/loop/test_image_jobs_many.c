/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Many pictures' jobs at once: they share questions, none suffers for
 * another, and nothing is asked when nobody waits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/text.h"
#include "drawing.h"
#include "upstream/image_data.h"

enum { MANY = 200 };

static struct drawing drawings[MANY];

/* The list of every job at one status, without its brackets; to be freed. */
static char *
list_all(const char *status)
{
	struct evbuffer *text = ac_text_new();

	for (int i = 0; i < MANY; i++)
		evbuffer_add_printf(text,
		    "%s{\"job_id\":\"job-%d\",\"status\":\"%s\","
		    "\"result\":\"/api/image/p%d.png\"}",
		    i == 0 ? "" : ",", i, status, i);
	return ac_text_take(text);
}

static void
answer_all(struct studio *studio, const char *status, size_t times)
{
	char *list = list_all(status);

	for (size_t i = 0; i < times; i++)
		studio_list(studio, PATH_STATUS, list);
	free(list);
}

static void
start_all(struct studio *studio)
{
	for (int i = 0; i < MANY; i++) {
		char id[16];

		drawings[i] = (struct drawing){.times = 0};
		snprintf(id, sizeof(id), "job-%d", i);
		drawing_start(&drawings[i], studio, id);
	}
}

static size_t
count_commas(const char *text)
{
	size_t count = 0;

	for (; *text != '\0'; text++)
		count += *text == ',';
	return count;
}

#define BATCHES ((size_t)MANY / AC_IMAGE_BATCH_MAX)

static void
two_hundred_jobs_share_their_questions(void **state)
{
	enum { ROUNDS = 3 };
	/* Long enough for the requests of a round to arrive before the next. */
	static const int64_t pauses_ms[] = {150};
	struct ac_image_pace pace = quick_pace;
	struct studio studio;
	size_t asked = 0;

	AC_UNUSED(state);
	pace.pauses_ms = pauses_ms;
	studio_open(&studio, &pace);
	answer_all(&studio, "waiting", (ROUNDS - 1) * BATCHES);
	answer_all(&studio, "succeeded", 1);
	start_all(&studio);
	loop_forget_memory();
	for (int i = 0; i < MANY; i++) {
		char name[16];

		snprintf(name, sizeof(name), "p%d.png", i);
		drawing_wait_for_name(&drawings[i], name);
	}
	assert_in_range(loop_memory_growth(), 0, 8 * MB);
	/* Each job is asked for once in each round. */
	assert_int_equal(studio_asked(&studio), ROUNDS * BATCHES);
	for (size_t i = 0; i < BATCHES; i++) {
		size_t in_request = count_commas(studio_target(&studio, i)) + 1;

		assert_in_range(in_request, 1, AC_IMAGE_BATCH_MAX);
		asked += in_request;
	}
	assert_int_equal(asked, MANY);
	assert_in_range(studio.site.peer->accepted, 1, AC_IMAGE_POLLS_MAX);
	loop_for(&studio.site.loop, 60);
	assert_int_equal(studio_asked(&studio), ROUNDS * BATCHES);
	studio_close(&studio);
}

static void
a_site_that_fails_ends_two_hundred_jobs_a_few_requests_at_a_time(void **state)
{
	struct studio studio;

	AC_UNUSED(state);
	studio_open(&studio, &quick_pace);
	/* Nothing that one job could be the reason of. */
	studio_answer(&studio, PATH_STATUS, "403 Forbidden",
	    "Content-Type: text/html\r\n", "<html></html>");
	start_all(&studio);
	for (int i = 0; i < MANY; i++)
		drawing_wait_for_error(
		    &drawings[i], AC_ERROR_UPSTREAM_CHALLENGE, "in front of");
	assert_int_equal(studio_asked(&studio), AC_IMAGE_TRIES * BATCHES);
	assert_in_range(studio.site.peer->accepted, 1, AC_IMAGE_POLLS_MAX);
	studio_close(&studio);
}

static void
two_hundred_jobs_that_leave_end_the_questions(void **state)
{
	struct studio studio;
	size_t asked;

	AC_UNUSED(state);
	studio_open(&studio, &quick_pace);
	answer_all(&studio, "waiting", 1);
	start_all(&studio);
	LOOP_UNTIL(&studio.site.loop, studio_asked(&studio) >= 2 * BATCHES);
	for (int i = 0; i < MANY; i++)
		drawing_cancel(&drawings[i]);
	loop_turns(&studio.site.loop, 5);
	asked = studio_asked(&studio);
	loop_for(&studio.site.loop, 80);
	assert_int_equal(studio_asked(&studio), asked);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(drawings[i].times, 0);
	studio_close(&studio);
}

#define ALL_THREE PATH_STATUS "?ids=a,b,c"

/* How an answer about several fails that one of them has spoilt. */
static void
check_spoilt(
    const char *status, const char *headers, const char *body, const char *why)
{
	struct studio studio;
	struct drawing a = {.times = 0}, b = {.times = 0}, c = {.times = 0};

	studio_open(&studio, &quick_pace);
	studio_answer(&studio, ALL_THREE, status, headers, body);
	studio_list(&studio, PATH_STATUS "?ids=a", NOT_READY("a"));
	studio_answer(&studio, PATH_STATUS "?ids=b", status, headers, body);
	studio_list(&studio, PATH_STATUS "?ids=c", NOT_READY("c"));
	/* From then on those that are well go together again. */
	studio_list(
	    &studio, PATH_STATUS "?ids=a,c", NOT_READY("a") "," NOT_READY("c"));
	studio_list(
	    &studio, PATH_STATUS "?ids=a,c", NOT_READY("a") "," NOT_READY("c"));
	studio_list(&studio, PATH_STATUS "?ids=a,c", READY("a") "," READY("c"));
	studio_list(
	    &studio, PATH_STATUS "?ids=c,a", NOT_READY("a") "," NOT_READY("c"));
	studio_list(
	    &studio, PATH_STATUS "?ids=c,a", NOT_READY("a") "," NOT_READY("c"));
	studio_list(&studio, PATH_STATUS "?ids=c,a", READY("a") "," READY("c"));
	drawing_start(&a, &studio, "a");
	drawing_start(&b, &studio, "b");
	drawing_start(&c, &studio, "c");
	drawing_wait_for_error(&b, AC_ERROR_UPSTREAM, why);
	drawing_wait_for_name(&a, "a.png");
	drawing_wait_for_name(&c, "c.png");
	assert_int_equal(peer_asked(studio.site.peer, ALL_THREE), 1);
	assert_int_equal(
	    peer_asked(studio.site.peer, PATH_STATUS "?ids=b"), AC_IMAGE_TRIES);
	studio_close(&studio);
}

static void
one_job_that_is_not_known_does_not_end_the_others(void **state)
{
	AC_UNUSED(state);
	check_spoilt(
	    "200 OK", STATUS_TYPE, "\"Job not found: b\"", "Job not found: b");
	check_spoilt("404 Not Found", JSON_TYPE,
	    "{\"error\":\"Middleware error: 404\"}", "Middleware error: 404");
	check_spoilt("500 Internal Server Error", JSON_TYPE,
	    "{\"error\":\"Failed to check image status\"}",
	    "Failed to check image status");
	check_spoilt("500 Internal Server Error", "", "", "HTTP 500");
	check_spoilt("422 Unprocessable Content", JSON_TYPE,
	    "{\"error\":\"Middleware error: 422\"}", "Middleware error: 422");
	check_spoilt("503 Service Unavailable", JSON_TYPE,
	    "{\"error\":\"Middleware error: 503\"}", "Middleware error: 503");
	check_spoilt("200 OK", STATUS_TYPE, "<>", "not JSON");
	check_spoilt("200 OK", STATUS_TYPE, "{}", "no list");
}

static void
one_job_that_the_list_leaves_out_does_not_end_the_others(void **state)
{
	struct studio studio;
	struct drawing a = {.times = 0}, b = {.times = 0};

	AC_UNUSED(state);
	studio_open(&studio, &quick_pace);
	for (int i = 0; i < AC_IMAGE_TRIES; i++)
		studio_list(&studio, PATH_STATUS, NOT_READY("a"));
	studio_list(&studio, PATH_STATUS, READY("a"));
	drawing_start(&a, &studio, "a");
	drawing_start(&b, &studio, "b");
	drawing_wait_for_error(&b, AC_ERROR_UPSTREAM, "nothing of");
	drawing_wait_for_name(&a, "a.png");
	assert_int_equal(studio_asked(&studio), AC_IMAGE_TRIES + 1);
	studio_close(&studio);
}

/* 2 MB: more than an answer about several may have. */
static void
a_picture_in_the_answer_is_taken_from_one_about_a_single_job(void **state)
{
	static const size_t len = 2 * MB;
	struct studio studio;
	struct drawing a = {.times = 0}, b = {.times = 0};
	char *letters = ac_malloc(len + 1);
	char *list;

	AC_UNUSED(state);
	memset(letters, 'A', len);
	letters[len] = '\0';
	list = ac_asprintf("{\"job_id\":\"a\",\"status\":\"succeeded\","
			   "\"result\":\"data:image/png;base64,%s\"},%s",
	    letters, READY("b"));
	studio_open(&studio, &quick_pace);
	studio_list(&studio, PATH_STATUS, list);
	drawing_start(&a, &studio, "a");
	drawing_start(&b, &studio, "b");
	LOOP_UNTIL(&studio.site.loop, a.times > 0 && b.times > 0);
	assert_int_equal(studio_asked(&studio), 3);
	assert_int_equal(a.ref.kind, AC_IMAGE_DATA);
	assert_int_equal(
	    strlen(a.ref.url), len + strlen("data:image/png;base64,"));
	ac_image_ref_clear(&a.ref);
	drawing_wait_for_name(&b, "b.png");
	free(list);
	free(letters);
	studio_close(&studio);
}

static void
two_waits_for_one_job_are_both_told(void **state)
{
	struct studio studio;
	struct drawing one = {.times = 0}, other = {.times = 0};

	AC_UNUSED(state);
	studio_open(&studio, &quick_pace);
	studio_list(&studio, PATH_STATUS, READY("a"));
	drawing_start(&one, &studio, "a");
	drawing_start(&other, &studio, "a");
	drawing_wait_for_name(&one, "a.png");
	drawing_wait_for_name(&other, "a.png");
	assert_int_equal(studio_asked(&studio), 1);
	studio_close(&studio);
}

static void
a_job_that_comes_later_takes_the_others_along(void **state)
{
	static const int64_t pauses_ms[] = {20, 60000};
	struct ac_image_pace pace = quick_pace;
	struct studio studio;
	struct drawing early = {.times = 0}, late = {.times = 0};

	AC_UNUSED(state);
	pace.pauses_ms = pauses_ms;
	pace.pause_count = AC_LENGTH(pauses_ms);
	studio_open(&studio, &pace);
	studio_list(&studio, PATH_STATUS, NOT_READY("a"));
	studio_list(&studio, PATH_STATUS, READY("a") "," READY("b"));
	drawing_start(&early, &studio, "a");
	LOOP_UNTIL(&studio.site.loop, studio_asked(&studio) == 1);
	loop_for(&studio.site.loop, 50);
	assert_int_equal(studio_asked(&studio), 1);
	drawing_start(&late, &studio, "b");
	drawing_wait_for_name(&early, "a.png");
	drawing_wait_for_name(&late, "b.png");
	assert_int_equal(studio_asked(&studio), 2);
	studio_close(&studio);
}

static void
a_client_that_leaves_is_not_asked_for_any_more(void **state)
{
	struct studio studio;
	struct drawing a = {.times = 0}, b = {.times = 0};

	AC_UNUSED(state);
	studio_open(&studio, &quick_pace);
	studio_list(
	    &studio, PATH_STATUS "?ids=a,b", NOT_READY("a") "," NOT_READY("b"));
	studio_list(&studio, PATH_STATUS "?ids=b", READY("b"));
	drawing_start(&a, &studio, "a");
	drawing_start(&b, &studio, "b");
	LOOP_UNTIL(&studio.site.loop, studio_asked(&studio) == 1);
	loop_turns(&studio.site.loop, 5);
	drawing_cancel(&a);
	drawing_wait_for_name(&b, "b.png");
	assert_int_equal(peer_asked(studio.site.peer, PATH_STATUS "?ids=b"), 1);
	assert_int_equal(a.times, 0);
	studio_close(&studio);
}

static void
the_last_that_leaves_ends_the_request_under_way(void **state)
{
	static const struct peer_step stalls[] = {STALL, END};
	struct studio studio;
	struct drawing a = {.times = 0}, b = {.times = 0};

	AC_UNUSED(state);
	studio_open(&studio, &quick_pace);
	peer_route(studio.site.peer, PATH_STATUS, stalls);
	drawing_start(&a, &studio, "a");
	drawing_start(&b, &studio, "b");
	LOOP_UNTIL(&studio.site.loop, studio_asked(&studio) == 1);
	drawing_cancel(&b);
	loop_for(&studio.site.loop, 40);
	assert_false(peer_was_left(studio.site.peer, 0));
	drawing_cancel(&a);
	LOOP_UNTIL(&studio.site.loop, peer_was_left(studio.site.peer, 0));
	loop_for(&studio.site.loop, 60);
	assert_int_equal(studio_asked(&studio), 1);
	assert_int_equal(studio.site.peer->accepted, 1);
	studio_close(&studio);
}

static void
waits_can_be_cancelled_at_any_time(void **state)
{
	AC_UNUSED(state);
	for (int turns = 0; turns < 12; turns++) {
		struct studio studio;
		struct drawing a = {.times = 0}, b = {.times = 0};

		studio_open(&studio, &quick_pace);
		studio_answer(&studio, PATH_STATUS, "404 Not Found", "", "");
		drawing_start(&a, &studio, "a");
		drawing_start(&b, &studio, "b");
		loop_turns(&studio.site.loop, 2);
		LOOP_UNTIL(
		    &studio.site.loop, turns < 3 || studio_asked(&studio) > 0);
		loop_turns(&studio.site.loop, turns);
		if (a.wait != NULL)
			drawing_cancel(&a);
		if (b.wait != NULL)
			drawing_cancel(&b);
		studio_close(&studio);
	}
}

static void
within_cancel_other(struct drawing *drawing)
{
	if (drawing->other->wait != NULL)
		drawing_cancel(drawing->other);
}

static void
check_cancel_within(const char *jobs, const char *status)
{
	struct studio studio;
	struct drawing a = {.within = within_cancel_other};
	struct drawing b = {.within = within_cancel_other};

	a.other = &b;
	b.other = &a;
	studio_open(&studio, &quick_pace);
	studio_answer(&studio, PATH_STATUS, status, STATUS_TYPE, jobs);
	drawing_start(&a, &studio, "a");
	drawing_start(&b, &studio, "b");
	LOOP_UNTIL(&studio.site.loop, a.times + b.times > 0);
	loop_for(&studio.site.loop, 40);
	assert_int_equal(a.times + b.times, 1);
	assert_null(a.problem);
	assert_null(b.problem);
	ac_image_ref_clear(&a.ref);
	ac_image_ref_clear(&b.ref);
	studio_close(&studio);
}

static void
a_wait_can_be_cancelled_within_another(void **state)
{
	AC_UNUSED(state);
	check_cancel_within("[" READY("a") "," READY("b") "]", "200 OK");
	check_cancel_within("[" READY("b") "]", "200 OK");
	check_cancel_within("[]", "200 OK");
	check_cancel_within("{}", "429 Too Many Requests");
	check_cancel_within("{}", "404 Not Found");
}

static void
within_start_other(struct drawing *drawing)
{
	drawing_start(drawing->other, drawing->studio, "next");
}

static void
a_wait_can_be_started_within_another(void **state)
{
	struct studio studio;
	struct drawing next = {.times = 0};
	struct drawing first = {.within = within_start_other, .other = &next};

	AC_UNUSED(state);
	studio_open(&studio, &quick_pace);
	studio_list(&studio, PATH_STATUS, READY("a") "," READY("next"));
	drawing_start(&first, &studio, "a");
	drawing_wait_for_name(&first, "a.png");
	drawing_wait_for_name(&next, "next.png");
	assert_int_equal(studio_asked(&studio), 2);
	studio_close(&studio);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(two_hundred_jobs_share_their_questions),
	    cmocka_unit_test(
		a_site_that_fails_ends_two_hundred_jobs_a_few_requests_at_a_time),
	    cmocka_unit_test(two_hundred_jobs_that_leave_end_the_questions),
	    cmocka_unit_test(one_job_that_is_not_known_does_not_end_the_others),
	    cmocka_unit_test(
		one_job_that_the_list_leaves_out_does_not_end_the_others),
	    cmocka_unit_test(
		a_picture_in_the_answer_is_taken_from_one_about_a_single_job),
	    cmocka_unit_test(two_waits_for_one_job_are_both_told),
	    cmocka_unit_test(a_job_that_comes_later_takes_the_others_along),
	    cmocka_unit_test(a_client_that_leaves_is_not_asked_for_any_more),
	    cmocka_unit_test(the_last_that_leaves_ends_the_request_under_way),
	    cmocka_unit_test(waits_can_be_cancelled_at_any_time),
	    cmocka_unit_test(a_wait_can_be_cancelled_within_another),
	    cmocka_unit_test(a_wait_can_be_started_within_another),
	};

	loop_process_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

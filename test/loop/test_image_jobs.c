/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One picture's job: asked for until it ends, in the app's words. */
#include "upstream/image_jobs.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/mem.h"
#include "drawing.h"

static void
every_status_but_the_last_keeps_asking(void **state)
{
	static const char *const words[] = {"waiting", "pending", "running",
	    "RUNNING", "Waiting", "queued", "succeeded_not", "", "?"};
	struct studio studio;
	struct drawing drawing = {.times = 0};

	AC_UNUSED(state);
	studio_open(&studio, &quick_pace);
	for (size_t i = 0; i < AC_LENGTH(words); i++) {
		char *job = ac_asprintf("{\"job_id\":\"a\",\"status\":\"%s\","
					"\"result\":\"/api/image/no.png\"}",
		    words[i]);

		studio_list(&studio, PATH_STATUS, job);
		free(job);
	}
	studio_list(&studio, PATH_STATUS, READY("a"));
	drawing_start(&drawing, &studio, "a");
	drawing_wait_for_name(&drawing, "a.png");
	assert_int_equal(studio_asked(&studio), AC_LENGTH(words) + 1);
	loop_for(&studio.site.loop, 80);
	assert_int_equal(studio_asked(&studio), AC_LENGTH(words) + 1);
	studio_close(&studio);
}

/* Asks once and expects that result, or that error. */
static void
check_ending(const char *job, const char *url, const char *words)
{
	struct studio studio;
	struct drawing drawing = {.times = 0};

	studio_open(&studio, &quick_pace);
	studio_list(&studio, PATH_STATUS, job);
	drawing_start(&drawing, &studio, "a");
	if (url != NULL)
		drawing_wait_for_url(&drawing, url);
	else
		drawing_wait_for_error(&drawing, AC_ERROR_UPSTREAM, words);
	assert_int_equal(studio_asked(&studio), 1);
	studio_close(&studio);
}

static void
a_job_ends_in_any_case_of_its_word(void **state)
{
	static const char url[] = "https://cdn.example/a.png";

	AC_UNUSED(state);
	check_ending(
	    JOB("a", "succeeded", "\"https://cdn.example/a.png\""), url, NULL);
	check_ending(
	    JOB("a", "Succeeded", "\"https://cdn.example/a.png\""), url, NULL);
	check_ending(
	    JOB("a", "COMPLETED", "\"https://cdn.example/a.png\""), url, NULL);
	check_ending(JOB("a", "failed", "null"), NULL, "failed to draw");
	check_ending(JOB("a", "FAILED", "null"), NULL, "failed to draw");
	check_ending("{\"job_id\":\"a\",\"status\":\"failed\",\"error\":"
		     "\"out of memory\"}",
	    NULL, "failed to draw the picture: out of memory");
}

static void
a_result_is_an_address_or_the_picture_itself(void **state)
{
	AC_UNUSED(state);
	check_ending(JOB("a", "succeeded", "\"http://h/x?y=z\""),
	    "http://h/x?y=z", NULL);
	check_ending(
	    JOB("a", "succeeded", "\"data:image/png;base64,iVBORw0KGgo=\""),
	    "data:image/png;base64,iVBORw0KGgo=", NULL);
	check_ending(
	    JOB("a", "succeeded", "\"ftp://h/x.png\""), NULL, "no address");
	check_ending(JOB("a", "succeeded", "\"/a b.png\""), NULL, "no address");
}

static void
a_job_is_found_among_others(void **state)
{
	AC_UNUSED(state);
	check_ending("1,null,\"a\",[],{},{\"job_id\":1}," JOB(
			 "b", "failed", "null") "," JOB("a", "succeeded",
			 "\"http://h/a\"") "," JOB("A", "failed", "null"),
	    "http://h/a", NULL);
}

static void
a_relative_result_is_made_absolute(void **state)
{
	struct studio studio;
	struct drawing drawing = {.times = 0};
	char *url;

	AC_UNUSED(state);
	studio_open(&studio, &quick_pace);
	studio_list(&studio, PATH_STATUS,
	    JOB("a", "succeeded", "\"/api/image/a.webp?t=1\""));
	drawing_start(&drawing, &studio, "a");
	url = ac_asprintf("http://127.0.0.1:%u/api/image/a.webp?t=1",
	    (unsigned)studio.site.peer->port);
	drawing_wait_for_url(&drawing, url);
	free(url);
	studio_close(&studio);
}

static void
a_question_needs_no_session_and_names_the_job(void **state)
{
	struct studio studio;
	struct drawing drawing = {.times = 0};

	AC_UNUSED(state);
	studio_open(&studio, &quick_pace);
	studio_list(&studio, PATH_STATUS, READY("0f-A_9"));
	drawing_start(&drawing, &studio, "0f-A_9");
	drawing_wait_for_name(&drawing, "0f-A_9.png");
	assert_string_equal(
	    studio_target(&studio, 0), "/api/image-status/?ids=0f-A_9");
	assert_int_equal(studio.site.peer->request_count, 1);
	assert_null(strstr(studio.site.peer->requests[0].text, "\r\nCookie:"));
	studio_close(&studio);
}

static void
questions_become_rarer(void **state)
{
	static const int64_t pauses_ms[] = {40, 80, 160};
	struct ac_image_pace pace = quick_pace;
	struct studio studio;
	struct drawing drawing = {.times = 0};
	int64_t before;

	AC_UNUSED(state);
	pace.pauses_ms = pauses_ms;
	pace.pause_count = AC_LENGTH(pauses_ms);
	studio_open(&studio, &pace);
	studio_list(&studio, PATH_STATUS, NOT_READY("a"));
	drawing_start(&drawing, &studio, "a");
	for (size_t i = 0; i < 4; i++) {
		before = ac_clock_ms();
		LOOP_UNTIL(&studio.site.loop, studio_asked(&studio) == i + 1);
		/* A timer's time begins with the turn that starts it. */
		assert_in_range(ac_clock_ms() - before,
		    pauses_ms[i < 2 ? i : 2] - 20, 10000);
	}
	drawing_cancel(&drawing);
	studio_close(&studio);
}

static void
a_job_that_takes_too_long_ends(void **state)
{
	struct ac_image_pace pace = quick_pace;
	struct studio studio;
	struct drawing drawing = {.times = 0};
	size_t asked;

	AC_UNUSED(state);
	pace.timeout_ms = 2000 / loop_slowness(); /* 2 s in any case */
	studio_open(&studio, &pace);
	studio_list(&studio, PATH_STATUS, NOT_READY("a"));
	drawing_start(&drawing, &studio, "a");
	drawing_wait_for_error(
	    &drawing, AC_ERROR_IMAGE_TIMEOUT, "not ready within 2 s");
	asked = studio_asked(&studio);
	assert_in_range(asked, 3, 100);
	loop_for(&studio.site.loop, 80);
	assert_int_equal(studio_asked(&studio), asked);
	studio_close(&studio);
}

static void
a_job_ends_in_time_while_it_is_asked_for(void **state)
{
	static const struct peer_step stalls[] = {STALL, END};
	struct ac_image_pace pace = quick_pace;
	struct studio studio;
	struct drawing drawing = {.times = 0};

	AC_UNUSED(state);
	pace.timeout_ms = 100;
	studio_open(&studio, &pace);
	peer_route(studio.site.peer, PATH_STATUS, stalls);
	drawing_start(&drawing, &studio, "a");
	drawing_wait_for_error(&drawing, AC_ERROR_IMAGE_TIMEOUT, "not ready");
	LOOP_UNTIL(&studio.site.loop, peer_was_left(studio.site.peer, 0));
	assert_int_equal(studio_asked(&studio), 1);
	studio_close(&studio);
}

/* It would stand in a URL. */
static void
a_job_with_an_id_that_is_none_is_not_asked_for(void **state)
{
	static const char *const ids[] = {"", "a,b", "a&x=y", "../a", "a b"};
	char too_long[200];
	struct studio studio;

	AC_UNUSED(state);
	memset(too_long, 'a', sizeof(too_long) - 1);
	too_long[sizeof(too_long) - 1] = '\0';
	studio_open(&studio, &quick_pace);
	for (size_t i = 0; i <= AC_LENGTH(ids); i++) {
		struct drawing drawing = {.times = 0};

		drawing_start(
		    &drawing, &studio, i < AC_LENGTH(ids) ? ids[i] : too_long);
		drawing_wait_for_error(
		    &drawing, AC_ERROR_UPSTREAM, "cannot be asked for");
	}
	loop_for(&studio.site.loop, 50);
	assert_int_equal(studio_asked(&studio), 0);
	studio_close(&studio);
}

/* The program's own: after one second, for IMAGE_TIMEOUT. */
static void
the_usual_pace_is_in_force(void **state)
{
	struct studio studio;
	struct drawing drawing = {.times = 0};
	int64_t before;

	AC_UNUSED(state);
	studio_open_usual(&studio, "IMAGE_TIMEOUT", "2");
	studio_list(&studio, PATH_STATUS, NOT_READY("a"));
	before = ac_clock_ms();
	drawing_start(&drawing, &studio, "a");
	LOOP_UNTIL(&studio.site.loop, studio_asked(&studio) == 1);
	assert_in_range(ac_clock_ms() - before, 990, 1500);
	drawing_wait_for_error(
	    &drawing, AC_ERROR_IMAGE_TIMEOUT, "not ready within 2 s");
	assert_in_range(ac_clock_ms() - before, 1990, 3000);
	studio_close(&studio);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_status_but_the_last_keeps_asking),
	    cmocka_unit_test(a_job_ends_in_any_case_of_its_word),
	    cmocka_unit_test(a_result_is_an_address_or_the_picture_itself),
	    cmocka_unit_test(a_job_is_found_among_others),
	    cmocka_unit_test(a_relative_result_is_made_absolute),
	    cmocka_unit_test(a_question_needs_no_session_and_names_the_job),
	    cmocka_unit_test(questions_become_rarer),
	    cmocka_unit_test(a_job_that_takes_too_long_ends),
	    cmocka_unit_test(a_job_ends_in_time_while_it_is_asked_for),
	    cmocka_unit_test(a_job_with_an_id_that_is_none_is_not_asked_for),
	    cmocka_unit_test(the_usual_pace_is_in_force),
	};

	loop_process_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

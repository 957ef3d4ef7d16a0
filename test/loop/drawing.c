/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A site that draws, and waits for its pictures: see drawing.h. */
#include "drawing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/mem.h"
#include "upstream/upstream.h"

static const int64_t quick_pauses_ms[] = {20};

const struct ac_image_pace quick_pace = {
    .pauses_ms = quick_pauses_ms,
    .pause_count = AC_LENGTH(quick_pauses_ms),
    .answer_ms = 5000,
    .timeout_ms = 5000,
};

void
studio_open(struct studio *studio, const struct ac_image_pace *pace)
{
	studio->site = (struct site){.peer = NULL};
	site_open(&studio->site);
	studio->script_count = 0;
	studio->pace = *pace;
	studio->pace.answer_ms *= loop_slowness();
	studio->pace.timeout_ms *= loop_slowness();
	studio->jobs = ac_image_jobs_new_paced(
	    &studio->site.upstream->site, &studio->pace);
}

void
studio_open_usual(struct studio *studio, const char *option, const char *value)
{
	studio->site = (struct site){.peer = NULL};
	site_open_with(&studio->site, option, value);
	studio->script_count = 0;
	studio->jobs = studio->site.upstream->image_jobs;
}

void
studio_close(struct studio *studio)
{
	if (studio->jobs != studio->site.upstream->image_jobs)
		ac_image_jobs_free(studio->jobs);
	for (size_t i = 0; i < studio->script_count; i++) {
		free((char *)studio->scripts[i][0].text);
		free(studio->scripts[i]);
	}
	site_close(&studio->site);
}

void
studio_answer(struct studio *studio, const char *target, const char *status,
    const char *headers, const char *body)
{
	struct peer_step *steps = ac_calloc(2, sizeof(*steps));

	assert_true(studio->script_count < STUDIO_SCRIPTS_MAX);
	steps[0].action = PEER_SEND;
	steps[0].text =
	    ac_asprintf("HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n%s",
		status, headers, strlen(body), body);
	steps[1].action = PEER_END;
	studio->scripts[studio->script_count++] = steps;
	peer_route(studio->site.peer, target, steps);
}

void
studio_list(struct studio *studio, const char *target, const char *jobs)
{
	char *body = ac_asprintf("[%s]", jobs);

	studio_answer(studio, target, "200 OK", STATUS_TYPE, body);
	free(body);
}

size_t
studio_asked(const struct studio *studio)
{
	return studio->site.peer->request_count;
}

const char *
studio_target(const struct studio *studio, size_t nth)
{
	static char target[8192];
	const char *text;

	assert_true(nth < studio->site.peer->request_count);
	text = strchr(studio->site.peer->requests[nth].text, ' ') + 1;
	snprintf(target, sizeof(target), "%.*s", (int)strcspn(text, " "), text);
	return target;
}

static void
on_done(struct ac_image_ref *ref, const struct ac_error *error, void *arg)
{
	struct drawing *drawing = arg;

	if (!drawing->started)
		drawing->problem = "it was told before the start returned";
	if (drawing->wait == NULL)
		drawing->problem = "it was told when it was over";
	if ((ref == NULL) == (error == NULL))
		drawing->problem = "it was told neither or both";
	drawing->wait = NULL;
	drawing->times++;
	if (ref != NULL)
		ac_image_ref_move(&drawing->ref, ref);
	if (error != NULL)
		drawing->error = *error;
	if (drawing->within != NULL)
		drawing->within(drawing);
}

void
drawing_start(
    struct drawing *drawing, struct studio *studio, const char *job_id)
{
	drawing->studio = studio;
	drawing->wait =
	    ac_image_wait_start(studio->jobs, job_id, on_done, drawing);
	drawing->started = true;
}

void
drawing_cancel(struct drawing *drawing)
{
	struct ac_image_wait *wait = drawing->wait;

	drawing->wait = NULL;
	ac_image_wait_cancel(wait);
}

static void
wait_for(struct drawing *drawing)
{
	LOOP_UNTIL(&drawing->studio->site.loop, drawing->times > 0);
	loop_turns(&drawing->studio->site.loop, 2);
	if (drawing->problem != NULL)
		fail_msg("%s", drawing->problem);
	assert_int_equal(drawing->times, 1);
}

void
drawing_wait_for_url(struct drawing *drawing, const char *url)
{
	wait_for(drawing);
	if (drawing->error.code != AC_ERROR_NONE)
		fail_msg("an error: %s", drawing->error.message);
	assert_string_equal(drawing->ref.url, url);
	ac_image_ref_clear(&drawing->ref);
}

void
drawing_wait_for_name(struct drawing *drawing, const char *name)
{
	wait_for(drawing);
	if (drawing->error.code != AC_ERROR_NONE)
		fail_msg("an error: %s", drawing->error.message);
	assert_int_equal(drawing->ref.kind, AC_IMAGE_FILE);
	assert_string_equal(drawing->ref.name, name);
	ac_image_ref_clear(&drawing->ref);
}

void
drawing_wait_for_error(
    struct drawing *drawing, enum ac_error_code code, const char *words)
{
	wait_for(drawing);
	assert_null(drawing->ref.url);
	if (drawing->error.code != code ||
	    strstr(drawing->error.message, words) == NULL)
		fail_msg("error %d: %s", (int)drawing->error.code,
		    drawing->error.message);
}

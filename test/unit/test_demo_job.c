/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The simulated app's painter: the line that a job is told with, what its
 * status and its file are answered on each course, and what is forgotten.
 */
#include "demo/demo_job.h"

#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "base/attr.h"
#include "base/mem.h"
#include "demo/demo_plan.h"
#include "demo/demo_prompt.h"
#include "demo/demo_scenario.h"
#include "demo/demo_writer.h"
#include "support/unit.h"

#define MIB ((size_t)1024 * 1024)

#define ORIGIN "http://127.0.0.1:1"

static const struct ac_demo_course usual;

/* What came of a plan; owned. */
struct reply {
	int status;
	const char *type; /* static */
	enum ac_demo_end end;
	size_t len;
	char *body; /* what the steps send of it, NUL-terminated */
};

static void
take_reply(struct reply *reply, struct ac_demo_plan *plan)
{
	const struct ac_demo_header *header = plan->headers;

	*reply = (struct reply){.status = plan->status, .end = plan->end};
	for (; header->name != NULL; header++) {
		if (strcmp(header->name, "content-type") == 0)
			reply->type = header->value;
	}
	for (size_t i = 0; i < plan->count; i++)
		reply->len += plan->steps[i].len;
	assert_true(reply->len <= evbuffer_get_length(plan->body));
	reply->body = ac_calloc(1, reply->len + 1);
	assert_int_equal(
	    evbuffer_remove(plan->body, reply->body, reply->len), reply->len);
	ac_demo_plan_clear(plan);
}

static void
ask(struct reply *reply, struct ac_demo_jobs *jobs, const char *ids)
{
	struct ac_demo_plan plan;

	ac_demo_plan_init(&plan);
	ac_demo_jobs_plan_status(jobs, &plan, ids, ORIGIN);
	take_reply(reply, &plan);
}

static void
fetch(struct reply *reply, struct ac_demo_jobs *jobs, const char *id)
{
	char *name = ac_asprintf("job_%.8s_00001_.png", id);
	struct ac_demo_plan plan;

	ac_demo_plan_init(&plan);
	ac_demo_jobs_plan_file(jobs, &plan, name);
	take_reply(reply, &plan);
	free(name);
}

/* Asks and compares; ID in what is wanted stands for the job's id. */
static void
expect(struct ac_demo_jobs *jobs, const char *id, int status,
    const char *before, const char *behind)
{
	char *wanted = ac_asprintf("%s%s%s", before, behind == NULL ? "" : id,
	    behind == NULL ? "" : behind);
	struct reply reply;

	ask(&reply, jobs, id);
	assert_int_equal(reply.status, status);
	assert_string_equal(reply.body, wanted);
	assert_string_equal(reply.type,
	    status == 200 ? "text/plain;charset=UTF-8" : "application/json");
	free(reply.body);
	free(wanted);
}

static const char *
add(struct ac_demo_jobs *jobs, const struct ac_demo_course *course)
{
	return ac_demo_jobs_add(jobs, course, 1, "a cat", 5);
}

static void
a_job_passes_through_every_stage(void **state)
{
	static const char *const stages[] = {
	    "waiting", "waiting", "pending", "pending", "running", "running"};
	struct ac_demo_jobs *jobs = ac_demo_jobs_new();
	const char *id = ac_demo_jobs_add(jobs, &usual, 2, "a cat", 5);
	char *result = ac_asprintf("\",\"status\":\"succeeded\",\"result\":"
				   "\"/api/image/job_%.8s_00001_.png\"}]",
	    id);

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(stages); i++) {
		char *behind = ac_asprintf(
		    "\",\"status\":\"%s\",\"result\":null}]", stages[i]);

		expect(jobs, id, 200, "[{\"job_id\":\"", behind);
		free(behind);
	}
	for (int i = 0; i < 3; i++)
		expect(jobs, id, 200, "[{\"job_id\":\"", result);
	free(result);
	ac_demo_jobs_free(jobs);
}

static void
an_id_is_a_uuid(void **state)
{
	static const char form[] = "xxxxxxxx-xxxx-4xxx-axxx-xxxxxxxxxxxx";
	struct ac_demo_jobs *jobs = ac_demo_jobs_new();
	char first[AC_DEMO_JOB_ID_SIZE];
	const char *id = add(jobs, &usual);

	AC_UNUSED(state);
	assert_int_equal(strlen(id), sizeof(form) - 1);
	for (size_t i = 0; i < sizeof(form) - 1; i++) {
		const char *set = form[i] == 'x'   ? "0123456789abcdef"
				  : form[i] == 'a' ? "89ab"
				  : form[i] == '4' ? "4"
						   : "-";

		assert_non_null(strchr(set, id[i]));
	}
	memcpy(first, id, sizeof(first));
	assert_string_not_equal(add(jobs, &usual), first);
	ac_demo_jobs_free(jobs);
}

/* The status endpoint's answer to the first poll. */
static const struct {
	struct ac_demo_course course;
	int status;
	const char *before; /* the job's id */
	const char *behind; /* it; NULL: it is not there */
} statuses[] = {
    {{.status = AC_DEMO_JOB_STATUS_UNKNOWN}, 200, "\"Job not found: ", "\""},
    {{.status = AC_DEMO_JOB_STATUS_404}, 404,
	"{\"error\":\"Middleware error: 404\"}", NULL},
    {{.status = AC_DEMO_JOB_STATUS_500}, 500,
	"{\"error\":\"Middleware error: 500\"}", NULL},
    {{.status = AC_DEMO_JOB_STATUS_OBJECT}, 200, "{\"job_id\":\"",
	"\",\"status\":\"waiting\"}"},
    {{.status = AC_DEMO_JOB_STATUS_STRING}, 200,
	"\"The image service is busy\"", NULL},
    {{.status = AC_DEMO_JOB_STATUS_EMPTY}, 200, "[]", NULL},
};

static void
the_status_fails_as_its_course_says(void **state)
{
	struct ac_demo_jobs *jobs = ac_demo_jobs_new();

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(statuses); i++) {
		const char *id = add(jobs, &statuses[i].course);

		for (int n = 0; n < 5; n++)
			expect(jobs, id, statuses[i].status, statuses[i].before,
			    statuses[i].behind);
	}
	ac_demo_jobs_free(jobs);
}

static void
the_status_recovers_from_errors_at_first(void **state)
{
	static const struct ac_demo_course course = {
	    .status = AC_DEMO_JOB_STATUS_500_TWICE};
	struct ac_demo_jobs *jobs = ac_demo_jobs_new();
	const char *id = add(jobs, &course);

	AC_UNUSED(state);
	for (int i = 0; i < 2; i++)
		expect(jobs, id, 500, "{\"error\":\"Middleware error: 500\"}",
		    NULL);
	expect(jobs, id, 200, "[{\"job_id\":\"",
	    "\",\"status\":\"waiting\",\"result\":null}]");
	ac_demo_jobs_free(jobs);
}

static void
junk_is_no_json(void **state)
{
	static const struct ac_demo_course course = {
	    .status = AC_DEMO_JOB_STATUS_JUNK};
	struct ac_demo_jobs *jobs = ac_demo_jobs_new();
	struct reply reply;

	AC_UNUSED(state);
	ask(&reply, jobs, add(jobs, &course));
	assert_int_equal(reply.status, 200);
	assert_memory_equal(reply.body, "<!DOCTYPE html>", 15);
	free(reply.body);
	ac_demo_jobs_free(jobs);
}

/* What the job's status is in the end. */
static const struct {
	struct ac_demo_course course;
	const char *status;
	const char *result; /* its beginning */
} ends[] = {
    {{.end = AC_DEMO_JOB_END_FAILED}, "failed", "null}]"},
    {{.end = AC_DEMO_JOB_END_NEVER}, "running", "null}]"},
    {{.end = AC_DEMO_JOB_END_COMPLETED}, "completed", "\"/api/image/job_"},
    {{.result = AC_DEMO_JOB_RESULT_URL}, "succeeded",
	"\"" ORIGIN "/api/image/job_"},
    {{.result = AC_DEMO_JOB_RESULT_DATA}, "succeeded",
	"\"data:image/png;base64,iVBORw0KGgo"},
    {{.result = AC_DEMO_JOB_RESULT_NONE}, "succeeded", "null}]"},
};

static void
a_job_ends_as_its_course_says(void **state)
{
	struct ac_demo_jobs *jobs = ac_demo_jobs_new();

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(ends); i++) {
		const char *id = add(jobs, &ends[i].course);
		char *wanted = ac_asprintf(
		    "[{\"job_id\":\"%s\",\"status\":\"%s\",\"result\":%s", id,
		    ends[i].status, ends[i].result);
		struct reply reply = {.body = NULL};

		for (int n = 0; n < 20; n++) {
			free(reply.body);
			ask(&reply, jobs, id);
		}
		assert_ptr_equal(strstr(reply.body, wanted), reply.body);
		free(reply.body);
		free(wanted);
	}
	ac_demo_jobs_free(jobs);
}

static void
another_word_for_pending_is_passed_on(void **state)
{
	static const struct ac_demo_course course = {.pending = "loading"};
	struct ac_demo_jobs *jobs = ac_demo_jobs_new();
	const char *id = add(jobs, &course);

	AC_UNUSED(state);
	expect(jobs, id, 200, "[{\"job_id\":\"",
	    "\",\"status\":\"waiting\",\"result\":null}]");
	expect(jobs, id, 200, "[{\"job_id\":\"",
	    "\",\"status\":\"loading\",\"result\":null}]");
	ac_demo_jobs_free(jobs);
}

static void
many_jobs_are_told_in_the_order_that_they_are_asked_for(void **state)
{
	static const struct ac_demo_course bad = {
	    .status = AC_DEMO_JOB_STATUS_404};
	struct ac_demo_jobs *jobs = ac_demo_jobs_new();
	const char *a = add(jobs, &usual);
	const char *b = add(jobs, &usual);
	const char *c = add(jobs, &bad);
	char *ids = ac_asprintf("%s,%s", b, a);
	char *wanted =
	    ac_asprintf("[{\"job_id\":\"%s\",\"status\":\"waiting\",\"result\":"
			"null},{\"job_id\":\"%s\",\"status\":\"waiting\","
			"\"result\":null}]",
		b, a);
	struct reply reply;

	AC_UNUSED(state);
	ask(&reply, jobs, ids);
	assert_string_equal(reply.body, wanted);
	free(reply.body);
	free(ids);
	ids = ac_asprintf("%s,%s", a, c);
	ask(&reply, jobs, ids);
	assert_int_equal(reply.status, 404);
	free(reply.body);
	free(ids);
	free(wanted);
	ac_demo_jobs_free(jobs);
}

static void
wrong_ids_are_answered(void **state)
{
	static const struct {
		const char *ids;
		int status;
		const char *body;
	} cases[] = {
	    {NULL, 400, "{\"error\":\"No job IDs provided\"}"},
	    {"", 400, "{\"error\":\"No job IDs provided\"}"},
	    {",", 200, "\"Job not found: \""},
	    {"a,b", 200, "\"Job not found: a\""},
	    {"\"\\\xff", 200, "\"Job not found: \\\"\\\\\xef\xbf\xbd\""},
	    {"00000000-0000-4000-8000-000000000000", 200,
		"\"Job not found: 00000000-0000-4000-8000-000000000000\""},
	};
	struct ac_demo_jobs *jobs = ac_demo_jobs_new();

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		struct reply reply;

		ask(&reply, jobs, cases[i].ids);
		assert_int_equal(reply.status, cases[i].status);
		assert_string_equal(reply.body, cases[i].body);
		free(reply.body);
	}
	ac_demo_jobs_free(jobs);
}

/* The file of a job of that course, when it is over. */
static void
fetch_drawn(struct reply *reply, const struct ac_demo_course *course)
{
	struct ac_demo_jobs *jobs = ac_demo_jobs_new();
	const char *id = add(jobs, course);

	for (int i = 0; i < 4; i++) {
		ask(reply, jobs, id);
		free(reply->body);
	}
	fetch(reply, jobs, id);
	ac_demo_jobs_free(jobs);
}

static const struct {
	struct ac_demo_course course;
	int status;
	const char *type;
	const char *body; /* its beginning */
	size_t min_len;
	size_t max_len;
	enum ac_demo_end end;
} files[] = {
    {{.file = AC_DEMO_JOB_FILE_PICTURE}, 200, "image/png", "\x89PNG", 12000,
	13000, AC_DEMO_END_WHOLE},
    {{.file = AC_DEMO_JOB_FILE_MISSING}, 404, "application/json",
	"{\"error\":\"Image not found\"}", 27, 27, AC_DEMO_END_WHOLE},
    {{.file = AC_DEMO_JOB_FILE_500}, 500, "application/json",
	"{\"error\":\"Failed to fetch image\"}", 33, 33, AC_DEMO_END_WHOLE},
    {{.file = AC_DEMO_JOB_FILE_BIG}, 200, "image/png", "\x89PNG", 20 * MIB + 1,
	32 * MIB, AC_DEMO_END_WHOLE},
    {{.file = AC_DEMO_JOB_FILE_PAGE}, 200, "text/html; charset=utf-8",
	"<!DOCTYPE html>", 15, 1000, AC_DEMO_END_WHOLE},
    {{.file = AC_DEMO_JOB_FILE_CUT}, 200, "image/png", "\x89PNG", 6000, 7000,
	AC_DEMO_END_CUT},
    {{.end = AC_DEMO_JOB_END_FAILED}, 404, "application/json",
	"{\"error\":\"Image not found\"}", 27, 27, AC_DEMO_END_WHOLE},
};

static void
a_file_is_as_its_course_says(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(files); i++) {
		struct reply reply;

		fetch_drawn(&reply, &files[i].course);
		assert_int_equal(reply.status, files[i].status);
		assert_string_equal(reply.type, files[i].type);
		assert_in_range(reply.len, files[i].min_len, files[i].max_len);
		assert_memory_equal(
		    reply.body, files[i].body, strlen(files[i].body));
		assert_int_equal(reply.end, files[i].end);
		free(reply.body);
	}
}

static void
each_job_has_a_picture_of_its_own_when_it_is_drawn(void **state)
{
	struct ac_demo_jobs *jobs = ac_demo_jobs_new();
	const char *ids[] = {add(jobs, &usual), add(jobs, &usual)};
	struct reply replies[2], again;

	AC_UNUSED(state);
	for (size_t i = 0; i < 2; i++) {
		fetch(&again, jobs, ids[i]);
		assert_int_equal(again.status, 404);
		free(again.body);
		for (int n = 0; n < 4; n++) {
			ask(&again, jobs, ids[i]);
			free(again.body);
		}
		fetch(&replies[i], jobs, ids[i]);
		fetch(&again, jobs, ids[i]);
		assert_int_equal(again.len, replies[i].len);
		assert_memory_equal(again.body, replies[i].body, again.len);
		free(again.body);
	}
	assert_int_equal(replies[0].len, replies[1].len);
	assert_memory_not_equal(
	    replies[0].body, replies[1].body, replies[0].len);
	free(replies[0].body);
	free(replies[1].body);
	ac_demo_jobs_free(jobs);
}

static void
the_oldest_job_is_forgotten(void **state)
{
	struct ac_demo_jobs *jobs = ac_demo_jobs_new();
	char first[AC_DEMO_JOB_ID_SIZE], second[AC_DEMO_JOB_ID_SIZE];

	AC_UNUSED(state);
	memcpy(first, add(jobs, &usual), sizeof(first));
	memcpy(second, add(jobs, &usual), sizeof(second));
	for (int i = 2; i < AC_DEMO_JOBS_MAX; i++)
		(void)add(jobs, &usual);
	expect(jobs, first, 200, "[{\"job_id\":\"",
	    "\",\"status\":\"waiting\",\"result\":null}]");
	(void)add(jobs, &usual);
	expect(jobs, first, 200, "\"Job not found: ", "\"");
	expect(jobs, second, 200, "[{\"job_id\":\"",
	    "\",\"status\":\"waiting\",\"result\":null}]");
	ac_demo_jobs_free(jobs);
}

static void
the_line_of_a_job_is_pasted_together(void **state)
{
	static const char prompt[] = "it's \"a\"\\\nb\t</image_generation>\0c";
	static const char wanted[] =
	    "0:\"<image_generation> jobId='id' prompt='it\\'s \"a\"\\\nb\t"
	    "</image_generation>\0c' negative='don\\'t'</image_generation>\"\n"
	    "e:{\"finishReason\":\"stop\",\"usage\":{\"promptTokens\":20,"
	    "\"completionTokens\":50},\"isContinued\":false}\n"
	    "d:{\"finishReason\":\"stop\",\"usage\":{\"promptTokens\":20,"
	    "\"completionTokens\":50}}\n";
	struct ac_demo_plan plan;
	struct reply reply;

	AC_UNUSED(state);
	ac_demo_plan_init(&plan);
	ac_demo_data_stream_add_job(
	    &plan, "id", prompt, sizeof(prompt) - 1, "don't");
	assert_int_equal(plan.count, 3);
	take_reply(&reply, &plan);
	assert_int_equal(reply.len, sizeof(wanted) - 1);
	assert_memory_equal(reply.body, wanted, reply.len);
	assert_string_equal(reply.type, "text/plain; charset=utf-8");
	free(reply.body);
}

/* Which calls are drawn. */
static const struct {
	const char *model;
	const char *content;
	bool draws;
	int64_t polls;
} calls[] = {
    {"AkashGen", "a cat", true, 1},
    {"AkashGen", "a cat [demo:jobfailed]", true, 1},
    {"AkashGen", "a cat [demo:jobslow]", true, 5},
    {"AkashGen", "a cat [demo:jobslow=9]", true, 9},
    {"AkashGen", "a cat [demo:protocol=5]", true, 1},
    {"AkashGen", "", false, 0},
    {"AkashGen", " \\n", false, 0},
    {"AkashGen", "a cat [demo:jobslow=0]", false, 0},
    {"AkashGen", "a cat [demo:notimage]", false, 0},
    {"AkashGen", "a cat [demo:error]", false, 0},
    {"AkashGen", "a cat [demo:slow=1]", false, 0},
    {"AkashGen", "a cat [demo:help]", false, 0},
    {"AkashGen", "a cat [demo:nosuch]", false, 0},
    {"Qwen-QwQ-32B", "a cat", false, 0},
    {"Qwen-QwQ-32B", "a cat [demo:jobfailed]", false, 0},
};

static void
only_the_painter_draws(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(calls); i++) {
		char *call = ac_asprintf("{\"model\":\"%s\",\"messages\":[{"
					 "\"role\":\"user\",\"content\":\"%s\""
					 "}]}",
		    calls[i].model, calls[i].content);
		const struct ac_demo_course *course;
		struct ac_demo_prompt prompt;
		int64_t polls;

		assert_int_equal(
		    ac_demo_prompt_parse(&prompt, call, strlen(call)),
		    AC_DEMO_VERDICT_ANSWER);
		course = ac_demo_scenario_course(&prompt, &polls);
		assert_int_equal(course != NULL, calls[i].draws);
		if (calls[i].draws)
			assert_int_equal(polls, calls[i].polls);
		ac_demo_prompt_clear(&prompt);
		free(call);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_job_passes_through_every_stage),
	    cmocka_unit_test(an_id_is_a_uuid),
	    cmocka_unit_test(the_status_fails_as_its_course_says),
	    cmocka_unit_test(the_status_recovers_from_errors_at_first),
	    cmocka_unit_test(junk_is_no_json),
	    cmocka_unit_test(a_job_ends_as_its_course_says),
	    cmocka_unit_test(another_word_for_pending_is_passed_on),
	    cmocka_unit_test(
		many_jobs_are_told_in_the_order_that_they_are_asked_for),
	    cmocka_unit_test(wrong_ids_are_answered),
	    cmocka_unit_test(a_file_is_as_its_course_says),
	    cmocka_unit_test(
		each_job_has_a_picture_of_its_own_when_it_is_drawn),
	    cmocka_unit_test(the_oldest_job_is_forgotten),
	    cmocka_unit_test(the_line_of_a_job_is_pasted_together),
	    cmocka_unit_test(only_the_painter_draws),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

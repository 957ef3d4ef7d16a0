/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The jobs: see demo_job.h. They stand in a ring and are searched one by one,
 * which is quick enough for a demo. A file's name holds the beginning of its
 * job's id.
 *
 *	waiting -> pending -> running -> succeeded, completed or failed
 */
#include "demo/demo_job.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/util.h>
#include <jansson.h>
#include <openssl/evp.h>

#include "base/attr.h"
#include "base/mem.h"
#include "demo/demo_hash.h"
#include "demo/demo_image.h"
#include "demo/demo_picture.h"
#include "demo/demo_plan.h"

enum { ID_PART = 8, FAILURES_AT_FIRST = 2, BLOCK = 64 * 1024 };

enum stage { WAITING, PENDING, RUNNING, OVER };

struct job {
	char id[AC_DEMO_JOB_ID_SIZE]; /* empty: free */
	const struct ac_demo_course *course;
	uint64_t prompt; /* its hash */
	int64_t polls;   /* of each stage */
	int64_t polled;  /* times its status was given */
	int failures;    /* times it was not, for _500_TWICE */
};

struct ac_demo_jobs {
	struct job ring[AC_DEMO_JOBS_MAX];
	size_t next;
};

static void make_id(char id[AC_DEMO_JOB_ID_SIZE]);
static struct job *find(struct ac_demo_jobs *jobs, const char *id, size_t len);
static bool plan_spoiled(
    struct ac_demo_plan *plan, struct job *job, const char *id, size_t len);
static json_t *make_status(struct job *job, const char *origin);
static enum stage advance(struct job *job);
static char *make_result(const struct job *job, const char *origin);
static char *make_data_url(const struct job *job);
static char *make_picture(const struct job *job, size_t *len);
static const struct job *find_file(
    const struct ac_demo_jobs *jobs, const char *name);
static void add_file_name(char name[32], const struct job *job);
static void plan_picture(struct ac_demo_plan *plan, const struct job *job);
static void plan_answer(struct ac_demo_plan *plan, int status,
    const struct ac_demo_header *headers, const char *body);
static void plan_json(struct ac_demo_plan *plan,
    const struct ac_demo_header *headers, json_t *value);

static const struct ac_demo_header *const json_headers =
    AC_DEMO_HEADERS({"content-type", "application/json"});
static const struct ac_demo_header *const status_headers =
    AC_DEMO_HEADERS({"content-type", "text/plain;charset=UTF-8"});
static const struct ac_demo_header *const picture_headers =
    AC_DEMO_HEADERS({"cache-control", "public, max-age=31536000"},
	{"content-type", "image/png"});
static const struct ac_demo_header *const page_headers =
    AC_DEMO_HEADERS({"cache-control", "public, max-age=31536000"},
	{"content-type", "text/html; charset=utf-8"});

static const char page[] =
    "<!DOCTYPE html><html><head><title>Not a picture</title></head><body>"
    "<h1>Not a picture</h1></body></html>\n";

struct ac_demo_jobs *
ac_demo_jobs_new(void)
{
	return ac_calloc(1, sizeof(struct ac_demo_jobs));
}

void
ac_demo_jobs_free(struct ac_demo_jobs *jobs)
{
	free(jobs);
}

const char *
ac_demo_jobs_add(struct ac_demo_jobs *jobs, const struct ac_demo_course *course,
    int64_t polls, const char *prompt, size_t len)
{
	struct job *job = &jobs->ring[jobs->next];

	jobs->next = (jobs->next + 1) % AC_DEMO_JOBS_MAX;
	*job = (struct job){
	    .course = course,
	    .prompt = ac_demo_hash(prompt, len),
	    .polls = polls,
	};
	make_id(job->id);
	return job->id;
}

/* A UUID of version 4 (RFC 9562). */
static void
make_id(char id[AC_DEMO_JOB_ID_SIZE])
{
	unsigned char b[16];

	evutil_secure_rng_get_bytes(b, sizeof(b));
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	snprintf(id, AC_DEMO_JOB_ID_SIZE,
	    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
	    "%02x%02x%02x%02x%02x%02x",
	    b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10],
	    b[11], b[12], b[13], b[14], b[15]);
}

static struct job *
find(struct ac_demo_jobs *jobs, const char *id, size_t len)
{
	if (len != AC_DEMO_JOB_ID_SIZE - 1)
		return NULL;
	for (size_t i = 0; i < AC_DEMO_JOBS_MAX; i++) {
		if (memcmp(jobs->ring[i].id, id, len) == 0)
			return &jobs->ring[i];
	}
	return NULL;
}

void
ac_demo_jobs_plan_status(struct ac_demo_jobs *jobs, struct ac_demo_plan *plan,
    const char *ids, const char *origin)
{
	json_t *list = json_array();
	size_t len;

	if (ids == NULL || *ids == '\0') {
		json_decref(list);
		plan_answer(plan, 400, json_headers,
		    "{\"error\":\"No job IDs provided\"}");
		return;
	}
	for (;; ids += len + 1) {
		struct job *job;

		len = strcspn(ids, ",");
		job = find(jobs, ids, len);
		if (plan_spoiled(plan, job, ids, len)) {
			json_decref(list);
			return;
		}
		if (job->course->status != AC_DEMO_JOB_STATUS_EMPTY &&
		    json_array_append_new(list, make_status(job, origin)) != 0)
			ac_out_of_memory();
		if (ids[len] == '\0')
			break;
	}
	plan_json(plan, status_headers, list);
}

/* Whether the job, which may be NULL, spoils the answer; it is planned
 * then. */
static bool
plan_spoiled(
    struct ac_demo_plan *plan, struct job *job, const char *id, size_t len)
{
	static const char broken[] = "{\"error\":\"Middleware error: 500\"}";
	enum ac_demo_job_status status =
	    job == NULL ? AC_DEMO_JOB_STATUS_UNKNOWN : job->course->status;

	switch (status) {
	case AC_DEMO_JOB_STATUS_GIVEN:
	case AC_DEMO_JOB_STATUS_EMPTY:
		return false;
	case AC_DEMO_JOB_STATUS_UNKNOWN:
		plan->headers = status_headers;
		plan->is_burst = true;
		ac_demo_plan_add_escaped(
		    plan, "\"Job not found: ", id, len, "\"");
		break;
	case AC_DEMO_JOB_STATUS_404:
		plan_answer(plan, 404, json_headers,
		    "{\"error\":\"Middleware error: 404\"}");
		break;
	case AC_DEMO_JOB_STATUS_500:
		plan_answer(plan, 500, json_headers, broken);
		break;
	case AC_DEMO_JOB_STATUS_500_TWICE:
		if (job->failures == FAILURES_AT_FIRST)
			return false;
		job->failures++;
		plan_answer(plan, 500, json_headers, broken);
		break;
	case AC_DEMO_JOB_STATUS_JUNK:
		plan_answer(plan, 200, status_headers, page);
		break;
	case AC_DEMO_JOB_STATUS_OBJECT:
		plan_json(plan, status_headers,
		    json_pack("{s:s#,s:s}", "job_id", id, (int)len, "status",
			"waiting"));
		break;
	case AC_DEMO_JOB_STATUS_STRING:
		plan_answer(
		    plan, 200, status_headers, "\"The image service is busy\"");
		break;
	}
	return true;
}

/* Only these members are known of the real service. */
static json_t *
make_status(struct job *job, const char *origin)
{
	static const char *const ends[] = {
	    [AC_DEMO_JOB_END_SUCCEEDED] = "succeeded",
	    [AC_DEMO_JOB_END_COMPLETED] = "completed",
	    [AC_DEMO_JOB_END_FAILED] = "failed",
	};
	const struct ac_demo_course *course = job->course;
	const char *status = NULL;
	char *result = NULL;
	json_t *object;

	switch (advance(job)) {
	case WAITING:
		status = "waiting";
		break;
	case PENDING:
		status = course->pending == NULL ? "pending" : course->pending;
		break;
	case RUNNING:
		status = "running";
		break;
	case OVER:
		status = ends[course->end];
		if (course->end != AC_DEMO_JOB_END_FAILED)
			result = make_result(job, origin);
		break;
	}
	object = json_pack("{s:s,s:s,s:s?}", "job_id", job->id, "status",
	    status, "result", result);
	free(result);
	if (object == NULL)
		ac_out_of_memory();
	return object;
}

/* The stage that the job is in at this poll. */
static enum stage
advance(struct job *job)
{
	int64_t stage = job->polled / job->polls;

	if (stage >= OVER)
		return OVER;
	if (stage < RUNNING || job->course->end != AC_DEMO_JOB_END_NEVER)
		job->polled++;
	return (enum stage)stage;
}

/* NULL: there is none. The caller frees it. */
static char *
make_result(const struct job *job, const char *origin)
{
	char name[32];

	add_file_name(name, job);
	switch (job->course->result) {
	case AC_DEMO_JOB_RESULT_PATH:
		return ac_asprintf("%s%s", AC_DEMO_IMAGE_PATH, name);
	case AC_DEMO_JOB_RESULT_URL:
		return ac_asprintf("%s%s%s", origin, AC_DEMO_IMAGE_PATH, name);
	case AC_DEMO_JOB_RESULT_DATA:
		return make_data_url(job);
	case AC_DEMO_JOB_RESULT_NONE:
		break;
	}
	return NULL;
}

static char *
make_data_url(const struct job *job)
{
	size_t len;
	char *file = make_picture(job, &len);
	char *coded = ac_malloc((len + 2) / 3 * 4 + 1);
	char *url;

	EVP_EncodeBlock(
	    (unsigned char *)coded, (const unsigned char *)file, (int)len);
	url = ac_asprintf("data:image/png;base64,%s", coded);
	free(coded);
	free(file);
	return url;
}

/* The same for the same job, and jobs of one prompt have its colours. */
static char *
make_picture(const struct job *job, size_t *len)
{
	return ac_demo_picture_make(
	    job->prompt, ac_demo_hash(job->id, strlen(job->id)), len);
}

static void
add_file_name(char name[32], const struct job *job)
{
	snprintf(name, 32, "job_%.*s_00001_.png", ID_PART, job->id);
}

void
ac_demo_jobs_plan_file(const struct ac_demo_jobs *jobs,
    struct ac_demo_plan *plan, const char *name)
{
	static const char zeros[BLOCK];
	const struct job *job = find_file(jobs, name);
	enum ac_demo_job_file file =
	    job == NULL ? AC_DEMO_JOB_FILE_MISSING : job->course->file;

	switch (file) {
	case AC_DEMO_JOB_FILE_PICTURE:
		plan_picture(plan, job);
		break;
	case AC_DEMO_JOB_FILE_MISSING:
		plan_answer(
		    plan, 404, json_headers, "{\"error\":\"Image not found\"}");
		break;
	case AC_DEMO_JOB_FILE_500:
		plan_answer(plan, 500, json_headers,
		    "{\"error\":\"Failed to fetch image\"}");
		break;
	case AC_DEMO_JOB_FILE_BIG:
		plan_picture(plan, job);
		for (size_t i = 0; i < AC_DEMO_BIG_FILE / BLOCK; i++)
			ac_demo_plan_add_static(plan, zeros, BLOCK);
		break;
	case AC_DEMO_JOB_FILE_PAGE:
		plan_answer(plan, 200, page_headers, page);
		break;
	case AC_DEMO_JOB_FILE_CUT:
		plan_picture(plan, job);
		/* a wait, so that the first half is on its way by then */
		plan->steps[plan->count - 1] =
		    (struct ac_demo_step){.wait_ms = AC_DEMO_PACE};
		plan->end = AC_DEMO_END_CUT;
		break;
	}
}

/* The job whose file has that name; NULL: none, or it is not drawn. */
static const struct job *
find_file(const struct ac_demo_jobs *jobs, const char *name)
{
	char wanted[32];

	for (size_t i = 0; i < AC_DEMO_JOBS_MAX; i++) {
		const struct job *job = &jobs->ring[i];

		if (job->id[0] == '\0' || job->polled / job->polls < OVER ||
		    job->course->end == AC_DEMO_JOB_END_FAILED)
			continue;
		add_file_name(wanted, job);
		if (strcmp(wanted, name) == 0)
			return job;
	}
	return NULL;
}

/* In two halves. */
static void
plan_picture(struct ac_demo_plan *plan, const struct job *job)
{
	size_t len;
	char *file = make_picture(job, &len);

	plan->headers = picture_headers;
	plan->is_burst = true;
	ac_demo_plan_add(plan, file, len / 2);
	ac_demo_plan_add(plan, file + len / 2, len - len / 2);
	free(file);
}

static void
plan_answer(struct ac_demo_plan *plan, int status,
    const struct ac_demo_header *headers, const char *body)
{
	plan->status = status;
	plan->headers = headers;
	plan->is_burst = true;
	ac_demo_plan_add(plan, body, strlen(body));
}

/* Steals value. */
static void
plan_json(struct ac_demo_plan *plan, const struct ac_demo_header *headers,
    json_t *value)
{
	char *json = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	json_decref(value);
	if (json == NULL)
		ac_out_of_memory();
	plan_answer(plan, 200, headers, json);
	free(json);
}

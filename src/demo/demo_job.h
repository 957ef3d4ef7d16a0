/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The jobs of the simulated painter: what is drawn, how far it is, and what
 * the two endpoints for it answer. A job knows no clock: it moves on as it is
 * asked for. Pure code.
 */
#ifndef AC_DEMO_DEMO_JOB_H
#define AC_DEMO_DEMO_JOB_H

#include <stddef.h>
#include <stdint.h>

struct ac_demo_jobs;
struct ac_demo_plan;

enum {
	AC_DEMO_JOBS_MAX = 1000,             /* then the oldest is forgotten */
	AC_DEMO_JOB_ID_SIZE = 37,            /* a UUID with its NUL */
	AC_DEMO_BIG_FILE = 24 * 1024 * 1024, /* bytes, and a picture */
};

/* What the status endpoint makes of a job. All but the first spoil the
 * answer for the jobs that are asked for with it. */
enum ac_demo_job_status {
	AC_DEMO_JOB_STATUS_GIVEN,
	AC_DEMO_JOB_STATUS_UNKNOWN, /* "Job not found: ID" */
	AC_DEMO_JOB_STATUS_404,
	AC_DEMO_JOB_STATUS_500,
	AC_DEMO_JOB_STATUS_500_TWICE, /* then given */
	AC_DEMO_JOB_STATUS_JUNK,      /* no JSON */
	AC_DEMO_JOB_STATUS_OBJECT,    /* of the job, not in an array */
	AC_DEMO_JOB_STATUS_STRING,
	AC_DEMO_JOB_STATUS_EMPTY, /* an array without it */
};

enum ac_demo_job_end {
	AC_DEMO_JOB_END_SUCCEEDED,
	AC_DEMO_JOB_END_COMPLETED, /* another word for it */
	AC_DEMO_JOB_END_FAILED,
	AC_DEMO_JOB_END_NEVER,
};

enum ac_demo_job_result {
	AC_DEMO_JOB_RESULT_PATH,
	AC_DEMO_JOB_RESULT_URL,
	AC_DEMO_JOB_RESULT_DATA, /* a URL that holds the picture */
	AC_DEMO_JOB_RESULT_NONE,
};

enum ac_demo_job_file {
	AC_DEMO_JOB_FILE_PICTURE,
	AC_DEMO_JOB_FILE_MISSING,
	AC_DEMO_JOB_FILE_500,
	AC_DEMO_JOB_FILE_BIG,
	AC_DEMO_JOB_FILE_PAGE, /* HTML */
	AC_DEMO_JOB_FILE_CUT,
};

/* What becomes of a job; all zero: all is well. */
struct ac_demo_course {
	enum ac_demo_job_status status;
	enum ac_demo_job_end end;
	enum ac_demo_job_result result;
	enum ac_demo_job_file file;
	const char *pending; /* static; another word for that; NULL: none */
};

/* No jobs yet. */
struct ac_demo_jobs *ac_demo_jobs_new(void);

/* jobs may be NULL. */
void ac_demo_jobs_free(struct ac_demo_jobs *jobs);

/*
 * A new job that draws a prompt of len bytes. It is waiting, then pending,
 * then running, each for so many polls (at least 1), and then at its end.
 * course is static. Returns its id, which lives as long as the job is
 * remembered.
 */
const char *ac_demo_jobs_add(struct ac_demo_jobs *jobs,
    const struct ac_demo_course *course, int64_t polls, const char *prompt,
    size_t len);

/* Adds to a new plan, whose stream is put aside, what the status endpoint
 * answers to ids with commas between them; NULL: none were sent. origin
 * stands before the path of an absolute URL. */
void ac_demo_jobs_plan_status(struct ac_demo_jobs *jobs,
    struct ac_demo_plan *plan, const char *ids, const char *origin);

/* The same for the image endpoint and the name of a file. */
void ac_demo_jobs_plan_file(const struct ac_demo_jobs *jobs,
    struct ac_demo_plan *plan, const char *name);

#endif

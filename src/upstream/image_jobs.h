/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Waiting for pictures: the site is asked by timers how the jobs are that
 * somebody waits for, many with one request (docs/internals/pictures.md).
 */
#ifndef AC_UPSTREAM_IMAGE_JOBS_H
#define AC_UPSTREAM_IMAGE_JOBS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct ac_image_jobs;
struct ac_image_ref;
struct ac_image_wait;
struct ac_site;

enum {
	AC_IMAGE_BATCH_MAX = 50, /* jobs in a request */
	AC_IMAGE_POLLS_MAX = 4,  /* requests at a time */
	AC_IMAGE_TRIES = 3,      /* failures in a row that end a job */
};

struct ac_image_pace {
	/* Before the first question about a job, between it and the second,
	 * and so on; the last one serves for ever. A job may be asked about
	 * sooner, beside another. */
	const int64_t *pauses_ms;
	size_t pause_count; /* at least 1 */
	int64_t answer_ms;  /* for one answer; later it is a failure */
	int64_t timeout_ms; /* for a job, from the start of its wait */
};

/* Asks after 1, 1, 2, 3 s and then every 5 s, gives an answer 15 s and a job
 * IMAGE_TIMEOUT. Asks for nothing yet. site is borrowed and must outlive it. */
struct ac_image_jobs *ac_image_jobs_new(const struct ac_site *site);

/* The same at another pace, which is copied; its pauses are borrowed. */
struct ac_image_jobs *ac_image_jobs_new_paced(
    const struct ac_site *site, const struct ac_image_pace *pace);

/* Every wait has ended or was cancelled before; not within on_done. */
void ac_image_jobs_free(struct ac_image_jobs *jobs);

/*
 * Called once: with where the picture is (borrowed for the call; it may be
 * taken with ac_image_ref_move()), or with NULL and why there is none:
 * IMAGE_TIMEOUT, or an error of the upstream. The wait is over then. Other
 * waits may be started and cancelled within it.
 */
typedef void ac_image_wait_fn(
    struct ac_image_ref *ref, const struct ac_error *error, void *arg);

/* Waits for a job; on_done never runs before this returns. job_id is copied;
 * ac_job_id_is_valid() (base/name.h), otherwise the wait fails. */
struct ac_image_wait *ac_image_wait_start(struct ac_image_jobs *jobs,
    const char *job_id, ac_image_wait_fn *on_done, void *arg);

/* on_done will not run. With the last wait of a request that is under way
 * the request ends too, and nothing is asked while nobody waits. */
void ac_image_wait_cancel(struct ac_image_wait *wait);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * What the site says about jobs (GET /api/image-status/?ids=a,b): an array
 * of objects with "job_id", "status" and "result", in plain text; or one of
 * many things that are no such array.
 */
#ifndef AC_UPSTREAM_IMAGE_STATUS_H
#define AC_UPSTREAM_IMAGE_STATUS_H

#include "base/attr.h"
#include "base/error.h"
#include "base/json.h"

struct ac_answer;

enum ac_image_report {
	AC_IMAGE_REPORT_LIST,  /* jobs can be looked up in it */
	AC_IMAGE_REPORT_A_JOB, /* a failure that any of the jobs may cause */
	AC_IMAGE_REPORT_SITE,  /* a failure that none of them causes */
};

/* Reads an answer: a new reference in *list with LIST, otherwise NULL there
 * and what is wrong in *error. */
AC_MUST_CHECK enum ac_image_report ac_image_report_read(
    json_t **list, struct ac_answer *answer, struct ac_error *error);

enum ac_image_state {
	AC_IMAGE_UNDER_WAY, /* waiting, pending, running, or a word unknown */
	AC_IMAGE_READY,     /* result is there */
	AC_IMAGE_FAILED,    /* for good: error */
	AC_IMAGE_UNCLEAR,   /* nothing usable is said of it: error */
};

struct ac_image_status {
	enum ac_image_state state;
	const char *result; /* of READY; borrowed from the list */
	struct ac_error error;
};

/* Looks a job up in the list. */
void ac_image_status_read(
    struct ac_image_status *status, const json_t *list, const char *job_id);

#endif

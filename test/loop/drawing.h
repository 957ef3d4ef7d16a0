/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The web app as a scripted peer that draws, and waits for pictures that
 * write down what they were told.
 */
#ifndef AC_TEST_DRAWING_H
#define AC_TEST_DRAWING_H

#include "base/error.h"
#include "site.h"
#include "upstream/image_jobs.h"
#include "upstream/image_ref.h"

#define PATH_STATUS "/api/image-status/"

/* Answers as the app has them. */
#define STATUS_TYPE "Content-Type: text/plain;charset=UTF-8\r\n"
#define JSON_TYPE   "Content-Type: application/json\r\n"
#define JOB(id, status, result)                                               \
	"{\"job_id\":\"" id "\",\"status\":\"" status "\",\"result\":" result \
	"}"
#define NOT_READY(id) JOB(id, "waiting", "null")
#define READY(id)     JOB(id, "succeeded", "\"/api/image/" id ".png\"")

enum { STUDIO_SCRIPTS_MAX = 256 };

struct studio {
	struct ac_image_pace pace;
	struct site site;
	struct ac_image_jobs *jobs; /* owned unless they are the upstream's */
	size_t script_count;
	struct peer_step *scripts[STUDIO_SCRIPTS_MAX]; /* owned */
};

/* Asks after 20 ms each time, gives an answer and a job 5 s. */
extern const struct ac_image_pace quick_pace;

/* A site whose jobs are asked for at that pace. */
void studio_open(struct studio *studio, const struct ac_image_pace *pace);

/* The same at the program's own pace, with an option set. */
void studio_open_usual(
    struct studio *studio, const char *option, const char *value);

void studio_close(struct studio *studio);

/* The next answer for a path or for a path with its query, as peer_route():
 * a status line's end ("200 OK"), headers and a body. */
void studio_answer(struct studio *studio, const char *target,
    const char *status, const char *headers, const char *body);

/* The same: 200 with a list of jobs, its brackets left out. */
void studio_list(struct studio *studio, const char *target, const char *jobs);

/* How often the status was asked for. */
size_t studio_asked(const struct studio *studio);

/* The target of the nth request, from 0; borrowed until the next call. */
const char *studio_target(const struct studio *studio, size_t nth);

struct drawing {
	struct studio *studio;
	struct ac_image_wait *wait; /* NULL: over */
	bool started;
	int times;
	struct ac_image_ref ref; /* owned, with a picture */
	struct ac_error error;   /* its code is AC_ERROR_NONE with one */
	const char *problem;     /* a rule that was broken */
	void (*within)(struct drawing *drawing);
	struct drawing *other; /* for within */
};

void drawing_start(
    struct drawing *drawing, struct studio *studio, const char *job_id);
void drawing_cancel(struct drawing *drawing);

/* Waits until it is told of a picture with that URL; frees what it holds. */
void drawing_wait_for_url(struct drawing *drawing, const char *url);

/* The same for the picture of the site that is called NAME. */
void drawing_wait_for_name(struct drawing *drawing, const char *name);

/* Waits until it is told an error whose message has these words in it. */
void drawing_wait_for_error(
    struct drawing *drawing, enum ac_error_code code, const char *words);

#endif

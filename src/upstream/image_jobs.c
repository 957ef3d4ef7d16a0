/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Waiting for pictures: see image_jobs.h. Owned by the upstream. A wait is on
 * one list, which is its state:
 *
 *	RESTING --- the timer: all of them ---> DUE --- a request is free
 *	   ^                                     ^ |
 *	   |           alone, where the request  | v
 *	   |           failed for several        POLL ---> over
 *	   +------------- not ready, or a failure ---+
 *
 * The timer is set for the first that is due and takes all along: asking
 * about one more costs nothing.
 */
#include "upstream/image_jobs.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <event2/event.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/name.h"
#include "base/text.h"
#include "base/timer.h"
#include "upstream/fetch.h"
#include "upstream/image_data.h"
#include "upstream/image_ref.h"
#include "upstream/image_status.h"
#include "upstream/site.h"

enum {
	ANSWER_MS = 15000,
	/* Room for 50 jobs. A picture as a data URL fits only into the answer
	 * about a single job, and so leads to one. */
	BATCH_BODY_MAX = 1024 * 1024,
	SINGLE_BODY_MAX = AC_IMAGE_SIZE_MAX / 3 * 4 + BATCH_BODY_MAX,
};

static const int64_t usual_pauses_ms[] = {1000, 1000, 2000, 3000, 5000};

TAILQ_HEAD(image_wait_list, ac_image_wait);

struct ac_image_wait {
	TAILQ_ENTRY(ac_image_wait) entry;
	struct image_wait_list *list; /* the one that it is on, or NULL */
	struct image_poll *poll;      /* NULL: not within a request */
	struct ac_image_jobs *jobs;
	char *job_id;           /* owned; NULL: it cannot be asked for */
	struct event *deadline; /* owned */
	size_t asked;           /* how often */
	int64_t next_ms;        /* when it is due */
	int failures;           /* in a row */
	bool alone;             /* is to be asked for by itself */
	ac_image_wait_fn *on_done;
	void *arg;
};

/* One request under way. */
struct image_poll {
	TAILQ_ENTRY(image_poll) entry;
	struct ac_image_jobs *jobs;
	struct ac_fetch *fetch; /* NULL: its answer is being read */
	struct event *timer;    /* owned */
	size_t asked;           /* for how many jobs */
	struct image_wait_list waits;
};
TAILQ_HEAD(image_poll_list, image_poll);

struct ac_image_jobs {
	const struct ac_site *site; /* borrowed */
	struct ac_image_pace pace;
	struct event *timer;            /* owned: for the first of resting */
	int64_t timer_ms;               /* when it fires, if it is pending */
	struct image_wait_list resting; /* owned, like those that follow */
	struct image_wait_list due;
	struct image_poll_list polls;
	size_t poll_count;
};

static void on_timer(evutil_socket_t, short, void *arg);
static void go_on(struct ac_image_jobs *);
static void start_poll(struct ac_image_jobs *, struct ac_image_wait *first);
static void on_answer(struct ac_answer *, const struct ac_error *, void *arg);
static void on_no_answer(evutil_socket_t, short, void *arg);
static void read_answer(struct image_poll *, struct ac_answer *);
static void read_status(struct ac_image_wait *, const json_t *list);
static void fail_poll(struct image_poll *, const struct ac_error *);
static void count_failure(struct ac_image_wait *, const struct ac_error *);
static void on_deadline(evutil_socket_t, short, void *arg);
static void finish(
    struct ac_image_wait *, struct ac_image_ref *, const struct ac_error *);

struct ac_image_jobs *
ac_image_jobs_new(const struct ac_site *site)
{
	struct ac_image_pace pace = {
	    .pauses_ms = usual_pauses_ms,
	    .pause_count = AC_LENGTH(usual_pauses_ms),
	    .answer_ms = ANSWER_MS,
	    .timeout_ms = site->options->image_timeout_s * 1000,
	};

	return ac_image_jobs_new_paced(site, &pace);
}

struct ac_image_jobs *
ac_image_jobs_new_paced(
    const struct ac_site *site, const struct ac_image_pace *pace)
{
	struct ac_image_jobs *jobs = ac_calloc(1, sizeof(*jobs));

	jobs->site = site;
	jobs->pace = *pace;
	TAILQ_INIT(&jobs->resting);
	TAILQ_INIT(&jobs->due);
	TAILQ_INIT(&jobs->polls);
	jobs->timer = ac_timer_new(jobs->site->base, on_timer, jobs);
	return jobs;
}

void
ac_image_jobs_free(struct ac_image_jobs *jobs)
{
	event_free(jobs->timer);
	free(jobs);
}

/* Puts a wait onto a list; poll is the list's request or NULL. */
static void
move(struct ac_image_wait *wait, struct image_wait_list *list,
    struct image_poll *poll)
{
	if (wait->list != NULL)
		TAILQ_REMOVE(wait->list, wait, entry);
	TAILQ_INSERT_TAIL(list, wait, entry);
	wait->list = list;
	wait->poll = poll;
}

static void
set_timer(struct ac_image_jobs *jobs, int64_t when_ms)
{
	jobs->timer_ms = when_ms;
	ac_timer_start(jobs->timer, when_ms - ac_clock_ms());
}

/* Lets a wait rest until it is due again. */
static void
rest(struct ac_image_wait *wait)
{
	struct ac_image_jobs *jobs = wait->jobs;
	size_t nth = wait->asked < jobs->pace.pause_count
			 ? wait->asked
			 : jobs->pace.pause_count - 1;

	wait->next_ms = ac_clock_ms() + jobs->pace.pauses_ms[nth];
	move(wait, &jobs->resting, NULL);
	if (!evtimer_pending(jobs->timer, NULL) ||
	    wait->next_ms < jobs->timer_ms)
		set_timer(jobs, wait->next_ms);
}

struct ac_image_wait *
ac_image_wait_start(struct ac_image_jobs *jobs, const char *job_id,
    ac_image_wait_fn *on_done, void *arg)
{
	struct ac_image_wait *wait = ac_calloc(1, sizeof(*wait));
	bool valid =
	    ac_job_id_is_valid(job_id, strnlen(job_id, AC_JOB_ID_SIZE));

	wait->jobs = jobs;
	wait->job_id = valid ? ac_strdup(job_id) : NULL;
	wait->on_done = on_done;
	wait->arg = arg;
	wait->deadline = ac_timer_new(jobs->site->base, on_deadline, wait);
	ac_timer_start(wait->deadline, valid ? jobs->pace.timeout_ms : 0);
	rest(wait);
	return wait;
}

static void
free_poll(struct image_poll *poll)
{
	TAILQ_REMOVE(&poll->jobs->polls, poll, entry);
	poll->jobs->poll_count--;
	event_free(poll->timer);
	free(poll);
}

/* Takes a wait off its list, and with it a request that was for it alone. */
static void
release(struct ac_image_wait *wait)
{
	struct ac_image_jobs *jobs = wait->jobs;
	struct image_poll *poll = wait->poll;

	if (wait->list != NULL)
		TAILQ_REMOVE(wait->list, wait, entry);
	event_free(wait->deadline);
	free(wait->job_id);
	free(wait);
	if (poll != NULL && poll->fetch != NULL && TAILQ_EMPTY(&poll->waits)) {
		ac_fetch_cancel(poll->fetch);
		free_poll(poll);
		go_on(jobs);
	}
	if (TAILQ_EMPTY(&jobs->resting))
		evtimer_del(jobs->timer);
}

void
ac_image_wait_cancel(struct ac_image_wait *wait)
{
	release(wait);
}

static void
finish(struct ac_image_wait *wait, struct ac_image_ref *ref,
    const struct ac_error *error)
{
	ac_image_wait_fn *on_done = wait->on_done;
	void *arg = wait->arg;

	release(wait);
	on_done(ref, error, arg);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct ac_image_wait *wait = arg;
	struct ac_error error;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	if (wait->job_id == NULL)
		ac_error_set(&error, AC_ERROR_UPSTREAM,
		    "The upstream's picture has a job that cannot be asked "
		    "for.");
	else
		ac_error_set(&error, AC_ERROR_IMAGE_TIMEOUT,
		    "The picture was not ready within %lld s.",
		    (long long)(wait->jobs->pace.timeout_ms / 1000));
	finish(wait, NULL, &error);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct ac_image_jobs *jobs = arg;
	struct ac_image_wait *wait, *next;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	for (wait = TAILQ_FIRST(&jobs->resting); wait != NULL; wait = next) {
		next = TAILQ_NEXT(wait, entry);
		if (wait->job_id != NULL)
			move(wait, &jobs->due, NULL);
	}
	go_on(jobs);
}

/* Starts the requests that are due, as many as may be under way. */
static void
go_on(struct ac_image_jobs *jobs)
{
	while (
	    jobs->poll_count < AC_IMAGE_POLLS_MAX && !TAILQ_EMPTY(&jobs->due))
		start_poll(jobs, TAILQ_FIRST(&jobs->due));
}

/* Moves the jobs of a request from the list of those that are due: the first,
 * and others with it unless it is to be alone. */
static void
gather(struct image_poll *poll, struct ac_image_wait *first)
{
	bool alone = first->alone;
	struct ac_image_wait *wait, *next;

	for (wait = first; wait != NULL && poll->asked < AC_IMAGE_BATCH_MAX;
	     wait = next) {
		next = alone ? NULL : TAILQ_NEXT(wait, entry);
		if (wait->alone != alone)
			continue;
		move(wait, &poll->waits, poll);
		wait->asked++;
		poll->asked++;
	}
}

static char *
make_endpoint(const struct image_poll *poll)
{
	struct evbuffer *text = ac_text_new();
	const struct ac_image_wait *wait;

	ac_text_add_string(text, "/api/image-status/?ids=");
	TAILQ_FOREACH(wait, &poll->waits, entry)
	{
		if (wait != TAILQ_FIRST(&poll->waits))
			ac_text_add_string(text, ",");
		ac_text_add_string(text, wait->job_id);
	}
	return ac_text_take(text);
}

static void
start_poll(struct ac_image_jobs *jobs, struct ac_image_wait *first)
{
	struct image_poll *poll = ac_calloc(1, sizeof(*poll));
	struct ac_fetch_request request = {.on_done = on_answer};
	char *endpoint;

	poll->jobs = jobs;
	TAILQ_INIT(&poll->waits);
	TAILQ_INSERT_TAIL(&jobs->polls, poll, entry);
	jobs->poll_count++;
	poll->timer = ac_timer_new(jobs->site->base, on_no_answer, poll);
	ac_timer_start(poll->timer, jobs->pace.answer_ms);
	gather(poll, first);
	endpoint = make_endpoint(poll);
	request.endpoint = endpoint;
	request.body_max = poll->asked == 1 ? SINGLE_BODY_MAX : BATCH_BODY_MAX;
	poll->fetch = ac_fetch_start(jobs->site, &request, poll);
	free(endpoint);
}

static void
on_answer(struct ac_answer *answer, const struct ac_error *error, void *arg)
{
	struct image_poll *poll = arg;
	struct ac_image_jobs *jobs = poll->jobs;

	poll->fetch = NULL;
	if (error == NULL)
		read_answer(poll, answer);
	else
		fail_poll(poll, error);
	free_poll(poll);
	go_on(jobs);
}

static void
on_no_answer(evutil_socket_t fd, short what, void *arg)
{
	struct image_poll *poll = arg;
	struct ac_image_jobs *jobs = poll->jobs;
	struct ac_error error;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	ac_fetch_cancel(poll->fetch);
	poll->fetch = NULL;
	ac_error_set(&error, AC_ERROR_FIRST_EVENT_TIMEOUT,
	    "The upstream does not say how the picture's job is.");
	fail_poll(poll, &error);
	free_poll(poll);
	go_on(jobs);
}

/* Takes the first wait off a request that is over; NULL: there is none left.
 * Callbacks may take others, hence one at a time. */
static struct ac_image_wait *
take_first(struct image_poll *poll)
{
	struct ac_image_wait *wait = TAILQ_FIRST(&poll->waits);

	if (wait == NULL)
		return NULL;
	TAILQ_REMOVE(&poll->waits, wait, entry);
	wait->list = NULL;
	wait->poll = NULL;
	return wait;
}

/* One of them may be why the request failed: each is asked for by itself,
 * at once, so that the others need not suffer. */
static void
part(struct image_poll *poll)
{
	struct ac_image_wait *wait;

	while ((wait = take_first(poll)) != NULL) {
		wait->alone = true;
		move(wait, &poll->jobs->due, NULL);
	}
}

static void
read_answer(struct image_poll *poll, struct ac_answer *answer)
{
	json_t *list;
	struct ac_error error;
	enum ac_image_report report =
	    ac_image_report_read(&list, answer, &error);
	struct ac_image_wait *wait;

	if (report == AC_IMAGE_REPORT_LIST) {
		while ((wait = take_first(poll)) != NULL)
			read_status(wait, list);
	} else if (report == AC_IMAGE_REPORT_A_JOB && poll->asked > 1) {
		part(poll);
	} else {
		fail_poll(poll, &error);
	}
	json_decref(list);
}

static void
read_result(struct ac_image_wait *wait, const char *result)
{
	struct ac_image_ref ref;
	struct ac_error error;

	if (ac_image_ref_parse(&ref, wait->jobs->site, result)) {
		finish(wait, &ref, NULL);
		ac_image_ref_clear(&ref);
		return;
	}
	ac_error_set(&error, AC_ERROR_UPSTREAM,
	    "The upstream says that the picture is ready, but what it gives "
	    "is no address of one.");
	finish(wait, NULL, &error);
}

static void
read_status(struct ac_image_wait *wait, const json_t *list)
{
	struct ac_image_status status;

	ac_image_status_read(&status, list, wait->job_id);
	switch (status.state) {
	case AC_IMAGE_UNDER_WAY:
		wait->failures = 0;
		wait->alone = false;
		rest(wait);
		break;
	case AC_IMAGE_READY:
		read_result(wait, status.result);
		break;
	case AC_IMAGE_FAILED:
		finish(wait, NULL, &status.error);
		break;
	case AC_IMAGE_UNCLEAR:
		count_failure(wait, &status.error);
		break;
	}
}

static void
fail_poll(struct image_poll *poll, const struct ac_error *error)
{
	struct ac_image_wait *wait;

	ac_log_info("the status of pictures could not be had",
	    AC_INT("jobs", (int64_t)poll->asked),
	    AC_STR("reason", error->is_quote ? "" : error->message));
	while ((wait = take_first(poll)) != NULL)
		count_failure(wait, error);
}

static void
count_failure(struct ac_image_wait *wait, const struct ac_error *error)
{
	if (++wait->failures < AC_IMAGE_TRIES)
		rest(wait);
	else
		finish(wait, NULL, error);
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * One picture: see drawing.h. Owned by the API's handler.
 *
 *	ASKED -> JOB ----> OVER (its address)
 *	   |        \-> FETCH -> OVER (its bytes)
 *	   \-> OVER (the model answers in words)
 */
#include "api/drawing.h"

#include <stdbool.h>
#include <stdlib.h>

#include <event2/buffer.h>
#include <event2/event.h>

#include "api/chat_answer.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/reaper.h"
#include "base/text.h"
#include "base/timer.h"
#include "upstream/chat.h"
#include "upstream/image_data.h"
#include "upstream/image_fetch.h"
#include "upstream/image_jobs.h"
#include "upstream/image_ref.h"
#include "upstream/models.h"
#include "upstream/upstream.h"

/* More of a text than an error's message has room for. */
enum { TEXT_MAX_TOKENS = AC_ERROR_MESSAGE_SIZE / 4 };

enum drawing_state {
	DRAWING_ASKED,
	DRAWING_JOB,
	DRAWING_FETCH,
	DRAWING_OVER, /* the reaper has it */
};

struct ac_drawing {
	struct ac_upstream *upstream; /* borrowed */
	enum ac_drawing_wish wish;
	const struct ac_drawing_handlers *handlers;
	void *arg;
	enum drawing_state state;
	struct ac_chat *chat; /* owned until on_chat_done(), as those below */
	struct ac_image_wait *wait;    /* in JOB */
	struct ac_image_fetch *fetch;  /* in FETCH */
	struct event *deadline;        /* of FETCH; NULL before */
	struct ac_chat_answer *answer; /* owned */
	struct ac_image_ref ref;       /* in FETCH */
};

static void on_open(enum ac_chat_protocol, void *arg);
static void on_data(struct evbuffer *, void *arg);
static void on_chat_done(const struct ac_error *, void *arg);
static void look_at_answer(struct ac_drawing *);
static void start_job(struct ac_drawing *);
static void on_job_done(
    struct ac_image_ref *, const struct ac_error *, void *arg);
static void on_fetched(
    const struct ac_image *, const struct ac_error *, void *arg);
static void fail_with_text(struct ac_drawing *);
static void finish(struct ac_drawing *, const struct ac_drawing_result *,
    const struct ac_error *);
static void stop(struct ac_drawing *);

static const struct ac_chat_handlers chat_handlers = {
    .on_open = on_open,
    .on_data = on_data,
    .on_done = on_chat_done,
};

struct ac_drawing *
ac_drawing_start(struct ac_upstream *upstream, struct ac_bytes *body,
    enum ac_drawing_wish wish, const struct ac_drawing_handlers *handlers,
    void *arg)
{
	const struct ac_chat_answer_wish answer = {
	    .form = AC_COMPLETION_CHAT,
	    .model = AC_MODEL_IMAGE,
	    .reasoning = AC_REASONING_DROP,
	    .max_tokens = TEXT_MAX_TOKENS,
	    .draws = true,
	};
	struct ac_drawing *drawing = ac_calloc(1, sizeof(*drawing));

	drawing->upstream = upstream;
	drawing->wish = wish;
	drawing->handlers = handlers;
	drawing->arg = arg;
	drawing->answer = ac_chat_answer_new(&answer);
	drawing->chat = ac_chat_start(upstream, body, &chat_handlers, drawing);
	return drawing;
}

static void
on_open(enum ac_chat_protocol protocol, void *arg)
{
	struct ac_drawing *drawing = arg;

	ac_chat_answer_open(drawing->answer, protocol);
}

static void
on_data(struct evbuffer *data, void *arg)
{
	struct ac_drawing *drawing = arg;
	struct evbuffer_iovec piece;

	while (
	    evbuffer_peek(data, -1, NULL, &piece, 1) > 0 && piece.iov_len > 0) {
		ac_chat_answer_feed(
		    drawing->answer, piece.iov_base, piece.iov_len);
		evbuffer_drain(data, piece.iov_len);
	}
	look_at_answer(drawing);
}

static void
on_chat_done(const struct ac_error *error, void *arg)
{
	struct ac_drawing *drawing = arg;

	drawing->chat = NULL;
	if (error != NULL && !ac_chat_answer_end_early(drawing->answer)) {
		finish(drawing, NULL, error);
		return;
	}
	if (error == NULL)
		ac_chat_answer_end(drawing->answer);
	look_at_answer(drawing);
}

static void
look_at_answer(struct ac_drawing *drawing)
{
	switch (ac_chat_answer_state(drawing->answer)) {
	case AC_CHAT_ANSWER_WAITING:
	case AC_CHAT_ANSWER_BEGUN:
		break;
	case AC_CHAT_ANSWER_DRAWING:
		start_job(drawing);
		break;
	case AC_CHAT_ANSWER_FINISHED:
		fail_with_text(drawing);
		break;
	case AC_CHAT_ANSWER_FAILED:
		finish(drawing, NULL, ac_chat_answer_error(drawing->answer));
		break;
	}
}

static void
start_job(struct ac_drawing *drawing)
{
	drawing->state = DRAWING_JOB;
	drawing->wait = ac_image_wait_start(drawing->upstream->image_jobs,
	    ac_chat_answer_job_id(drawing->answer), on_job_done, drawing);
	drawing->handlers->on_job(drawing->arg);
}

static void
on_fetch_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct ac_drawing *drawing = arg;
	struct ac_error error;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	ac_error_set(&error, AC_ERROR_IMAGE_TIMEOUT,
	    "The picture was ready and did not come in time.");
	finish(drawing, NULL, &error);
}

/* A file that drips would end at its largest size alone. */
static void
start_fetch_deadline(struct ac_drawing *drawing)
{
	const struct ac_site *site = &drawing->upstream->site;

	drawing->deadline =
	    ac_timer_new(site->base, on_fetch_deadline, drawing);
	ac_timer_start(
	    drawing->deadline, site->options->image_timeout_s * 1000);
}

static void
on_job_done(struct ac_image_ref *ref, const struct ac_error *error, void *arg)
{
	struct ac_drawing *drawing = arg;
	struct ac_drawing_result result = {
	    .prompt = ac_chat_answer_drawn_prompt(drawing->answer),
	    .ref = ref,
	};

	drawing->wait = NULL;
	if (error != NULL) {
		finish(drawing, NULL, error);
		return;
	}
	if (drawing->wish == AC_DRAWING_REF) {
		finish(drawing, &result, NULL);
		return;
	}
	ac_image_ref_move(&drawing->ref, ref);
	drawing->state = DRAWING_FETCH;
	start_fetch_deadline(drawing);
	drawing->fetch = ac_image_fetch_start(&drawing->upstream->site,
	    &drawing->ref, AC_IMAGE_SIZE_MAX, on_fetched, drawing);
}

static void
on_fetched(
    const struct ac_image *image, const struct ac_error *error, void *arg)
{
	struct ac_drawing *drawing = arg;
	struct ac_drawing_result result = {
	    .prompt = ac_chat_answer_drawn_prompt(drawing->answer),
	    .ref = &drawing->ref,
	    .image = image,
	};

	drawing->fetch = NULL;
	finish(drawing, error == NULL ? &result : NULL, error);
}

/* The text of a chat completion, a new reference; NULL if it has none. */
static json_t *
take_text(struct ac_chat_answer *answer)
{
	struct evbuffer *out = ac_text_new();
	json_t *completion, *choice, *text;

	ac_chat_answer_write(answer, out);
	completion = ac_json_parse_lenient(
	    (const char *)evbuffer_pullup(out, -1), evbuffer_get_length(out));
	evbuffer_free(out);
	choice = json_array_get(json_object_get(completion, "choices"), 0);
	text = json_object_get(json_object_get(choice, "message"), "content");
	json_incref(text);
	json_decref(completion);
	return text;
}

static void
fail_with_text(struct ac_drawing *drawing)
{
	json_t *text = take_text(drawing->answer);
	struct ac_error error;

	if (json_string_length(text) > 0)
		ac_error_set_param(&error, AC_ERROR_IMAGE_NOT_DRAWN, "prompt",
		    "The model drew nothing and said: %s",
		    json_string_value(text));
	else
		ac_error_set_param(&error, AC_ERROR_IMAGE_NOT_DRAWN, "prompt",
		    "The model drew nothing and said nothing.");
	error.is_quote = true;
	json_decref(text);
	/* What may follow is the stream's end alone. */
	if (drawing->chat != NULL && !ac_chat_answer_is_cut(drawing->answer)) {
		ac_chat_leave(drawing->chat);
		drawing->chat = NULL;
	}
	finish(drawing, NULL, &error);
}

static void
finish(struct ac_drawing *drawing, const struct ac_drawing_result *result,
    const struct ac_error *error)
{
	stop(drawing);
	drawing->handlers->on_done(result, error, drawing->arg);
}

void
ac_drawing_cancel(struct ac_drawing *drawing)
{
	stop(drawing);
}

static void
free_drawing(void *thing)
{
	struct ac_drawing *drawing = thing;

	if (drawing->deadline != NULL)
		event_free(drawing->deadline);
	ac_chat_answer_free(drawing->answer);
	ac_image_ref_clear(&drawing->ref);
	free(drawing);
}

static void
stop(struct ac_drawing *drawing)
{
	drawing->state = DRAWING_OVER;
	if (drawing->deadline != NULL)
		evtimer_del(drawing->deadline);
	if (drawing->chat != NULL)
		ac_chat_cancel(drawing->chat);
	drawing->chat = NULL;
	if (drawing->wait != NULL)
		ac_image_wait_cancel(drawing->wait);
	drawing->wait = NULL;
	if (drawing->fetch != NULL)
		ac_image_fetch_cancel(drawing->fetch);
	drawing->fetch = NULL;
	ac_reaper_add(drawing->upstream->site.reaper, free_drawing, drawing);
}

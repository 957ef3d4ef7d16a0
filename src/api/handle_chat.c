/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * POST /v1/chat/completions and /v1/completions: one chat_call for each
 * request, its functions in the order in which things happen.
 *
 *	NEW -> WAIT_FIRST_EVENT -> ANSWERING (perhaps a picture's job) -> done
 *	   \___ client gone, upstream error, deadline ___/  all of them through
 *	                                                    finish()
 *
 * The client's status waits for the first event that proves an answer: text,
 * reasoning or the finish. Until then a failure is an HTTP error, afterwards
 * a stream ends with an error event. Where that event is long in coming, the
 * head of a stream goes out before it, with a comment, so that nobody in
 * between gives the connection up. What came of the upstream in a turn of the
 * loop leaves in one piece.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

#include "api/access_log.h"
#include "api/admission.h"
#include "api/api.h"
#include "api/chat_answer.h"
#include "api/chat_request.h"
#include "api/chat_timing.h"
#include "api/handlers.h"
#include "api/model_choice.h"
#include "api/public_image_url.h"
#include "api/request.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/reaper.h"
#include "base/text.h"
#include "base/timer.h"
#include "upstream/chat.h"
#include "upstream/image_jobs.h"
#include "upstream/image_ref.h"
#include "upstream/models.h"
#include "upstream/upstream.h"

enum { PIECE_ENOUGH = 16 * 1024 };

enum chat_state {
	CHAT_NEW,
	CHAT_WAIT_FIRST_EVENT,
	CHAT_ANSWERING,
	CHAT_DONE, /* the reaper has it */
};

struct chat_call {
	struct ac_request *request; /* its own; NULL once DONE */
	struct ac_chat *chat;       /* owned until on_chat_done() */
	struct ac_image_wait *wait; /* owned until on_picture() */
	enum chat_state state;
	bool wants_stream;
	bool head_sent;                /* of the stream */
	bool behind;                   /* the client, with what was sent */
	struct ac_chat_answer *answer; /* owned */
	struct event *deadline; /* owned: of the first event, then of all */
	struct event *flush;    /* owned, of a stream: what a turn brought */
	size_t seen_len;        /* of frames, when it last ran */
	struct event *silence;  /* owned, of a stream: the next comment */
	bool deadline_is_first;
	int64_t request_ends_ms; /* by ac_clock_ms(); 0: when it likes */
	int64_t sent_ms;         /* when something was sent last */
	struct ac_chat_timing timing;
};

typedef bool parse_fn(
    struct ac_chat_request *, struct evbuffer *, struct ac_error *);

static void handle(
    struct ac_request *, parse_fn *, enum ac_completion_form form);
static bool parse(struct ac_request *, parse_fn *, struct ac_chat_request *,
    const char **model);
static struct chat_call *new_call(struct ac_request *,
    const struct ac_chat_request *, const char *model,
    enum ac_completion_form form);
static void set_state(struct chat_call *, enum chat_state);
static void start_deadline(struct chat_call *);
static void on_deadline(evutil_socket_t, short, void *arg);
static void wait_for_silence(struct chat_call *, int64_t ms);
static void on_flush(evutil_socket_t, short, void *arg);
static void on_silence(evutil_socket_t, short, void *arg);
static void on_chat_open(enum ac_chat_protocol, void *arg);
static void on_chat_data(struct evbuffer *, void *arg);
static void go_on(struct chat_call *);
static void note_first_event(struct chat_call *);
static void send_deltas(struct chat_call *);
static void send_frames(struct chat_call *, struct evbuffer *frames);
static void on_writable(void *arg);
static void on_chat_done(const struct ac_error *, void *arg);
static void wait_for_picture(struct chat_call *);
static void on_picture(
    struct ac_image_ref *, const struct ac_error *, void *arg);
static void complete(struct chat_call *);
static void fail(struct chat_call *, const struct ac_error *);
static void on_gone(void *arg);
static void finish(struct chat_call *);

static const struct ac_chat_handlers chat_handlers = {
    .on_open = on_chat_open,
    .on_data = on_chat_data,
    .on_done = on_chat_done,
};

static const struct ac_request_hooks hooks = {
    .on_gone = on_gone,
    .on_writable = on_writable,
};

void
ac_handle_chat(struct ac_request *request, const char *tail)
{
	AC_UNUSED(tail);
	handle(request, ac_chat_request_parse, AC_COMPLETION_CHAT);
}

void
ac_handle_completion(struct ac_request *request, const char *tail)
{
	AC_UNUSED(tail);
	handle(request, ac_completion_request_parse, AC_COMPLETION_TEXT);
}

static void
handle(struct ac_request *request, parse_fn *parse_body,
    enum ac_completion_form form)
{
	const struct ac_api *api = ac_request_api(request);
	struct ac_chat_request asked;
	struct chat_call *call;
	struct ac_bytes *body;
	const char *model;

	if (!parse(request, parse_body, &asked, &model))
		return;
	if (asked.ignored != NULL)
		ac_request_add_header(
		    request, "X-Ignored-Parameters", asked.ignored);
	call = new_call(request, &asked, model, form);
	body = ac_chat_request_translate(&asked, api->options, model);
	ac_chat_request_clear(&asked);
	ac_request_wait(request, &hooks, call);
	set_state(call, CHAT_WAIT_FIRST_EVENT);
	start_deadline(call);
	wait_for_silence(call, api->options->first_comment_delay_s * 1000);
	call->chat = ac_chat_start(api->upstream, body, &chat_handlers, call);
	ac_bytes_unref(body);
}

/* Reads the request and chooses its model, or replies why not. */
static bool
parse(struct ac_request *request, parse_fn *parse_body,
    struct ac_chat_request *asked, const char **model)
{
	struct evbuffer *body =
	    evhttp_request_get_input_buffer(ac_request_http(request));
	struct ac_error error;

	if (!parse_body(asked, body, &error)) {
		ac_request_reply_error(request, &error);
		return false;
	}
	/* Of no use any more, and perhaps large. */
	evbuffer_drain(body, evbuffer_get_length(body));
	*model = ac_model_choose(ac_request_api(request), asked->model, &error);
	if (*model == NULL ||
	    !ac_model_check_key(ac_request_key(request), *model, &error)) {
		ac_request_reply_error(request, &error);
		ac_chat_request_clear(asked);
		return false;
	}
	return true;
}

static struct chat_call *
new_call(struct ac_request *request, const struct ac_chat_request *asked,
    const char *model, enum ac_completion_form form)
{
	struct event_base *base = ac_request_api(request)->base;
	struct chat_call *call = ac_calloc(1, sizeof(*call));
	struct ac_chat_answer_wish wish = {
	    .form = form,
	    .model = model,
	    .stream = asked->stream,
	    .include_usage = asked->include_usage,
	    .reasoning = ac_request_api(request)->options->reasoning,
	    .stops = asked->stops,
	    .stop_count = asked->stop_count,
	    .max_tokens = asked->max_tokens,
	    .prompt_len = asked->prompt_len,
	    .draws = strcmp(model, AC_MODEL_IMAGE) == 0,
	};

	call->request = request;
	call->wants_stream = asked->stream;
	ac_chat_timing_start(&call->timing);
	call->answer = ac_chat_answer_new(&wish);
	call->deadline = ac_timer_new(base, on_deadline, call);
	if (call->wants_stream) {
		call->flush = ac_timer_new(base, on_flush, call);
		call->silence = ac_timer_new(base, on_silence, call);
	}
	ac_replace_string(&ac_request_facts(request)->model, model);
	ac_request_facts(request)->wants_stream = asked->stream;
	return call;
}

static void
set_state(struct chat_call *call, enum chat_state state)
{
	static const unsigned allowed[] = {
	    [CHAT_NEW] = 1u << CHAT_WAIT_FIRST_EVENT,
	    [CHAT_WAIT_FIRST_EVENT] = 1u << CHAT_ANSWERING | 1u << CHAT_DONE,
	    [CHAT_ANSWERING] = 1u << CHAT_DONE,
	    [CHAT_DONE] = 0,
	};

	if ((allowed[call->state] & 1u << state) == 0)
		abort(); /* a bug of this file */
	call->state = state;
}

static void
start_deadline(struct chat_call *call)
{
	const struct ac_api *api = ac_request_api(call->request);
	int64_t ms = api->options->first_event_timeout_s * 1000;
	int64_t request_ms = api->options->request_timeout_s * 1000;

	if (request_ms > 0)
		call->request_ends_ms = ac_clock_ms() + request_ms;
	call->deadline_is_first = request_ms == 0 || ms < request_ms;
	if (!call->deadline_is_first)
		ms = request_ms;
	ac_timer_start(call->deadline, ms);
}

/* The first event has come in time: what is left is the whole's. */
static void
prolong_deadline(struct chat_call *call)
{
	if (call->request_ends_ms == 0) {
		evtimer_del(call->deadline);
		return;
	}
	call->deadline_is_first = false;
	ac_timer_start(call->deadline, call->request_ends_ms - ac_clock_ms());
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct chat_call *call = arg;
	const struct ac_options *options =
	    ac_request_api(call->request)->options;
	struct ac_error error;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	if (call->deadline_is_first)
		ac_error_set(&error, AC_ERROR_FIRST_EVENT_TIMEOUT,
		    "The upstream gave no answer in time (%" PRId64 " s).",
		    options->first_event_timeout_s);
	else
		ac_error_set(&error, AC_ERROR_REQUEST_TIMEOUT,
		    "The request took longer than REQUEST_TIMEOUT allows "
		    "(%" PRId64 " s).",
		    options->request_timeout_s);
	fail(call, &error);
}

/* A stream's comment is due in ms, unless something is sent before; 0: none
 * is. */
static void
wait_for_silence(struct chat_call *call, int64_t ms)
{
	if (call->silence != NULL && ms > 0)
		ac_timer_start(call->silence, ms);
}

/* The timer is left alone while text flows: it looks here how long ago the
 * last was sent. */
static void
on_silence(evutil_socket_t fd, short what, void *arg)
{
	struct chat_call *call = arg;
	int64_t interval_ms =
	    ac_request_api(call->request)->options->comment_interval_s * 1000;
	int64_t silent_ms = ac_clock_ms() - call->sent_ms;
	struct evbuffer *comment;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	if (call->head_sent && silent_ms < interval_ms) {
		wait_for_silence(call, interval_ms - silent_ms);
		return;
	}
	/* A client that is behind has enough to read. */
	if (!call->behind && (!call->head_sent || interval_ms > 0)) {
		comment = ac_text_new();
		ac_chunk_add_comment(comment);
		send_frames(call, comment);
		evbuffer_free(comment);
	}
	wait_for_silence(call, interval_ms);
}

static void
on_chat_open(enum ac_chat_protocol protocol, void *arg)
{
	struct chat_call *call = arg;

	/* A head alone proves nothing: the app sends 200 before it fails. */
	ac_chat_answer_open(call->answer, protocol);
}

static void
on_chat_data(struct evbuffer *data, void *arg)
{
	struct chat_call *call = arg;
	struct evbuffer_iovec piece;

	while (
	    evbuffer_peek(data, -1, NULL, &piece, 1) > 0 && piece.iov_len > 0) {
		ac_chat_answer_feed(
		    call->answer, piece.iov_base, piece.iov_len);
		evbuffer_drain(data, piece.iov_len);
	}
	go_on(call);
}

/* Does what the answer's state asks for. */
static void
go_on(struct chat_call *call)
{
	switch (ac_chat_answer_state(call->answer)) {
	case AC_CHAT_ANSWER_WAITING:
		/* What may be the beginning of a stop string or a tag is held
		 * back, but it came in time. */
		if (ac_chat_answer_was_heard(call->answer))
			note_first_event(call);
		break;
	case AC_CHAT_ANSWER_BEGUN:
		note_first_event(call);
		if (call->wants_stream)
			ac_timer_run_soon(call->flush);
		break;
	case AC_CHAT_ANSWER_DRAWING:
		note_first_event(call);
		wait_for_picture(call);
		break;
	case AC_CHAT_ANSWER_FINISHED:
		note_first_event(call);
		complete(call);
		break;
	case AC_CHAT_ANSWER_FAILED:
		fail(call, ac_chat_answer_error(call->answer));
		break;
	}
}

static void
note_first_event(struct chat_call *call)
{
	if (call->state != CHAT_WAIT_FIRST_EVENT)
		return;
	set_state(call, CHAT_ANSWERING);
	prolong_deadline(call);
	if (ac_chat_answer_state(call->answer) != AC_CHAT_ANSWER_DRAWING)
		ac_chat_timing_note_first(&call->timing, call->request);
	if (call->chat != NULL)
		ac_chat_note_answer(call->chat);
}

/* evhttp hands over each of the upstream's chunks by itself, and TLS each of
 * its records. As long as more comes within a turn of the loop, and not too
 * much, it is waited for: it leaves as one chunk of our own. */
static void
on_flush(evutil_socket_t fd, short what, void *arg)
{
	struct chat_call *call = arg;
	size_t len = evbuffer_get_length(ac_chat_answer_frames(call->answer));

	AC_UNUSED(fd);
	AC_UNUSED(what);
	if (len == call->seen_len || len >= PIECE_ENOUGH) {
		send_deltas(call);
		len = 0;
	} else {
		ac_timer_run_soon(call->flush);
	}
	call->seen_len = len;
}

/* Sends what there is of the answer. */
static void
send_deltas(struct chat_call *call)
{
	struct evbuffer *frames = ac_chat_answer_frames(call->answer);

	if (evbuffer_get_length(frames) == 0)
		return;
	ac_chat_timing_note_text(&call->timing, call->request, call->chat);
	send_frames(call, frames);
}

/* Sends whole events, behind the head. */
static void
send_frames(struct chat_call *call, struct evbuffer *frames)
{
	const struct ac_options *options;
	enum ac_piece place;

	if (evbuffer_get_length(frames) == 0)
		return;
	call->sent_ms = ac_clock_ms();
	if (!call->head_sent) {
		call->head_sent = true;
		ac_chat_timing_add_header(
		    &call->timing, call->request, call->chat);
		ac_request_start_stream(call->request);
		options = ac_request_api(call->request)->options;
		wait_for_silence(call, options->comment_interval_s * 1000);
	}
	place = ac_chat_answer_state(call->answer) == AC_CHAT_ANSWER_FINISHED
		    ? AC_PIECE_LAST
		    : AC_PIECE_WITHIN;
	if (ac_request_write(call->request, frames, place) == AC_WRITE_MORE)
		return;
	call->behind = true;
	if (call->chat != NULL)
		ac_chat_pause(call->chat);
}

static void
on_writable(void *arg)
{
	struct chat_call *call = arg;

	call->behind = false;
	ac_chat_timing_note_pause(&call->timing);
	if (call->chat != NULL)
		ac_chat_resume(call->chat);
}

static void
on_chat_done(const struct ac_error *error, void *arg)
{
	struct chat_call *call = arg;

	ac_chat_timing_note_end(&call->timing, call->chat);
	call->chat = NULL;
	if (error != NULL && !ac_chat_answer_end_early(call->answer)) {
		fail(call, error);
		return;
	}
	if (error == NULL)
		ac_chat_answer_end(call->answer);
	go_on(call);
}

/* The upstream's answer was a job; IMAGE_TIMEOUT is its deadline. */
static void
wait_for_picture(struct chat_call *call)
{
	struct ac_upstream *upstream = ac_request_api(call->request)->upstream;

	call->wait = ac_image_wait_start(upstream->image_jobs,
	    ac_chat_answer_job_id(call->answer), on_picture, call);
}

static void
on_picture(struct ac_image_ref *ref, const struct ac_error *error, void *arg)
{
	struct chat_call *call = arg;
	char *url;

	call->wait = NULL;
	if (error != NULL) {
		fail(call, error);
		return;
	}
	url = ac_public_image_url(call->request, ref);
	ac_chat_answer_put_picture(call->answer, url);
	free(url);
	go_on(call);
}

static void
reply_whole(struct chat_call *call)
{
	struct evbuffer *body = ac_text_new();

	ac_chat_answer_write(call->answer, body);
	ac_chat_timing_add_header(&call->timing, call->request, call->chat);
	ac_request_reply(call->request, 200, body);
	evbuffer_free(body);
}

/* The answer is whole. The upstream's body may have an end to come yet, for
 * which no client waits; where the answer was cut here, it is not wanted. */
static void
complete(struct chat_call *call)
{
	const struct ac_usage *usage = ac_chat_answer_usage(call->answer);
	struct ac_request_facts *facts = ac_request_facts(call->request);

	facts->prompt_tokens = usage->prompt_tokens;
	facts->completion_tokens = usage->completion_tokens;
	if (call->wants_stream) {
		send_deltas(call);
		ac_request_end_stream(call->request);
	} else {
		reply_whole(call);
	}
	if (call->chat != NULL && !ac_chat_answer_is_cut(call->answer)) {
		ac_chat_leave(call->chat);
		call->chat = NULL;
	}
	finish(call);
}

/* Nothing that came before the failure is kept back; then the client is told
 * in the form that its state allows. */
static void
fail(struct chat_call *call, const struct ac_error *error)
{
	if (call->wants_stream)
		send_deltas(call);
	if (call->head_sent) {
		ac_request_fail_stream(call->request, error);
	} else {
		ac_chat_timing_add_header(
		    &call->timing, call->request, call->chat);
		ac_request_reply_error(call->request, error);
	}
	finish(call);
}

static void
on_gone(void *arg)
{
	finish(arg);
}

static void
free_call(void *thing)
{
	struct chat_call *call = thing;

	ac_chat_answer_free(call->answer);
	event_free(call->deadline);
	if (call->wants_stream) {
		event_free(call->flush);
		event_free(call->silence);
	}
	free(call);
}

/* The only way out. The request has been replied to or its client is gone. */
static void
finish(struct chat_call *call)
{
	struct ac_reaper *reaper = ac_request_api(call->request)->reaper;

	set_state(call, CHAT_DONE);
	evtimer_del(call->deadline);
	if (call->wants_stream) {
		evtimer_del(call->flush);
		evtimer_del(call->silence);
	}
	if (call->chat != NULL)
		ac_chat_cancel(call->chat);
	if (call->wait != NULL)
		ac_image_wait_cancel(call->wait);
	call->chat = NULL;
	call->wait = NULL;
	call->request = NULL;
	ac_reaper_add(reaper, free_call, call);
}

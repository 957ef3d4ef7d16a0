/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * POST /v1/chat/completions: one chat_call for each request, its functions
 * in the order in which things happen.
 *
 *	NEW -> WAIT_FIRST_EVENT -> STREAMING -> FINISHED -> done
 *	   \                   \-> GATHERING -> FINISHED -> done
 *	    \______ client gone, upstream error, abort ______/  all of them
 *	                                                 through finish()
 *
 * The client's status waits for the first event that proves an answer: text,
 * reasoning or the finish. Until then a failure is an HTTP error, afterwards
 * a stream ends with an error event. What one read of the upstream brought
 * leaves in one piece.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

#include "api/access_log.h"
#include "api/api.h"
#include "api/chat_request.h"
#include "api/handlers.h"
#include "api/model_choice.h"
#include "api/request.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/reaper.h"
#include "base/text.h"
#include "codec/completion.h"
#include "codec/datastream.h"
#include "codec/literal.h"
#include "upstream/chat.h"
#include "upstream/stream_error.h"

enum {
	ANSWER_MAX = 64 * 1024 * 1024, /* bytes of an answer that is gathered */
	BYTES_PER_TOKEN = 4,           /* of the estimate of usage */
	ERROR_TEXT_MAX = 8 * 1024,
};

enum chat_state {
	CHAT_NEW,
	CHAT_WAIT_FIRST_EVENT,
	CHAT_STREAMING,
	CHAT_GATHERING,
	CHAT_FINISHED, /* the upstream said how the answer ended */
	CHAT_DONE,     /* the reaper has it */
};

struct chat_call {
	struct ac_request *request; /* its own; NULL once DONE */
	struct ac_chat *chat;       /* owned until on_chat_done() */
	enum chat_state state;
	bool wants_stream;
	bool failed; /* error holds why; told when the decoder has returned */
	struct ac_error error;
	struct ac_datastream decoder;
	struct ac_chunk_encoder chunks;  /* of a stream */
	struct ac_completion completion; /* of a whole answer */
	struct evbuffer *frames; /* owned: what is to leave in this turn */
	struct ac_completion_head head;
	char id[AC_ID_SIZE];
	char *model; /* owned */
	enum ac_finish finish;
	struct ac_usage usage;
	struct event *deadline;  /* owned: of the first event, then of all */
	int64_t request_ends_ms; /* by ac_clock_ms(); 0: when it likes */
	int64_t prompt_len;      /* bytes of text that were asked */
	int64_t completion_len;  /* and that were answered */
};

static bool parse(
    struct ac_request *, struct ac_chat_request *, const char **model);
static struct chat_call *new_call(
    struct ac_request *, const struct ac_chat_request *, const char *model);
static void set_state(struct chat_call *, enum chat_state);
static void start_deadline(struct chat_call *);
static void on_deadline(evutil_socket_t, short, void *arg);
static void on_chat_open(void *arg);
static void on_chat_data(struct evbuffer *, void *arg);
static void on_event(const struct ac_event *, void *arg);
static void begin_answer(struct chat_call *);
static void add_piece(struct chat_call *, const struct ac_event *);
static void end_answer(struct chat_call *, const struct ac_event *);
static void note_failure(struct chat_call *, const struct ac_event *);
static void flush(struct chat_call *);
static void on_writable(void *arg);
static void on_chat_done(const struct ac_error *, void *arg);
static void complete(struct chat_call *);
static void reply_whole(struct chat_call *);
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
	const struct ac_api *api = ac_request_api(request);
	struct ac_chat_request asked;
	struct chat_call *call;
	struct ac_bytes *body;
	const char *model;

	AC_UNUSED(tail);
	if (!parse(request, &asked, &model))
		return;
	call = new_call(request, &asked, model);
	body = ac_chat_request_translate(&asked, api->options, model);
	ac_chat_request_clear(&asked);
	ac_request_wait(request, &hooks, call);
	set_state(call, CHAT_WAIT_FIRST_EVENT);
	start_deadline(call);
	call->chat = ac_chat_start(api->upstream, body, &chat_handlers, call);
	ac_bytes_unref(body);
}

/* Reads the request and chooses its model, or replies why not. */
static bool
parse(struct ac_request *request, struct ac_chat_request *asked,
    const char **model)
{
	struct evbuffer *body =
	    evhttp_request_get_input_buffer(ac_request_http(request));
	struct ac_error error;

	if (!ac_chat_request_parse(asked, body, &error)) {
		ac_request_reply_error(request, &error);
		return false;
	}
	/* Of no use any more, and perhaps large. */
	evbuffer_drain(body, evbuffer_get_length(body));
	*model = ac_model_choose(ac_request_api(request), asked->model, &error);
	if (*model == NULL) {
		ac_request_reply_error(request, &error);
		ac_chat_request_clear(asked);
		return false;
	}
	return true;
}

static struct chat_call *
new_call(struct ac_request *request, const struct ac_chat_request *asked,
    const char *model)
{
	struct chat_call *call = ac_calloc(1, sizeof(*call));

	call->request = request;
	call->wants_stream = asked->stream;
	call->prompt_len = asked->prompt_len;
	call->model = ac_strdup(model);
	ac_replace_string(&ac_request_facts(request)->model, model);
	ac_id_make(call->id, "chatcmpl-");
	call->head = (struct ac_completion_head){
	    .id = call->id,
	    .model = call->model,
	    .created = ac_clock_unix_seconds(),
	};
	ac_datastream_init(&call->decoder, on_event, call);
	if (call->wants_stream) {
		ac_chunk_encoder_init(&call->chunks, &call->head,
		    asked->include_usage ? AC_CHUNK_USAGE_LAST
					 : AC_CHUNK_USAGE_NONE);
		call->frames = ac_text_new();
	} else {
		ac_completion_init(&call->completion, ANSWER_MAX);
	}
	return call;
}

static void
set_state(struct chat_call *call, enum chat_state state)
{
	static const unsigned allowed[] = {
	    [CHAT_NEW] = 1u << CHAT_WAIT_FIRST_EVENT,
	    [CHAT_WAIT_FIRST_EVENT] =
		1u << CHAT_STREAMING | 1u << CHAT_GATHERING | 1u << CHAT_DONE,
	    [CHAT_STREAMING] = 1u << CHAT_FINISHED | 1u << CHAT_DONE,
	    [CHAT_GATHERING] = 1u << CHAT_FINISHED | 1u << CHAT_DONE,
	    [CHAT_FINISHED] = 1u << CHAT_DONE,
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
	struct timeval delay;

	if (request_ms > 0)
		call->request_ends_ms = ac_clock_ms() + request_ms;
	if (request_ms > 0 && request_ms < ms)
		ms = request_ms;
	delay = ac_clock_timeval(ms);
	call->deadline = evtimer_new(api->base, on_deadline, call);
	if (call->deadline == NULL)
		ac_out_of_memory();
	evtimer_add(call->deadline, &delay);
}

/* The first event has come in time: what is left is the whole's. */
static void
prolong_deadline(struct chat_call *call)
{
	struct timeval delay;

	if (call->chat != NULL)
		ac_chat_note_answer(call->chat);
	if (call->request_ends_ms == 0) {
		evtimer_del(call->deadline);
		return;
	}
	delay = ac_clock_timeval(call->request_ends_ms - ac_clock_ms());
	evtimer_add(call->deadline, &delay);
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
	if (call->request_ends_ms != 0 &&
	    ac_clock_ms() >= call->request_ends_ms)
		ac_error_set(&error, AC_ERROR_REQUEST_TIMEOUT,
		    "The request took longer than REQUEST_TIMEOUT allows "
		    "(%" PRId64 " s).",
		    options->request_timeout_s);
	else
		ac_error_set(&error, AC_ERROR_FIRST_EVENT_TIMEOUT,
		    "The upstream gave no answer in time (%" PRId64 " s).",
		    options->first_event_timeout_s);
	fail(call, &error);
}

static void
on_chat_open(void *arg)
{
	/* A head alone proves nothing: the app sends 200 before it fails. */
	AC_UNUSED(arg);
}

static void
on_chat_data(struct evbuffer *data, void *arg)
{
	struct chat_call *call = arg;
	struct evbuffer_iovec piece;

	while (!call->failed && evbuffer_peek(data, -1, NULL, &piece, 1) > 0 &&
	       piece.iov_len > 0) {
		ac_datastream_feed(
		    &call->decoder, piece.iov_base, piece.iov_len);
		evbuffer_drain(data, piece.iov_len);
	}
	if (call->failed)
		fail(call, &call->error);
	else if (call->state == CHAT_FINISHED)
		complete(call);
	else
		flush(call);
}

static void
on_event(const struct ac_event *event, void *arg)
{
	struct chat_call *call = arg;

	switch (event->type) {
	case AC_EVENT_TEXT:
	case AC_EVENT_REASONING:
		begin_answer(call);
		add_piece(call, event);
		break;
	case AC_EVENT_FINISH:
		end_answer(call, event);
		break;
	case AC_EVENT_ERROR:
		note_failure(call, event);
		break;
	case AC_EVENT_START:
	case AC_EVENT_STEP:
	case AC_EVENT_END:
	/* The upstream is not told of any tool, and what it adds beside the
	 * text has no place in a chat completion. */
	case AC_EVENT_TOOL_CALL:
	case AC_EVENT_TOOL_CALL_START:
	case AC_EVENT_TOOL_CALL_DELTA:
	case AC_EVENT_TOOL_RESULT:
	case AC_EVENT_EXTRA:
	case AC_EVENT_TEXT_WAS_REASONING:
	case AC_EVENT_TYPES:
		break;
	}
}

/* The answer is certain to begin: the client gets its head. */
static void
begin_answer(struct chat_call *call)
{
	if (call->state != CHAT_WAIT_FIRST_EVENT)
		return;
	prolong_deadline(call);
	if (!call->wants_stream) {
		set_state(call, CHAT_GATHERING);
		return;
	}
	set_state(call, CHAT_STREAMING);
	ac_request_start_stream(call->request);
	ac_chunk_add_role(&call->chunks, call->frames);
}

static void
fail_too_long(struct chat_call *call)
{
	call->failed = true;
	ac_datastream_stop(&call->decoder);
	ac_error_set(&call->error, AC_ERROR_UPSTREAM,
	    "The upstream's answer is longer than %d MiB; ask for a stream.",
	    ANSWER_MAX / (1024 * 1024));
}

static void
add_piece(struct chat_call *call, const struct ac_event *event)
{
	const char *literal = event->literal;
	size_t len = event->literal_len;
	bool is_text = event->type == AC_EVENT_TEXT;
	bool fits = true;

	call->completion_len += (int64_t)event->text_len;
	if (call->state == CHAT_STREAMING && is_text)
		ac_chunk_add_text(&call->chunks, call->frames, literal, len);
	else if (call->state == CHAT_STREAMING)
		ac_chunk_add_reasoning(
		    &call->chunks, call->frames, literal, len);
	else if (is_text)
		fits = ac_completion_add_text(&call->completion, literal, len);
	else
		fits = ac_completion_add_reasoning(
		    &call->completion, literal, len);
	if (!fits)
		fail_too_long(call);
}

/* An estimate where the upstream counts nothing: four bytes a token. */
static int64_t
count_tokens(int64_t counted, int64_t len)
{
	int64_t estimate = len / BYTES_PER_TOKEN;

	if (counted != AC_TOKENS_UNKNOWN)
		return counted;
	return estimate < 1 ? 1 : estimate;
}

static void
end_answer(struct chat_call *call, const struct ac_event *event)
{
	struct ac_request_facts *facts = ac_request_facts(call->request);

	if (event->finish == AC_FINISH_ERROR) {
		/* A failure, even where no error frame said so. */
		call->failed = true;
		ac_datastream_stop(&call->decoder);
		ac_error_set(&call->error, AC_ERROR_UPSTREAM,
		    "The upstream's answer ended with an error.");
		return;
	}
	if (call->state == CHAT_WAIT_FIRST_EVENT &&
	    event->finish == AC_FINISH_UNKNOWN) {
		/* No word and no reason: the model's answer was no answer. */
		call->failed = true;
		ac_datastream_stop(&call->decoder);
		ac_error_set(&call->error, AC_ERROR_UPSTREAM,
		    "The upstream's answer ended before it began.");
		return;
	}
	begin_answer(call);
	call->finish = event->finish;
	call->usage.prompt_tokens =
	    count_tokens(event->usage.prompt_tokens, call->prompt_len);
	call->usage.completion_tokens =
	    count_tokens(event->usage.completion_tokens, call->completion_len);
	facts->prompt_tokens = call->usage.prompt_tokens;
	facts->completion_tokens = call->usage.completion_tokens;
	set_state(call, CHAT_FINISHED);
	if (!call->wants_stream)
		return;
	ac_chunk_add_finish(&call->chunks, call->frames, call->finish);
	ac_chunk_add_usage(&call->chunks, call->frames, &call->usage);
	ac_chunk_add_done(call->frames);
}

static void
set_upstream_text(struct ac_error *error, const struct ac_event *event)
{
	struct ac_buf text;
	bool whole;

	ac_buf_init(&text, ERROR_TEXT_MAX);
	/* What does not fit is left out: an error's text need not be whole. */
	whole = ac_literal_decode(&text, event->literal, event->literal_len);
	AC_UNUSED(whole);
	ac_stream_error_set(error, ac_buf_string(&text));
	ac_buf_clear(&text);
}

static void
note_failure(struct chat_call *call, const struct ac_event *event)
{
	call->failed = true;
	switch (event->error) {
	case AC_STREAM_ERROR_NONE:
	case AC_STREAM_ERROR_UPSTREAM:
		set_upstream_text(&call->error, event);
		break;
	case AC_STREAM_ERROR_MALFORMED:
		ac_error_set(&call->error, AC_ERROR_UPSTREAM,
		    "The upstream sent something that is not an answer.");
		break;
	case AC_STREAM_ERROR_TOO_LONG:
		ac_error_set(&call->error, AC_ERROR_UPSTREAM,
		    "The upstream sent a line that is too long.");
		break;
	case AC_STREAM_ERROR_CUT:
		ac_error_set(&call->error, AC_ERROR_UPSTREAM,
		    "The upstream's answer broke off before its end.");
		break;
	}
}

/* Sends what this turn has brought. */
static void
flush(struct chat_call *call)
{
	if (call->frames == NULL || evbuffer_get_length(call->frames) == 0)
		return;
	if (ac_request_write(call->request, call->frames) == AC_WRITE_FULL &&
	    call->chat != NULL)
		ac_chat_pause(call->chat);
}

static void
on_writable(void *arg)
{
	struct chat_call *call = arg;

	if (call->chat != NULL)
		ac_chat_resume(call->chat);
}

static void
on_chat_done(const struct ac_error *error, void *arg)
{
	struct chat_call *call = arg;

	call->chat = NULL;
	if (error == NULL) {
		ac_datastream_end(&call->decoder);
	} else {
		call->failed = true;
		call->error = *error;
	}
	if (call->failed)
		fail(call, &call->error);
	else
		complete(call);
}

/* The answer is whole. The upstream's body may have an end to come yet, for
 * which no client waits. */
static void
complete(struct chat_call *call)
{
	flush(call);
	if (call->wants_stream)
		ac_request_end_stream(call->request);
	else
		reply_whole(call);
	if (call->chat != NULL)
		ac_chat_leave(call->chat);
	call->chat = NULL;
	finish(call);
}

static void
reply_whole(struct chat_call *call)
{
	struct evbuffer *body = ac_text_new();

	ac_completion_finish(
	    &call->completion, &call->head, call->finish, &call->usage, body);
	ac_request_reply(call->request, 200, body);
	evbuffer_free(body);
}

/* Nothing that came before the failure is kept back; then the client is told
 * in the form that its state allows. */
static void
fail(struct chat_call *call, const struct ac_error *error)
{
	flush(call);
	if (call->wants_stream && call->state != CHAT_WAIT_FIRST_EVENT)
		ac_request_fail_stream(call->request, error);
	else
		ac_request_reply_error(call->request, error);
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

	event_free(call->deadline);
	ac_datastream_clear(&call->decoder);
	ac_chunk_encoder_clear(&call->chunks);
	ac_completion_clear(&call->completion);
	if (call->frames != NULL)
		evbuffer_free(call->frames);
	free(call->model);
	free(call);
}

/* The only way out. The request has been replied to or its client is gone. */
static void
finish(struct chat_call *call)
{
	struct ac_reaper *reaper = ac_request_api(call->request)->reaper;

	set_state(call, CHAT_DONE);
	evtimer_del(call->deadline);
	ac_datastream_stop(&call->decoder);
	if (call->chat != NULL)
		ac_chat_cancel(call->chat);
	call->chat = NULL;
	call->request = NULL;
	ac_reaper_add(reaper, free_call, call);
}

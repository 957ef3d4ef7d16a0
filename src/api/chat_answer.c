/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * An answer in the making: see chat_answer.h. Owned by its chat_call.
 *
 *	WAITING -> BEGUN -> FINISHED
 *	   |   \________\-> FAILED
 *	   +-> DRAWING -> FINISHED
 *
 * Each stage tells the next by an ac_event_fn; sink() is the last. Their order
 * depends on where reasoning goes: tags that are added for the client are
 * neither searched for stop strings nor counted.
 */
#include "api/chat_answer.h"

#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "api/picture_answer.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "codec/datastream.h"
#include "codec/image_line.h"
#include "codec/limit.h"
#include "codec/literal.h"
#include "codec/uistream.h"
#include "upstream/stream_error.h"

enum {
	WHOLE_MAX = 64 * 1024 * 1024, /* bytes of an answer that is gathered */
	ERROR_TEXT_MAX = 8 * 1024,
};

struct ac_chat_answer {
	enum ac_chat_answer_state state;
	bool stream;
	bool draws;
	bool heard;             /* a text or a reasoning came */
	bool upstream_finished; /* it said so itself */
	ac_event_fn *first;     /* the first stage, or sink() */
	void *first_arg;
	struct ac_datastream *data; /* owned: the decoder, this … */
	struct ac_uistream *ui;     /* … or this, once it is open … */
	struct ac_image_line *line; /* … or this, while it may be a job */
	char *picture_url;          /* owned; NULL: none was drawn */
	struct ac_think think;
	struct ac_stop *stop;            /* owned; NULL: no stop strings */
	struct ac_limit *limit;          /* owned; NULL: no limit */
	struct ac_chunk_encoder chunks;  /* of a stream */
	struct evbuffer *frames;         /* owned, of a stream */
	struct ac_completion completion; /* of a whole answer */
	struct ac_completion_head head;
	char id[AC_ID_SIZE];
	char *model; /* owned */
	enum ac_finish finish;
	struct ac_usage usage;
	int64_t prompt_len;     /* bytes of text that were asked … */
	int64_t completion_len; /* … and answered */
	struct ac_error *error; /* owned; NULL unless FAILED */
};

static void chain_stages(
    struct ac_chat_answer *, const struct ac_chat_answer_wish *);
static void open_data(struct ac_chat_answer *);
static void on_decoded(const struct ac_event *, void *arg);
static void sink(const struct ac_event *, void *arg);
static void begin(struct ac_chat_answer *);
static void add_piece(struct ac_chat_answer *, const struct ac_event *);
static void finish(struct ac_chat_answer *, const struct ac_event *);
static void fail(struct ac_chat_answer *, const char *message);
static void fail_by_event(struct ac_chat_answer *, const struct ac_event *);

struct ac_chat_answer *
ac_chat_answer_new(const struct ac_chat_answer_wish *wish)
{
	struct ac_chat_answer *answer = ac_calloc(1, sizeof(*answer));

	answer->stream = wish->stream;
	answer->draws = wish->draws;
	answer->prompt_len = wish->prompt_len;
	answer->model = ac_strdup(wish->model);
	ac_id_make(answer->id,
	    wish->form == AC_COMPLETION_CHAT ? "chatcmpl-" : "cmpl-");
	answer->head = (struct ac_completion_head){
	    .form = wish->form,
	    .id = answer->id,
	    .model = answer->model,
	    .created = ac_clock_unix_seconds(),
	};
	chain_stages(answer, wish);
	if (answer->stream) {
		ac_chunk_encoder_init(&answer->chunks, &answer->head,
		    wish->include_usage ? AC_CHUNK_USAGE_LAST
					: AC_CHUNK_USAGE_NONE);
		answer->frames = ac_text_new();
	} else {
		ac_completion_init(&answer->completion, WHOLE_MAX);
	}
	return answer;
}

/* Puts a stage before those that are there. */
static void
put_first(struct ac_chat_answer *answer, ac_event_fn *stage, void *arg)
{
	answer->first = stage;
	answer->first_arg = arg;
}

static void
add_think(struct ac_chat_answer *answer, const struct ac_chat_answer_wish *wish)
{
	ac_think_init(&answer->think, wish->reasoning,
	    wish->stream ? AC_THINK_STREAMED : AC_THINK_WHOLE, answer->first,
	    answer->first_arg);
	put_first(answer, ac_think_on_event, &answer->think);
}

/* Stop strings and limit, the limit behind. */
static void
add_cuts(struct ac_chat_answer *answer, const struct ac_chat_answer_wish *wish)
{
	if (wish->max_tokens > 0) {
		answer->limit = ac_calloc(1, sizeof(*answer->limit));
		ac_limit_init(answer->limit, wish->max_tokens, answer->first,
		    answer->first_arg);
		put_first(answer, ac_limit_on_event, answer->limit);
	}
	if (wish->stop_count > 0) {
		answer->stop = ac_calloc(1, sizeof(*answer->stop));
		ac_stop_init(answer->stop, wish->stops, wish->stop_count,
		    answer->first, answer->first_arg);
		put_first(answer, ac_stop_on_event, answer->stop);
	}
}

/* Built from the last to the first. */
static void
chain_stages(
    struct ac_chat_answer *answer, const struct ac_chat_answer_wish *wish)
{
	put_first(answer, sink, answer);
	if (wish->reasoning == AC_REASONING_TAGS)
		add_think(answer, wish);
	add_cuts(answer, wish);
	if (wish->reasoning != AC_REASONING_TAGS)
		add_think(answer, wish);
}

void
ac_chat_answer_free(struct ac_chat_answer *answer)
{
	if (answer == NULL)
		return;
	if (answer->ui != NULL)
		ac_uistream_clear(answer->ui);
	if (answer->data != NULL)
		ac_datastream_clear(answer->data);
	if (answer->line != NULL)
		ac_image_line_clear(answer->line);
	free(answer->ui);
	free(answer->data);
	free(answer->line);
	free(answer->picture_url);
	free(answer->error);
	if (answer->stop != NULL)
		ac_stop_clear(answer->stop);
	free(answer->stop);
	free(answer->limit);
	ac_chunk_encoder_clear(&answer->chunks);
	ac_completion_clear(&answer->completion);
	if (answer->frames != NULL)
		evbuffer_free(answer->frames);
	free(answer->model);
	free(answer);
}

void
ac_chat_answer_open(
    struct ac_chat_answer *answer, enum ac_chat_protocol protocol)
{
	if (protocol == AC_CHAT_UI_STREAM) {
		answer->ui = ac_calloc(1, sizeof(*answer->ui));
		ac_uistream_init(answer->ui, on_decoded, answer);
	} else if (answer->draws) {
		answer->line = ac_calloc(1, sizeof(*answer->line));
		ac_image_line_init(answer->line);
	} else {
		open_data(answer);
	}
}

static void
open_data(struct ac_chat_answer *answer)
{
	answer->data = ac_calloc(1, sizeof(*answer->data));
	ac_datastream_init(answer->data, on_decoded, answer);
}

/* No job, but an ordinary answer, of which some has come already. */
static void
decode_line(struct ac_chat_answer *answer)
{
	struct ac_image_line *line = answer->line;

	answer->line = NULL;
	open_data(answer);
	ac_datastream_feed(answer->data, line->body.data, line->body.len);
	ac_image_line_clear(line);
	free(line);
}

/* What the line says that is no ordinary answer. */
static void
take_line(struct ac_chat_answer *answer, enum ac_image_line_state state)
{
	switch (state) {
	case AC_IMAGE_LINE_MORE:
	case AC_IMAGE_LINE_NOT_AN_IMAGE:
		break;
	case AC_IMAGE_LINE_IMAGE:
		answer->state = AC_CHAT_ANSWER_DRAWING;
		break;
	case AC_IMAGE_LINE_CUT:
		fail(answer, "The upstream's answer broke off before its end.");
		break;
	case AC_IMAGE_LINE_MALFORMED:
		fail(answer, "The upstream named a job that is none.");
		break;
	case AC_IMAGE_LINE_TOO_LONG:
		fail(answer, "The upstream sent a piece that is too long.");
		break;
	}
}

static void
stop_decoder(struct ac_chat_answer *answer)
{
	if (answer->ui != NULL)
		ac_uistream_stop(answer->ui);
	else if (answer->data != NULL)
		ac_datastream_stop(answer->data);
}

static bool
is_over(const struct ac_chat_answer *answer)
{
	return answer->state == AC_CHAT_ANSWER_FINISHED ||
	       answer->state == AC_CHAT_ANSWER_FAILED;
}

void
ac_chat_answer_feed(struct ac_chat_answer *answer, const char *data, size_t len)
{
	enum ac_image_line_state line;

	if (is_over(answer))
		return;
	if (answer->line != NULL) {
		line = ac_image_line_feed(answer->line, data, len);
		if (line != AC_IMAGE_LINE_NOT_AN_IMAGE) {
			take_line(answer, line);
			return;
		}
		decode_line(answer);
	}
	if (answer->ui != NULL)
		ac_uistream_feed(answer->ui, data, len);
	else
		ac_datastream_feed(answer->data, data, len);
}

void
ac_chat_answer_end(struct ac_chat_answer *answer)
{
	enum ac_image_line_state line;

	if (is_over(answer))
		return;
	if (answer->line != NULL) {
		line = ac_image_line_end(answer->line);
		if (line != AC_IMAGE_LINE_NOT_AN_IMAGE) {
			take_line(answer, line);
			return;
		}
		decode_line(answer);
	}
	if (answer->ui != NULL)
		ac_uistream_end(answer->ui);
	else
		ac_datastream_end(answer->data);
}

bool
ac_chat_answer_end_early(struct ac_chat_answer *answer)
{
	if (is_over(answer) || answer->line == NULL ||
	    ac_image_line_end(answer->line) != AC_IMAGE_LINE_IMAGE)
		return false;
	answer->state = AC_CHAT_ANSWER_DRAWING;
	return true;
}

static void
on_decoded(const struct ac_event *event, void *arg)
{
	struct ac_chat_answer *answer = arg;

	if (event->type == AC_EVENT_FINISH)
		answer->upstream_finished = true;
	else if (event->type == AC_EVENT_TEXT ||
		 event->type == AC_EVENT_REASONING)
		answer->heard = true;
	answer->first(event, answer->first_arg);
}

static void
sink(const struct ac_event *event, void *arg)
{
	struct ac_chat_answer *answer = arg;

	if (is_over(answer))
		return;
	switch (event->type) {
	case AC_EVENT_TEXT:
	case AC_EVENT_REASONING:
		begin(answer);
		add_piece(answer, event);
		break;
	case AC_EVENT_TEXT_WAS_REASONING:
		if (event->dropped)
			ac_completion_drop_text(&answer->completion);
		else
			ac_completion_move_text_to_reasoning(
			    &answer->completion);
		break;
	case AC_EVENT_FINISH:
		finish(answer, event);
		break;
	case AC_EVENT_ERROR:
		fail_by_event(answer, event);
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
	case AC_EVENT_TYPES:
		break;
	}
}

static void
begin(struct ac_chat_answer *answer)
{
	if (answer->state != AC_CHAT_ANSWER_WAITING)
		return;
	answer->state = AC_CHAT_ANSWER_BEGUN;
	if (answer->stream)
		ac_chunk_add_role(&answer->chunks, answer->frames);
}

static struct ac_error *
set_failed(struct ac_chat_answer *answer)
{
	answer->state = AC_CHAT_ANSWER_FAILED;
	stop_decoder(answer);
	answer->error = ac_calloc(1, sizeof(*answer->error));
	return answer->error;
}

static void
fail(struct ac_chat_answer *answer, const char *message)
{
	ac_error_set(set_failed(answer), AC_ERROR_UPSTREAM, "%s", message);
}

static void
add_piece(struct ac_chat_answer *answer, const struct ac_event *event)
{
	const char *literal = event->literal;
	size_t len = event->literal_len;
	bool is_text = event->type == AC_EVENT_TEXT;
	bool fits = true;

	answer->completion_len += (int64_t)event->text_len;
	if (event->dropped)
		return;
	if (answer->stream && is_text)
		ac_chunk_add_text(
		    &answer->chunks, answer->frames, literal, len);
	else if (answer->stream)
		ac_chunk_add_reasoning(
		    &answer->chunks, answer->frames, literal, len);
	else if (is_text)
		fits =
		    ac_completion_add_text(&answer->completion, literal, len);
	else
		fits = ac_completion_add_reasoning(
		    &answer->completion, literal, len);
	if (!fits)
		fail(answer, "The upstream's answer is longer than 64 MiB; ask "
			     "for a stream.");
}

/* An estimate where the upstream counts nothing. */
static int64_t
count_tokens(int64_t counted, int64_t len)
{
	int64_t estimate = len / AC_LIMIT_BYTES_PER_TOKEN;

	if (counted != AC_TOKENS_UNKNOWN)
		return counted;
	return estimate < 1 ? 1 : estimate;
}

static void
finish(struct ac_chat_answer *answer, const struct ac_event *event)
{
	if (event->finish == AC_FINISH_ERROR) {
		/* A failure, even where no error frame said so. */
		fail(answer, "The upstream's answer ended with an error.");
		return;
	}
	if (answer->state == AC_CHAT_ANSWER_WAITING &&
	    (event->finish == AC_FINISH_UNKNOWN ||
		event->finish == AC_FINISH_OTHER ||
		event->finish == AC_FINISH_TOOL_CALLS)) {
		/* No word and no reason: the model's answer was no answer. The
		 * "ai" package 6 and 7 say OTHER for UNKNOWN. */
		fail(answer, "The upstream's answer ended before it began.");
		return;
	}
	begin(answer);
	answer->state = AC_CHAT_ANSWER_FINISHED;
	stop_decoder(answer);
	/* A client would look for calls, and there are none to be had. */
	answer->finish = event->finish == AC_FINISH_TOOL_CALLS ? AC_FINISH_STOP
							       : event->finish;
	answer->usage.prompt_tokens =
	    count_tokens(event->usage.prompt_tokens, answer->prompt_len);
	answer->usage.completion_tokens = count_tokens(
	    event->usage.completion_tokens, answer->completion_len);
	if (!answer->stream)
		return;
	ac_chunk_add_finish(&answer->chunks, answer->frames, answer->finish);
	ac_chunk_add_usage(&answer->chunks, answer->frames, &answer->usage);
	ac_chunk_add_done(answer->frames);
}

/* The upstream's own words. */
static void
set_upstream_text(struct ac_error *error, const struct ac_event *event)
{
	struct ac_buf text;
	bool whole;

	ac_buf_init(&text, ERROR_TEXT_MAX);
	/* What does not fit is left out: an error's text need not be whole. */
	whole = ac_literal_decode(&text, event->literal, event->literal_len);
	AC_UNUSED(whole);
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '\0')
			text.data[i] = ' ';
	}
	ac_stream_error_set(error, ac_buf_string(&text));
	ac_buf_clear(&text);
}

static void
fail_by_event(struct ac_chat_answer *answer, const struct ac_event *event)
{
	switch (event->error) {
	case AC_STREAM_ERROR_NONE:
	case AC_STREAM_ERROR_UPSTREAM:
		set_upstream_text(set_failed(answer), event);
		break;
	case AC_STREAM_ERROR_MALFORMED:
		fail(answer,
		    "The upstream sent something that is not an answer.");
		break;
	case AC_STREAM_ERROR_TOO_LONG:
		fail(answer, "The upstream sent a piece that is too long.");
		break;
	case AC_STREAM_ERROR_CUT:
		fail(answer, "The upstream's answer broke off before its end.");
		break;
	}
}

const char *
ac_chat_answer_job_id(const struct ac_chat_answer *answer)
{
	return answer->line->job_id;
}

const struct ac_image_text *
ac_chat_answer_drawn_prompt(const struct ac_chat_answer *answer)
{
	return &answer->line->prompt;
}

/* Neither the stop strings nor the limit have a say in it. */
void
ac_chat_answer_put_picture(struct ac_chat_answer *answer, const char *url)
{
	const struct ac_image_text *prompt = &answer->line->prompt;
	struct evbuffer *markdown = ac_text_new();
	struct evbuffer *literal = ac_text_new();
	struct ac_event text = {.type = AC_EVENT_TEXT};
	struct ac_event end = {
	    .type = AC_EVENT_FINISH,
	    .finish = AC_FINISH_STOP,
	    .usage = {AC_TOKENS_UNKNOWN, AC_TOKENS_UNKNOWN},
	};

	answer->picture_url = ac_strdup(url);
	answer->upstream_finished = true;
	answer->state = AC_CHAT_ANSWER_WAITING;
	ac_picture_add_markdown(markdown, prompt->data, prompt->len, url);
	text.text_len = evbuffer_get_length(markdown);
	ac_json_add_escaped(literal,
	    (const char *)evbuffer_pullup(markdown, -1), text.text_len);
	text.literal_len = evbuffer_get_length(literal);
	text.literal = (const char *)evbuffer_pullup(literal, -1);
	sink(&text, answer);
	sink(&end, answer);
	evbuffer_free(markdown);
	evbuffer_free(literal);
}

enum ac_chat_answer_state
ac_chat_answer_state(const struct ac_chat_answer *answer)
{
	return answer->state;
}

bool
ac_chat_answer_was_heard(const struct ac_chat_answer *answer)
{
	return answer->heard;
}

const struct ac_error *
ac_chat_answer_error(const struct ac_chat_answer *answer)
{
	return answer->error;
}

bool
ac_chat_answer_is_cut(const struct ac_chat_answer *answer)
{
	return answer->state == AC_CHAT_ANSWER_FINISHED &&
	       !answer->upstream_finished;
}

const struct ac_usage *
ac_chat_answer_usage(const struct ac_chat_answer *answer)
{
	return &answer->usage;
}

struct evbuffer *
ac_chat_answer_frames(struct ac_chat_answer *answer)
{
	return answer->frames;
}

void
ac_chat_answer_write(struct ac_chat_answer *answer, struct evbuffer *out)
{
	struct evbuffer *object = ac_text_new();

	ac_completion_finish(&answer->completion, &answer->head, answer->finish,
	    &answer->usage, object);
	if (answer->picture_url != NULL)
		ac_picture_add_members(
		    object, answer->model, answer->line, answer->picture_url);
	evbuffer_add_buffer(out, object);
	evbuffer_free(object);
}

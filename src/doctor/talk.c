/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A chat with the site: see talk.h. Owned by a doctor. */
#include "doctor/talk.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "api/chat_request.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/reaper.h"
#include "base/text.h"
#include "codec/datastream.h"
#include "codec/uistream.h"
#include "upstream/chat.h"
#include "upstream/stream_error.h"
#include "upstream/upstream.h"

struct ac_talk {
	struct ac_upstream *upstream; /* borrowed */
	const struct ac_talk_handlers *handlers;
	void *arg;
	struct ac_chat *chat; /* owned until it is over or left */
	enum ac_chat_protocol protocol;
	bool has_decoder;
	struct ac_datastream data_stream; /* one of these */
	struct ac_uistream ui_stream;
	struct ac_pace pace;
	bool ended;            /* the stream's own end, or its error, came */
	struct ac_error error; /* code AC_ERROR_NONE: none */
};

static struct ac_bytes *make_body(const struct ac_options *, const char *model);
static void on_open(enum ac_chat_protocol, void *arg);
static void on_data(struct evbuffer *, void *arg);
static void on_event(const struct ac_event *, void *arg);
static void on_done(const struct ac_error *, void *arg);
static void finish(struct ac_talk *, const struct ac_error *);
static void free_talk(void *);

static const struct ac_chat_handlers chat_handlers = {
    .on_open = on_open,
    .on_data = on_data,
    .on_done = on_done,
};

struct ac_talk *
ac_talk_start(struct ac_upstream *upstream, const struct ac_options *options,
    const char *model, const struct ac_talk_handlers *handlers, void *arg)
{
	struct ac_talk *talk = ac_calloc(1, sizeof(*talk));
	struct ac_bytes *body = make_body(options, model);

	talk->upstream = upstream;
	talk->handlers = handlers;
	talk->arg = arg;
	ac_pace_init(&talk->pace, ac_clock_ns());
	talk->chat = ac_chat_start(upstream, body, &chat_handlers, talk);
	ac_bytes_unref(body);
	return talk;
}

/* What a client's question becomes. */
static struct ac_bytes *
make_body(const struct ac_options *options, const char *model)
{
	static const char question[] =
	    "{\"model\":\"\",\"messages\":[{\"role\":\"user\",\"content\":"
	    "\"" AC_TALK_QUESTION "\"}]}";
	struct evbuffer *text = ac_text_new();
	struct ac_chat_request request;
	struct ac_bytes *body;
	struct ac_error error;

	ac_text_add_string(text, question);
	if (!ac_chat_request_parse(&request, text, &error))
		abort(); /* it is a constant */
	body = ac_chat_request_translate(&request, options, model);
	ac_chat_request_clear(&request);
	evbuffer_free(text);
	return body;
}

static void
on_open(enum ac_chat_protocol protocol, void *arg)
{
	struct ac_talk *talk = arg;

	talk->protocol = protocol;
	talk->has_decoder = true;
	if (protocol == AC_CHAT_UI_STREAM)
		ac_uistream_init(&talk->ui_stream, on_event, talk);
	else
		ac_datastream_init(&talk->data_stream, on_event, talk);
}

static void
feed(struct ac_talk *talk, const char *data, size_t len)
{
	if (talk->protocol == AC_CHAT_UI_STREAM)
		ac_uistream_feed(&talk->ui_stream, data, len);
	else
		ac_datastream_feed(&talk->data_stream, data, len);
}

/* Whether as much has come as is needed. */
static bool
has_enough(const struct ac_talk *talk)
{
	return talk->ended || talk->pace.pieces >= AC_TALK_PIECES_MAX ||
	       (talk->pace.pieces > 0 &&
		   ac_pace_span_ms(&talk->pace) >= AC_TALK_SPAN_MS);
}

static void
on_data(struct evbuffer *data, void *arg)
{
	struct ac_talk *talk = arg;
	size_t before = talk->pace.pieces;

	feed(talk, (const char *)evbuffer_pullup(data, -1),
	    evbuffer_get_length(data));
	evbuffer_drain(data, evbuffer_get_length(data));
	if (has_enough(talk)) {
		ac_chat_leave(talk->chat);
		talk->chat = NULL;
		finish(talk,
		    talk->error.code == AC_ERROR_NONE ? NULL : &talk->error);
	} else if (talk->pace.pieces > before) {
		ac_chat_note_answer(talk->chat);
		talk->handlers->on_piece(talk->arg);
	}
}

static void
note_error(struct ac_talk *talk, const struct ac_event *event)
{
	char *text;
	char *literal;
	const char *said;
	json_t *array;

	if (event->error != AC_STREAM_ERROR_UPSTREAM) {
		ac_error_set(&talk->error, AC_ERROR_UPSTREAM,
		    "The upstream's answer failed: %s.",
		    event->error == AC_STREAM_ERROR_CUT
			? "it ended without a finish"
			: "it is not a stream of the protocol");
		return;
	}
	text = ac_memdup(event->literal, event->literal_len);
	literal = ac_asprintf("[\"%s\"]", text);
	array = ac_json_parse_lenient(literal, strlen(literal));
	said = json_string_value(json_array_get(array, 0));
	ac_stream_error_set(&talk->error, said == NULL ? "" : said);
	json_decref(array);
	free(literal);
	free(text);
}

static void
on_event(const struct ac_event *event, void *arg)
{
	struct ac_talk *talk = arg;

	if (event->type == AC_EVENT_TEXT || event->type == AC_EVENT_REASONING)
		ac_pace_add(&talk->pace, ac_clock_ns());
	if (event->type == AC_EVENT_ERROR)
		note_error(talk, event);
	if (event->type == AC_EVENT_ERROR || event->type == AC_EVENT_FINISH)
		talk->ended = true;
}

static void
on_done(const struct ac_error *error, void *arg)
{
	struct ac_talk *talk = arg;

	talk->chat = NULL;
	if (error == NULL && talk->has_decoder) {
		if (talk->protocol == AC_CHAT_UI_STREAM)
			ac_uistream_end(&talk->ui_stream);
		else
			ac_datastream_end(&talk->data_stream);
		if (talk->error.code != AC_ERROR_NONE)
			error = &talk->error;
	}
	finish(talk, error);
}

static void
finish(struct ac_talk *talk, const struct ac_error *error)
{
	ac_reaper_add(talk->upstream->site.reaper, free_talk, talk);
	talk->handlers->on_done(&talk->pace, error, talk->arg);
}

static void
free_talk(void *thing)
{
	struct ac_talk *talk = thing;

	if (talk->has_decoder && talk->protocol == AC_CHAT_UI_STREAM)
		ac_uistream_clear(&talk->ui_stream);
	else if (talk->has_decoder)
		ac_datastream_clear(&talk->data_stream);
	free(talk);
}

void
ac_talk_cancel(struct ac_talk *talk)
{
	if (talk->chat != NULL)
		ac_chat_cancel(talk->chat);
	talk->chat = NULL;
	ac_reaper_add(talk->upstream->site.reaper, free_talk, talk);
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A stream, looked at from outside: see stream_look.h. Owned by a doctor. */
#include "doctor/stream_look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/reaper.h"
#include "base/text.h"
#include "codec/linesplit.h"
#include "doctor/ask.h"
#include "doctor/talk.h"
#include "doctor/words.h"
#include "net/http_message.h"

enum {
	LINE_MAX = 1024 * 1024,
	ANSWER_TOKENS = 400,
	HEADERS_MAX = 8,
};

struct ac_stream_look {
	struct ac_reaper *reaper; /* borrowed */
	const struct ac_stream_look_handlers *handlers;
	void *arg;
	struct ac_ask *ask; /* owned until on_done() */
	struct ac_linesplit lines;
	struct ac_buf refusal; /* the body of an answer that is no stream */
	struct ac_stream_facts facts;
};

static struct ac_bytes *make_body(const char *model);
static void on_head(const struct ac_http_head *, void *arg);
static void on_data(struct evbuffer *, void *arg);
static void on_done(struct ac_ask_reply *, const struct ac_error *, void *arg);

static const struct ac_ask_handlers ask_handlers = {
    .on_head = on_head,
    .on_data = on_data,
    .on_done = on_done,
};

struct ac_stream_look *
ac_stream_look_start(struct ac_http_client *client, struct ac_reaper *reaper,
    const struct ac_stream_look_request *request,
    const struct ac_stream_look_handlers *handlers, void *arg)
{
	struct ac_stream_look *look = ac_calloc(1, sizeof(*look));
	struct ac_http_header headers[HEADERS_MAX] = {
	    {"Content-Type", "application/json"},
	};
	struct ac_http_request http = {
	    .method = AC_HTTP_POST,
	    .path = request->path,
	    .headers = headers,
	    .header_count = 1,
	    .body = make_body(request->model),
	};

	for (size_t i = 0;
	     i < request->header_count && http.header_count < HEADERS_MAX; i++)
		headers[http.header_count++] = request->headers[i];
	look->reaper = reaper;
	look->handlers = handlers;
	look->arg = arg;
	ac_linesplit_init(&look->lines, LINE_MAX);
	ac_buf_init(&look->refusal, AC_ASK_BODY_MAX);
	ac_pace_init(&look->facts.pace, ac_clock_ns());
	look->ask = ac_ask_start(client, reaper, &http, &ask_handlers, look);
	ac_bytes_unref(http.body);
	return look;
}

static struct ac_bytes *
make_body(const char *model)
{
	struct evbuffer *text = ac_text_new();
	char *body;

	ac_text_add_string(text, "{\"model\":");
	ac_json_add_string(text, model, strlen(model));
	evbuffer_add_printf(text,
	    ",\"stream\":true,\"max_tokens\":%d,\"messages\":[{\"role\":"
	    "\"user\",\"content\":\"" AC_TALK_QUESTION "\"}]}",
	    ANSWER_TOKENS);
	body = ac_text_take(text);
	return ac_bytes_take(body, strlen(body));
}

static void
copy_header(char *out, const struct ac_http_head *head, const char *name)
{
	const char *value = ac_http_head_find(head, name);

	ac_words_copy_line(out, AC_LOOK_TEXT_SIZE, value == NULL ? "" : value,
	    value == NULL ? 0 : strlen(value));
}

void
ac_cors_facts_read(struct ac_cors_facts *facts, const struct ac_http_head *head)
{
	static const char name[] = "Access-Control-Allow-Origin";

	facts->allow_origins = 0;
	while (ac_http_head_find_nth(head, name, facts->allow_origins) != NULL)
		facts->allow_origins++;
	copy_header(facts->allow_origin, head, name);
	copy_header(facts->allow_headers, head, "Access-Control-Allow-Headers");
}

static void
on_head(const struct ac_http_head *head, void *arg)
{
	struct ac_stream_look *look = arg;
	struct ac_stream_facts *facts = &look->facts;
	const char *cache = ac_http_head_find(head, "Cache-Control");

	facts->status = head->status;
	facts->is_events = ac_http_head_is_type(head, "text/event-stream");
	copy_header(facts->type, head, "Content-Type");
	copy_header(facts->encoding, head, "Content-Encoding");
	facts->has_request_id = ac_http_head_find(head, "X-Request-Id") != NULL;
	facts->has_timing = ac_http_head_find(head, "Server-Timing") != NULL;
	facts->has_cache_control =
	    cache != NULL && strstr(cache, "no-transform") != NULL;
	ac_cors_facts_read(&facts->cors, head);
}

static void
note_failure(struct ac_stream_look *look, const json_t *value)
{
	const char *message =
	    ac_json_get_string(json_object_get(value, "error"), "message");

	if (message == NULL)
		message = "an error without words";
	ac_words_copy_line(look->facts.failure, sizeof(look->facts.failure),
	    message, strlen(message));
}

/* Whether a member of a delta is a text with something in it. */
static bool
has_text(const json_t *delta, const char *name)
{
	return json_string_length(json_object_get(delta, name)) > 0;
}

static void
take_event(struct ac_stream_look *look, const char *data, size_t len)
{
	json_t *value, *choice, *delta;

	if (len == 6 && memcmp(data, "[DONE]", 6) == 0) {
		look->facts.done = true;
		return;
	}
	value = ac_json_parse_lenient(data, len);
	choice = json_array_get(json_object_get(value, "choices"), 0);
	delta = json_object_get(choice, "delta");
	if (json_object_get(value, "error") != NULL)
		note_failure(look, value);
	else if (has_text(delta, "content") ||
		 has_text(delta, "reasoning_content"))
		ac_pace_add(&look->facts.pace, ac_clock_ns());
	json_decref(value);
}

static void
take_line(struct ac_stream_look *look, const char *line, size_t len)
{
	static const char field[] = "data: ";
	const size_t field_len = sizeof(field) - 1;

	if (len > 0 && line[len - 1] == '\r')
		len--;
	if (len > 0 && line[0] == ':')
		look->facts.comments++;
	else if (len >= field_len && memcmp(line, field, field_len) == 0)
		take_event(look, line + field_len, len - field_len);
}

static void
take_lines(struct ac_stream_look *look, const char *data, size_t len)
{
	const char *line;
	size_t line_len;

	for (;;) {
		switch (ac_linesplit_next(
		    &look->lines, &data, &len, &line, &line_len)) {
		case AC_LINE_WHOLE:
			take_line(look, line, line_len);
			break;
		case AC_LINE_TOO_LONG:
			ac_linesplit_skip(&look->lines);
			break;
		case AC_LINE_MORE:
			return;
		}
	}
}

static void
on_data(struct evbuffer *data, void *arg)
{
	struct ac_stream_look *look = arg;
	size_t len = evbuffer_get_length(data);
	const char *bytes = (const char *)evbuffer_pullup(data, -1);

	if (look->facts.is_events)
		take_lines(look, bytes, len);
	else if (len > look->refusal.max - look->refusal.len ||
		 !ac_buf_add(&look->refusal, bytes, len))
		return; /* enough of it was seen */
	look->handlers->on_bytes(look->arg);
}

/* What an answer said that was no stream. */
static void
read_refusal(struct ac_stream_look *look)
{
	json_t *value =
	    ac_json_parse_lenient(look->refusal.data, look->refusal.len);

	if (json_object_get(value, "error") != NULL)
		note_failure(look, value);
	json_decref(value);
}

static void
free_look(void *thing)
{
	struct ac_stream_look *look = thing;

	ac_linesplit_clear(&look->lines);
	ac_buf_clear(&look->refusal);
	free(look);
}

static void
on_done(struct ac_ask_reply *reply, const struct ac_error *error, void *arg)
{
	struct ac_stream_look *look = arg;

	AC_UNUSED(reply);
	look->ask = NULL;
	if (look->refusal.len > 0)
		read_refusal(look);
	ac_reaper_add(look->reaper, free_look, look);
	look->handlers->on_done(&look->facts, error, look->arg);
}

void
ac_stream_look_cancel(struct ac_stream_look *look)
{
	if (look->ask != NULL)
		ac_ask_cancel(look->ask);
	look->ask = NULL;
	ac_reaper_add(look->reaper, free_look, look);
}

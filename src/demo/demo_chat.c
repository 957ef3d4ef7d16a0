/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Chat answers: see demo_chat.h. Each is a timer that sends one line of the
 * data stream at a time:
 *
 *	WAITING --first piece--> STREAMING --all sent--> DONE
 *	    \_______________ client gone ________________/
 *
 * WAITING sends nothing at all, not even the status: the real app keeps that
 * back until its model says something. An answer owns its text and its timer;
 * evhttp owns the request while the client is there.
 */
#include "demo/demo_chat.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <jansson.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/reaper.h"
#include "demo/demo_prompt.h"
#include "demo/demo_reply.h"
#include "demo/demo_text.h"

enum {
	MAX_EARLY_BYTES = 64 * 1024, /* kept of a request that comes too soon */
	WRITE_TIMEOUT_MS = 60 * 1000,
};

struct answer {
	LIST_ENTRY(answer) link;
	struct ac_demo_chats *chats;
	struct evhttp_request *req; /* evhttp's; NULL: DONE */
	struct event *timer;        /* owned */
	char *text;                 /* owned; NULL: there is a complaint */
	size_t sent;                /* bytes of text */
	const char *complaint;      /* static; NULL: there is a text */
	bool is_streaming;
};

struct ac_demo_chats {
	struct event_base *base;
	int64_t delay_ms;
	struct ac_reaper *reaper;               /* owned, frees what is DONE */
	LIST_HEAD(answer_list, answer) answers; /* owned, not DONE */
};

static void start_answer(struct ac_demo_chats *chats,
    struct evhttp_request *req, const struct ac_demo_prompt *prompt);
static void watch_client(struct answer *answer);
static void wait_for_next(struct answer *answer, int64_t delay_ms);
static void on_timer(evutil_socket_t fd, short what, void *arg);
static void send_next(struct answer *answer);
static void start_reply(struct answer *answer);
static void send_piece(struct answer *answer);
static void send_end(struct answer *answer);
static void send_string(
    struct answer *answer, const char *code, const char *text, size_t len);
static void send_line(struct answer *answer, const char *line);
static void send_chunk(struct answer *answer, struct evbuffer *chunk);
static void finish_reply(struct answer *answer);
static void on_gone(struct evhttp_connection *connection, void *arg);
static void release(struct answer *answer);
static void free_answer(void *thing);

struct ac_demo_chats *
ac_demo_chats_new(struct event_base *base, int64_t delay_ms)
{
	struct ac_demo_chats *chats = ac_calloc(1, sizeof(*chats));

	chats->base = base;
	chats->delay_ms = delay_ms;
	chats->reaper = ac_reaper_new(base);
	LIST_INIT(&chats->answers);
	return chats;
}

void
ac_demo_chats_free(struct ac_demo_chats *chats)
{
	struct answer *answer;

	while ((answer = LIST_FIRST(&chats->answers)) != NULL) {
		evhttp_connection_set_closecb(
		    evhttp_request_get_connection(answer->req), NULL, NULL);
		release(answer);
	}
	ac_reaper_free(chats->reaper);
	free(chats);
}

void
ac_demo_chats_start(struct ac_demo_chats *chats, struct evhttp_request *req)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(req);
	size_t len = evbuffer_get_length(body);
	const char *data = (const char *)evbuffer_pullup(body, -1);
	struct ac_demo_prompt prompt;
	enum ac_demo_verdict verdict;

	if (data == NULL && len > 0)
		ac_out_of_memory();
	verdict = ac_demo_prompt_parse(&prompt, data, len);
	/* the answer takes its time, and a body can be large */
	evbuffer_drain(body, len);
	switch (verdict) {
	case AC_DEMO_VERDICT_CRASH:
		ac_demo_reply_empty(req, 500);
		break;
	case AC_DEMO_VERDICT_COMPLAIN:
	case AC_DEMO_VERDICT_ANSWER:
		start_answer(chats, req, &prompt);
		break;
	}
	ac_demo_prompt_clear(&prompt);
}

static void
start_answer(struct ac_demo_chats *chats, struct evhttp_request *req,
    const struct ac_demo_prompt *prompt)
{
	struct answer *answer = ac_calloc(1, sizeof(*answer));

	answer->chats = chats;
	answer->req = req;
	answer->complaint = prompt->complaint;
	if (prompt->complaint == NULL)
		answer->text = ac_demo_text_make(prompt);
	answer->timer = evtimer_new(chats->base, on_timer, answer);
	if (answer->timer == NULL)
		ac_out_of_memory();
	LIST_INSERT_HEAD(&chats->answers, answer, link);
	watch_client(answer);
	wait_for_next(answer, chats->delay_ms);
}

/*
 * evhttp stops reading while a reply is due, and so would not see the client
 * leave. Reading goes on here without its read callback, which exits on a
 * byte that comes too soon; those bytes wait in the buffer, up to a limit.
 * The idle timeout must not end a slow answer.
 */
static void
watch_client(struct answer *answer)
{
	struct evhttp_connection *connection =
	    evhttp_request_get_connection(answer->req);
	struct bufferevent *bev = evhttp_connection_get_bufferevent(connection);
	struct timeval write_timeout = ac_clock_timeval(WRITE_TIMEOUT_MS);
	bufferevent_data_cb on_read, on_write;
	bufferevent_event_cb on_event;
	void *arg;

	evhttp_connection_set_closecb(connection, on_gone, answer);
	bufferevent_getcb(bev, &on_read, &on_write, &on_event, &arg);
	bufferevent_setcb(bev, NULL, on_write, on_event, arg);
	bufferevent_setwatermark(bev, EV_READ, 0, MAX_EARLY_BYTES);
	bufferevent_set_timeouts(bev, NULL, &write_timeout);
	bufferevent_enable(bev, EV_READ);
}

/* Also a delay of 0 lets the loop turn once: timers run after what is
 * readable and writable. */
static void
wait_for_next(struct answer *answer, int64_t delay_ms)
{
	struct timeval delay = ac_clock_timeval(delay_ms);

	if (evtimer_add(answer->timer, &delay) != 0)
		ac_out_of_memory();
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	AC_UNUSED(fd);
	AC_UNUSED(what);
	send_next(arg);
}

static void
send_next(struct answer *answer)
{
	if (!answer->is_streaming)
		start_reply(answer);
	if (answer->complaint != NULL) {
		send_string(
		    answer, "3:", answer->complaint, strlen(answer->complaint));
		finish_reply(answer);
		return;
	}
	if (answer->text[answer->sent] == '\0') {
		send_end(answer);
		finish_reply(answer);
		return;
	}
	send_piece(answer);
	wait_for_next(answer,
	    answer->text[answer->sent] == '\0' ? 0 : answer->chats->delay_ms);
}

static void
start_reply(struct answer *answer)
{
	char id[AC_ID_SIZE];
	char line[AC_ID_SIZE + 32];

	answer->is_streaming = true;
	ac_demo_reply_prepare(answer->req, "text/plain; charset=utf-8");
	ac_demo_reply_add_header(answer->req, "x-vercel-ai-data-stream", "v1");
	ac_demo_reply_start(answer->req, 200);
	if (answer->complaint != NULL)
		return;
	ac_id_make(id, "msg-");
	snprintf(line, sizeof(line), "f:{\"messageId\":\"%s\"}\n", id);
	send_line(answer, line);
}

static void
send_piece(struct answer *answer)
{
	const char *piece = answer->text + answer->sent;
	size_t len = ac_demo_text_piece(piece);

	send_string(answer, "0:", piece, len);
	answer->sent += len;
}

static void
send_end(struct answer *answer)
{
	send_line(answer,
	    "e:{\"finishReason\":\"stop\",\"usage\":{\"promptTokens\":null,"
	    "\"completionTokens\":null},\"isContinued\":false}\n");
	send_line(answer,
	    "d:{\"finishReason\":\"stop\",\"usage\":{\"promptTokens\":null,"
	    "\"completionTokens\":null}}\n");
}

/* One line: a code and a JSON string. */
static void
send_string(
    struct answer *answer, const char *code, const char *text, size_t len)
{
	json_t *string = json_stringn(text, len);
	struct evbuffer *chunk = evbuffer_new();

	if (chunk == NULL || string == NULL)
		ac_out_of_memory();
	evbuffer_add(chunk, code, strlen(code));
	ac_json_add(chunk, string);
	evbuffer_add(chunk, "\n", 1);
	json_decref(string);
	send_chunk(answer, chunk);
}

static void
send_line(struct answer *answer, const char *line)
{
	struct evbuffer *chunk = evbuffer_new();

	if (chunk == NULL || evbuffer_add(chunk, line, strlen(line)) != 0)
		ac_out_of_memory();
	send_chunk(answer, chunk);
}

/* Each line is one chunk, as with the real app. */
static void
send_chunk(struct answer *answer, struct evbuffer *chunk)
{
	evhttp_send_reply_chunk(answer->req, chunk);
	evbuffer_free(chunk);
}

/* What watch_client() changed is put back for the connection's next
 * request. */
static void
finish_reply(struct answer *answer)
{
	struct evhttp_connection *connection =
	    evhttp_request_get_connection(answer->req);

	evhttp_connection_set_closecb(connection, NULL, NULL);
	bufferevent_setwatermark(
	    evhttp_connection_get_bufferevent(connection), EV_READ, 0, 0);
	evhttp_connection_set_timeout(connection, AC_DEMO_IDLE_S);
	evhttp_send_reply_end(answer->req);
	release(answer);
}

/* If the connection failed, evhttp has let go of the request; if it is being
 * freed, evhttp frees the request too. */
static void
on_gone(struct evhttp_connection *connection, void *arg)
{
	struct answer *answer = arg;

	AC_UNUSED(connection);
	if (evhttp_request_get_connection(answer->req) == NULL)
		evhttp_request_free(answer->req);
	release(answer);
}

static void
release(struct answer *answer)
{
	answer->req = NULL;
	event_del(answer->timer);
	LIST_REMOVE(answer, link);
	ac_reaper_add(answer->chats->reaper, free_answer, answer);
}

static void
free_answer(void *thing)
{
	struct answer *answer = thing;

	event_free(answer->timer);
	free(answer->text);
	free(answer);
}

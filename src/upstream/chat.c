/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * One chat: see chat.h. Owned by the API's handler.
 *
 *	SESSION -> SENT -> STREAM -> done
 *	   ^         |-> REFUSED (the answer is gathered) -> done
 *	   +- stale -+ (once)
 */
#include "upstream/chat.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/reaper.h"
#include "net/http_client.h"
#include "upstream/answer.h"
#include "upstream/session.h"
#include "upstream/upstream.h"

enum { REFUSAL_MAX = 64 * 1024 };

enum chat_state {
	CHAT_SESSION,
	CHAT_SENT,
	CHAT_STREAM,
	CHAT_REFUSED,
};

struct ac_chat {
	struct ac_upstream *upstream; /* borrowed */
	const struct ac_chat_handlers *handlers;
	void *arg;
	struct ac_bytes *body; /* one reference */
	enum chat_state state;
	struct ac_session_wait *wait; /* in CHAT_SESSION */
	struct ac_http_call *call;    /* afterwards */
	char *token;                  /* owned, the call's */
	bool replayed;
	int64_t wait_began_ns;
	int64_t waited_ns;       /* for sessions, in waits that are over */
	struct ac_answer answer; /* of a refusal */
};

static void get_session(struct ac_chat *);
static void on_token(const char *token, const struct ac_error *, void *arg);
static void send_request(struct ac_chat *);
static void on_head(const struct ac_http_head *, void *arg);
static void on_data(struct evbuffer *, void *arg);
static void on_call_done(const struct ac_error *, void *arg);
static void finish(struct ac_chat *, const struct ac_error *);
static void free_chat(void *);

static const struct ac_http_handlers call_handlers = {
    .on_head = on_head,
    .on_data = on_data,
    .on_done = on_call_done,
};

struct ac_chat *
ac_chat_start(struct ac_upstream *upstream, struct ac_bytes *body,
    const struct ac_chat_handlers *handlers, void *arg)
{
	struct ac_chat *chat = ac_calloc(1, sizeof(*chat));

	chat->upstream = upstream;
	chat->handlers = handlers;
	chat->arg = arg;
	chat->body = ac_bytes_ref(body);
	ac_answer_init(&chat->answer, REFUSAL_MAX);
	get_session(chat);
	return chat;
}

static void
get_session(struct ac_chat *chat)
{
	const char *token = ac_session_token(chat->upstream->session);

	chat->state = CHAT_SESSION;
	if (token == NULL) {
		chat->wait_began_ns = ac_clock_ns();
		chat->wait = ac_session_wait_start(
		    chat->upstream->session, on_token, chat);
		return;
	}
	chat->token = ac_strdup(token);
	send_request(chat);
}

static void
on_token(const char *token, const struct ac_error *error, void *arg)
{
	struct ac_chat *chat = arg;

	chat->wait = NULL;
	chat->waited_ns += ac_clock_ns() - chat->wait_began_ns;
	if (error != NULL) {
		finish(chat, error);
		return;
	}
	chat->token = ac_strdup(token);
	send_request(chat);
}

static void
send_request(struct ac_chat *chat)
{
	char *path = ac_site_path(&chat->upstream->site, "/api/chat/");
	char *cookie = ac_site_cookie(&chat->upstream->site, chat->token);
	struct ac_http_header headers[] = {
	    {"User-Agent", ac_site_user_agent(&chat->upstream->site)},
	    {"Content-Type", "application/json"},
	    {"Accept", "*/*"},
	    {"Cookie", cookie},
	};
	struct ac_http_request post = {
	    .method = AC_HTTP_POST,
	    .path = path,
	    .headers = headers,
	    .header_count = AC_LENGTH(headers),
	    .body = chat->body,
	};

	chat->state = CHAT_SENT;
	chat->call = ac_http_call_start(
	    chat->upstream->site.client, &post, &call_handlers, chat);
	ac_wipe_and_free(cookie);
	free(path);
}

/* Whether the answer is a stream, and in which protocol: both name themselves
 * in a header of their own, which something in between may have taken away. */
static bool
is_stream(const struct ac_http_head *head, enum ac_chat_protocol *protocol)
{
	if (head->status != 200)
		return false;
	*protocol = AC_CHAT_UI_STREAM;
	if (ac_http_head_find(head, "x-vercel-ai-ui-message-stream") != NULL)
		return true;
	*protocol = AC_CHAT_DATA_STREAM;
	if (ac_http_head_find(head, "x-vercel-ai-data-stream") != NULL ||
	    ac_http_head_is_type(head, "text/plain"))
		return true;
	*protocol = AC_CHAT_UI_STREAM;
	return ac_http_head_is_type(head, "text/event-stream");
}

static void
on_head(const struct ac_http_head *head, void *arg)
{
	struct ac_chat *chat = arg;
	enum ac_chat_protocol protocol;

	if (is_stream(head, &protocol)) {
		chat->state = CHAT_STREAM;
		/* It will not be sent again. */
		ac_bytes_unref(chat->body);
		chat->body = NULL;
		chat->handlers->on_open(protocol, chat->arg);
	} else {
		chat->state = CHAT_REFUSED;
		ac_answer_set_head(&chat->answer, head);
	}
}

static void
on_data(struct evbuffer *data, void *arg)
{
	struct ac_chat *chat = arg;

	if (chat->state == CHAT_STREAM)
		chat->handlers->on_data(data, chat->arg);
	else
		ac_answer_add(&chat->answer, data);
}

/* The app says in plain text that a prompt or its files are too long;
 * everything else comes as JSON or as nothing. */
static bool
is_too_long(struct ac_answer *answer)
{
	const char *text = ac_buf_string(&answer->body);

	return answer->status == 400 && !answer->is_json &&
	       (strncmp(text, "[Message too long", 17) == 0 ||
		   strncmp(text, "Your files have", 15) == 0);
}

static void
set_refusal_error(struct ac_chat *chat, struct ac_error *error)
{
	struct ac_answer *answer = &chat->answer;

	if (is_too_long(answer))
		ac_error_set(error, AC_ERROR_CONTEXT_LENGTH, "%s",
		    ac_buf_string(&answer->body));
	else
		ac_answer_set_error(answer, "the chat", error);
	error->is_quote = answer->body.len > 0;
}

static void
on_refusal(struct ac_chat *chat)
{
	struct ac_error error;
	bool stale = ac_answer_is_stale_session(&chat->answer);

	if (stale)
		ac_session_reject(chat->upstream->session, chat->token);
	if (stale && !chat->replayed) {
		chat->replayed = true;
		ac_wipe_and_free(chat->token);
		chat->token = NULL;
		get_session(chat);
		return;
	}
	set_refusal_error(chat, &error);
	if (stale)
		ac_error_set(&error, AC_ERROR_UPSTREAM_SESSION,
		    "The upstream refused two sessions in a row.");
	finish(chat, &error);
}

static void
on_call_done(const struct ac_error *error, void *arg)
{
	struct ac_chat *chat = arg;

	chat->call = NULL;
	if (error == NULL && chat->state == CHAT_REFUSED)
		on_refusal(chat);
	else
		finish(chat, error);
}

static void
finish(struct ac_chat *chat, const struct ac_error *error)
{
	ac_reaper_add(chat->upstream->site.reaper, free_chat, chat);
	chat->handlers->on_done(error, chat->arg);
}

static void
free_chat(void *thing)
{
	struct ac_chat *chat = thing;

	ac_bytes_unref(chat->body);
	ac_wipe_and_free(chat->token);
	ac_answer_clear(&chat->answer);
	free(chat);
}

void
ac_chat_cancel(struct ac_chat *chat)
{
	if (chat->wait != NULL)
		ac_session_wait_cancel(chat->wait);
	if (chat->call != NULL)
		ac_http_call_cancel(chat->call);
	ac_reaper_add(chat->upstream->site.reaper, free_chat, chat);
}

void
ac_chat_leave(struct ac_chat *chat)
{
	if (chat->call != NULL)
		ac_http_call_leave(chat->call);
	ac_reaper_add(chat->upstream->site.reaper, free_chat, chat);
}

void
ac_chat_note_answer(struct ac_chat *chat)
{
	if (chat->call != NULL)
		ac_http_call_note_answer(chat->call);
}

int64_t
ac_chat_session_wait_ns(const struct ac_chat *chat)
{
	return chat->waited_ns +
	       (chat->wait == NULL ? 0 : ac_clock_ns() - chat->wait_began_ns);
}

int64_t
ac_chat_read_ns(const struct ac_chat *chat)
{
	return chat->call == NULL ? 0 : ac_http_call_read_ns(chat->call);
}

void
ac_chat_pause(struct ac_chat *chat)
{
	if (chat->call != NULL)
		ac_http_call_pause(chat->call);
}

void
ac_chat_resume(struct ac_chat *chat)
{
	if (chat->call != NULL)
		ac_http_call_resume(chat->call);
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A question and its answer: see ask.h. Owned by who asks. */
#include "doctor/ask.h"

#include <stdlib.h>

#include <event2/buffer.h>

#include "base/mem.h"
#include "base/reaper.h"
#include "net/http_client.h"

struct ac_ask {
	struct ac_reaper *reaper; /* borrowed */
	const struct ac_ask_handlers *handlers;
	void *arg;
	struct ac_http_call *call; /* owned until on_done() */
	struct ac_ask_reply reply;
};

static void on_head(const struct ac_http_head *, void *arg);
static void on_data(struct evbuffer *, void *arg);
static void on_done(const struct ac_error *, void *arg);

static const struct ac_http_handlers call_handlers = {
    .on_head = on_head,
    .on_data = on_data,
    .on_done = on_done,
};

struct ac_ask *
ac_ask_start(struct ac_http_client *client, struct ac_reaper *reaper,
    const struct ac_http_request *request,
    const struct ac_ask_handlers *handlers, void *arg)
{
	struct ac_ask *ask = ac_calloc(1, sizeof(*ask));

	ask->reaper = reaper;
	ask->handlers = handlers;
	ask->arg = arg;
	ac_buf_init(&ask->reply.body, AC_ASK_BODY_MAX);
	ask->call = ac_http_call_start(client, request, &call_handlers, ask);
	return ask;
}

static void
on_head(const struct ac_http_head *head, void *arg)
{
	struct ac_ask *ask = arg;

	ask->reply.status = head->status;
	ask->reply.is_json = ac_http_head_is_type(head, "application/json");
	if (ask->handlers->on_head != NULL)
		ask->handlers->on_head(head, ask->arg);
}

/* What does not fit is not needed to understand the answer. */
static void
gather(struct ac_buf *body, struct evbuffer *data)
{
	size_t len = evbuffer_get_length(data);

	if (len > body->max - body->len)
		len = body->max - body->len;
	if (!ac_buf_add(body, evbuffer_pullup(data, -1), len))
		abort(); /* it has just been measured */
}

static void
on_data(struct evbuffer *data, void *arg)
{
	struct ac_ask *ask = arg;

	if (ask->handlers->on_data != NULL)
		ask->handlers->on_data(data, ask->arg);
	else
		gather(&ask->reply.body, data);
	evbuffer_drain(data, evbuffer_get_length(data));
}

static void
free_ask(void *thing)
{
	struct ac_ask *ask = thing;

	ac_buf_clear(&ask->reply.body);
	free(ask);
}

static void
on_done(const struct ac_error *error, void *arg)
{
	struct ac_ask *ask = arg;

	ask->call = NULL;
	ac_reaper_add(ask->reaper, free_ask, ask);
	ask->handlers->on_done(&ask->reply, error, ask->arg);
}

void
ac_ask_cancel(struct ac_ask *ask)
{
	if (ask->call != NULL)
		ac_http_call_cancel(ask->call);
	ask->call = NULL;
	ac_reaper_add(ask->reaper, free_ask, ask);
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Answers under way: see demo_answer.h. Each is a timer that carries out a
 * plan:
 *
 *	WAITING --first step--> STREAMING --last step--> DONE
 *	    \_______________ client gone ______________/
 *
 * WAITING sends nothing at all, not even the status: the real app keeps that
 * back until its model says something. An answer whose plan has no end stays
 * STREAMING, without its timer, until the client leaves. An answer owns its
 * plan and its timer; evhttp owns the request while the client is there.
 */
#include "demo/demo_answer.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/reaper.h"
#include "base/timer.h"
#include "demo/demo_plan.h"
#include "demo/demo_reply.h"

enum {
	MAX_EARLY_BYTES = 64 * 1024, /* kept of a request that comes too soon */
	WRITE_TIMEOUT_MS = 60 * 1000,
};

struct answer {
	LIST_ENTRY(answer) link;
	struct ac_demo_answers *answers;
	struct evhttp_request *req; /* evhttp's; NULL: DONE */
	struct event *timer;        /* owned */
	struct ac_demo_plan plan;   /* owned; its body is what is left */
	size_t next;                /* step of the plan */
	bool is_streaming;
};

struct ac_demo_answers {
	struct event_base *base;
	int64_t delay_ms;
	struct ac_reaper *reaper;            /* owned, frees what is DONE */
	LIST_HEAD(answer_list, answer) list; /* owned, not DONE */
};

static void watch_client(struct answer *answer);
static void wait_for_next(struct answer *answer);
static void on_timer(evutil_socket_t fd, short what, void *arg);
static void send_next(struct answer *answer);
static void start_reply(struct answer *answer);
static void send_step(struct answer *answer);
static void end_reply(struct answer *answer);
static void finish_reply(struct answer *answer);
static void close_connection(struct answer *answer);
static void reset_connection(struct answer *answer);
static void on_gone(struct evhttp_connection *connection, void *arg);
static void release(struct answer *answer);
static void free_answer(void *thing);

struct ac_demo_answers *
ac_demo_answers_new(struct event_base *base, int64_t delay_ms)
{
	struct ac_demo_answers *answers = ac_calloc(1, sizeof(*answers));

	answers->base = base;
	answers->delay_ms = delay_ms;
	answers->reaper = ac_reaper_new(base);
	LIST_INIT(&answers->list);
	return answers;
}

void
ac_demo_answers_free(struct ac_demo_answers *answers)
{
	struct answer *answer;

	while ((answer = LIST_FIRST(&answers->list)) != NULL) {
		evhttp_connection_set_closecb(
		    evhttp_request_get_connection(answer->req), NULL, NULL);
		release(answer);
	}
	ac_reaper_free(answers->reaper);
	free(answers);
}

void
ac_demo_answers_start(struct ac_demo_answers *answers,
    struct evhttp_request *req, const struct ac_demo_plan *plan)
{
	struct answer *answer = ac_calloc(1, sizeof(*answer));

	answer->answers = answers;
	answer->req = req;
	answer->plan = *plan;
	answer->timer = ac_timer_new(answers->base, on_timer, answer);
	LIST_INSERT_HEAD(&answers->list, answer, link);
	watch_client(answer);
	wait_for_next(answer);
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

/* Also a wait of 0 lets the loop turn once: timers run after what is
 * readable and writable. */
static void
wait_for_next(struct answer *answer)
{
	const struct ac_demo_plan *plan = &answer->plan;
	int64_t wait_ms =
	    plan->count == 0 ? 0 : plan->steps[answer->next].wait_ms;
	struct timeval wait = ac_clock_timeval(
	    wait_ms == AC_DEMO_PACE ? answer->answers->delay_ms : wait_ms);

	if (evtimer_add(answer->timer, &wait) != 0)
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
	const struct ac_demo_plan *plan = &answer->plan;

	if (!answer->is_streaming)
		start_reply(answer);
	while (answer->next < plan->count) {
		send_step(answer);
		if (answer->next < plan->count &&
		    plan->steps[answer->next].wait_ms != 0) {
			wait_for_next(answer);
			return;
		}
	}
	end_reply(answer);
}

static void
start_reply(struct answer *answer)
{
	const struct ac_demo_plan *plan = &answer->plan;
	const struct ac_demo_header *header = plan->headers;

	answer->is_streaming = true;
	ac_demo_reply_prepare(answer->req, NULL);
	for (; header != NULL && header->name != NULL; header++)
		ac_demo_reply_add_header(
		    answer->req, header->name, header->value);
	ac_demo_reply_start(answer->req, plan->status);
}

/* Each is one chunk, as each line of the real app is. */
static void
send_step(struct answer *answer)
{
	struct ac_demo_plan *plan = &answer->plan;
	size_t len = plan->steps[answer->next].len;
	struct evbuffer *chunk = evbuffer_new();

	if (chunk == NULL ||
	    evbuffer_remove_buffer(plan->body, chunk, len) != (int)len)
		ac_out_of_memory();
	evhttp_send_reply_chunk(answer->req, chunk);
	evbuffer_free(chunk);
	answer->next++;
}

static void
end_reply(struct answer *answer)
{
	switch (answer->plan.end) {
	case AC_DEMO_END_WHOLE:
		finish_reply(answer);
		break;
	case AC_DEMO_END_CUT:
		close_connection(answer);
		break;
	case AC_DEMO_END_RESET:
		reset_connection(answer);
		break;
	case AC_DEMO_END_NEVER:
		break;
	}
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

/* Without a last chunk. evhttp frees the request with its connection. */
static void
close_connection(struct answer *answer)
{
	struct evhttp_connection *connection =
	    evhttp_request_get_connection(answer->req);

	evhttp_connection_set_closecb(connection, NULL, NULL);
	release(answer);
	evhttp_connection_free(connection);
}

/* evhttp shuts a socket down before it closes it, which would end the stream
 * properly even with SO_LINGER. So the socket is dissolved before: that sends
 * a RST (connect(2), AF_UNSPEC). */
static void
reset_connection(struct answer *answer)
{
	struct bufferevent *bev = evhttp_connection_get_bufferevent(
	    evhttp_request_get_connection(answer->req));
	struct sockaddr nowhere = {.sa_family = AF_UNSPEC};

	(void)connect(bufferevent_getfd(bev), &nowhere, sizeof(nowhere));
	close_connection(answer);
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
	ac_reaper_add(answer->answers->reaper, free_answer, answer);
}

static void
free_answer(void *thing)
{
	struct answer *answer = thing;

	event_free(answer->timer);
	ac_demo_plan_clear(&answer->plan);
	free(answer);
}

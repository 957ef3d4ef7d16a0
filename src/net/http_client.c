/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Calls and the pool: see http_client.h. The client owns the idle
 * connections, a call owns the connection it uses and a copy of its request,
 * so that it can be sent again to the next address or on a fresh connection.
 *
 *	EXCHANGE (pooled) -> [lost before an answer: RESOLVING]
 *	RESOLVING -> EXCHANGE (address 1) -> [not connected: address 2 …]
 *	    ^                             -> [may be repeated: PAUSE]
 *	    +------------------------------------------------ PAUSE
 */
#include "net/http_client.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/event.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/reaper.h"
#include "base/timer.h"
#include "base/url.h"
#include "net/proxy.h"
#include "net/resolver.h"

struct idle_conn {
	TAILQ_ENTRY(idle_conn) entry;
	struct ac_http_conn *conn;
};
TAILQ_HEAD(idle_list, idle_conn);

TAILQ_HEAD(call_list, ac_http_call);

enum {
	LEFT_MS = 1000,
	LEFT_BYTES_MAX = 64 * 1024,
	PAUSE_MS = 100, /* before the first retry, three times it before … */
	PAUSE_GROWTH = 3,
	PAUSE_MAX_MS = 10000,
};

struct ac_http_client {
	struct ac_http_origin origin;
	struct ac_resolver *resolver; /* borrowed */
	struct call_list left;        /* owned: calls that nobody waits for */
	struct idle_list idle;        /* owned, the latest first */
	struct ac_http_client_counts counts; /* but of idle ones */
};

struct ac_http_call {
	TAILQ_ENTRY(ac_http_call) entry;         /* of client->left */
	struct ac_http_client *client;           /* borrowed */
	const struct ac_http_handlers *handlers; /* borrowed */
	void *arg;
	struct ac_http_request request;   /* owned copy */
	struct ac_http_header *headers;   /* owned: request.headers */
	struct ac_resolution *resolution; /* the resolver's, or NULL */
	struct ac_http_conn *conn;        /* owned, or NULL */
	struct ac_ip_list *ips;           /* owned; NULL: not looked up */
	size_t next_ip;
	bool pooled;              /* conn came from the pool */
	int retries;              /* that were made */
	struct event *pause;      /* owned: until the next retry; or NULL */
	struct event *left_timer; /* owned; NULL: somebody waits */
	size_t left_bytes;
};

static void drop_noisy(struct ac_http_client *);
static void take_pooled(struct ac_http_call *);
static void resolve(struct ac_http_call *);
static bool may_retry(const struct ac_http_call *);
static void retry(struct ac_http_call *, const char *why);
static void on_resolved(const struct ac_ip_list *, const char *why, void *arg);
static void try_next_ip(struct ac_http_call *);
static void on_head(const struct ac_http_head *, void *arg);
static void on_data(struct evbuffer *, void *arg);
static void on_end(enum ac_conn_end, const char *why, void *arg);
static bool is_worth_a_retry(enum ac_conn_end);
static void on_idle_close(struct ac_http_conn *, void *arg);
static void finish(struct ac_http_call *, const struct ac_error *);

static const struct ac_conn_handlers conn_handlers = {
    .on_head = on_head,
    .on_data = on_data,
    .on_end = on_end,
};

struct ac_http_client *
ac_http_client_new(
    const struct ac_http_origin *origin, struct ac_resolver *resolver)
{
	struct ac_http_client *client = ac_calloc(1, sizeof(*client));

	client->origin = *origin;
	client->origin.open = &client->counts.open;
	client->resolver = resolver;
	TAILQ_INIT(&client->left);
	TAILQ_INIT(&client->idle);
	return client;
}

struct ac_http_client_counts
ac_http_client_count(const struct ac_http_client *client)
{
	struct ac_http_client_counts counts = client->counts;
	const struct idle_conn *idle;

	TAILQ_FOREACH(idle, &client->idle, entry)
	{
		counts.idle++;
	}
	return counts;
}

void
ac_http_client_free(struct ac_http_client *client)
{
	struct idle_conn *idle;

	if (client == NULL)
		return;
	while (!TAILQ_EMPTY(&client->left))
		ac_http_call_cancel(TAILQ_FIRST(&client->left));
	while ((idle = TAILQ_FIRST(&client->idle)) != NULL) {
		TAILQ_REMOVE(&client->idle, idle, entry);
		ac_http_conn_abort(idle->conn);
		free(idle);
	}
	/* The connections that wait for the reaper look at the origin. */
	ac_reaper_add(client->origin.reaper, free, client);
}

static void
copy_request(struct ac_http_call *call, const struct ac_http_request *request)
{
	size_t count = request->header_count;

	call->headers = ac_calloc(count, sizeof(*call->headers));
	for (size_t i = 0; i < count; i++) {
		call->headers[i].name = ac_strdup(request->headers[i].name);
		call->headers[i].value = ac_strdup(request->headers[i].value);
	}
	call->request = (struct ac_http_request){
	    .method = request->method,
	    .path = ac_strdup(request->path),
	    .headers = call->headers,
	    .header_count = count,
	    .body = request->body == NULL ? NULL : ac_bytes_ref(request->body),
	};
}

/* What only a repetition would need. */
static void
free_request(struct ac_http_call *call)
{
	for (size_t i = 0; i < call->request.header_count; i++) {
		free((char *)call->headers[i].name);
		ac_wipe_and_free((char *)call->headers[i].value);
	}
	free(call->headers);
	free((char *)call->request.path);
	ac_bytes_unref(call->request.body);
	free(call->ips);
	if (call->pause != NULL)
		event_free(call->pause);
	call->request = (struct ac_http_request){.path = NULL};
	call->headers = NULL;
	call->ips = NULL;
	call->pause = NULL;
}

static void
free_call(void *thing)
{
	free_request(thing);
	free(thing);
}

struct ac_http_call *
ac_http_call_start(struct ac_http_client *client,
    const struct ac_http_request *request,
    const struct ac_http_handlers *handlers, void *arg)
{
	struct ac_http_call *call = ac_calloc(1, sizeof(*call));

	call->client = client;
	call->handlers = handlers;
	call->arg = arg;
	copy_request(call, request);
	drop_noisy(client);
	if (TAILQ_EMPTY(&client->idle))
		resolve(call);
	else
		take_pooled(call);
	return call;
}

/* Until the first idle connection is one to be used. */
static void
drop_noisy(struct ac_http_client *client)
{
	struct idle_conn *idle = TAILQ_FIRST(&client->idle);

	while (idle != NULL && !ac_http_conn_is_quiet(idle->conn)) {
		struct idle_conn *next = TAILQ_NEXT(idle, entry);

		TAILQ_REMOVE(&client->idle, idle, entry);
		ac_http_conn_abort(idle->conn);
		free(idle);
		idle = next;
	}
}

static void
take_pooled(struct ac_http_call *call)
{
	struct idle_conn *idle = TAILQ_FIRST(&call->client->idle);

	TAILQ_REMOVE(&call->client->idle, idle, entry);
	call->conn = idle->conn;
	call->pooled = true;
	free(idle);
	ac_http_conn_send(call->conn, &call->request, &conn_handlers, call);
}

/* The host to connect to. */
static const char *
next_hop(const struct ac_http_client *client)
{
	const struct ac_proxy *proxy = client->origin.proxy;

	return proxy != NULL ? proxy->host : client->origin.url->host;
}

static void
resolve(struct ac_http_call *call)
{
	call->pooled = false;
	call->resolution = ac_resolver_start(
	    call->client->resolver, next_hop(call->client), on_resolved, call);
}

static void
on_resolved(const struct ac_ip_list *ips, const char *why, void *arg)
{
	struct ac_http_call *call = arg;
	struct ac_error error;

	call->resolution = NULL;
	if (ips == NULL) {
		ac_error_set(&error, AC_ERROR_UPSTREAM_UNREACHABLE,
		    "The upstream cannot be reached: %s%s: %s.",
		    call->client->origin.proxy != NULL ? "the proxy " : "",
		    next_hop(call->client), why);
		finish(call, &error);
		return;
	}
	if (call->ips == NULL)
		call->ips = ac_malloc(sizeof(*call->ips));
	*call->ips = *ips;
	call->next_ip = 0;
	try_next_ip(call);
}

static void
try_next_ip(struct ac_http_call *call)
{
	const char *ip = call->ips->ips[call->next_ip++].text;

	call->conn = ac_http_conn_new(
	    &call->client->origin, ip, on_idle_close, call->client);
	ac_http_conn_send(call->conn, &call->request, &conn_handlers, call);
}

/* Whether something before the app answered because it did not reach it. The
 * app's own answers are JSON; one that names a time is taken at its word. */
static bool
is_gateway_failure(const struct ac_http_head *head)
{
	return head->status >= 502 && head->status <= 504 &&
	       !ac_http_head_is_type(head, "application/json") &&
	       ac_http_head_find(head, "Retry-After") == NULL;
}

static void
on_head(const struct ac_http_head *head, void *arg)
{
	struct ac_http_call *call = arg;
	char why[64];

	if (!may_retry(call) || !is_gateway_failure(head)) {
		/* It has begun to answer and will not be sent again. */
		free_request(call);
		call->handlers->on_head(head, call->arg);
		return;
	}
	ac_http_conn_abort(call->conn);
	call->conn = NULL;
	snprintf(why, sizeof(why), "HTTP %d without an answer of the app",
	    head->status);
	retry(call, why);
}

static void
on_data(struct evbuffer *data, void *arg)
{
	struct ac_http_call *call = arg;

	call->handlers->on_data(data, call->arg);
}

/* The connection goes back to the pool, or to its end. */
static void
release_conn(struct ac_http_call *call)
{
	struct ac_http_conn *conn = call->conn;
	struct idle_conn *idle;

	call->conn = NULL;
	if (!ac_http_conn_is_reusable(conn)) {
		ac_http_conn_abort(conn);
		return;
	}
	idle = ac_calloc(1, sizeof(*idle));
	idle->conn = conn;
	TAILQ_INSERT_HEAD(&call->client->idle, idle, entry);
	ac_http_conn_set_idle(conn);
}

static void
set_error(struct ac_error *error, enum ac_conn_end end, const char *why)
{
	switch (end) {
	case AC_CONN_COMPLETE:
	case AC_CONN_CONNECT_FAILED:
		ac_error_set(error, AC_ERROR_UPSTREAM_UNREACHABLE,
		    "The upstream cannot be reached: %s.", why);
		break;
	case AC_CONN_CONNECT_TIMEOUT:
		ac_error_set(error, AC_ERROR_CONNECT_TIMEOUT,
		    "The upstream cannot be reached: %s.", why);
		break;
	case AC_CONN_PROXY_FAILED:
		ac_error_set(error, AC_ERROR_UPSTREAM_PROXY,
		    "The upstream cannot be reached: %s.", why);
		break;
	case AC_CONN_TLS_FAILED:
		ac_error_set(error, AC_ERROR_UPSTREAM_TLS,
		    "The upstream cannot be trusted: %s.", why);
		break;
	case AC_CONN_UNANSWERED:
		ac_error_set(error, AC_ERROR_FIRST_EVENT_TIMEOUT,
		    "The upstream does not answer: %s.", why);
		break;
	case AC_CONN_SILENT:
		ac_error_set(error, AC_ERROR_SILENCE_TIMEOUT,
		    "The upstream is silent: %s.", why);
		break;
	case AC_CONN_LOST:
	case AC_CONN_CUT:
	case AC_CONN_BAD_ANSWER:
		ac_error_set(error, AC_ERROR_UPSTREAM,
		    "The upstream's answer failed: %s.", why);
		break;
	}
}

/* Whether the request has certainly not been answered, nor refused by a
 * host whose other addresses would do the same. */
static bool
may_try_next_ip(const struct ac_http_call *call, enum ac_conn_end end)
{
	return call->ips != NULL && call->next_ip < call->ips->count &&
	       (end == AC_CONN_CONNECT_FAILED ||
		   end == AC_CONN_CONNECT_TIMEOUT);
}

static void
on_end(enum ac_conn_end end, const char *why, void *arg)
{
	struct ac_http_call *call = arg;
	struct ac_error error;

	if (end != AC_CONN_COMPLETE)
		set_error(&error, end, why);
	release_conn(call);
	if (end == AC_CONN_COMPLETE) {
		finish(call, NULL);
	} else if (call->pooled && end == AC_CONN_LOST) {
		ac_log_debug("pooled connection was dead",
		    AC_STR("path", call->request.path));
		resolve(call);
	} else if (!call->pooled && may_try_next_ip(call, end)) {
		ac_log_info(
		    "trying the next address", AC_STR("reason", error.message));
		try_next_ip(call);
	} else if (may_retry(call) && is_worth_a_retry(end)) {
		retry(call, error.message);
	} else {
		finish(call, &error);
	}
}

/* Nothing was answered, and a moment later it may be. */
static bool
is_worth_a_retry(enum ac_conn_end end)
{
	return end == AC_CONN_CONNECT_FAILED || end == AC_CONN_LOST;
}

static bool
may_retry(const struct ac_http_call *call)
{
	return call->retries < call->client->origin.retries &&
	       call->left_timer == NULL;
}

static void
on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	AC_UNUSED(fd);
	AC_UNUSED(what);
	resolve(arg);
}

/* Between three and five quarters of the pause, so that many calls that
 * failed at once do not come back at once. */
static int64_t
jittered_pause(int retries)
{
	int64_t ms = PAUSE_MS;
	uint16_t random;

	for (int i = 0; i < retries && ms < PAUSE_MAX_MS; i++)
		ms *= PAUSE_GROWTH;
	evutil_secure_rng_get_bytes(&random, sizeof(random));
	return ms * 3 / 4 + ms * random / (2 * (int64_t)UINT16_MAX);
}

static void
retry(struct ac_http_call *call, const char *why)
{
	int64_t pause_ms = jittered_pause(call->retries);

	ac_log_info("trying again", AC_STR("path", call->request.path),
	    AC_STR("reason", why));
	call->retries++;
	call->client->counts.retries++;
	if (call->pause == NULL)
		call->pause = ac_timer_new(
		    call->client->origin.base, on_pause_over, call);
	ac_timer_start(call->pause, pause_ms);
}

static void
on_idle_close(struct ac_http_conn *conn, void *arg)
{
	struct ac_http_client *client = arg;
	struct idle_conn *idle;

	TAILQ_FOREACH(idle, &client->idle, entry)
	{
		if (idle->conn == conn)
			break;
	}
	if (idle == NULL)
		return;
	TAILQ_REMOVE(&client->idle, idle, entry);
	free(idle);
	ac_http_conn_abort(conn);
}

/* Takes a call off the list of those that were left. */
static void
end_leaving(struct ac_http_call *call)
{
	if (call->left_timer == NULL)
		return;
	TAILQ_REMOVE(&call->client->left, call, entry);
	event_free(call->left_timer);
	call->left_timer = NULL;
}

static void
finish(struct ac_http_call *call, const struct ac_error *error)
{
	end_leaving(call);
	ac_reaper_add(call->client->origin.reaper, free_call, call);
	call->handlers->on_done(error, call->arg);
}

static void
on_left_head(const struct ac_http_head *head, void *arg)
{
	AC_UNUSED(head);
	AC_UNUSED(arg);
}

static void
on_left_data(struct evbuffer *data, void *arg)
{
	struct ac_http_call *call = arg;

	call->left_bytes += evbuffer_get_length(data);
	evbuffer_drain(data, evbuffer_get_length(data));
	if (call->left_bytes > LEFT_BYTES_MAX)
		ac_http_call_cancel(call);
}

static void
on_left_done(const struct ac_error *error, void *arg)
{
	AC_UNUSED(error);
	AC_UNUSED(arg);
}

static void
on_left_too_long(evutil_socket_t fd, short what, void *arg)
{
	AC_UNUSED(fd);
	AC_UNUSED(what);
	ac_http_call_cancel(arg);
}

void
ac_http_call_leave(struct ac_http_call *call)
{
	static const struct ac_http_handlers nobody = {
	    .on_head = on_left_head,
	    .on_data = on_left_data,
	    .on_done = on_left_done,
	};

	call->handlers = &nobody;
	call->arg = call;
	if (call->conn == NULL) {
		/* Nothing is under way that would be worth an end. */
		ac_http_call_cancel(call);
		return;
	}
	call->left_timer =
	    ac_timer_new(call->client->origin.base, on_left_too_long, call);
	ac_timer_start(call->left_timer, LEFT_MS);
	TAILQ_INSERT_TAIL(&call->client->left, call, entry);
	ac_http_call_resume(call);
}

void
ac_http_call_cancel(struct ac_http_call *call)
{
	end_leaving(call);
	if (call->resolution != NULL)
		ac_resolution_cancel(call->resolution);
	call->resolution = NULL;
	if (call->conn != NULL)
		ac_http_conn_abort(call->conn);
	call->conn = NULL;
	if (call->pause != NULL)
		evtimer_del(call->pause);
	ac_reaper_add(call->client->origin.reaper, free_call, call);
}

void
ac_http_call_note_answer(struct ac_http_call *call)
{
	if (call->conn != NULL)
		ac_http_conn_note_answer(call->conn);
}

int64_t
ac_http_call_read_ns(const struct ac_http_call *call)
{
	return call->conn == NULL ? 0 : ac_http_conn_read_ns(call->conn);
}

void
ac_http_call_pause(struct ac_http_call *call)
{
	if (call->conn != NULL)
		ac_http_conn_pause(call->conn);
}

void
ac_http_call_resume(struct ac_http_call *call)
{
	if (call->conn != NULL)
		ac_http_conn_resume(call->conn);
}

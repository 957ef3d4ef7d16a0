/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * One client's request: see request.h. Made by the router, used by one
 * handler, it owns itself.
 *
 *	OPEN -> REPLIED ------------------> gone (evhttp has sent it all)
 *	    \-> STREAMING -> REPLIED -----> gone
 *	  \______ the client left, or abort ______/
 *
 * Until REPLIED evhttp's request is ours: if its connection dies, evhttp has
 * let go of it and it must be freed here. From REPLIED on it is evhttp's.
 */
#include "api/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>

#include "api/api.h"
#include "api/client_address.h"
#include "api/client_conn.h"
#include "api/instruments.h"
#include "api/request_private.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/reaper.h"

static void on_client_gone(void *arg);
static void on_complete(struct evhttp_request *, void *arg);

/* evhttp has read a request where the guard has not: nothing behind it is
 * read any more. */
static void
refuse_bad_http(struct ac_request *request)
{
	struct ac_error error;

	ac_error_set(
	    &error, AC_ERROR_BAD_HTTP, "The request is not proper HTTP.");
	request->close_after = true;
	ac_request_reply_error(request, &error);
}

struct ac_request *
ac_request_new(struct ac_api *api, struct ac_client_conn *conn,
    struct evhttp_request *http)
{
	struct ac_request *request = ac_calloc(1, sizeof(*request));
	const char *uri = evhttp_request_get_uri(http);

	request->api = api;
	request->http = http;
	request->conn = conn;
	request->evcon = evhttp_request_get_connection(http);
	request->close_after = ac_client_conn_wants_close(conn);
	request->access.started_ns = ac_clock_ns();
	request->access.facts = (struct ac_request_facts){
	    .route = "unknown",
	    .prompt_tokens = -1,
	    .completion_tokens = -1,
	};
	/* evhttp takes a whole URL for a proxy's request and would close its
	 * connection without a word. */
	http->flags &= ~EVHTTP_PROXY_REQUEST;
	request->access.method = evhttp_request_get_command(http);
	ac_access_choose_id(request->access.id,
	    evhttp_find_header(
		evhttp_request_get_input_headers(http), "X-Request-Id"));
	/* The path alone: somebody might have put a key before or behind it. */
	if (*uri != '/') {
		const struct evhttp_uri *parts =
		    evhttp_request_get_evhttp_uri(http);

		uri = parts == NULL ? NULL : evhttp_uri_get_path(parts);
		uri = uri == NULL ? "" : uri;
	}
	snprintf(request->access.path, sizeof(request->access.path), "%.*s",
	    (int)strcspn(uri, "?#"), uri);
	ac_client_address_find(
	    request->access.client, http, api->trusted_proxies);
	evhttp_request_set_on_complete_cb(http, on_complete, request);
	TAILQ_INSERT_TAIL(&api->requests, request, entry);
	if (ac_client_conn_set_request(conn, on_client_gone, request))
		return request;
	refuse_bad_http(request);
	return NULL;
}

struct ac_api *
ac_request_api(const struct ac_request *request)
{
	return request->api;
}

struct evhttp_request *
ac_request_http(const struct ac_request *request)
{
	return request->http;
}

struct ac_request_facts *
ac_request_facts(struct ac_request *request)
{
	return &request->access.facts;
}

struct ac_admission *
ac_request_admission(struct ac_request *request)
{
	return &request->admission;
}

struct ac_request *
ac_request_first(struct ac_api *api)
{
	return TAILQ_FIRST(&api->requests);
}

struct ac_request *
ac_request_next(const struct ac_request *request)
{
	return TAILQ_NEXT(request, entry);
}

/*
 * evhttp does not read while a reply is pending, so it would not notice that
 * the client leaves. Reading is turned on here, without evhttp's read
 * callback (in this state it would exit the process), and bounded, since
 * what comes early only piles up.
 */
static void
watch_client(struct ac_request *request)
{
	struct bufferevent *bev = ac_request_bev(request);
	bufferevent_data_cb write_cb;
	bufferevent_event_cb event_cb;
	void *arg;

	bufferevent_getcb(bev, NULL, &write_cb, &event_cb, &arg);
	bufferevent_setcb(bev, NULL, write_cb, event_cb, arg);
	bufferevent_setwatermark(bev, EV_READ, 0, AC_EARLY_INPUT_MAX);
	bufferevent_enable(bev, EV_READ);
}

void
ac_request_wait(
    struct ac_request *request, const struct ac_request_hooks *hooks, void *arg)
{
	request->hooks = hooks;
	request->hooks_arg = arg;
	watch_client(request);
}

/*
 * evhttp has written the whole reply. It looks at the headers after this to
 * decide whether the connection goes on, which is the last moment to have it
 * closed: after an error in a stream, and where so much came early that
 * reading was suspended (TLS would never resume).
 */
static void
on_complete(struct evhttp_request *http, void *arg)
{
	struct ac_request *request = arg;
	struct bufferevent *bev = ac_request_bev(request);
	struct evkeyvalq *headers = evhttp_request_get_output_headers(http);

	if (ac_client_conn_wants_close(request->conn))
		request->close_after = true;
	if (request->close_after &&
	    evhttp_find_header(headers, "Connection") == NULL)
		evhttp_add_header(headers, "Connection", "close");
	bufferevent_setwatermark(bev, EV_READ, 0, 0);
	ac_request_forget_output(request);
	ac_client_conn_request_done(request->conn);
	ac_request_finish(request, request->access.ending);
}

/* The client has left; evhttp frees the connection after this. */
static void
on_client_gone(void *arg)
{
	struct ac_request *request = arg;
	const struct ac_request_hooks *hooks = request->hooks;
	void *hooks_arg = request->hooks_arg;

	/* evhttp has let go of a request that is not answered. */
	if (request->state != REQUEST_REPLIED)
		evhttp_request_free(request->http);
	ac_request_finish(request, AC_ENDING_CLIENT_GONE);
	if (hooks != NULL)
		hooks->on_gone(hooks_arg);
}

void
ac_request_abort(struct ac_request *request)
{
	const struct ac_request_hooks *hooks = request->hooks;
	void *hooks_arg = request->hooks_arg;

	ac_request_forget_output(request);
	/* The request is still in the connection's queue and goes with it. */
	ac_client_conn_close(request->conn);
	ac_request_finish(request, AC_ENDING_DRAIN);
	if (hooks != NULL)
		hooks->on_gone(hooks_arg);
}

void
ac_request_give_up(struct ac_request *request, const struct ac_error *error)
{
	const struct ac_request_hooks *hooks = request->hooks;

	if (request->state == REQUEST_REPLIED)
		return;
	/* To its handler the client has gone. */
	request->hooks = NULL;
	if (hooks != NULL)
		hooks->on_gone(request->hooks_arg);
	if (request->state == REQUEST_OPEN)
		ac_request_reply_error(request, error);
	else if (request->streams)
		ac_request_fail_stream(request, error);
	else
		ac_request_cut_body(request, error);
}

static void
free_request(void *thing)
{
	struct ac_request *request = thing;

	if (request->writable_event != NULL)
		event_free(request->writable_event);
	ac_admission_clear(&request->admission);
	free(request->access.facts.model);
	free(request);
}

void
ac_request_finish(struct ac_request *request, enum ac_ending ending)
{
	struct ac_api *api = request->api;

	request->state = REQUEST_GONE;
	request->http = NULL;
	request->hooks = NULL;
	request->access.ending = ending;
	ac_access_log(&request->access);
	ac_instruments_note_request(api->instruments, &request->access);
	if (request->streams)
		ac_instruments_note_stream_over(api->instruments);
	ac_admission_end(&request->admission);
	TAILQ_REMOVE(&api->requests, request, entry);
	ac_reaper_add(api->reaper, free_request, request);
	ac_api_check_idle(api);
}

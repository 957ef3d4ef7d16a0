/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * GET /images/{name}: a picture of the site, handed on as it comes, for
 * clients that cannot reach the site. Without a key, since an <img> sends
 * none, and only with IMAGE_URLS=proxy.
 *
 *	handle -> WAIT (for the head) -> SENDING -> done
 *
 * Before the head a failure is an HTTP error, after it the connection is cut.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

#include "api/api.h"
#include "api/handlers.h"
#include "api/request.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/name.h"
#include "base/reaper.h"
#include "base/timer.h"
#include "upstream/image_data.h"
#include "upstream/image_file.h"
#include "upstream/image_ref.h"
#include "upstream/upstream.h"

struct file_call {
	struct ac_request *request; /* its own; NULL once it is over */
	struct ac_image_file *file; /* owned until on_file_done() */
	struct event *deadline;     /* owned: of REQUEST_TIMEOUT */
	bool head_sent;
};

static char *copy_query(struct ac_request *);
static bool check(struct ac_request *, const char *name, const char *query);
static void start(struct ac_request *, const char *name, const char *query);
static void on_deadline(evutil_socket_t, short, void *arg);
static void on_head(const struct ac_image_head *, void *arg);
static void on_data(struct evbuffer *, void *arg);
static void on_file_done(const struct ac_error *, void *arg);
static void on_writable(void *arg);
static void on_gone(void *arg);
static void fail(struct file_call *, const struct ac_error *);
static void finish(struct file_call *);

static const struct ac_image_file_handlers file_handlers = {
    .on_head = on_head,
    .on_data = on_data,
    .on_done = on_file_done,
};

static const struct ac_request_hooks hooks = {
    .on_gone = on_gone,
    .on_writable = on_writable,
};

void
ac_handle_image_file(struct ac_request *request, const char *tail)
{
	char *query = copy_query(request);

	if (check(request, tail, query))
		start(request, tail, query);
	free(query);
}

/* What stands behind the "?", or NULL. */
static char *
copy_query(struct ac_request *request)
{
	const char *uri = evhttp_request_get_uri(ac_request_http(request));
	const char *mark = uri + strcspn(uri, "?#");

	if (*mark != '?')
		return NULL;
	mark++;
	return ac_memdup(mark, strcspn(mark, "#"));
}

/* Whether a query can be sent on as it is. */
static bool
is_fit_query(const char *query)
{
	size_t len = strlen(query);

	return len <= AC_IMAGE_URL_MAX &&
	       ac_name_is_made_of(query, len, "-._~:/?[]@!$&'()*+,;=%");
}

/* Replies if there is nothing at that name. */
static bool
check(struct ac_request *request, const char *name, const char *query)
{
	struct ac_error error;

	if (ac_request_api(request)->options->image_urls != AC_IMAGE_URLS_PROXY)
		ac_error_set(&error, AC_ERROR_UNKNOWN_URL,
		    "Pictures are not handed out here, only with "
		    "IMAGE_URLS=proxy.");
	else if (!ac_image_name_is_valid(name) ||
		 (query != NULL && !is_fit_query(query)))
		ac_error_set(&error, AC_ERROR_IMAGE_NOT_FOUND,
		    "There is no picture of this name.");
	else
		return true;
	ac_request_reply_error(request, &error);
	return false;
}

static void
start(struct ac_request *request, const char *name, const char *query)
{
	const struct ac_api *api = ac_request_api(request);
	struct file_call *call = ac_calloc(1, sizeof(*call));

	call->request = request;
	call->deadline = ac_timer_new(api->base, on_deadline, call);
	if (api->options->request_timeout_s > 0)
		ac_timer_start(
		    call->deadline, api->options->request_timeout_s * 1000);
	ac_request_wait(request, &hooks, call);
	call->file = ac_image_file_start(&api->upstream->site, name, query,
	    AC_IMAGE_SIZE_MAX, &file_handlers, call);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct file_call *call = arg;
	struct ac_error error;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	ac_error_set(&error, AC_ERROR_REQUEST_TIMEOUT,
	    "The request took longer than REQUEST_TIMEOUT allows (%" PRId64
	    " s).",
	    ac_request_api(call->request)->options->request_timeout_s);
	fail(call, &error);
}

static bool
is_head(const struct ac_request *request)
{
	return evhttp_request_get_command(ac_request_http(request)) ==
	       EVHTTP_REQ_HEAD;
}

/* A name belongs to one picture for ever. */
static void
on_head(const struct ac_image_head *head, void *arg)
{
	struct file_call *call = arg;
	struct ac_request *request = call->request;

	call->head_sent = true;
	ac_request_add_header(
	    request, "Cache-Control", "public, max-age=31536000, immutable");
	ac_request_add_header(request, "X-Content-Type-Options", "nosniff");
	ac_request_start_body(request, head->type,
	    head->length == AC_IMAGE_LENGTH_UNKNOWN ? AC_LENGTH_UNKNOWN
						    : head->length);
	if (!is_head(request))
		return;
	ac_request_end_stream(request);
	finish(call);
}

static void
on_data(struct evbuffer *data, void *arg)
{
	struct file_call *call = arg;

	if (ac_request_write(call->request, data, AC_PIECE_WITHIN) ==
	    AC_WRITE_FULL)
		ac_image_file_pause(call->file);
}

static void
on_writable(void *arg)
{
	struct file_call *call = arg;

	if (call->file != NULL)
		ac_image_file_resume(call->file);
}

static void
on_file_done(const struct ac_error *error, void *arg)
{
	struct file_call *call = arg;

	call->file = NULL;
	if (error != NULL) {
		fail(call, error);
		return;
	}
	ac_request_end_stream(call->request);
	finish(call);
}

static void
fail(struct file_call *call, const struct ac_error *error)
{
	if (call->head_sent)
		ac_request_cut_body(call->request, error);
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
	struct file_call *call = thing;

	event_free(call->deadline);
	free(call);
}

/* The only way out. The request has been replied to or its client is gone. */
static void
finish(struct file_call *call)
{
	struct ac_reaper *reaper = ac_request_api(call->request)->reaper;

	evtimer_del(call->deadline);
	if (call->file != NULL)
		ac_image_file_cancel(call->file);
	call->file = NULL;
	call->request = NULL;
	ac_reaper_add(reaper, free_call, call);
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * POST /v1/images/generations: one images_call for each request, with a
 * drawing for each picture. They run side by side; the first failure ends
 * them all.
 *
 *	NEW -> ASKING (until each has its job) -> DRAWING -> done
 *	   \___ client gone, a failure, deadline ___/  all of them through
 *	                                               finish()
 *
 * A picture is encoded as soon as it is there and its bytes are let go.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

#include "api/access_log.h"
#include "api/admission.h"
#include "api/api.h"
#include "api/drawing.h"
#include "api/handlers.h"
#include "api/images_request.h"
#include "api/model_choice.h"
#include "api/public_image_url.h"
#include "api/request.h"
#include "base/attr.h"
#include "base/base64.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/reaper.h"
#include "base/text.h"
#include "base/timer.h"
#include "codec/image_line.h"
#include "upstream/image_fetch.h"
#include "upstream/models.h"

struct images_call;

struct picture {
	struct images_call *call;   /* whose it is */
	struct ac_drawing *drawing; /* owned until on_drawn() */
	struct evbuffer *item; /* owned: its JSON; NULL until it is drawn */
};

struct images_call {
	struct ac_request *request; /* its own; NULL once it is over */
	enum ac_images_format format;
	struct event *chat_deadline; /* owned: FIRST_EVENT_TIMEOUT */
	struct event *deadline;      /* owned: REQUEST_TIMEOUT */
	size_t count;
	size_t asking;  /* pictures without a job so far */
	size_t missing; /* pictures that are not drawn yet */
	struct picture pictures[AC_IMAGES_MAX];
};

static bool parse(struct ac_request *, struct ac_images_request *);
static struct images_call *new_call(
    struct ac_request *, const struct ac_images_request *);
static void start_deadlines(struct images_call *);
static void start_drawings(
    struct images_call *, const struct ac_images_request *);
static void on_chat_deadline(evutil_socket_t, short, void *arg);
static void on_deadline(evutil_socket_t, short, void *arg);
static void on_job(void *arg);
static void on_drawn(
    const struct ac_drawing_result *, const struct ac_error *, void *arg);
static struct evbuffer *make_item(
    struct images_call *, const struct ac_drawing_result *);
static void complete(struct images_call *);
static void fail(struct images_call *, const struct ac_error *);
static void on_gone(void *arg);
static void finish(struct images_call *);

static const struct ac_drawing_handlers drawing_handlers = {
    .on_job = on_job,
    .on_done = on_drawn,
};

static const struct ac_request_hooks hooks = {.on_gone = on_gone};

void
ac_handle_images(struct ac_request *request, const char *tail)
{
	struct ac_images_request asked;
	struct images_call *call;

	AC_UNUSED(tail);
	if (!parse(request, &asked))
		return;
	if (asked.ignored != NULL)
		ac_request_add_header(
		    request, "X-Ignored-Parameters", asked.ignored);
	call = new_call(request, &asked);
	ac_request_wait(request, &hooks, call);
	start_deadlines(call);
	start_drawings(call, &asked);
	ac_images_request_clear(&asked);
}

/* Reads the request and looks at its model, or replies why not. */
static bool
parse(struct ac_request *request, struct ac_images_request *asked)
{
	const struct ac_options *options = ac_request_api(request)->options;
	struct evbuffer *body =
	    evhttp_request_get_input_buffer(ac_request_http(request));
	struct ac_error error;

	if (!ac_images_request_parse(asked, body, &error)) {
		ac_request_reply_error(request, &error);
		return false;
	}
	/* Of no use any more, and perhaps large. */
	evbuffer_drain(body, evbuffer_get_length(body));
	if (!ac_images_request_check_model(asked, options, &error) ||
	    !ac_model_check_key(
		ac_request_key(request), AC_MODEL_IMAGE, &error)) {
		ac_request_reply_error(request, &error);
		ac_images_request_clear(asked);
		return false;
	}
	return true;
}

static struct images_call *
new_call(struct ac_request *request, const struct ac_images_request *asked)
{
	struct event_base *base = ac_request_api(request)->base;
	struct images_call *call = ac_calloc(1, sizeof(*call));

	call->request = request;
	call->format = asked->format;
	call->count = call->asking = call->missing = asked->count;
	call->chat_deadline = ac_timer_new(base, on_chat_deadline, call);
	call->deadline = ac_timer_new(base, on_deadline, call);
	ac_replace_string(&ac_request_facts(request)->model, AC_MODEL_IMAGE);
	return call;
}

static void
start_deadlines(struct images_call *call)
{
	const struct ac_options *options =
	    ac_request_api(call->request)->options;

	ac_timer_start(
	    call->chat_deadline, options->first_event_timeout_s * 1000);
	if (options->request_timeout_s > 0)
		ac_timer_start(
		    call->deadline, options->request_timeout_s * 1000);
}

static void
start_drawings(struct images_call *call, const struct ac_images_request *asked)
{
	const struct ac_api *api = ac_request_api(call->request);

	for (size_t i = 0; i < call->count; i++) {
		struct picture *picture = &call->pictures[i];
		struct ac_bytes *body =
		    ac_images_request_translate(asked, api->options);

		picture->call = call;
		picture->drawing = ac_drawing_start(api->upstream, body,
		    call->format == AC_IMAGES_URL ? AC_DRAWING_REF
						  : AC_DRAWING_BYTES,
		    &drawing_handlers, picture);
		ac_bytes_unref(body);
	}
}

static void
on_chat_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct images_call *call = arg;
	struct ac_error error;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	ac_error_set(&error, AC_ERROR_FIRST_EVENT_TIMEOUT,
	    "The upstream gave no answer in time (%" PRId64 " s).",
	    ac_request_api(call->request)->options->first_event_timeout_s);
	fail(call, &error);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct images_call *call = arg;
	struct ac_error error;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	ac_error_set(&error, AC_ERROR_REQUEST_TIMEOUT,
	    "The request took longer than REQUEST_TIMEOUT allows (%" PRId64
	    " s).",
	    ac_request_api(call->request)->options->request_timeout_s);
	fail(call, &error);
}

/* From here on the job's own time counts, IMAGE_TIMEOUT. */
static void
on_job(void *arg)
{
	struct picture *picture = arg;

	if (--picture->call->asking == 0)
		evtimer_del(picture->call->chat_deadline);
}

static void
on_drawn(const struct ac_drawing_result *result, const struct ac_error *error,
    void *arg)
{
	struct picture *picture = arg;
	struct images_call *call = picture->call;

	picture->drawing = NULL;
	if (error != NULL) {
		fail(call, error);
		return;
	}
	picture->item = make_item(call, result);
	if (--call->missing == 0)
		complete(call);
}

/* {"b64_json" or "url","revised_prompt"} */
static struct evbuffer *
make_item(struct images_call *call, const struct ac_drawing_result *result)
{
	struct evbuffer *item = ac_text_new();
	char *url;

	if (result->image != NULL) {
		ac_text_add_string(item, "{\"b64_json\":\"");
		ac_base64_add(item, result->image->data, result->image->len);
	} else {
		ac_text_add_string(item, "{\"url\":\"");
		url = ac_public_image_url(call->request, result->ref);
		ac_json_add_escaped(item, url, strlen(url));
		free(url);
	}
	ac_text_add_string(item, "\",\"revised_prompt\":\"");
	ac_json_add_escaped(item, result->prompt->data, result->prompt->len);
	ac_text_add_string(item, "\"}");
	return item;
}

static void
complete(struct images_call *call)
{
	struct evbuffer *body = ac_text_new();

	evbuffer_add_printf(body, "{\"created\":%" PRId64 ",\"data\":[",
	    ac_clock_unix_seconds());
	for (size_t i = 0; i < call->count; i++) {
		if (i > 0)
			ac_text_add_string(body, ",");
		if (evbuffer_add_buffer(body, call->pictures[i].item) != 0)
			ac_out_of_memory();
	}
	ac_text_add_string(body, "]}");
	ac_request_reply(call->request, 200, body);
	evbuffer_free(body);
	finish(call);
}

static void
fail(struct images_call *call, const struct ac_error *error)
{
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
	struct images_call *call = thing;

	for (size_t i = 0; i < call->count; i++) {
		if (call->pictures[i].item != NULL)
			evbuffer_free(call->pictures[i].item);
	}
	event_free(call->chat_deadline);
	event_free(call->deadline);
	free(call);
}

/* The only way out. The request has been replied to or its client is gone;
 * nothing is asked for any more. */
static void
finish(struct images_call *call)
{
	struct ac_reaper *reaper = ac_request_api(call->request)->reaper;

	evtimer_del(call->chat_deadline);
	evtimer_del(call->deadline);
	for (size_t i = 0; i < call->count; i++) {
		if (call->pictures[i].drawing != NULL)
			ac_drawing_cancel(call->pictures[i].drawing);
		call->pictures[i].drawing = NULL;
	}
	call->request = NULL;
	ac_reaper_add(reaper, free_call, call);
}

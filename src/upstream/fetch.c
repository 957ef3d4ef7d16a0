/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One GET, read whole: see fetch.h. Owned by the session or the models. */
#include "upstream/fetch.h"

#include <inttypes.h>
#include <stdlib.h>

#include <event2/event.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/reaper.h"
#include "base/timer.h"
#include "net/http_client.h"
#include "upstream/site.h"

struct ac_fetch {
	const struct ac_site *site; /* borrowed */
	struct event *deadline;     /* owned: of all of it */
	struct ac_http_call *call;  /* the client's, until it is done */
	struct ac_answer answer;
	void (*on_head)(const struct ac_http_head *, void *arg);
	void (*on_done)(struct ac_answer *, const struct ac_error *, void *arg);
	void *arg;
};

static void finish(struct ac_fetch *, const struct ac_error *);

static void
on_head(const struct ac_http_head *head, void *arg)
{
	struct ac_fetch *fetch = arg;

	ac_answer_set_head(&fetch->answer, head);
	if (fetch->on_head != NULL)
		fetch->on_head(head, fetch->arg);
}

static void
on_data(struct evbuffer *data, void *arg)
{
	struct ac_fetch *fetch = arg;

	ac_answer_add(&fetch->answer, data);
	if (!fetch->answer.is_truncated)
		return;
	/* It is of no use, and may go on for ever. */
	ac_http_call_cancel(fetch->call);
	finish(fetch, NULL);
}

static void
free_fetch(void *thing)
{
	struct ac_fetch *fetch = thing;

	ac_answer_clear(&fetch->answer);
	event_free(fetch->deadline);
	free(fetch);
}

static void
finish(struct ac_fetch *fetch, const struct ac_error *error)
{
	evtimer_del(fetch->deadline);
	ac_reaper_add(fetch->site->reaper, free_fetch, fetch);
	fetch->on_done(
	    error == NULL ? &fetch->answer : NULL, error, fetch->arg);
}

static void
on_done(const struct ac_error *error, void *arg)
{
	finish(arg, error);
}

/* The read timeout does not end an answer that drips. */
static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct ac_fetch *fetch = arg;
	struct ac_error error;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	ac_http_call_cancel(fetch->call);
	ac_error_set(&error, AC_ERROR_FIRST_EVENT_TIMEOUT,
	    "The upstream did not answer in time (%" PRId64 " s).",
	    fetch->site->options->first_event_timeout_s);
	finish(fetch, &error);
}

static const struct ac_http_handlers handlers = {
    .on_head = on_head,
    .on_data = on_data,
    .on_done = on_done,
};

struct ac_fetch *
ac_fetch_start(const struct ac_site *site,
    const struct ac_fetch_request *request, void *arg)
{
	struct ac_fetch *fetch = ac_calloc(1, sizeof(*fetch));
	char *path = ac_site_path(site, request->endpoint);
	char *cookie = ac_site_cookie(site, request->session_token);
	struct ac_http_header headers[4] = {
	    {"User-Agent", ac_site_user_agent(site)},
	    {"Accept", "application/json"},
	};
	struct ac_http_request get = {
	    .method = AC_HTTP_GET,
	    .path = path,
	    .headers = headers,
	    .header_count = 2,
	};

	if (cookie != NULL)
		headers[get.header_count++] =
		    (struct ac_http_header){"Cookie", cookie};
	if (request->authorization != NULL)
		headers[get.header_count++] = (struct ac_http_header){
		    "Authorization", request->authorization};
	ac_answer_init(&fetch->answer, request->body_max);
	fetch->site = site;
	fetch->deadline = ac_timer_new(site->base, on_deadline, fetch);
	ac_timer_start(
	    fetch->deadline, site->options->first_event_timeout_s * 1000);
	fetch->on_head = request->on_head;
	fetch->on_done = request->on_done;
	fetch->arg = arg;
	fetch->call = ac_http_call_start(site->client, &get, &handlers, fetch);
	ac_wipe_and_free(cookie);
	free(path);
	return fetch;
}

void
ac_fetch_cancel(struct ac_fetch *fetch)
{
	ac_http_call_cancel(fetch->call);
	evtimer_del(fetch->deadline);
	ac_reaper_add(fetch->site->reaper, free_fetch, fetch);
}

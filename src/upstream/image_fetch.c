/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A picture read whole: see image_fetch.h. Owned by the API's handler. */
#include "upstream/image_fetch.h"

#include <stdlib.h>

#include <event2/buffer.h>
#include <event2/event.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/reaper.h"
#include "base/timer.h"
#include "upstream/image_data.h"
#include "upstream/image_file.h"
#include "upstream/image_ref.h"
#include "upstream/site.h"

struct ac_image_fetch {
	const struct ac_site *site; /* borrowed */
	struct ac_image_file *file; /* of the site, until it is done */
	struct event *soon;         /* owned; NULL: there is a file */
	const char *type;           /* constant; NULL: not known yet */
	struct ac_buf data;
	struct ac_error error; /* for soon; its code is NONE without one */
	ac_image_fetch_fn *on_done;
	void *arg;
};

static void on_head(const struct ac_image_head *, void *arg);
static void on_data(struct evbuffer *, void *arg);
static void on_file_done(const struct ac_error *, void *arg);
static void on_soon(evutil_socket_t, short, void *arg);

static const struct ac_image_file_handlers file_handlers = {
    .on_head = on_head,
    .on_data = on_data,
    .on_done = on_file_done,
};

static void
decode(struct ac_image_fetch *fetch, const char *url)
{
	switch (ac_image_decode_data_url(&fetch->data, url)) {
	case AC_IMAGE_DECODED:
		fetch->type = ac_image_sniff(fetch->data.data, fetch->data.len);
		break;
	case AC_IMAGE_TOO_LARGE:
		ac_error_set(&fetch->error, AC_ERROR_UPSTREAM,
		    "The upstream's picture is larger than %zu bytes.",
		    fetch->data.max);
		break;
	case AC_IMAGE_NO_PICTURE:
		ac_error_set(&fetch->error, AC_ERROR_UPSTREAM,
		    "The upstream's data URL holds no picture (PNG, JPEG, "
		    "WebP or GIF).");
		break;
	}
}

/* What is known at once is told in the loop's next turn. */
static void
prepare(struct ac_image_fetch *fetch, const struct ac_image_ref *ref)
{
	if (ref->kind == AC_IMAGE_DATA)
		decode(fetch, ref->url);
	else
		ac_error_set(&fetch->error, AC_ERROR_UPSTREAM,
		    "The upstream's picture is at another address, from "
		    "which nothing is fetched: ask for its URL.");
	fetch->soon = ac_timer_new(fetch->site->base, on_soon, fetch);
	ac_timer_run_soon(fetch->soon);
}

struct ac_image_fetch *
ac_image_fetch_start(const struct ac_site *site, const struct ac_image_ref *ref,
    size_t max, ac_image_fetch_fn *on_done, void *arg)
{
	struct ac_image_fetch *fetch = ac_calloc(1, sizeof(*fetch));

	fetch->site = site;
	fetch->on_done = on_done;
	fetch->arg = arg;
	ac_buf_init(&fetch->data, max);
	if (ref->kind == AC_IMAGE_FILE)
		fetch->file = ac_image_file_start(
		    site, ref->name, ref->query, max, &file_handlers, fetch);
	else
		prepare(fetch, ref);
	return fetch;
}

static void
on_head(const struct ac_image_head *head, void *arg)
{
	struct ac_image_fetch *fetch = arg;

	fetch->type = head->type;
}

static void
on_data(struct evbuffer *data, void *arg)
{
	struct ac_image_fetch *fetch = arg;
	struct evbuffer_iovec piece;

	while (
	    evbuffer_peek(data, -1, NULL, &piece, 1) > 0 && piece.iov_len > 0) {
		/* The file keeps to the same maximum. */
		if (!ac_buf_add(&fetch->data, piece.iov_base, piece.iov_len))
			return;
		evbuffer_drain(data, piece.iov_len);
	}
}

static void
free_fetch(void *thing)
{
	struct ac_image_fetch *fetch = thing;

	if (fetch->soon != NULL)
		event_free(fetch->soon);
	ac_buf_clear(&fetch->data);
	free(fetch);
}

static void
finish(struct ac_image_fetch *fetch, const struct ac_error *error)
{
	struct ac_image image = {
	    .type = fetch->type,
	    .data = fetch->data.data,
	    .len = fetch->data.len,
	};

	ac_reaper_add(fetch->site->reaper, free_fetch, fetch);
	fetch->on_done(error == NULL ? &image : NULL, error, fetch->arg);
}

static void
on_file_done(const struct ac_error *error, void *arg)
{
	struct ac_image_fetch *fetch = arg;

	fetch->file = NULL;
	finish(fetch, error);
}

static void
on_soon(evutil_socket_t fd, short what, void *arg)
{
	struct ac_image_fetch *fetch = arg;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	finish(
	    fetch, fetch->error.code == AC_ERROR_NONE ? NULL : &fetch->error);
}

void
ac_image_fetch_cancel(struct ac_image_fetch *fetch)
{
	if (fetch->file != NULL)
		ac_image_file_cancel(fetch->file);
	fetch->file = NULL;
	if (fetch->soon != NULL)
		event_del(fetch->soon);
	ac_reaper_add(fetch->site->reaper, free_fetch, fetch);
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * One picture of the site: see image_file.h. Owned by an image_fetch or by
 * the API's handler.
 *
 *	SENT -> MAGIC (the first bytes are held) -> STREAM -> OVER
 *	  |-> REFUSED (the answer is gathered) -> OVER
 *	  (a name that is none: OVER in the next turn)
 */
#include "upstream/image_file.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/event.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/reaper.h"
#include "base/text.h"
#include "base/timer.h"
#include "net/http_client.h"
#include "upstream/answer.h"
#include "upstream/image_data.h"
#include "upstream/image_ref.h"
#include "upstream/site.h"

enum { REFUSAL_MAX = 64 * 1024 };

enum file_state {
	FILE_SENT,
	FILE_MAGIC,
	FILE_STREAM,
	FILE_REFUSED,
	FILE_OVER,
};

struct ac_image_file {
	const struct ac_site *site; /* borrowed */
	const struct ac_image_file_handlers *handlers;
	void *arg;
	enum file_state state;
	struct ac_http_call *call; /* the client's, until it is done */
	struct event *soon;        /* owned; NULL: the name is fine */
	size_t max;
	size_t received;
	int64_t length;
	struct evbuffer *held;   /* owned: the first bytes */
	struct ac_answer answer; /* of a refusal */
};

static void send_request(
    struct ac_image_file *, const char *name, const char *query);
static void on_bad_name(evutil_socket_t, short, void *arg);
static void on_head(const struct ac_http_head *, void *arg);
static void on_data(struct evbuffer *, void *arg);
static void on_call_done(const struct ac_error *, void *arg);
static void fail(struct ac_image_file *, const struct ac_error *);
static void finish(struct ac_image_file *, const struct ac_error *);
static void free_file(void *);

static const struct ac_http_handlers call_handlers = {
    .on_head = on_head,
    .on_data = on_data,
    .on_done = on_call_done,
};

struct ac_image_file *
ac_image_file_start(const struct ac_site *site, const char *name,
    const char *query, size_t max,
    const struct ac_image_file_handlers *handlers, void *arg)
{
	struct ac_image_file *file = ac_calloc(1, sizeof(*file));

	file->site = site;
	file->handlers = handlers;
	file->arg = arg;
	file->max = max;
	file->held = ac_text_new();
	ac_answer_init(&file->answer, REFUSAL_MAX);
	if (ac_image_name_is_valid(name)) {
		send_request(file, name, query);
		return file;
	}
	file->soon = ac_timer_new(site->base, on_bad_name, file);
	ac_timer_run_soon(file->soon);
	return file;
}

static void
send_request(struct ac_image_file *file, const char *name, const char *query)
{
	char *endpoint = ac_asprintf("/api/image/%s%s%s", name,
	    query == NULL ? "" : "?", query == NULL ? "" : query);
	char *path = ac_site_path(file->site, endpoint);
	char *cookie = ac_site_cookie(file->site, NULL);
	struct ac_http_header headers[] = {
	    {"User-Agent", ac_site_user_agent(file->site)},
	    {"Accept", "image/*"},
	    {"Cookie", cookie},
	};
	struct ac_http_request get = {
	    .method = AC_HTTP_GET,
	    .path = path,
	    .headers = headers,
	    .header_count = cookie == NULL ? 2 : 3,
	};

	file->call =
	    ac_http_call_start(file->site->client, &get, &call_handlers, file);
	ac_wipe_and_free(cookie);
	free(path);
	free(endpoint);
}

static void
set_not_found(struct ac_error *error)
{
	ac_error_set(error, AC_ERROR_IMAGE_NOT_FOUND,
	    "The upstream has no picture of this name.");
}

static void
set_too_large(struct ac_error *error, size_t max)
{
	ac_error_set(error, AC_ERROR_UPSTREAM,
	    "The upstream's picture is larger than %zu bytes.", max);
}

static void
set_no_picture(struct ac_error *error)
{
	ac_error_set(error, AC_ERROR_UPSTREAM,
	    "What the upstream sent is no picture (PNG, JPEG, WebP or GIF).");
}

static void
on_bad_name(evutil_socket_t fd, short what, void *arg)
{
	struct ac_error error;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	set_not_found(&error);
	finish(arg, &error);
}

static int64_t
read_length(const struct ac_http_head *head)
{
	const char *value = ac_http_head_find(head, "Content-Length");
	size_t len = value == NULL ? 0 : strlen(value);

	/* 18 digits fit. */
	if (len == 0 || len > 18 || strspn(value, "0123456789") != len)
		return AC_IMAGE_LENGTH_UNKNOWN;
	return strtoll(value, NULL, 10);
}

static void
on_head(const struct ac_http_head *head, void *arg)
{
	struct ac_image_file *file = arg;
	struct ac_error error;

	if (head->status != 200 ||
	    !ac_image_is_type(ac_http_head_find(head, "Content-Type"))) {
		file->state = FILE_REFUSED;
		ac_answer_set_head(&file->answer, head);
		return;
	}
	file->length = read_length(head);
	if (file->length > 0 && (uint64_t)file->length > file->max) {
		set_too_large(&error, file->max);
		fail(file, &error);
		return;
	}
	file->state = FILE_MAGIC;
	ac_http_call_note_answer(file->call);
}

/* Looks at the first bytes, which are all there are or enough; false if it
 * is over. */
static bool
check_magic(struct ac_image_file *file)
{
	char magic[AC_IMAGE_MAGIC_LEN];
	ev_ssize_t len = evbuffer_copyout(file->held, magic, sizeof(magic));
	struct ac_image_head head = {.length = file->length};
	struct ac_error error;

	head.type = ac_image_sniff(magic, len < 0 ? 0 : (size_t)len);
	if (head.type == NULL) {
		set_no_picture(&error);
		fail(file, &error);
		return false;
	}
	file->state = FILE_STREAM;
	file->handlers->on_head(&head, file->arg);
	if (file->state != FILE_OVER)
		file->handlers->on_data(file->held, file->arg);
	return file->state != FILE_OVER;
}

static void
on_data(struct evbuffer *data, void *arg)
{
	struct ac_image_file *file = arg;
	struct ac_error error;

	if (file->state == FILE_REFUSED) {
		ac_answer_add(&file->answer, data);
		return;
	}
	file->received += evbuffer_get_length(data);
	if (file->received > file->max) {
		set_too_large(&error, file->max);
		fail(file, &error);
	} else if (file->state == FILE_STREAM) {
		file->handlers->on_data(data, file->arg);
	} else {
		evbuffer_add_buffer(file->held, data);
		if (file->received >= AC_IMAGE_MAGIC_LEN)
			check_magic(file);
	}
}

static void
on_call_done(const struct ac_error *error, void *arg)
{
	struct ac_image_file *file = arg;
	struct ac_error refusal;

	file->call = NULL;
	if (error != NULL) {
		finish(file, error);
	} else if (file->state == FILE_REFUSED) {
		ac_answer_set_error(&file->answer, "the picture", &refusal);
		if (file->answer.status == 404)
			set_not_found(&refusal);
		finish(file, &refusal);
	} else if (file->state == FILE_STREAM || check_magic(file)) {
		finish(file, NULL);
	}
}

/* Ends it from within the call, where that goes on. */
static void
fail(struct ac_image_file *file, const struct ac_error *error)
{
	if (file->call != NULL)
		ac_http_call_cancel(file->call);
	file->call = NULL;
	finish(file, error);
}

static void
finish(struct ac_image_file *file, const struct ac_error *error)
{
	file->state = FILE_OVER;
	ac_reaper_add(file->site->reaper, free_file, file);
	file->handlers->on_done(error, file->arg);
}

static void
free_file(void *thing)
{
	struct ac_image_file *file = thing;

	if (file->soon != NULL)
		event_free(file->soon);
	evbuffer_free(file->held);
	ac_answer_clear(&file->answer);
	free(file);
}

void
ac_image_file_cancel(struct ac_image_file *file)
{
	file->state = FILE_OVER;
	if (file->call != NULL)
		ac_http_call_cancel(file->call);
	file->call = NULL;
	if (file->soon != NULL)
		event_del(file->soon);
	ac_reaper_add(file->site->reaper, free_file, file);
}

void
ac_image_file_pause(struct ac_image_file *file)
{
	if (file->call != NULL)
		ac_http_call_pause(file->call);
}

void
ac_image_file_resume(struct ac_image_file *file)
{
	if (file->call != NULL)
		ac_http_call_resume(file->call);
}

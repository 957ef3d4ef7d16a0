/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The list of models: see models.h. Owned by the upstream. A fetch needs a
 * session and, should the app refuse it, a second one:
 *
 *	REST -> SESSION -> FETCH -> REST
 *	           ^         |
 *	           +- stale -+ (once)
 */
#include "upstream/models.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <event2/event.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/timer.h"
#include "upstream/fetch.h"
#include "upstream/session.h"
#include "upstream/site.h"

enum {
	BODY_MAX = 8 * 1024 * 1024,
	MODELS_MAX = 10000,
	PAUSE_MS = 5000, /* after a failure, before the next try */
};

struct ac_models_wait {
	TAILQ_ENTRY(ac_models_wait) entry;
	struct ac_models *models;
	ac_models_fn *on_list;
	void *arg;
};
TAILQ_HEAD(models_wait_list, ac_models_wait);

struct ac_models {
	const struct ac_site *site; /* borrowed */
	struct ac_session *session; /* borrowed */
	struct ac_model_list list;  /* owned */
	bool has_list;
	int64_t expires_ms;
	struct ac_session_wait *session_wait; /* while in SESSION */
	struct ac_fetch *fetch;               /* while in FETCH */
	char *token;                          /* owned, the fetch's */
	bool replayed;                        /* the fetch is the second one */
	struct event *tell_event;             /* owned */
	struct models_wait_list waits;
	int64_t pause_until_ms;
	struct ac_error last_error;
};

static void start_session(struct ac_models *);
static void on_token(const char *token, const struct ac_error *, void *arg);
static void on_done(struct ac_answer *, const struct ac_error *, void *arg);
static void read_list(struct ac_models *, struct ac_answer *);
static bool parse_list(struct ac_models *, const struct ac_answer *);
static void fail(struct ac_models *, const struct ac_error *);
static void tell_waits(struct ac_models *);
static void on_tell(evutil_socket_t, short, void *arg);

struct ac_models *
ac_models_new(const struct ac_site *site, struct ac_session *session)
{
	struct ac_models *models = ac_calloc(1, sizeof(*models));

	models->site = site;
	models->session = session;
	TAILQ_INIT(&models->waits);
	models->tell_event = ac_timer_new(site->base, on_tell, models);
	return models;
}

static void
clear_list(struct ac_model_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->models[i].id);
		free(list->models[i].name);
	}
	free(list->models);
	*list = (struct ac_model_list){0};
}

void
ac_models_free(struct ac_models *models)
{
	if (models->session_wait != NULL)
		ac_session_wait_cancel(models->session_wait);
	if (models->fetch != NULL)
		ac_fetch_cancel(models->fetch);
	event_free(models->tell_event);
	ac_wipe_and_free(models->token);
	clear_list(&models->list);
	free(models);
}

static bool
is_fresh(const struct ac_models *models)
{
	return models->has_list && ac_clock_ms() < models->expires_ms;
}

static bool
is_under_way(const struct ac_models *models)
{
	return models->session_wait != NULL || models->fetch != NULL;
}

/* Starts a fetch where one is due. */
static void
refresh(struct ac_models *models)
{
	if (is_fresh(models) || is_under_way(models) ||
	    ac_clock_ms() < models->pause_until_ms)
		return;
	models->replayed = false;
	start_session(models);
}

const struct ac_model_list *
ac_models_known(struct ac_models *models)
{
	refresh(models);
	return models->has_list ? &models->list : NULL;
}

struct ac_models_wait *
ac_models_wait_start(struct ac_models *models, ac_models_fn *on_list, void *arg)
{
	struct ac_models_wait *wait = ac_calloc(1, sizeof(*wait));

	wait->models = models;
	wait->on_list = on_list;
	wait->arg = arg;
	TAILQ_INSERT_TAIL(&models->waits, wait, entry);
	refresh(models);
	if (!is_under_way(models))
		ac_timer_run_soon(models->tell_event);
	return wait;
}

void
ac_models_wait_cancel(struct ac_models_wait *wait)
{
	TAILQ_REMOVE(&wait->models->waits, wait, entry);
	free(wait);
}

const struct ac_model *
ac_model_find(const struct ac_model_list *list, const char *id)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->models[i].id, id) == 0)
			return &list->models[i];
	}
	return NULL;
}

static void
start_session(struct ac_models *models)
{
	models->session_wait =
	    ac_session_wait_start(models->session, on_token, models);
}

static void
on_token(const char *token, const struct ac_error *error, void *arg)
{
	struct ac_models *models = arg;
	struct ac_fetch_request request = {
	    .endpoint = "/api/models/",
	    .session_token = token,
	    .body_max = BODY_MAX,
	    .on_done = on_done,
	};

	models->session_wait = NULL;
	if (error != NULL) {
		fail(models, error);
		return;
	}
	ac_wipe_and_free(models->token);
	models->token = ac_strdup(token);
	models->fetch = ac_fetch_start(models->site, &request, models);
}

static void
on_done(struct ac_answer *answer, const struct ac_error *error, void *arg)
{
	struct ac_models *models = arg;

	models->fetch = NULL;
	if (error != NULL) {
		fail(models, error);
	} else if (ac_answer_is_stale_session(answer) && !models->replayed) {
		models->replayed = true;
		ac_session_reject(models->session, models->token);
		start_session(models);
	} else {
		read_list(models, answer);
	}
}

static void
read_list(struct ac_models *models, struct ac_answer *answer)
{
	struct ac_error error;

	if (answer->status != 200 || !parse_list(models, answer)) {
		ac_answer_set_error(answer, "the list of models", &error);
		if (ac_answer_is_stale_session(answer)) {
			ac_session_reject(models->session, models->token);
			error.code = AC_ERROR_UPSTREAM_SESSION;
		}
		fail(models, &error);
		return;
	}
	models->has_list = true;
	models->expires_ms =
	    ac_clock_ms() + models->site->options->models_ttl_s * 1000;
	models->pause_until_ms = 0;
	ac_log_info(
	    "models fetched", AC_INT("count", (int64_t)models->list.count));
	tell_waits(models);
}

static void
append(struct ac_model_list *list, const char *id, const char *name,
    int64_t context_window)
{
	list->models =
	    ac_realloc(list->models, (list->count + 1) * sizeof(*list->models));
	list->models[list->count++] = (struct ac_model){
	    .id = ac_strdup(id),
	    .name = name == NULL ? NULL : ac_strdup(name),
	    .context_window = context_window,
	};
}

static int64_t
read_context_window(const json_t *limit)
{
	double tokens = json_number_value(limit);

	return tokens >= 1 && tokens < 1e12 ? (int64_t)tokens
					    : AC_CONTEXT_WINDOW_UNKNOWN;
}

/* An entry without an id is passed over; one that is not available is
 * hidden. An absent "available" means nothing. */
static void
append_entry(struct ac_model_list *list, const json_t *entry)
{
	const char *id = ac_json_get_string(entry, "id");

	if (id == NULL || *id == '\0' || ac_model_find(list, id) != NULL ||
	    json_is_false(json_object_get(entry, "available")))
		return;
	append(list, id, ac_json_get_string(entry, "name"),
	    read_context_window(json_object_get(entry, "tokenLimit")));
}

static bool
parse_list(struct ac_models *models, const struct ac_answer *answer)
{
	struct ac_model_list list = {0};
	char why[256];
	json_t *array = answer->is_truncated
			    ? NULL
			    : ac_json_parse(answer->body.data, answer->body.len,
				  why, sizeof(why));

	if (!json_is_array(array) || json_array_size(array) > MODELS_MAX) {
		json_decref(array);
		return false;
	}
	for (size_t i = 0; i < json_array_size(array); i++)
		append_entry(&list, json_array_get(array, i));
	json_decref(array);
	if (list.count == 0 && models->has_list)
		return false; /* an old list serves better than an empty one */
	if (ac_model_find(&list, AC_MODEL_IMAGE) == NULL)
		append(&list, AC_MODEL_IMAGE, NULL, AC_CONTEXT_WINDOW_UNKNOWN);
	clear_list(&models->list);
	models->list = list;
	return true;
}

static void
fail(struct ac_models *models, const struct ac_error *error)
{
	models->last_error = *error;
	models->pause_until_ms = ac_clock_ms() + PAUSE_MS;
	ac_log_warn("the list of models could not be had",
	    AC_STR("reason", error->message),
	    AC_INT("old_list", models->has_list));
	tell_waits(models);
}

/* Tells everybody who waits now; see tell_waits() in session.c. */
static void
tell_waits(struct ac_models *models)
{
	struct ac_models_wait *last =
	    TAILQ_LAST(&models->waits, models_wait_list);
	struct ac_models_wait *wait;
	bool more = last != NULL;

	while (more && (wait = TAILQ_FIRST(&models->waits)) != NULL) {
		more = wait != last;
		TAILQ_REMOVE(&models->waits, wait, entry);
		wait->on_list(models->has_list ? &models->list : NULL,
		    models->has_list ? NULL : &models->last_error, wait->arg);
		free(wait);
	}
}

static void
on_tell(evutil_socket_t fd, short what, void *arg)
{
	struct ac_models *models = arg;

	AC_UNUSED(fd);
	AC_UNUSED(what);
	if (!is_under_way(models))
		tell_waits(models);
}

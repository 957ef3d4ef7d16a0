/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The list of models: fetched once for all who want it, kept for a while,
 * and kept longer where no newer one can be had.
 */
#ifndef AC_UPSTREAM_MODELS_H
#define AC_UPSTREAM_MODELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct ac_models;
struct ac_models_wait;
struct ac_session;
struct ac_site;

/* The model that draws; it exists whatever the list says. */
#define AC_MODEL_IMAGE "AkashGen"

enum { AC_CONTEXT_WINDOW_UNKNOWN = -1 };

struct ac_model {
	char *id;               /* owned, UTF-8; may hold slashes */
	char *name;             /* owned, or NULL */
	int64_t context_window; /* tokens, or AC_CONTEXT_WINDOW_UNKNOWN */
};

struct ac_model_list {
	size_t count;
	struct ac_model *models; /* owned, in the upstream's order */
};

/* site and session are borrowed and must outlive it. */
struct ac_models *ac_models_new(
    const struct ac_site *site, struct ac_session *session);

/* Every wait has ended or was cancelled before. */
void ac_models_free(struct ac_models *models);

/* The list at hand, perhaps an old one, or NULL; borrowed until the loop
 * goes on. Where it is missing or old a fetch is started on the side. */
const struct ac_model_list *ac_models_known(struct ac_models *models);

/* Called once: with a list (borrowed for the call), an old one where a newer
 * cannot be had, or with NULL and why there is none. */
typedef void ac_models_fn(
    const struct ac_model_list *list, const struct ac_error *error, void *arg);

/* Waits for a list that is not old; on_list never runs before this returns.
 * The wait is over when it runs. */
struct ac_models_wait *ac_models_wait_start(
    struct ac_models *models, ac_models_fn *on_list, void *arg);

/* on_list will not run. */
void ac_models_wait_cancel(struct ac_models_wait *wait);

/* The model of that id, or NULL. */
const struct ac_model *ac_model_find(
    const struct ac_model_list *list, const char *id);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Which model a request gets. */
#ifndef AC_API_MODEL_CHOICE_H
#define AC_API_MODEL_CHOICE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/error.h"

struct ac_api;
struct ac_key;

/*
 * The model to send upstream for the one that was asked for (NULL or "" if
 * none was): what MODEL_ALIASES has for it, else the same; DEFAULT_MODEL in
 * place of a missing or unknown one; or NULL and an error. Borrowed from
 * asked or from the options. Never waits for the list of models: where none
 * is at hand the upstream decides.
 */
const char *ac_model_choose(
    struct ac_api *api, const char *asked, struct ac_error *error);

/* Whether a request with this key (NULL: none) may use the model that was
 * chosen. False sets error, which tells no more than that of a model that
 * does not exist. */
AC_MUST_CHECK bool ac_model_check_key(
    const struct ac_key *key, const char *model, struct ac_error *error);

#endif

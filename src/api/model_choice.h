/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Which model a request gets. */
#ifndef AC_API_MODEL_CHOICE_H
#define AC_API_MODEL_CHOICE_H

#include "base/error.h"

struct ac_api;

/*
 * The model to send upstream for the one that was asked for (NULL or "" if
 * none was): what MODEL_ALIASES has for it, else the same; DEFAULT_MODEL in
 * place of a missing or unknown one; or NULL and an error. Borrowed from
 * asked or from the options. Never waits for the list of models: where none
 * is at hand the upstream decides.
 */
const char *ac_model_choose(
    struct ac_api *api, const char *asked, struct ac_error *error);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Choosing a model: see model_choice.h. */
#include "api/model_choice.h"

#include <stdbool.h>
#include <string.h>

#include "api/api.h"
#include "api/keys.h"
#include "upstream/models.h"
#include "upstream/upstream.h"

static bool
is_known(struct ac_api *api, const char *model)
{
	const struct ac_model_list *list;

	if (api->options->unknown_models == AC_UNKNOWN_MODELS_PASS ||
	    strcmp(model, AC_MODEL_IMAGE) == 0)
		return true;
	list = ac_models_known(api->upstream->models);
	/* A list with nothing but the model that is always there says nothing
	 * about the others. */
	return list == NULL || list->count == 1 ||
	       ac_model_find(list, model) != NULL;
}

const char *
ac_model_choose(struct ac_api *api, const char *asked, struct ac_error *error)
{
	const char *fallback = api->options->default_model;
	const char *target =
	    asked == NULL
		? NULL
		: ac_aliases_find(&api->options->model_aliases, asked);
	const char *model = target != NULL ? target : asked;

	if (model != NULL && *model != '\0' && is_known(api, model))
		return model;
	if (fallback != NULL)
		return fallback;
	if (model == NULL || *model == '\0')
		ac_error_set_param(error, AC_ERROR_MISSING_PARAMETER, "model",
		    "Missing required parameter: 'model'. GET /v1/models "
		    "lists the models.");
	else if (target != NULL)
		ac_error_set_param(error, AC_ERROR_MODEL_NOT_FOUND, "model",
		    "The model '%.200s' does not exist, for which '%.200s' "
		    "stands in MODEL_ALIASES. GET /v1/models lists the "
		    "models.",
		    target, asked);
	else
		ac_error_set_param(error, AC_ERROR_MODEL_NOT_FOUND, "model",
		    "The model '%.200s' does not exist. GET /v1/models lists "
		    "the models.",
		    asked);
	return NULL;
}

bool
ac_model_check_key(
    const struct ac_key *key, const char *model, struct ac_error *error)
{
	if (ac_key_may_use(key, model))
		return true;
	ac_error_set_param(error, AC_ERROR_MODEL_NOT_FOUND, "model",
	    "The model '%.200s' does not exist or you do not have access to "
	    "it. GET /v1/models lists the models.",
	    model);
	return false;
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Errors by their words: see stream_error.h. The first row that fits wins. */
#include "upstream/stream_error.h"

#include <string.h>

enum { RATE_LIMIT_RETRY_S = 5 };

static const struct {
	const char *words; /* in any case */
	enum ac_error_code code;
} kinds[] = {
    {"rate limit", AC_ERROR_RATE_LIMIT},
    {"too many requests", AC_ERROR_RATE_LIMIT},
    {"context length", AC_ERROR_CONTEXT_LENGTH},
    {"context window", AC_ERROR_CONTEXT_LENGTH},
    {"maximum context", AC_ERROR_CONTEXT_LENGTH},
    /* of a request, not of its text */
    {"took too long", AC_ERROR_UPSTREAM},
    {"taking too long", AC_ERROR_UPSTREAM},
    {"too long", AC_ERROR_CONTEXT_LENGTH},
    {"invalid prompt", AC_ERROR_BAD_REQUEST},
    {"api key", AC_ERROR_UPSTREAM},
    {"unauthorized", AC_ERROR_UPSTREAM},
    {"model not found", AC_ERROR_MODEL_NOT_FOUND},
    {"invalid model", AC_ERROR_MODEL_NOT_FOUND},
    {"unknown model", AC_ERROR_MODEL_NOT_FOUND},
};

static enum ac_error_code
find_code(const char *text)
{
	for (size_t i = 0; i < AC_LENGTH(kinds); i++) {
		if (strcasestr(text, kinds[i].words) != NULL)
			return kinds[i].code;
	}
	/* "The model `x` does not exist" */
	if (strcasestr(text, "model") != NULL &&
	    (strcasestr(text, "does not exist") != NULL ||
		strcasestr(text, "not found") != NULL))
		return AC_ERROR_MODEL_NOT_FOUND;
	return AC_ERROR_UPSTREAM;
}

void
ac_stream_error_set(struct ac_error *error, const char *text)
{
	enum ac_error_code code = find_code(text);

	ac_error_set_param(error, code,
	    code == AC_ERROR_MODEL_NOT_FOUND ? "model" : "", "%s",
	    *text == '\0' ? "The upstream failed without a reason." : text);
	error->is_quote = true;
	if (code == AC_ERROR_RATE_LIMIT)
		error->retry_after_s = RATE_LIMIT_RETRY_S;
}

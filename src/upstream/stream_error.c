/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Errors by their words: see stream_error.h. The first row that fits wins. */
#include "upstream/stream_error.h"

#include <stdbool.h>
#include <stddef.h>

enum { RATE_LIMIT_RETRY_S = 5 };

struct kind {
	const char *words; /* in lower case, separators as spaces */
	enum ac_error_code code;
};

/* These begin a message and are followed by words of a user or a model. */
static const struct kind beginnings[] = {
    {"invalid prompt", AC_ERROR_BAD_REQUEST},
    {"json parsing failed", AC_ERROR_UPSTREAM},
};

static const struct kind kinds[] = {
    {"rate limit", AC_ERROR_RATE_LIMIT},
    {"ratelimit", AC_ERROR_RATE_LIMIT},
    {"too many requests", AC_ERROR_RATE_LIMIT},
    {"throttled", AC_ERROR_RATE_LIMIT},
    {"current quota", AC_ERROR_RATE_LIMIT},
    {"context length", AC_ERROR_CONTEXT_LENGTH},
    {"context window", AC_ERROR_CONTEXT_LENGTH},
    {"contextwindow", AC_ERROR_CONTEXT_LENGTH},
    {"context size", AC_ERROR_CONTEXT_LENGTH},
    {"maximum context", AC_ERROR_CONTEXT_LENGTH},
    {"maximum number of tokens", AC_ERROR_CONTEXT_LENGTH},
    {"reduce the length", AC_ERROR_CONTEXT_LENGTH},
    /* of a request, not of its text */
    {"took too long", AC_ERROR_UPSTREAM},
    {"taking too long", AC_ERROR_UPSTREAM},
    {"too long", AC_ERROR_CONTEXT_LENGTH},
    {"api key", AC_ERROR_UPSTREAM},
    {"unauthorized", AC_ERROR_UPSTREAM},
    {"model not found", AC_ERROR_MODEL_NOT_FOUND},
    {"no such model", AC_ERROR_MODEL_NOT_FOUND},
    {"invalid model", AC_ERROR_MODEL_NOT_FOUND},
    {"unknown model", AC_ERROR_MODEL_NOT_FOUND},
};

static char
fold(char c)
{
	if (c == '_' || c == '-')
		return ' ';
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool
begins_with(const char *text, const char *words)
{
	while (*words != '\0' && fold(*text) == *words) {
		text++;
		words++;
	}
	return *words == '\0';
}

/* Where the words begin in text, or NULL. */
static const char *
find(const char *text, const char *words)
{
	for (; *text != '\0'; text++) {
		if (begins_with(text, words))
			return text;
	}
	return NULL;
}

static enum ac_error_code
find_code(const char *text)
{
	const char *model;

	for (size_t i = 0; i < AC_LENGTH(beginnings); i++) {
		if (begins_with(text, beginnings[i].words))
			return beginnings[i].code;
	}
	for (size_t i = 0; i < AC_LENGTH(kinds); i++) {
		if (find(text, kinds[i].words) != NULL)
			return kinds[i].code;
	}
	/* "The model `x` does not exist" */
	model = find(text, "model");
	if (model != NULL && (find(model, "does not exist") != NULL ||
				 find(model, "not found") != NULL))
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

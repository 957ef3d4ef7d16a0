/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * What went wrong, as a client will be told. An error is made where the fact
 * is known and travels as a value; its HTTP status and its JSON are decided
 * by the catalogue in api/error_reply.c, the only place that writes it out.
 */
#ifndef AC_BASE_ERROR_H
#define AC_BASE_ERROR_H

#include <stdbool.h>

#include "base/attr.h"

enum ac_error_code {
	AC_ERROR_NONE,
	/* the request */
	AC_ERROR_BAD_REQUEST,
	AC_ERROR_BAD_HTTP,
	AC_ERROR_INVALID_JSON,
	AC_ERROR_MISSING_PARAMETER,
	AC_ERROR_INVALID_TYPE,
	AC_ERROR_INVALID_VALUE,
	AC_ERROR_UNSUPPORTED_VALUE,
	AC_ERROR_UNSUPPORTED_CONTENT,
	AC_ERROR_CONTEXT_LENGTH,
	AC_ERROR_IMAGE_NOT_DRAWN,
	AC_ERROR_MISSING_KEY,
	AC_ERROR_INVALID_KEY,
	AC_ERROR_EXPIRED_KEY,
	AC_ERROR_ORIGIN,
	AC_ERROR_UNKNOWN_URL,
	AC_ERROR_MODEL_NOT_FOUND,
	AC_ERROR_IMAGE_NOT_FOUND,
	AC_ERROR_METHOD_NOT_ALLOWED,
	AC_ERROR_BODY_TOO_LARGE,
	AC_ERROR_URI_TOO_LONG,
	AC_ERROR_EXPECTATION,
	AC_ERROR_RATE_LIMIT,
	AC_ERROR_HEADERS_TOO_LARGE,
	/* this program */
	AC_ERROR_INTERNAL,
	AC_ERROR_OVERLOADED,
	AC_ERROR_SHUTTING_DOWN,
	/* the upstream */
	AC_ERROR_UPSTREAM,
	AC_ERROR_UPSTREAM_UNREACHABLE,
	AC_ERROR_UPSTREAM_TLS,
	AC_ERROR_UPSTREAM_SESSION,
	AC_ERROR_UPSTREAM_CHALLENGE,
	AC_ERROR_UPSTREAM_PROXY,
	AC_ERROR_CONNECT_TIMEOUT,
	AC_ERROR_FIRST_EVENT_TIMEOUT,
	AC_ERROR_SILENCE_TIMEOUT,
	AC_ERROR_REQUEST_TIMEOUT,
	AC_ERROR_IMAGE_TIMEOUT,
	AC_ERROR_CODES
};

enum {
	AC_ERROR_MESSAGE_SIZE = 1024,
	AC_ERROR_PARAM_SIZE = 128,
};

struct ac_error {
	enum ac_error_code code;
	int retry_after_s; /* 0: says nothing */
	/* The message may hold a user\'s or a model\'s words: it is told to the
	 * client and not logged. */
	bool is_quote;
	char message[AC_ERROR_MESSAGE_SIZE]; /* UTF-8, for people */
	char param[AC_ERROR_PARAM_SIZE];     /* a path such as
						messages[0].role, or empty */
};

/* Fills error; param stays empty. What does not fit is cut between two
 * characters. */
void ac_error_set(struct ac_error *error, enum ac_error_code code,
    const char *fmt, ...) AC_PRINTF(3, 4);

/* The same with the path of the request's field that is at fault. */
void ac_error_set_param(struct ac_error *error, enum ac_error_code code,
    const char *param, const char *fmt, ...) AC_PRINTF(4, 5);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The catalogue of errors: for each code its HTTP status and OpenAI's type
 * and code, and the one function that writes the JSON.
 */
#ifndef AC_API_ERROR_REPLY_H
#define AC_API_ERROR_REPLY_H

#include "base/error.h"

struct evbuffer;

/* What SDKs are told about trying again (the x-should-retry header). */
enum ac_retry {
	AC_RETRY_BY_STATUS, /* the header is left out */
	AC_RETRY_NEVER,     /* it would fail again */
};

/* The HTTP status of a code, 400 to 599. */
int ac_error_status(enum ac_error_code code);

/* HTTP's phrase for a status that this program sends (RFC 9110). */
const char *ac_http_phrase(int status);

/* The code's word in the JSON, or NULL; also for logs. */
const char *ac_error_name(enum ac_error_code code);

enum ac_retry ac_error_retry(enum ac_error_code code);

/*
 * Appends
 *   {"error":{"message","type","param","code"},"code":STATUS,
 *    "data":{"msg"}}
 * to out: OpenAI's form, and beside it that of the Go program.
 */
void ac_error_add_json(struct evbuffer *out, const struct ac_error *error);

#endif

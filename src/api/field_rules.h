/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The fields of a request that the upstream does not know: what becomes of
 * each (docs/internals/requests.md). One that would change what the answer
 * is or means is refused; one that only shapes how good, cheap or traceable
 * it is gets accepted, and the client is told which were without effect.
 */
#ifndef AC_API_FIELD_RULES_H
#define AC_API_FIELD_RULES_H

#include <stdbool.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/error.h"

enum ac_endpoint {
	AC_ENDPOINT_CHAT,       /* POST /v1/chat/completions */
	AC_ENDPOINT_COMPLETION, /* POST /v1/completions */
	AC_ENDPOINT_IMAGES,     /* POST /v1/images/generations */
};

/* The bounds of the list of fields without effect: names, and bytes. */
enum {
	AC_IGNORED_MAX_NAMES = 20,
	AC_IGNORED_MAX_LEN = 512,
};

/*
 * Judges every field of body, an object. True: *ignored is the names of those
 * without effect as one header value ("seed, user"; "..." at its end stands
 * for more), from malloc, or NULL where there is none. False: error names the
 * field that is refused, and *ignored is NULL.
 */
AC_MUST_CHECK bool ac_field_rules_check(const json_t *body,
    enum ac_endpoint endpoint, char **ignored, struct ac_error *error);

#endif

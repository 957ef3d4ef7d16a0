/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Who may come in: the key of BEARER_TOKEN. */
#ifndef AC_API_AUTH_H
#define AC_API_AUTH_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/error.h"
#include "base/options.h"

struct evkeyvalq;

/*
 * True if no key is wanted or the request's headers bring it, as
 * "Authorization: Bearer KEY" (the word in any case), "x-api-key" or
 * "api-key". Compared in constant time. False sets error.
 */
AC_MUST_CHECK bool ac_auth_check(const struct ac_options *options,
    const struct evkeyvalq *headers, struct ac_error *error);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Who may come in: whoever brings one of the keys. */
#ifndef AC_API_AUTH_H
#define AC_API_AUTH_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/error.h"

struct ac_key;
struct ac_keys;
struct evkeyvalq;

/*
 * True if no key is wanted (keys is NULL; *key is NULL then) or the request's
 * headers bring one that has not expired, as "Authorization: Bearer KEY" (the
 * word in any case), "x-api-key" or "api-key". False sets error. *key is
 * the key, borrowed from keys, also where it has expired; or NULL.
 */
AC_MUST_CHECK bool ac_auth_check(const struct ac_keys *keys,
    const struct evkeyvalq *headers, const struct ac_key **key,
    struct ac_error *error);

#endif

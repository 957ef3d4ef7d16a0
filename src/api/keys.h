/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The keys that let clients in: those of API_KEYS_FILE, and BEARER_TOKEN
 * under the name "default" and without limits. A set of keys does not
 * change; to reload, a new one is made that takes over how much each name
 * has used, and the old one lives for as long as requests hold on to it.
 */
#ifndef AC_API_KEYS_H
#define AC_API_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/fair_queue.h"
#include "api/key_line.h"
#include "api/rate_bucket.h"
#include "base/attr.h"

enum { AC_KEYS_MAX = 4000 };

/* What a name uses of its limits; the same in every set that has the name. */
struct ac_key_usage {
	unsigned refs; /* sets of keys */
	struct ac_rate_bucket bucket;
	int64_t requests; /* that run or wait */
	struct ac_fair_line line;
};

struct ac_key {
	struct ac_key_line settings;
	struct ac_key_usage *usage; /* a reference */
};

struct ac_keys;

/*
 * Reads the file at path (NULL: there is none) and adds bearer_token (NULL:
 * none) to it. previous, if not NULL, is the set that this one replaces. The
 * caller holds the one reference. NULL and a line in reason that names the
 * file, the line and what is wrong.
 */
AC_MUST_CHECK struct ac_keys *ac_keys_load(const char *path,
    const char *bearer_token, const struct ac_keys *previous, char *reason,
    size_t reason_size);

/* The same of len bytes that stand for the file. */
AC_MUST_CHECK struct ac_keys *ac_keys_parse(const char *path, const char *text,
    size_t len, const char *bearer_token, const struct ac_keys *previous,
    char *reason, size_t reason_size);

struct ac_keys *ac_keys_ref(struct ac_keys *keys);

/* NULL is fine. */
void ac_keys_unref(struct ac_keys *keys);

size_t ac_keys_count(const struct ac_keys *keys);

/* The key that a client sends, as long as keys are there, or NULL. The time
 * that this takes tells nothing of any key. */
const struct ac_key *ac_keys_find(
    const struct ac_keys *keys, const char *token);

/* Whether a key is not to be used any more; seconds since 1970. */
bool ac_key_has_expired(const struct ac_key *key, int64_t now_s);

/* Whether a key may use a model; NULL, no key, may use every one. */
bool ac_key_may_use(const struct ac_key *key, const char *model);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Names that stand for others (MODEL_ALIASES). */
#ifndef AC_BASE_ALIASES_H
#define AC_BASE_ALIASES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct ac_alias {
	char *name;   /* owned */
	char *target; /* owned */
};

struct ac_aliases {
	size_t count;
	struct ac_alias *items; /* owned, in the order of the text */
};

/*
 * Parses "name=target,name=target"; blanks around names are dropped, "" gives
 * none. Names are whole names: a '*' in one is refused, so that nobody takes
 * it for a pattern. False leaves aliases untouched and *why with a constant
 * text.
 */
AC_MUST_CHECK bool ac_aliases_parse(
    struct ac_aliases *aliases, const char *text, const char **why);

/* Frees the names; all-zero aliases are fine. */
void ac_aliases_clear(struct ac_aliases *aliases);

/* What name stands for, borrowed from aliases, or NULL. Upper and lower case
 * differ, as they do in models' ids; a target is not looked up again. */
const char *ac_aliases_find(const struct ac_aliases *aliases, const char *name);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Patterns with '*', which stands for any characters, also for none. */
#ifndef AC_BASE_GLOB_H
#define AC_BASE_GLOB_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the pattern, of len bytes, is the whole of text. Upper and lower
 * case differ. */
bool ac_glob_match(const char *pattern, size_t len, const char *text);

/* Whether one of the patterns in list, separated by commas, is. */
bool ac_glob_list_matches(const char *list, const char *text);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Patterns: see glob.h. */
#include "base/glob.h"

#include <string.h>

/* A '*' takes as little as it can; where that leads nowhere, the last one
 * takes one more. Earlier ones need no second try, so this is quick whatever
 * the pattern is. */
bool
ac_glob_match(const char *pattern, size_t len, const char *text)
{
	const char *retry_text = NULL;
	size_t retry = 0, i = 0;

	while (*text != '\0') {
		if (i < len && pattern[i] == '*') {
			retry = ++i;
			retry_text = text;
		} else if (i < len && pattern[i] == *text) {
			i++;
			text++;
		} else if (retry_text != NULL) {
			i = retry;
			text = ++retry_text;
		} else {
			return false;
		}
	}
	while (i < len && pattern[i] == '*')
		i++;
	return i == len;
}

bool
ac_glob_list_matches(const char *list, const char *text)
{
	while (*list != '\0') {
		size_t len = strcspn(list, ",");

		if (ac_glob_match(list, len, text))
			return true;
		list += len;
		list += strspn(list, ",");
	}
	return false;
}

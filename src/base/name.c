/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Names that stand in URLs: see name.h. */
#include "base/name.h"

#include <string.h>

static bool
is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9');
}

bool
ac_name_is_made_of(const char *name, size_t len, const char *punctuation)
{
	for (size_t i = 0; i < len; i++) {
		if (!is_letter_or_digit(name[i]) &&
		    (name[i] == '\0' || strchr(punctuation, name[i]) == NULL))
			return false;
	}
	return true;
}

bool
ac_job_id_is_valid(const char *id, size_t len)
{
	return len > 0 && len < AC_JOB_ID_SIZE &&
	       ac_name_is_made_of(id, len, "-_");
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Names from elsewhere that are to stand in a URL as they are. */
#ifndef AC_BASE_NAME_H
#define AC_BASE_NAME_H

#include <stdbool.h>
#include <stddef.h>

enum { AC_JOB_ID_SIZE = 129 }; /* the longest job id, NUL included */

/* Whether name (len bytes) is made of ASCII letters, digits and the
 * characters of punctuation alone. An empty one is. */
bool ac_name_is_made_of(const char *name, size_t len, const char *punctuation);

/* Whether id can be a picture's job: 1 to 128 letters, digits, "-" and "_".
 * The upstream pastes ids into a URL of its own without escaping them. */
bool ac_job_id_is_valid(const char *id, size_t len);

#endif

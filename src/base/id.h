/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Random identifiers for requests, completions and messages. */
#ifndef AC_BASE_ID_H
#define AC_BASE_ID_H

#include <stddef.h>

enum {
	AC_ID_RANDOM_LEN = 24, /* random characters behind the prefix */
	AC_ID_SIZE = 48,       /* room for every id, its NUL included */
};

/* Writes prefix (at most 16 characters) and 24 random characters of
 * [0-9A-Za-z] with a NUL into out. */
void ac_id_make(char out[AC_ID_SIZE], const char *prefix);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* UTF-8 as JSON literals that are escaped by chance and cut by chance. */
#ifndef AC_TEST_ESCAPE_H
#define AC_TEST_ESCAPE_H

#include <stddef.h>

#include "codec/event.h"
#include "support/random.h"

enum { ESCAPE_MAX = 12 }; /* bytes of a character's longest literal */

/* Writes a character of len bytes of UTF-8 as a literal: as it is, or in one
 * of its escapes. Returns the literal's length. */
size_t escape_character(
    struct random *random, const char *text, size_t len, char out[ESCAPE_MAX]);

/* Tells a stage a text of len bytes of UTF-8, at most 1024, in events of
 * random lengths. */
void escape_tell(struct random *random, ac_event_fn *stage, void *arg,
    enum ac_event_type type, const char *text, size_t len);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Bodies that are too large to be stored: a test writes them, and what must
 * come of them, and they are cut at places drawn with a fixed seed and around
 * the ends of their first lines. */
#ifndef AC_TEST_BODY_H
#define AC_TEST_BODY_H

#include <stddef.h>

#include "support/recording.h"

/* A zeroed struct is an empty one. */
struct body {
	char *data; /* the caller frees it; NUL-terminated */
	size_t len;
};

void body_add(struct body *body, const char *data, size_t len);

void body_add_string(struct body *body, const char *s);

/* Fails the test unless the body's events are these: whole, in pieces, and
 * cut at count random places and around each line's end. */
void body_expect(recording_start_fn *start, const struct body *body,
    const struct body *events, size_t count);

#endif

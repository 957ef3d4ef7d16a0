/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* How a user asks the simulated app for a scenario. Pure code. */
#ifndef AC_DEMO_DEMO_MARKER_H
#define AC_DEMO_DEMO_MARKER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

enum { AC_DEMO_MARKER_MAX = 32 }; /* bytes of a name, and of a value */

/* "[demo:NAME]" or "[demo:NAME=VALUE]". */
struct ac_demo_marker {
	char name[AC_DEMO_MARKER_MAX + 1];
	char value[AC_DEMO_MARKER_MAX + 1]; /* with has_value */
	bool has_value;
};

/*
 * Looks for the first marker in a text of len bytes, in which NULs can
 * stand. Name and value are letters, digits and "._+-" and can be empty; what
 * has another form is no marker. *marker is set only if there is one.
 */
AC_MUST_CHECK bool ac_demo_marker_find(
    struct ac_demo_marker *marker, const char *text, size_t len);

#endif

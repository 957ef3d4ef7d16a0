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
 * Looks for the first marker in the text from *at to end, in which NULs can
 * stand, and moves *at behind it. Name and value are letters, digits and
 * "._+-" and can be empty; what has another form is no marker. *marker and
 * *at are set only if there is one.
 */
AC_MUST_CHECK bool ac_demo_marker_next(
    struct ac_demo_marker *marker, const char **at, const char *end);

#endif

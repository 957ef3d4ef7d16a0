/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Calls that were refused although their session is good, so that the same
 * call with a new session passes: what a client that knows its trade sends
 * next. Pure code.
 */
#ifndef AC_DEMO_DEMO_REFUSALS_H
#define AC_DEMO_DEMO_REFUSALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

enum { AC_DEMO_REFUSALS_MAX = 256 }; /* then the oldest is forgotten */

/* All zero: none yet. A call and a session are known by hashes. */
struct ac_demo_refusals {
	struct {
		uint64_t call; /* 0: free */
		uint64_t session;
	} ring[AC_DEMO_REFUSALS_MAX];
	size_t next;
};

/*
 * Whether the call with this body (len bytes) is to be refused: unless it was
 * refused before with another session, and then that is forgotten, so that
 * the next one of its kind is refused again.
 */
AC_MUST_CHECK bool ac_demo_refusals_take(struct ac_demo_refusals *refusals,
    const char *body, size_t len, const char *token);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Refused calls: see demo_refusals.h. */
#include "demo/demo_refusals.h"

#include <string.h>

#include "demo/demo_hash.h"

bool
ac_demo_refusals_take(struct ac_demo_refusals *refusals, const char *body,
    size_t len, const char *token)
{
	uint64_t call = ac_demo_hash(body, len);
	uint64_t session = ac_demo_hash(token, strlen(token));

	for (size_t i = 0; i < AC_DEMO_REFUSALS_MAX; i++) {
		if (refusals->ring[i].call != call)
			continue;
		if (refusals->ring[i].session == session)
			return true;
		refusals->ring[i].call = 0;
		return false;
	}
	refusals->ring[refusals->next].call = call;
	refusals->ring[refusals->next].session = session;
	refusals->next = (refusals->next + 1) % AC_DEMO_REFUSALS_MAX;
	return true;
}

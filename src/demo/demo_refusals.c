/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Refused calls: see demo_refusals.h. */
#include "demo/demo_refusals.h"

#include <string.h>

/* FNV-1a; never 0. */
static uint64_t
hash(const char *data, size_t len)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)data[i]) * UINT64_C(0x100000001b3);
	return h == 0 ? 1 : h;
}

bool
ac_demo_refusals_take(struct ac_demo_refusals *refusals, const char *body,
    size_t len, const char *token)
{
	uint64_t call = hash(body, len);
	uint64_t session = hash(token, strlen(token));

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

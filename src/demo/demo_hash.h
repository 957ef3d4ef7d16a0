/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A hash to tell texts of a demo apart; nobody attacks it. */
#ifndef AC_DEMO_DEMO_HASH_H
#define AC_DEMO_DEMO_HASH_H

#include <stddef.h>
#include <stdint.h>

/* FNV-1a of len bytes; never 0. */
static inline uint64_t
ac_demo_hash(const char *data, size_t len)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)data[i]) * UINT64_C(0x100000001b3);
	return h == 0 ? 1 : h;
}

#endif

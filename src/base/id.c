/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Random identifiers: see id.h. */
#include "base/id.h"

#include <string.h>

#include <event2/util.h>

enum { POOL_IDS = 32 };

void
ac_id_make(char out[AC_ID_SIZE], const char *prefix)
{
	static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz";
	/* Ids come four to a request: the kernel is asked for many at once. */
	static unsigned char pool[POOL_IDS * AC_ID_RANDOM_LEN];
	static size_t left;
	const unsigned char *random;
	size_t len = strlen(prefix);

	if (left == 0) {
		evutil_secure_rng_get_bytes(pool, sizeof(pool));
		left = POOL_IDS;
	}
	random = pool + --left * AC_ID_RANDOM_LEN;
	memcpy(out, prefix, len);
	/* 62 does not divide 256: the slight bias does no harm to an id. */
	for (size_t i = 0; i < AC_ID_RANDOM_LEN; i++)
		out[len + i] = alphabet[random[i] % (sizeof(alphabet) - 1)];
	out[len + AC_ID_RANDOM_LEN] = '\0';
}

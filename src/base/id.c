/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Random identifiers: see id.h. */
#include "base/id.h"

#include <string.h>

#include <event2/util.h>

void
ac_id_make(char out[AC_ID_SIZE], const char *prefix)
{
	static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz";
	unsigned char random[AC_ID_RANDOM_LEN];
	size_t len = strlen(prefix);

	evutil_secure_rng_get_bytes(random, sizeof(random));
	memcpy(out, prefix, len);
	/* 62 does not divide 256: the slight bias does no harm to an id. */
	for (size_t i = 0; i < sizeof(random); i++)
		out[len + i] = alphabet[random[i] % (sizeof(alphabet) - 1)];
	out[len + sizeof(random)] = '\0';
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Immutable bytes with a reference count: the body of a request that may
 * have to be sent a second time while the first sending still holds it.
 */
#ifndef AC_BASE_BYTES_H
#define AC_BASE_BYTES_H

#include <stddef.h>

struct ac_bytes {
	unsigned references;
	size_t len;
	char *data; /* owned, from malloc */
};

/* Takes over data (len bytes, from malloc); the count starts at one. */
struct ac_bytes *ac_bytes_take(char *data, size_t len);

/* One reference more; returns bytes. */
struct ac_bytes *ac_bytes_ref(struct ac_bytes *bytes);

/* One reference less, the last one frees; bytes may be NULL. */
void ac_bytes_unref(struct ac_bytes *bytes);

#endif

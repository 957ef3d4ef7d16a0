/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Reference-counted bytes: see bytes.h. */
#include "base/bytes.h"

#include <stdlib.h>

#include "base/mem.h"

struct ac_bytes *
ac_bytes_take(char *data, size_t len)
{
	struct ac_bytes *bytes = ac_calloc(1, sizeof(*bytes));

	bytes->references = 1;
	bytes->data = data;
	bytes->len = len;
	return bytes;
}

struct ac_bytes *
ac_bytes_ref(struct ac_bytes *bytes)
{
	bytes->references++;
	return bytes;
}

void
ac_bytes_unref(struct ac_bytes *bytes)
{
	if (bytes == NULL || --bytes->references > 0)
		return;
	free(bytes->data);
	free(bytes);
}

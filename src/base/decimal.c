/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Numbers in decimal digits: see decimal.h. */
#include "base/decimal.h"

#include <string.h>

size_t
ac_decimal(char out[AC_DECIMAL_SIZE], int64_t number)
{
	/* Unsigned: the lowest number has no positive counterpart. */
	uint64_t left = number < 0 ? -(uint64_t)number : (uint64_t)number;
	char text[AC_DECIMAL_SIZE];
	char *first = text + sizeof(text);
	size_t len;

	*--first = '\0';
	do {
		*--first = (char)('0' + left % 10);
		left /= 10;
	} while (left > 0);
	if (number < 0)
		*--first = '-';
	len = (size_t)(text + sizeof(text) - first);
	memcpy(out, first, len);
	return len - 1;
}

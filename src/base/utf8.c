/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* UTF-8: see utf8.h. */
#include "base/utf8.h"

#include <stdbool.h>

/* What the second byte may be keeps out surrogates and overlong forms. */
static bool
is_second_byte(unsigned char first, unsigned char second)
{
	unsigned char low = 0x80, high = 0xbf;

	if (first == 0xe0)
		low = 0xa0;
	else if (first == 0xed)
		high = 0x9f;
	else if (first == 0xf0)
		low = 0x90;
	else if (first == 0xf4)
		high = 0x8f;
	return second >= low && second <= high;
}

size_t
ac_utf8_decode(const char *s, size_t len, uint32_t *code_point)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t need;

	*code_point = u[0];
	if (u[0] < 0x80)
		return 1;
	if (u[0] < 0xc2 || u[0] > 0xf4)
		return 0;
	need = u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
	if (len < need || !is_second_byte(u[0], u[1]))
		return 0;
	*code_point = u[0] & (0xffu >> (need + 1));
	for (size_t i = 1; i < need; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		*code_point = *code_point << 6 | (u[i] & 0x3fu);
	}
	return need;
}

size_t
ac_utf8_len(uint32_t code_point)
{
	if (code_point < 0x80)
		return 1;
	if (code_point < 0x800)
		return 2;
	return code_point < 0x10000 ? 3 : 4;
}

size_t
ac_utf8_encode(uint32_t code_point, char out[4])
{
	static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	size_t len = ac_utf8_len(code_point);

	for (size_t i = len; i > 1; i--) {
		out[i - 1] = (char)(0x80 | (code_point & 0x3f));
		code_point >>= 6;
	}
	out[0] = (char)(lead[len] | code_point);
	return len;
}

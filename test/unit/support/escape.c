/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Random escapes and cuts: see escape.h. */
#include "support/escape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "support/event_log.h"

enum { MAX_TEXT = 1024 };

/* \uXXXX in either case, without a NUL. */
static void
write_unit(struct random *random, uint32_t unit, char *out)
{
	static const char digits[2][17] = {
	    "0123456789abcdef", "0123456789ABCDEF"};
	const char *of = digits[random_below(random, 2)];

	out[0] = '\\';
	out[1] = 'u';
	for (size_t i = 0; i < 4; i++)
		out[2 + i] = of[unit >> (12 - 4 * i) & 15];
}

size_t
escape_character(
    struct random *random, const char *text, size_t len, char out[ESCAPE_MAX])
{
	static const char shorts[] = "\b\f\n\r\t\"\\/";
	static const char letters[] = "bfnrt\"\\/";
	const char *found = text[0] == '\0' ? NULL : strchr(shorts, text[0]);
	uint32_t c;
	bool must =
	    (unsigned char)text[0] < 0x20 || text[0] == '"' || text[0] == '\\';

	if (ac_utf8_decode(text, len, &c) != len)
		abort(); /* the test gave half a character */
	if (!must && random_below(random, 4) != 0) {
		memcpy(out, text, len);
		return len;
	}
	if (found != NULL && random_below(random, 2) == 0) {
		out[0] = '\\';
		out[1] = letters[found - shorts];
		return 2;
	}
	if (c < 0x10000) {
		write_unit(random, c, out);
		return 6;
	}
	write_unit(random, 0xd800 + ((c - 0x10000) >> 10), out);
	write_unit(random, 0xdc00 + ((c - 0x10000) & 0x3ff), out + 6);
	return 12;
}

void
escape_tell(struct random *random, ac_event_fn *stage, void *arg,
    enum ac_event_type type, const char *text, size_t len)
{
	char literal[MAX_TEXT * 6];
	size_t most = 1 + random_below(random, 12);

	while (len > 0) {
		size_t characters = 1 + random_below(random, most);
		size_t literal_len = 0;

		for (; characters > 0 && len > 0; characters--) {
			uint32_t c;
			size_t bytes = ac_utf8_decode(text, len, &c);

			literal_len += escape_character(
			    random, text, bytes, literal + literal_len);
			text += bytes;
			len -= bytes;
		}
		event_log_tell(stage, arg, type, literal, literal_len);
	}
}

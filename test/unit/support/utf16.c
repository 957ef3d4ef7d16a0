/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Random UTF-16 and its naive conversions: see utf16.h. */
#include "support/utf16.h"

#include <stdbool.h>
#include <string.h>

static bool
is_pair(const uint16_t *units, size_t len)
{
	return len >= 2 && (units[0] & 0xfc00) == 0xd800 &&
	       (units[1] & 0xfc00) == 0xdc00;
}

static bool
is_surrogate(uint16_t unit)
{
	return (unit & 0xf800) == 0xd800;
}

/* One or two units; room is at least 1. */
static size_t
fill_character(struct random *random, uint16_t *units, size_t room)
{
	static const uint16_t odd[] = {'"', '\\', '/', 0, 0x1f, 0x7f, 0x85,
	    0x2028, 0x2029, 0xfeff, 0xfffd, 0xffff, 0xd7ff, 0xe000};

	switch (random_below(random, 8)) {
	case 0:
		units[0] = (uint16_t)random_below(random, 0x20);
		return 1;
	case 1:
		units[0] = odd[random_below(random, sizeof(odd) / 2)];
		return 1;
	case 2:
		units[0] = (uint16_t)(0x80 + random_below(random, 0xd780));
		return 1;
	case 3:
		if (room < 2)
			break;
		units[0] = (uint16_t)(0xd800 + random_below(random, 0x400));
		units[1] = (uint16_t)(0xdc00 + random_below(random, 0x400));
		return 2;
	case 4:
		if (random_below(random, 4) != 0)
			break;
		units[0] = (uint16_t)(0xd800 + random_below(random, 0x800));
		return 1;
	default:
		break;
	}
	units[0] = (uint16_t)(' ' + random_below(random, 95));
	return 1;
}

void
utf16_fill(struct random *random, uint16_t *units, size_t len)
{
	size_t i = 0;

	while (i < len)
		i += fill_character(random, units + i, len - i);
}

static void
write_code_point(FILE *out, uint32_t c)
{
	if (c < 0x80) {
		fputc((int)c, out);
	} else if (c < 0x800) {
		fputc((int)(0xc0 | c >> 6), out);
		fputc((int)(0x80 | (c & 0x3f)), out);
	} else if (c < 0x10000) {
		fputc((int)(0xe0 | c >> 12), out);
		fputc((int)(0x80 | (c >> 6 & 0x3f)), out);
		fputc((int)(0x80 | (c & 0x3f)), out);
	} else {
		fputc((int)(0xf0 | c >> 18), out);
		fputc((int)(0x80 | (c >> 12 & 0x3f)), out);
		fputc((int)(0x80 | (c >> 6 & 0x3f)), out);
		fputc((int)(0x80 | (c & 0x3f)), out);
	}
}

static uint32_t
pair_code_point(const uint16_t *units)
{
	return 0x10000 + ((units[0] & 0x3ffu) << 10) + (units[1] & 0x3ffu);
}

void
utf16_write_utf8(FILE *out, const uint16_t *units, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (is_pair(units + i, len - i))
			write_code_point(out, pair_code_point(units + i++));
		else if (is_surrogate(units[i]))
			write_code_point(out, 0xfffd);
		else
			write_code_point(out, units[i]);
	}
}

static void
write_escape(struct random *random, FILE *out, uint16_t unit)
{
	static const char shorts[] = "\b\f\n\r\t\"\\/";
	static const char letters[] = "bfnrt\"\\/";
	const char *found =
	    unit == 0 || unit > 0x7f ? NULL : strchr(shorts, (int)unit);

	if (found != NULL && random_below(random, 2) == 0)
		fprintf(out, "\\%c", letters[found - shorts]);
	else if (random_below(random, 2) == 0)
		fprintf(out, "\\u%04x", (unsigned)unit);
	else
		fprintf(out, "\\u%04X", (unsigned)unit);
}

void
utf16_write_literal(
    struct random *random, FILE *out, const uint16_t *units, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		bool pair = is_pair(units + i, len - i);
		bool must_escape = units[i] < 0x20 || units[i] == '"' ||
				   units[i] == '\\' ||
				   (is_surrogate(units[i]) && !pair);

		if (must_escape || random_below(random, 5) == 0) {
			write_escape(random, out, units[i]);
			if (pair)
				write_escape(random, out, units[++i]);
		} else if (pair) {
			write_code_point(out, pair_code_point(units + i++));
		} else {
			write_code_point(out, units[i]);
		}
	}
}

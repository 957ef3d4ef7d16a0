/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The line splitter: see linesplit.h. */
#include "codec/linesplit.h"

#include <string.h>

void
ac_linesplit_init(struct ac_linesplit *split, size_t max)
{
	ac_buf_init(&split->partial, max);
	split->handed_out = false;
}

void
ac_linesplit_clear(struct ac_linesplit *split)
{
	ac_buf_clear(&split->partial);
}

bool
ac_linesplit_has_partial(const struct ac_linesplit *split)
{
	return !split->handed_out && split->partial.len > 0;
}

enum ac_line
ac_linesplit_next(struct ac_linesplit *split, const char **data, size_t *len,
    const char **line, size_t *line_len)
{
	const char *start = *data;
	const char *end;
	size_t piece;

	if (split->handed_out) {
		/* A long line's memory is not kept for the short ones. */
		ac_buf_clear(&split->partial);
		split->handed_out = false;
	}
	if (*len == 0)
		return AC_LINE_MORE;
	end = memchr(start, '\n', *len);
	piece = end == NULL ? *len : (size_t)(end - start);
	if (piece > split->partial.max - split->partial.len)
		return AC_LINE_TOO_LONG;
	*data += end == NULL ? piece : piece + 1;
	*len -= end == NULL ? piece : piece + 1;
	if (end != NULL && split->partial.len == 0) {
		*line = start;
		*line_len = piece;
		return AC_LINE_WHOLE;
	}
	if (!ac_buf_add(&split->partial, start, piece))
		return AC_LINE_TOO_LONG;
	if (end == NULL)
		return AC_LINE_MORE;
	split->handed_out = true;
	*line = split->partial.data;
	*line_len = split->partial.len;
	return AC_LINE_WHOLE;
}

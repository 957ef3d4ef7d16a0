/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The line splitter: see linesplit.h. */
#include "codec/linesplit.h"

#include <string.h>

void
ac_linesplit_init(struct ac_linesplit *split, size_t max)
{
	ac_buf_init(&split->partial, max);
	split->handed_out = false;
	split->skipping = false;
}

void
ac_linesplit_clear(struct ac_linesplit *split)
{
	ac_buf_clear(&split->partial);
}

bool
ac_linesplit_has_partial(const struct ac_linesplit *split)
{
	return split->skipping ||
	       (!split->handed_out && split->partial.len > 0);
}

void
ac_linesplit_skip(struct ac_linesplit *split)
{
	ac_buf_clear(&split->partial);
	split->skipping = true;
}

static void
take(const char **data, size_t *len, size_t count)
{
	*data += count;
	*len -= count;
}

/* Drops the rest of a line, as far as it is there. */
static void
drain(struct ac_linesplit *split, const char **data, size_t *len)
{
	const char *end = *len > 0 ? memchr(*data, '\n', *len) : NULL;

	take(data, len, end == NULL ? *len : (size_t)(end + 1 - *data));
	split->skipping = end == NULL;
}

/* The first bytes of a line that goes on in data, as many as are read. */
static void
hand_out_beginning(struct ac_linesplit *split, const char **data, size_t *len,
    const char **line, size_t *line_len)
{
	struct ac_buf *partial = &split->partial;
	size_t rest = partial->max - partial->len;

	*line = *data;
	*line_len = rest;
	if (partial->len == 0)
		return;
	ac_buf_put(partial, *data, rest);
	take(data, len, rest);
	*line = partial->data;
	*line_len = partial->len;
}

enum ac_line
ac_linesplit_next(struct ac_linesplit *split, const char **data, size_t *len,
    const char **line, size_t *line_len)
{
	const char *start;
	const char *end;
	size_t piece;

	if (split->handed_out) {
		/* A long line's memory is not kept for the short ones. */
		ac_buf_clear(&split->partial);
		split->handed_out = false;
	}
	if (split->skipping)
		drain(split, data, len);
	if (*len == 0)
		return AC_LINE_MORE;
	start = *data;
	end = memchr(start, '\n', *len);
	piece = end == NULL ? *len : (size_t)(end - start);
	if (piece > split->partial.max - split->partial.len) {
		hand_out_beginning(split, data, len, line, line_len);
		return AC_LINE_TOO_LONG;
	}
	take(data, len, end == NULL ? piece : piece + 1);
	if (end != NULL && split->partial.len == 0) {
		*line = start;
		*line_len = piece;
		return AC_LINE_WHOLE;
	}
	ac_buf_put(&split->partial, start, piece);
	if (end == NULL)
		return AC_LINE_MORE;
	split->handed_out = true;
	*line = split->partial.data;
	*line_len = split->partial.len;
	return AC_LINE_WHOLE;
}

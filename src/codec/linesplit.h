/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Cuts a stream of bytes into lines that end with a line feed. A line that
 * lies whole in the given bytes is handed out where it lies; only one that
 * is cut between two feeds is copied.
 */
#ifndef AC_CODEC_LINESPLIT_H
#define AC_CODEC_LINESPLIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct ac_linesplit {
	struct ac_buf partial; /* the beginning of a line */
	bool handed_out;       /* partial holds the line given last */
};

enum ac_line {
	AC_LINE_WHOLE,    /* *line and *line_len are set */
	AC_LINE_MORE,     /* the bytes are used up */
	AC_LINE_TOO_LONG, /* a line is longer than max; do not go on */
};

/* max: the longest line in bytes, without its line feed. */
void ac_linesplit_init(struct ac_linesplit *split, size_t max);

void ac_linesplit_clear(struct ac_linesplit *split);

/*
 * Takes bytes from *data (advancing it and *len) up to the end of the next
 * line. The line comes without its line feed and is valid until the next
 * call, or until the caller's bytes go.
 */
enum ac_line ac_linesplit_next(struct ac_linesplit *split, const char **data,
    size_t *len, const char **line, size_t *line_len);

/* Whether bytes of an unfinished line wait. */
bool ac_linesplit_has_partial(const struct ac_linesplit *split);

#endif

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
	bool skipping;         /* up to the end of a line */
};

enum ac_line {
	AC_LINE_WHOLE, /* *line and *line_len are set */
	AC_LINE_MORE,  /* the bytes are used up */
	/* A line is longer than max: *line and *line_len are its first max
	 * bytes. Go on with ac_linesplit_skip() or not at all. */
	AC_LINE_TOO_LONG,
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

/* After AC_LINE_TOO_LONG: the next line is the one behind it. Of the rest
 * nothing is kept. */
void ac_linesplit_skip(struct ac_linesplit *split);

/* Whether an unfinished line waits, or is being skipped. */
bool ac_linesplit_has_partial(const struct ac_linesplit *split);

#endif

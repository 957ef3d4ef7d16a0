/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Cuts a stream of bytes into server-sent events as the HTML standard says
 * (section 9.2.6): lines end with LF, CR LF or CR, one byte order mark in
 * front does not count, the data lines of an event are joined by LF. Fields
 * other than data, comments and events without a data field are skipped, and
 * an event that no empty line ended is none.
 *
 * An event with one data line that lies whole in the given bytes is handed
 * out where it lies; only what is cut or joined is copied.
 */
#ifndef AC_CODEC_SSE_H
#define AC_CODEC_SSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct ac_sse {
	struct ac_buf line; /* the beginning of a line that was cut */
	struct ac_buf data; /* the data of an event that was cut */
	bool has_data;      /* data counts, even where it is empty */
	bool handed_out;    /* data holds the event given last */
	bool after_cr;      /* a line feed would belong to the last line */
	bool begun;         /* the first line is over */
	bool skipping;      /* up to the end of an event … */
	bool in_line;       /* … in a line of which something was dropped */
};

enum ac_sse_result {
	AC_SSE_EVENT, /* *event and *event_len are set */
	AC_SSE_MORE,  /* the bytes are used up */
	/* *event and *event_len are the beginning of its data, as much as
	 * there is, but no more than max. Go on with ac_sse_skip() or not at
	 * all. */
	AC_SSE_TOO_LONG,
};

/* max: the longest line and the longest data of an event, in bytes. */
void ac_sse_init(struct ac_sse *sse, size_t max);

void ac_sse_clear(struct ac_sse *sse);

/*
 * Takes bytes from *data (advancing it and *len) up to the end of the next
 * event. Its data come without their last line end and are valid until the
 * next call, or until the caller's bytes go.
 */
enum ac_sse_result ac_sse_next(struct ac_sse *sse, const char **data,
    size_t *len, const char **event, size_t *event_len);

/* After AC_SSE_TOO_LONG: the next event is the one behind it. Of the rest
 * nothing is kept. */
void ac_sse_skip(struct ac_sse *sse);

#endif

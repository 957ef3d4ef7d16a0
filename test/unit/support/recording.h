/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Plays a body to a decoder and writes down the events, one a line, in the
 * form of test/data/PROTOCOL/NAME.events:
 *
 *	START {"messageId":"m"}
 *	TEXT "a literal as it came, quotes put round it"
 *	STEP stop prompt=11 completion=?
 *	FINISH length prompt=? completion=?
 *	ERROR upstream "message"
 *	ERROR cut
 *	END
 */
#ifndef AC_TEST_RECORDING_H
#define AC_TEST_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "codec/datastream.h"
#include "codec/uistream.h"

struct recording {
	const struct recording_protocol *protocol;
	union {
		struct ac_datastream datastream;
		struct ac_uistream uistream;
	} decoder;
	FILE *out;
	char *text; /* owned; the lines, whole after recording_end() */
	size_t text_size;
	size_t events;       /* how many came */
	size_t decoded_len;  /* the sum of their text_len */
	size_t stop_at;      /* stop the decoder in this event; 0: never */
	bool checks;         /* parse every literal with jansson */
	bool finished;       /* FINISH came last */
	bool over;           /* ERROR or END came */
	const char *problem; /* a rule of event.h that was broken, or NULL */
};

/* Makes an empty recording in place. */
typedef void recording_start_fn(struct recording *recording);

recording_start_fn recording_start;          /* of a data stream */
recording_start_fn recording_start_uistream; /* of a UI message stream */

/* Feeds len bytes out of a block of their own that is freed at once, so that
 * a sanitizer sees a decoder that looks back or beyond. */
void recording_feed(struct recording *recording, const char *data, size_t len);

/* Tells the decoder that the body ended and completes the text. Once. */
void recording_end(struct recording *recording);

void recording_clear(struct recording *recording);

#endif

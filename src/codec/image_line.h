/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Reads the model AkashGen's answer (docs/internals/pictures.md): a job that
 * draws, told in one line of a data stream that is pasted together,
 *
 *	0:"<image_generation> jobId='ID' prompt='P'
 *negative='N'</image_generation>"
 *
 * with nothing escaped but ' as \', so that quotes, backslashes, line feeds
 * and tags of the prompt stand in it as they are; or, where the model found
 * nothing to draw, an ordinary data stream.
 */
#ifndef AC_CODEC_IMAGE_LINE_H
#define AC_CODEC_IMAGE_LINE_H

#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/name.h"

enum { AC_IMAGE_LINE_MAX = 256 * 1024 }; /* bytes of body that are read */

enum ac_image_line_state {
	AC_IMAGE_LINE_MORE,         /* nothing is known yet */
	AC_IMAGE_LINE_IMAGE,        /* job_id, prompt and negative are there */
	AC_IMAGE_LINE_NOT_AN_IMAGE, /* an ordinary data stream */
	/* failures */
	AC_IMAGE_LINE_CUT,       /* it ended before the closing tag */
	AC_IMAGE_LINE_MALFORMED, /* what is between the tags is no job */
	AC_IMAGE_LINE_TOO_LONG,  /* the body is longer than is read */
};

/* A text as it was drawn: UTF-8, each byte that is none replaced by U+FFFD.
 * A NUL stands behind it, others may stand in it. */
struct ac_image_text {
	char *data; /* owned by the line; never NULL once it is an IMAGE */
	size_t len;
};

struct ac_image_line {
	enum ac_image_line_state state;
	struct ac_buf body; /* what was fed so far */
	char job_id[AC_JOB_ID_SIZE];
	struct ac_image_text prompt;
	struct ac_image_text negative;
};

/* An empty one in place; no memory is taken yet. */
void ac_image_line_init(struct ac_image_line *line);

void ac_image_line_clear(struct ac_image_line *line);

/*
 * Takes len bytes of the body, cut anywhere. The answer is
 *
 *	MORE           feed on, or end it;
 *	NOT_AN_IMAGE   the ordinary decoder is to get line->body (the bytes of
 *	               earlier feeds, at most 20) and then these len bytes,
 *	               none of which were taken;
 *	TOO_LONG       it failed.
 *
 * Once it is not MORE nothing is taken any more and the answer stays.
 */
AC_MUST_CHECK enum ac_image_line_state ac_image_line_feed(
    struct ac_image_line *line, const char *data, size_t len);

/*
 * The body is over, however it ended: IMAGE, NOT_AN_IMAGE (line->body is all
 * that came, perhaps nothing) or a failure. Only now is it known which of the
 * closing tags is the last; what must follow it, the finish, is not asked
 * for.
 */
AC_MUST_CHECK enum ac_image_line_state ac_image_line_end(
    struct ac_image_line *line);

#endif

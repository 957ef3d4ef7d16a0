/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * AkashGen's answers as the upstream makes them, and the reading of one in
 * pieces.
 */
#ifndef AC_TEST_IMAGE_BODY_H
#define AC_TEST_IMAGE_BODY_H

#include <stddef.h>

#include "base/buf.h"
#include "codec/image_line.h"

/* Appends a whole body: the pasted line and the finish. Nothing of prompt
 * and negative is escaped but apostrophes. */
void image_body_paste(struct ac_buf *out, const char *job_id,
    const char *prompt, size_t prompt_len, const char *negative,
    size_t negative_len);

/* How a body is cut: after at bytes, and then every piece bytes. */
struct image_body_cut {
	size_t at;
	size_t piece;
};

/*
 * Feeds a body out of blocks of their own that are freed at once, and ends
 * it unless it is decided before. Where it is NOT_AN_IMAGE, handed gets the
 * bytes as the ordinary decoder would. line is initialised here and cleared
 * by the caller.
 */
enum ac_image_line_state image_body_read(struct ac_image_line *line,
    struct ac_buf *handed, const char *body, size_t len,
    struct image_body_cut cut);

#endif

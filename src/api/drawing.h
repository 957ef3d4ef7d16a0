/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * One picture of the model that draws, from the question to its address or
 * its bytes.
 */
#ifndef AC_API_DRAWING_H
#define AC_API_DRAWING_H

#include "base/error.h"

struct ac_bytes;
struct ac_drawing;
struct ac_image;
struct ac_image_ref;
struct ac_image_text;
struct ac_upstream;

enum ac_drawing_wish {
	AC_DRAWING_REF,   /* where it is is enough */
	AC_DRAWING_BYTES, /* the picture itself */
};

/* Borrowed for the call, all of it. */
struct ac_drawing_result {
	const struct ac_image_text *prompt; /* that was drawn */
	const struct ac_image_ref *ref;
	const struct ac_image *image; /* of AC_DRAWING_BYTES, else NULL */
};

/*
 * on_job once at most: the model has answered and its job is under way. Then
 * on_done, once and last: with the picture, or with NULL and why there is
 * none: IMAGE_NOT_DRAWN with the text where the model answered in words,
 * IMAGE_TIMEOUT, or an error of the upstream. Each may cancel the drawing;
 * with on_done it is over.
 */
struct ac_drawing_handlers {
	void (*on_job)(void *arg);
	void (*on_done)(const struct ac_drawing_result *result,
	    const struct ac_error *error, void *arg);
};

/* Starts it; no handler runs before this returns. body is what the chat is
 * asked with and is referenced. */
struct ac_drawing *ac_drawing_start(struct ac_upstream *upstream,
    struct ac_bytes *body, enum ac_drawing_wish wish,
    const struct ac_drawing_handlers *handlers, void *arg);

/* No handler runs any more, and nothing is asked for any more. Not after
 * on_done. */
void ac_drawing_cancel(struct ac_drawing *drawing);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * One picture of the site (GET /api/image/NAME), handed on as it comes. It
 * needs no session.
 */
#ifndef AC_UPSTREAM_IMAGE_FILE_H
#define AC_UPSTREAM_IMAGE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct ac_image_file;
struct ac_site;
struct evbuffer;

enum { AC_IMAGE_LENGTH_UNKNOWN = -1 };

struct ac_image_head {
	const char *type; /* by its first bytes: "image/webp"; constant */
	int64_t length;   /* bytes, or AC_IMAGE_LENGTH_UNKNOWN */
};

/*
 * on_head once at most, when the first bytes have shown that it is a picture;
 * on_data after it, data is drained by the callback or lost. on_done once and
 * last: with NULL if the picture is whole, otherwise with what went wrong,
 * also behind on_head: IMAGE_NOT_FOUND where the site says 404, otherwise one
 * of the upstream's codes. Each may cancel; with on_done it is over.
 */
struct ac_image_file_handlers {
	void (*on_head)(const struct ac_image_head *head, void *arg);
	void (*on_data)(struct evbuffer *data, void *arg);
	void (*on_done)(const struct ac_error *error, void *arg);
};

/*
 * Starts it; no handler runs before this returns. name satisfies
 * ac_image_name_is_valid() (image_ref.h; one that does not is not found),
 * query is what stands behind its "?" in a result, or NULL. A picture of more
 * than max bytes fails, before on_head where its length is told.
 */
struct ac_image_file *ac_image_file_start(const struct ac_site *site,
    const char *name, const char *query, size_t max,
    const struct ac_image_file_handlers *handlers, void *arg);

/* No handler runs any more; the upstream's connection is closed. Not after
 * on_done. */
void ac_image_file_cancel(struct ac_image_file *file);

/* Stops and restarts the flow of on_data, between on_head and on_done. What
 * on_head was made of still comes after a pause within it. */
void ac_image_file_pause(struct ac_image_file *file);
void ac_image_file_resume(struct ac_image_file *file);

#endif

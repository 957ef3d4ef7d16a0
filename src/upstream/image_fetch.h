/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A picture read whole, from wherever a job's result says that it is. */
#ifndef AC_UPSTREAM_IMAGE_FETCH_H
#define AC_UPSTREAM_IMAGE_FETCH_H

#include <stddef.h>

#include "base/error.h"

struct ac_image_fetch;
struct ac_image_ref;
struct ac_site;

struct ac_image {
	const char *type; /* by its first bytes; constant */
	const char *data;
	size_t len;
};

/* Called once: with the picture (borrowed for the call), or with NULL and
 * why there is none. The fetch is over then. */
typedef void ac_image_fetch_fn(
    const struct ac_image *image, const struct ac_error *error, void *arg);

/*
 * Starts it; on_done never runs before this returns. ref is read and not
 * kept. A file of the site is asked for, a data URL is decoded; one that is
 * elsewhere gives an error, since only the site is asked for anything: its
 * address can still be handed out. max: the largest picture, in bytes.
 */
struct ac_image_fetch *ac_image_fetch_start(const struct ac_site *site,
    const struct ac_image_ref *ref, size_t max, ac_image_fetch_fn *on_done,
    void *arg);

/* on_done will not run. Not after it. */
void ac_image_fetch_cancel(struct ac_image_fetch *fetch);

#endif

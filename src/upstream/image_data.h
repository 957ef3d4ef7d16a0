/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The bytes of pictures: what they begin with, and as data URLs. */
#ifndef AC_UPSTREAM_IMAGE_DATA_H
#define AC_UPSTREAM_IMAGE_DATA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"

enum {
	AC_IMAGE_MAGIC_LEN = 12,              /* bytes that tell a type */
	AC_IMAGE_SIZE_MAX = 20 * 1024 * 1024, /* what is fetched, in bytes */
};

/* The type of the picture that begins with data, by its magic bytes: PNG,
 * JPEG, WebP or GIF, "image/png" and so on; NULL for anything else. */
const char *ac_image_sniff(const void *data, size_t len);

/* Whether a Content-Type is a picture's: image/ and anything but SVG, which
 * can hold scripts. NULL is none. */
bool ac_image_is_type(const char *content_type);

/* Whether url begins like a data URL. */
bool ac_image_is_data_url(const char *url);

enum ac_image_decode {
	AC_IMAGE_DECODED,
	AC_IMAGE_TOO_LARGE, /* for out */
	AC_IMAGE_NO_PICTURE,
};

/* Decodes a data URL in base64 (RFC 2397) into out, which is empty. What is
 * in it must be a picture by its type and by its first bytes. */
AC_MUST_CHECK enum ac_image_decode ac_image_decode_data_url(
    struct ac_buf *out, const char *url);

#endif

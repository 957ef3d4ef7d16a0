/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The URL of a picture in a question: a data URL that holds it (RFC 2397), or
 * an http(s) URL, from which the upstream or its model fetches it. Nothing is
 * fetched here.
 */
#ifndef AC_API_PICTURE_URL_H
#define AC_API_PICTURE_URL_H

#include <stddef.h>

/* NULL where url (len bytes and a NUL) is one of the two, or a constant text
 * that says why not. */
const char *ac_picture_url_check(const char *url, size_t len);

enum { AC_MEDIA_TYPE_SIZE = 64 };

/* The media type ("image/png") of a URL that has passed the check: what a
 * data URL says, or a guess by the end of an http(s) URL's path. */
void ac_picture_media_type(const char *url, char type[AC_MEDIA_TYPE_SIZE]);

#endif

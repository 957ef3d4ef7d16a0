/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The address of a picture that a client is told. */
#ifndef AC_API_PUBLIC_IMAGE_URL_H
#define AC_API_PUBLIC_IMAGE_URL_H

struct ac_image_ref;
struct ac_request;

/*
 * The address, from malloc: with IMAGE_URLS=proxy that of GET /images/{name}
 * here for a file of the site, under PUBLIC_URL or else under the request's
 * Host; otherwise, and where the request names no usable host, the picture's
 * own. Made of characters of URLs alone, without blanks, quotes and angle
 * brackets.
 */
char *ac_public_image_url(
    struct ac_request *request, const struct ac_image_ref *ref);

#endif

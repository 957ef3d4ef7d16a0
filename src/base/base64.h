/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Base64 (RFC 4648, section 4), with padding and in one line. */
#ifndef AC_BASE_BASE64_H
#define AC_BASE_BASE64_H

#include <stddef.h>

struct evbuffer;

/* Appends len bytes as base64. */
void ac_base64_add(struct evbuffer *out, const void *data, size_t len);

#endif

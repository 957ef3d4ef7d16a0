/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The app's canonical paths, and the redirect to them. */
#ifndef AC_DEMO_DEMO_REDIRECT_H
#define AC_DEMO_DEMO_REDIRECT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct evhttp_request;

/* Answers 308 with the canonical path and the query if the request's path is
 * not the canonical one; false, and nothing is sent, if it is. */
AC_MUST_CHECK bool ac_demo_redirect(struct evhttp_request *req);

/* The canonical form of a path of len bytes that begins with a slash: no
 * double slashes, and a slash at the end unless the last segment holds a dot.
 * The caller frees it. */
char *ac_demo_redirect_canonical(const char *path, size_t len);

#endif

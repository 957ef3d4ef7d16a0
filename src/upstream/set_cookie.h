/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The Set-Cookie header (RFC 6265, section 5.2), as far as a session wants. */
#ifndef AC_UPSTREAM_SET_COOKIE_H
#define AC_UPSTREAM_SET_COOKIE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

enum {
	AC_COOKIE_VALUE_SIZE = 1024, /* the longest value, NUL included */
	AC_MAX_AGE_UNKNOWN = -1,
};

struct ac_set_cookie {
	char value[AC_COOKIE_VALUE_SIZE];
	int64_t max_age_s; /* 0: to be deleted; AC_MAX_AGE_UNKNOWN */
};

/* Reads header if it sets the cookie called name to a value that can be sent
 * back as it is (RFC 6265, cookie-octet); false otherwise. */
AC_MUST_CHECK bool ac_set_cookie_parse(
    struct ac_set_cookie *cookie, const char *header, const char *name);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A request's head, checked strictly: the guard's second half. */
#ifndef AC_API_HTTP_HEAD_H
#define AC_API_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/error.h"

/* What a head says about what follows it. */
struct ac_framing {
	bool is_chunked;
	uint64_t content_length; /* 0 where none is named */
	bool wants_close;
	const char *origin; /* the Origin header within the head, or NULL */
	size_t origin_len;
};

/*
 * Checks a head of len bytes, from its request line to its empty line, each
 * line ended by CR LF. True: framing is set. False: error says what is
 * wrong; it is to be answered with it and the connection to be closed.
 */
AC_MUST_CHECK bool ac_http_head_check(const char *head, size_t len,
    struct ac_framing *framing, struct ac_error *error);

#endif

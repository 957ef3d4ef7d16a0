/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * A request's head, read strictly and line by line: the guard's second half.
 * evhttp reads a head by lines too, so each line must have been checked when
 * it is complete, and not only when all of them are there.
 */
#ifndef AC_API_REQUEST_HEAD_H
#define AC_API_REQUEST_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/error.h"

struct ac_request_head {
	bool has_request_line;
	bool is_http_1_0;
	bool may_have_body; /* evhttp reads a body of this method */
	unsigned hosts;     /* headers of these names so far */
	unsigned lengths;
	unsigned encodings;
	/* what the head says about what follows it */
	bool is_chunked;
	uint64_t content_length; /* 0 where none is named */
	bool wants_close;
	/* what a refusal needs */
	char *origin;     /* owned: the Origin header, NULL without one */
	char *request_id; /* owned: X-Request-Id, likewise */
};

enum ac_head_line {
	AC_HEAD_MORE,  /* another line is to come */
	AC_HEAD_WHOLE, /* that was the empty line, and all is well */
	AC_HEAD_BAD,   /* error says why; the connection is to be closed */
};

/* Frees what was found; the head is ready for another request. */
void ac_request_head_clear(struct ac_request_head *head);

/* Reads the next line, of len bytes without its line end. */
AC_MUST_CHECK enum ac_head_line ac_request_head_read(
    struct ac_request_head *head, const char *line, size_t len,
    struct ac_error *error);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The guard at the door: reads a client's raw bytes before evhttp does and
 * lets through only requests that every HTTP/1.1 implementation reads alike
 * (RFC 9112, with the lenient readings left out). Pure: no sockets, no
 * timers; what happens to a refused request is its caller's affair.
 */
#ifndef AC_API_HTTP_GUARD_H
#define AC_API_HTTP_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/request_head.h"
#include "base/buf.h"

enum {
	AC_GUARD_LINE_MAX = 8 * 1024,  /* of the request line, in bytes */
	AC_GUARD_HEAD_MAX = 32 * 1024, /* of line and headers together */
};

struct ac_error;

enum ac_guard_state {
	AC_GUARD_IDLE, /* no byte of a request has come */
	AC_GUARD_HEAD,
	AC_GUARD_BODY, /* of a known length */
	AC_GUARD_CHUNK_SIZE,
	AC_GUARD_CHUNK_DATA,
	AC_GUARD_CHUNK_END,  /* the line end behind a chunk */
	AC_GUARD_LAST_CHUNK, /* the empty line behind the last one */
	AC_GUARD_DONE,       /* the request is whole */
	AC_GUARD_REFUSED,    /* error says why */
};

struct ac_guard {
	enum ac_guard_state state;
	struct ac_buf line; /* the beginning of a line */
	struct ac_request_head head;
	size_t head_len;        /* bytes of the head so far */
	uint64_t body_max;      /* the largest body, in bytes */
	uint64_t remaining;     /* of the body or the chunk */
	uint64_t body_len;      /* of the chunks so far */
	uint64_t body_fed;      /* bytes behind the head, framing included */
	struct ac_error *error; /* owned; NULL unless REFUSED */
};

/* Ready for a connection's first request. */
void ac_guard_init(struct ac_guard *guard, uint64_t body_max);

void ac_guard_clear(struct ac_guard *guard);

/* Refuses for a reason of the caller's: returns the error to be filled in,
 * which the guard owns. */
struct ac_error *ac_guard_refuse(struct ac_guard *guard);

/* Ready for the next request on the same connection. */
void ac_guard_reset(struct ac_guard *guard);

/* Takes bytes up to the end of the request, or to the first that is wrong,
 * and returns how many it took. Takes none in DONE and REFUSED. */
size_t ac_guard_feed(struct ac_guard *guard, const char *data, size_t len);

#endif

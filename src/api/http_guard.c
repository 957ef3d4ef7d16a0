/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The guard: see http_guard.h. It follows a request's framing byte by byte,
 * so it always knows where one request ends and the next begins; evhttp,
 * which reads the same bytes after it, can only agree.
 */
#include "api/http_guard.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

enum { CHUNK_LINE_MAX = 18 }; /* 16 digits and CR LF */

static void begin_head(struct ac_guard *, char first);
static size_t feed_head(struct ac_guard *, const char *data, size_t len);
static size_t feed_bytes(struct ac_guard *, size_t len);
static size_t feed_line(struct ac_guard *, const char *data, size_t len);
static void end_head_line(struct ac_guard *);
static void begin_body(struct ac_guard *);
static void end_line(struct ac_guard *);

void
ac_guard_init(struct ac_guard *guard, uint64_t body_max)
{
	*guard = (struct ac_guard){
	    .state = AC_GUARD_IDLE,
	    .body_max = body_max,
	};
	ac_buf_init(&guard->line, AC_GUARD_HEAD_MAX);
}

void
ac_guard_clear(struct ac_guard *guard)
{
	ac_buf_clear(&guard->line);
	ac_request_head_clear(&guard->head);
	free(guard->error);
	guard->error = NULL;
}

void
ac_guard_reset(struct ac_guard *guard)
{
	/* An idle connection holds no memory for heads. */
	ac_guard_clear(guard);
	ac_guard_init(guard, guard->body_max);
}

struct ac_error *
ac_guard_refuse(struct ac_guard *guard)
{
	guard->state = AC_GUARD_REFUSED;
	if (guard->error == NULL)
		guard->error = ac_calloc(1, sizeof(*guard->error));
	return guard->error;
}

static void
refuse(struct ac_guard *guard, enum ac_error_code code, const char *why)
{
	ac_error_set(ac_guard_refuse(guard), code, "%s", why);
}

size_t
ac_guard_feed(struct ac_guard *guard, const char *data, size_t len)
{
	size_t used = 0;
	size_t taken;

	while (used < len) {
		const char *rest = data + used;
		size_t left = len - used;

		switch (guard->state) {
		case AC_GUARD_IDLE:
			begin_head(guard, *rest);
			break;
		case AC_GUARD_HEAD:
			used += feed_head(guard, rest, left);
			break;
		case AC_GUARD_BODY:
		case AC_GUARD_CHUNK_DATA:
			taken = feed_bytes(guard, left);
			guard->body_fed += taken;
			used += taken;
			break;
		case AC_GUARD_CHUNK_SIZE:
		case AC_GUARD_CHUNK_END:
		case AC_GUARD_LAST_CHUNK:
			taken = feed_line(guard, rest, left);
			guard->body_fed += taken;
			used += taken;
			break;
		case AC_GUARD_DONE:
		case AC_GUARD_REFUSED:
			return used;
		}
	}
	return used;
}

/* A method is a word in capitals. Whatever begins otherwise, such as a TLS
 * handshake on a plain port, need not be waited for. */
static void
begin_head(struct ac_guard *guard, char first)
{
	guard->state = AC_GUARD_HEAD;
	if (first < 'A' || first > 'Z')
		refuse(guard, AC_ERROR_BAD_HTTP,
		    "The request is not proper HTTP: it does not begin with a "
		    "method (TLS is not spoken here).");
}

static void
refuse_long_head(struct ac_guard *guard)
{
	if (guard->head.has_request_line)
		refuse(guard, AC_ERROR_HEADERS_TOO_LARGE,
		    "The request's headers are too large.");
	else
		refuse(guard, AC_ERROR_URI_TOO_LONG,
		    "The request's URL is too long.");
}

static size_t
feed_head(struct ac_guard *guard, const char *data, size_t len)
{
	const char *end = memchr(data, '\n', len);
	size_t taken = end == NULL ? len : (size_t)(end - data) + 1;
	size_t max = guard->head.has_request_line ? AC_GUARD_HEAD_MAX
						  : AC_GUARD_LINE_MAX;

	if (taken > max - guard->head_len ||
	    !ac_buf_add(&guard->line, data, taken)) {
		refuse_long_head(guard);
		return 0;
	}
	guard->head_len += taken;
	if (end != NULL)
		end_head_line(guard);
	return taken;
}

/* The length of the line that is complete, without CR LF; false if it does
 * not end so, or holds a CR elsewhere. */
static bool
measure_line(const struct ac_buf *line, size_t *len)
{
	if (line->len < 2 || line->data[line->len - 2] != '\r' ||
	    memchr(line->data, '\r', line->len - 2) != NULL)
		return false;
	*len = line->len - 2;
	return true;
}

static void
end_head_line(struct ac_guard *guard)
{
	enum ac_head_line result;
	struct ac_error error;
	size_t len;

	if (!measure_line(&guard->line, &len)) {
		refuse(guard, AC_ERROR_BAD_HTTP,
		    "The request is not proper HTTP: a line does not end with "
		    "CR LF.");
		return;
	}
	result =
	    ac_request_head_read(&guard->head, guard->line.data, len, &error);
	ac_buf_reset(&guard->line);
	switch (result) {
	case AC_HEAD_MORE:
		break;
	case AC_HEAD_BAD:
		*ac_guard_refuse(guard) = error;
		break;
	case AC_HEAD_WHOLE:
		begin_body(guard);
		break;
	}
}

static void
refuse_large_body(struct ac_guard *guard)
{
	ac_error_set(ac_guard_refuse(guard), AC_ERROR_BODY_TOO_LARGE,
	    "The request's body is larger than %llu bytes (MAX_BODY_SIZE).",
	    (unsigned long long)guard->body_max);
}

static void
begin_body(struct ac_guard *guard)
{
	guard->remaining = guard->head.content_length;
	if (guard->remaining > guard->body_max)
		refuse_large_body(guard);
	else if (guard->head.is_chunked)
		guard->state = AC_GUARD_CHUNK_SIZE;
	else
		guard->state =
		    guard->remaining > 0 ? AC_GUARD_BODY : AC_GUARD_DONE;
}

static size_t
feed_bytes(struct ac_guard *guard, size_t len)
{
	if (len > guard->remaining)
		len = (size_t)guard->remaining;
	guard->remaining -= len;
	if (guard->remaining == 0)
		guard->state = guard->state == AC_GUARD_BODY
				   ? AC_GUARD_DONE
				   : AC_GUARD_CHUNK_END;
	return len;
}

static size_t
feed_line(struct ac_guard *guard, const char *data, size_t len)
{
	const char *end = memchr(data, '\n', len);
	size_t taken = end == NULL ? len : (size_t)(end - data) + 1;

	if (guard->line.len + taken > CHUNK_LINE_MAX ||
	    !ac_buf_add(&guard->line, data, taken)) {
		refuse(guard, AC_ERROR_BAD_HTTP,
		    "The request is not proper HTTP: a chunk's line is too "
		    "long (chunk extensions and trailers are not taken).");
		return taken;
	}
	if (end != NULL)
		end_line(guard);
	return taken;
}

/* The number of a chunk's size line; false if it is more than digits. */
static bool
parse_size(const char *line, size_t len, uint64_t *size)
{
	*size = 0;
	for (size_t i = 0; i < len; i++) {
		const char *digits = "0123456789abcdef";
		char c = line[i] >= 'A' && line[i] <= 'F'
			     ? (char)(line[i] - 'A' + 'a')
			     : line[i];
		const char *digit = c == '\0' ? NULL : strchr(digits, c);

		if (digit == NULL)
			return false;
		*size = *size << 4 | (uint64_t)(digit - digits);
	}
	return len > 0;
}

static void
begin_chunk(struct ac_guard *guard, size_t digits)
{
	uint64_t size;

	if (!parse_size(guard->line.data, digits, &size)) {
		refuse(guard, AC_ERROR_BAD_HTTP,
		    "The request is not proper HTTP: a chunk's size is no "
		    "number.");
	} else if (size > guard->body_max - guard->body_len) {
		refuse_large_body(guard);
	} else {
		guard->body_len += size;
		guard->remaining = size;
		guard->state =
		    size == 0 ? AC_GUARD_LAST_CHUNK : AC_GUARD_CHUNK_DATA;
	}
}

static void
end_line(struct ac_guard *guard)
{
	size_t len;

	if (!measure_line(&guard->line, &len)) {
		refuse(guard, AC_ERROR_BAD_HTTP,
		    "The request is not proper HTTP: a chunk's line does not "
		    "end with CR LF.");
		return;
	}
	if (guard->state == AC_GUARD_CHUNK_SIZE)
		begin_chunk(guard, len);
	else if (len > 0)
		refuse(guard, AC_ERROR_BAD_HTTP,
		    "The request is not proper HTTP: there is something "
		    "behind a chunk.");
	else if (guard->state == AC_GUARD_CHUNK_END)
		guard->state = AC_GUARD_CHUNK_SIZE;
	else
		guard->state = AC_GUARD_DONE;
	if (guard->state != AC_GUARD_REFUSED)
		ac_buf_reset(&guard->line);
}

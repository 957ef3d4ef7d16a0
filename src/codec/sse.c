/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Server-sent events: see sse.h. The decoder of the UI message stream owns
 * one. */
#include "codec/sse.h"

#include <string.h>

/* Bytes that lie somewhere: in the caller's or in a buffer. */
struct span {
	const char *s;
	size_t len;
};

enum line_result { LINE_WHOLE, LINE_MORE, LINE_TOO_LONG };

static enum line_result take_line(
    struct ac_sse *, struct span *bytes, struct span *line);
static struct span skip_byte_order_mark(struct ac_sse *, struct span line);
static bool read_field(struct ac_sse *, struct span line, struct span *held);
static void spill(struct ac_sse *, struct span *held);
static struct span hand_out(struct ac_sse *, struct span held);
static bool drain(struct ac_sse *, struct span *bytes);
static struct span hand_out_beginning(
    struct ac_sse *, enum line_result, struct span *bytes, struct span held);

void
ac_sse_init(struct ac_sse *sse, size_t max)
{
	*sse = (struct ac_sse){0};
	ac_buf_init(&sse->line, max);
	ac_buf_init(&sse->data, max);
}

void
ac_sse_clear(struct ac_sse *sse)
{
	ac_buf_clear(&sse->line);
	ac_buf_clear(&sse->data);
}

enum ac_sse_result
ac_sse_next(struct ac_sse *sse, const char **data, size_t *len,
    const char **event, size_t *event_len)
{
	struct span bytes = {*data, *len};
	struct span held = {NULL, 0}; /* data that lie in the caller's bytes */
	enum ac_sse_result result = AC_SSE_MORE;
	enum line_result line_result = LINE_MORE;
	struct span line;

	if (sse->handed_out) {
		/* A long event's memory is not kept for the short ones. */
		ac_buf_clear(&sse->data);
		sse->handed_out = false;
	}
	while (drain(sse, &bytes) &&
	       (line_result = take_line(sse, &bytes, &line)) == LINE_WHOLE) {
		line = skip_byte_order_mark(sse, line);
		if (line.len == 0 && (held.s != NULL || sse->has_data)) {
			line = hand_out(sse, held);
			*event = line.s;
			*event_len = line.len;
			result = AC_SSE_EVENT;
			break;
		}
		if (!read_field(sse, line, &held)) {
			result = AC_SSE_TOO_LONG;
			break;
		}
	}
	if (line_result == LINE_TOO_LONG)
		result = AC_SSE_TOO_LONG;
	else if (line_result == LINE_MORE)
		spill(sse, &held);
	if (result == AC_SSE_TOO_LONG) {
		line = hand_out_beginning(sse, line_result, &bytes, held);
		*event = line.s;
		*event_len = line.len;
	}
	*data = bytes.s;
	*len = bytes.len;
	return result;
}

/* The bytes before the first line feed or carriage return. They are looked
 * through in windows, so that a far line feed is not sought in vain for each
 * of many lines that end with carriage returns. */
static size_t
find_line_end(struct span bytes)
{
	enum { WINDOW = 512 };

	for (size_t i = 0; i < bytes.len; i += WINDOW) {
		const char *s = bytes.s + i;
		size_t len = bytes.len - i < WINDOW ? bytes.len - i : WINDOW;
		const char *lf = memchr(s, '\n', len);
		const char *cr;

		if (lf != NULL)
			len = (size_t)(lf - s);
		cr = memchr(s, '\r', len);
		if (cr != NULL)
			return (size_t)(cr - bytes.s);
		if (lf != NULL)
			return (size_t)(lf - bytes.s);
	}
	return bytes.len;
}

static void
advance(struct span *bytes, size_t len)
{
	bytes->s += len;
	bytes->len -= len;
}

/* A line is valid until the next one is taken. */
static enum line_result
take_line(struct ac_sse *sse, struct span *bytes, struct span *line)
{
	struct ac_buf *partial = &sse->line;
	size_t len;
	bool ended;

	if (sse->after_cr && bytes->len > 0) {
		sse->after_cr = false;
		if (bytes->s[0] == '\n')
			advance(bytes, 1);
	}
	if (bytes->len == 0)
		return LINE_MORE;
	len = find_line_end(*bytes);
	ended = len < bytes->len;
	if (len > partial->max - partial->len)
		return LINE_TOO_LONG;
	*line = (struct span){bytes->s, len};
	if (partial->len > 0 || !ended)
		ac_buf_put(partial, bytes->s, len);
	if (!ended) {
		advance(bytes, len);
		return LINE_MORE;
	}
	sse->after_cr = bytes->s[len] == '\r';
	advance(bytes, len + 1);
	if (partial->len > 0)
		*line = (struct span){partial->data, partial->len};
	return LINE_WHOLE;
}

static struct span
skip_byte_order_mark(struct ac_sse *sse, struct span line)
{
	static const char mark[] = {'\xef', '\xbb', '\xbf'};

	if (!sse->begun && line.len >= sizeof(mark) &&
	    memcmp(line.s, mark, sizeof(mark)) == 0)
		advance(&line, sizeof(mark));
	sse->begun = true;
	return line;
}

/* What does not fit is cut off. */
static bool
append(struct ac_sse *sse, struct span value)
{
	bool fits;

	if (sse->has_data && !ac_buf_add(&sse->data, "\n", 1))
		return false;
	sse->has_data = true;
	fits = value.len <= sse->data.max - sse->data.len;
	if (!fits)
		value.len = sse->data.max - sse->data.len;
	ac_buf_put(&sse->data, value.s, value.len);
	return fits;
}

/* Copies what lies in the caller's bytes: the first data line of an event,
 * for which there is always room. */
static void
spill(struct ac_sse *sse, struct span *held)
{
	if (held->s == NULL)
		return;
	ac_buf_put(&sse->data, held->s, held->len);
	sse->has_data = true;
	*held = (struct span){NULL, 0};
}

/* The first data line of an event is held where it lies; a second one makes
 * both a copy. False if that is too long. */
static bool
add_data(struct ac_sse *sse, struct span value, struct span *held)
{
	bool ok;

	if (sse->line.len > 0) {
		spill(sse, held);
		ok = append(sse, value);
		ac_buf_clear(&sse->line);
		return ok;
	}
	if (!sse->has_data && held->s == NULL) {
		*held = value;
		return true;
	}
	spill(sse, held);
	return append(sse, value);
}

static bool
read_field(struct ac_sse *sse, struct span line, struct span *held)
{
	static const char name[] = {'d', 'a', 't', 'a'};

	if (line.len < sizeof(name) ||
	    memcmp(line.s, name, sizeof(name)) != 0 ||
	    (line.len > sizeof(name) && line.s[sizeof(name)] != ':')) {
		ac_buf_clear(&sse->line);
		return true;
	}
	advance(&line, sizeof(name));
	if (line.len > 0)
		advance(&line, 1);
	if (line.len > 0 && line.s[0] == ' ')
		advance(&line, 1);
	return add_data(sse, line, held);
}

static struct span
hand_out(struct ac_sse *sse, struct span held)
{
	ac_buf_clear(&sse->line);
	if (held.s != NULL)
		return held;
	sse->has_data = false;
	sse->handed_out = true;
	return (struct span){
	    sse->data.len > 0 ? sse->data.data : "", sse->data.len};
}

/* The data of an event that is too long, as far as they were read: with the
 * first bytes of a line that is too long itself. */
static struct span
hand_out_beginning(struct ac_sse *sse, enum line_result line_result,
    struct span *bytes, struct span held)
{
	struct span line = {bytes->s, sse->line.max - sse->line.len};

	sse->in_line = line_result == LINE_TOO_LONG;
	if (line_result == LINE_TOO_LONG) {
		if (sse->line.len > 0) {
			ac_buf_put(&sse->line, line.s, line.len);
			advance(bytes, line.len);
			line = (struct span){sse->line.data, sse->line.len};
		}
		line = skip_byte_order_mark(sse, line);
		/* That it does not fit is known. */
		(void)read_field(sse, line, &held);
	}
	spill(sse, &held);
	return (struct span){
	    sse->data.len > 0 ? sse->data.data : "", sse->data.len};
}

void
ac_sse_skip(struct ac_sse *sse)
{
	ac_buf_clear(&sse->line);
	ac_buf_clear(&sse->data);
	sse->has_data = false;
	sse->skipping = true;
}

/* Drops what is left of an event that is skipped, up to its empty line. False
 * if that has not come. */
static bool
drain(struct ac_sse *sse, struct span *bytes)
{
	while (sse->skipping && bytes->len > 0) {
		size_t len;

		if (sse->after_cr && bytes->s[0] == '\n')
			advance(bytes, 1);
		sse->after_cr = false;
		len = find_line_end(*bytes);
		sse->in_line |= len > 0;
		if (len == bytes->len) {
			advance(bytes, len);
			break;
		}
		sse->after_cr = bytes->s[len] == '\r';
		advance(bytes, len + 1);
		sse->skipping = sse->in_line;
		sse->in_line = false;
	}
	return !sse->skipping;
}

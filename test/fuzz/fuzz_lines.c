/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The splitters: lines, and server-sent events. What comes out is the same
 * whole, byte by byte and cut in two, behind what is too long too; and it is
 * what a plain reading of the whole text finds.
 *
 * The first byte says the longest line, the second where the cut is.
 */
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "codec/linesplit.h"
#include "codec/sse.h"
#include "fuzz.h"

enum {
	LOG_MAX = 64 * 1024 * 1024,
	LONGEST = 16,    /* a longest line that is short … */
	UNLIMITED = 128, /* … where the first byte is below this */
};

/* What a splitter gave: a letter, a length and the bytes, one after the
 * other. */
static void
note(struct ac_buf *log, char kind, const char *data, size_t len)
{
	FUZZ_CHECK(ac_buf_add(log, &kind, 1));
	FUZZ_CHECK(ac_buf_add(log, &len, sizeof(len)));
	FUZZ_CHECK(ac_buf_add(log, data, len));
}

typedef void feed_fn(
    void *splitter, const char *data, size_t len, struct ac_buf *log);

static void
feed_lines(void *splitter, const char *data, size_t len, struct ac_buf *log)
{
	struct ac_linesplit *split = splitter;
	const char *line;
	size_t line_len;

	for (;;) {
		switch (
		    ac_linesplit_next(split, &data, &len, &line, &line_len)) {
		case AC_LINE_WHOLE:
			note(log, 'l', line, line_len);
			break;
		case AC_LINE_TOO_LONG:
			note(log, 'L', line, line_len);
			ac_linesplit_skip(split);
			break;
		case AC_LINE_MORE:
			return;
		}
	}
}

static void
feed_events(void *splitter, const char *data, size_t len, struct ac_buf *log)
{
	struct ac_sse *sse = splitter;
	const char *event;
	size_t event_len;

	for (;;) {
		switch (ac_sse_next(sse, &data, &len, &event, &event_len)) {
		case AC_SSE_EVENT:
			note(log, 'e', event, event_len);
			break;
		case AC_SSE_TOO_LONG:
			/* How much of it there is yet may differ. */
			note(log, 'E', NULL, 0);
			ac_sse_skip(sse);
			break;
		case AC_SSE_MORE:
			return;
		}
	}
}

/* Feeds the text, each piece out of a block of its own. */
static void
feed(feed_fn *feed_piece, void *splitter, struct ac_buf *log, const char *text,
    size_t len, size_t first, size_t then)
{
	size_t piece = first;

	while (len > 0) {
		char *block;

		if (piece > len)
			piece = len;
		block = malloc(piece > 0 ? piece : 1);
		memcpy(block, text, piece);
		feed_piece(splitter, block, piece, log);
		free(block);
		text += piece;
		len -= piece;
		piece = then;
	}
}

static void
expect_same(struct ac_buf *a, struct ac_buf *b)
{
	FUZZ_CHECK(a->len == b->len);
	FUZZ_CHECK(a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
	ac_buf_clear(b);
}

static struct ac_buf
split_lines(const char *text, size_t len, size_t max, size_t first, size_t then)
{
	struct ac_linesplit split;
	struct ac_buf log;

	ac_buf_init(&log, LOG_MAX);
	ac_linesplit_init(&split, max);
	feed(feed_lines, &split, &log, text, len, first, then);
	ac_linesplit_clear(&split);
	return log;
}

static struct ac_buf
split_events(
    const char *text, size_t len, size_t max, size_t first, size_t then)
{
	struct ac_sse sse;
	struct ac_buf log;

	ac_buf_init(&log, LOG_MAX);
	ac_sse_init(&sse, max);
	feed(feed_events, &sse, &log, text, len, first, then);
	ac_sse_clear(&sse);
	return log;
}

/* The lines of the whole text; one that is not ended counts where it is too
 * long already. */
static struct ac_buf
read_lines(const char *text, size_t len, size_t max)
{
	struct ac_buf log;

	ac_buf_init(&log, LOG_MAX);
	while (len > 0) {
		const char *end = memchr(text, '\n', len);
		size_t line_len = end == NULL ? len : (size_t)(end - text);

		if (line_len > max)
			note(&log, 'L', text, max);
		else if (end != NULL)
			note(&log, 'l', text, line_len);
		line_len += end != NULL;
		text += line_len;
		len -= line_len;
	}
	return log;
}

/* A line of an event stream: adds what is behind "data:". */
static void
read_field(struct ac_buf *data, bool *has_data, const char *line, size_t len)
{
	if (len < 4 || memcmp(line, "data", 4) != 0 ||
	    (len > 4 && line[4] != ':'))
		return;
	if (*has_data)
		FUZZ_CHECK(ac_buf_add(data, "\n", 1));
	*has_data = true;
	line += 4;
	len -= 4;
	if (len > 0) {
		line++;
		len--;
	}
	if (len > 0 && *line == ' ') {
		line++;
		len--;
	}
	FUZZ_CHECK(ac_buf_add(data, line, len));
}

/* The events of the whole text, in which no line and no data is too long. */
static struct ac_buf
read_events(const char *text, size_t len)
{
	struct ac_buf log, data;
	bool has_data = false;

	ac_buf_init(&log, LOG_MAX);
	ac_buf_init(&data, len);
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		len -= 3;
	}
	for (;;) {
		size_t line = 0;

		while (line < len && text[line] != '\n' && text[line] != '\r')
			line++;
		if (line == len)
			break;
		read_field(&data, &has_data, text, line);
		if (line == 0 && has_data) {
			note(&log, 'e', data.data, data.len);
			ac_buf_reset(&data);
			has_data = false;
		}
		line += line + 1 < len && memcmp(text + line, "\r\n", 2) == 0
			    ? 2
			    : 1;
		text += line;
		len -= line;
	}
	ac_buf_clear(&data);
	return log;
}

static void
check_lines(const char *text, size_t len, size_t max, size_t at)
{
	struct ac_buf whole = split_lines(text, len, max, len, 1);
	struct ac_buf bytes = split_lines(text, len, max, 1, 1);
	struct ac_buf cut = split_lines(text, len, max, at, len);
	struct ac_buf plain = read_lines(text, len, max);

	expect_same(&whole, &bytes);
	expect_same(&whole, &cut);
	expect_same(&whole, &plain);
	ac_buf_clear(&whole);
}

static void
check_events(const char *text, size_t len, size_t max, size_t at)
{
	struct ac_buf whole = split_events(text, len, max, len, 1);
	struct ac_buf bytes = split_events(text, len, max, 1, 1);
	struct ac_buf cut = split_events(text, len, max, at, len);

	expect_same(&whole, &bytes);
	expect_same(&whole, &cut);
	if (max >= len) {
		struct ac_buf plain = read_events(text, len);

		expect_same(&whole, &plain);
	}
	ac_buf_clear(&whole);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 2;
	size_t len = size - 2, max, at;

	if (size < 2)
		return 0;
	max = len + 1;
	if (data[0] < UNLIMITED)
		max = (size_t)(data[0] % LONGEST + 1);
	at = data[1] % (len + 1);
	check_lines(text, len, max, at);
	check_events(text, len, max, at);
	return 0;
}

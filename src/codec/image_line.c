/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * AkashGen's answer: see image_line.h. It is gathered and read backwards from
 * its end: a prompt may hold whatever it likes, a closing tag and a finish
 * included, but what is behind it are the upstream's own words.
 *
 *	MORE -> NOT_AN_IMAGE (by the first bytes) | TOO_LONG
 *	     -> at the end: IMAGE | NOT_AN_IMAGE | CUT | MALFORMED
 */
#include "codec/image_line.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

/* A part of the body. */
struct span {
	const char *data;
	size_t len;
};

#define SPAN(text) ((struct span){(text), sizeof(text) - 1})

static const char opening[] = "0:\"<image_generation> ";
static const char closing[] = "</image_generation>\"";

void
ac_image_line_init(struct ac_image_line *line)
{
	*line = (struct ac_image_line){.state = AC_IMAGE_LINE_MORE};
	ac_buf_init(&line->body, AC_IMAGE_LINE_MAX);
}

void
ac_image_line_clear(struct ac_image_line *line)
{
	ac_buf_clear(&line->body);
	free(line->prompt.data);
	free(line->negative.data);
	ac_image_line_init(line);
}

/* Whether data goes on with the opening tag where the body has ended. */
static bool
continues_opening(
    const struct ac_image_line *line, const char *data, size_t len)
{
	size_t done = line->body.len;
	size_t rest;

	if (done >= sizeof(opening) - 1)
		return true;
	rest = sizeof(opening) - 1 - done;
	return memcmp(opening + done, data, len < rest ? len : rest) == 0;
}

enum ac_image_line_state
ac_image_line_feed(struct ac_image_line *line, const char *data, size_t len)
{
	if (line->state != AC_IMAGE_LINE_MORE || len == 0)
		return line->state;
	if (!continues_opening(line, data, len))
		line->state = AC_IMAGE_LINE_NOT_AN_IMAGE;
	else if (!ac_buf_add(&line->body, data, len))
		line->state = AC_IMAGE_LINE_TOO_LONG;
	return line->state;
}

static bool
begins_with(struct span span, struct span text)
{
	return span.len >= text.len &&
	       memcmp(span.data, text.data, text.len) == 0;
}

static struct span
skip(struct span span, size_t len)
{
	return (struct span){span.data + len, span.len - len};
}

/* The last occurrence of text in span, or NULL. */
static const char *
find_last(struct span span, struct span text)
{
	for (size_t at = span.len; at-- > 0;) {
		if (begins_with(skip(span, at), text))
			return span.data + at;
	}
	return NULL;
}

/* Whether a line can be one of the data stream, or the beginning of one. */
static bool
is_stream_line(struct span line)
{
	return (line.len < 1 || ac_name_is_made_of(line.data, 1, "")) &&
	       (line.len < 2 || line.data[1] == ':');
}

/* Takes a line off the front of rest; what it is without its line end. */
static struct span
take_line(struct span *rest)
{
	const char *end =
	    rest->len == 0 ? NULL : memchr(rest->data, '\n', rest->len);
	struct span line = *rest;

	if (end != NULL)
		line.len = (size_t)(end - rest->data);
	*rest = skip(*rest, end == NULL ? line.len : line.len + 1);
	if (line.len > 0 && line.data[line.len - 1] == '\r')
		line.len--;
	return line;
}

/* Whether rest can stand behind the closing tag: the line's end and other
 * lines of the stream, the last perhaps cut. If not, the tag is the prompt's
 * own and the true one has not come. */
static bool
is_behind_the_tag(struct span rest)
{
	if (take_line(&rest).len > 0)
		return false;
	while (rest.len > 0) {
		if (!is_stream_line(take_line(&rest)))
			return false;
	}
	return true;
}

/* What stands between the tags; false if the closing one has not come. */
static bool
find_contents(const struct ac_image_line *line, struct span *contents)
{
	struct span body = {line->body.data, line->body.len};
	const char *end = find_last(body, SPAN(closing));
	size_t before;

	if (end == NULL)
		return false;
	before = (size_t)(end - body.data);
	*contents = skip(body, sizeof(opening) - 1);
	contents->len = before - (sizeof(opening) - 1);
	return is_behind_the_tag(skip(body, before + sizeof(closing) - 1));
}

/* Puts a text back as it was: \' becomes ', a byte that is not UTF-8 U+FFFD.
 * No other backslash means anything. */
static void
restore_text(struct ac_image_text *text, struct span pasted)
{
	/* The replacement takes three bytes. */
	char *out = ac_malloc(3 * pasted.len + 1);
	size_t len = 0;
	size_t i = 0;

	while (i < pasted.len) {
		uint32_t code_point;
		size_t bytes = ac_utf8_decode(
		    pasted.data + i, pasted.len - i, &code_point);

		if (bytes == 0) {
			memcpy(out + len, "\xef\xbf\xbd", 3);
			len += 3;
			i++;
			continue;
		}
		if (begins_with(skip(pasted, i), SPAN("\\'")))
			i++;
		memcpy(out + len, pasted.data + i, bytes);
		len += bytes;
		i += bytes;
	}
	out[len] = '\0';
	text->data = ac_realloc(out, len + 1);
	text->len = len;
}

/*
 * Reads  jobId='ID' prompt='P' negative='N'  that fills contents. P ends at
 * the last "' negative='" that leaves a quote to end N: every other quote of
 * P and N has a backslash before it, so none of theirs can take its part.
 */
static bool
read_contents(struct ac_image_line *line, struct span contents)
{
	static const char id_begins[] = "jobId='";
	static const char prompt_begins[] = "' prompt='";
	static const char negative_begins[] = "' negative='";
	const char *id_end, *prompt_end;
	struct span id, rest;

	if (!begins_with(contents, SPAN(id_begins)))
		return false;
	id = skip(contents, sizeof(id_begins) - 1);
	id_end = id.len == 0 ? NULL : memchr(id.data, '\'', id.len);
	if (id_end == NULL)
		return false;
	rest = skip(id, (size_t)(id_end - id.data));
	id.len -= rest.len;
	if (!ac_job_id_is_valid(id.data, id.len) ||
	    !begins_with(rest, SPAN(prompt_begins)))
		return false;
	rest = skip(rest, sizeof(prompt_begins) - 1);
	if (rest.len == 0 || rest.data[rest.len - 1] != '\'')
		return false;
	rest.len--;
	prompt_end = find_last(rest, SPAN(negative_begins));
	if (prompt_end == NULL)
		return false;
	memcpy(line->job_id, id.data, id.len);
	line->job_id[id.len] = '\0';
	restore_text(&line->prompt,
	    (struct span){rest.data, (size_t)(prompt_end - rest.data)});
	restore_text(
	    &line->negative, skip(rest, (size_t)(prompt_end - rest.data) +
					    sizeof(negative_begins) - 1));
	return true;
}

enum ac_image_line_state
ac_image_line_end(struct ac_image_line *line)
{
	struct span contents;

	if (line->state != AC_IMAGE_LINE_MORE)
		return line->state;
	if (line->body.len < sizeof(opening) - 1)
		line->state = AC_IMAGE_LINE_NOT_AN_IMAGE;
	else if (!find_contents(line, &contents))
		line->state = AC_IMAGE_LINE_CUT;
	else if (!read_contents(line, contents))
		line->state = AC_IMAGE_LINE_MALFORMED;
	else
		line->state = AC_IMAGE_LINE_IMAGE;
	return line->state;
}

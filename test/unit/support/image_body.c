/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* AkashGen's answers: see image_body.h. */
#include "support/image_body.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void
add(struct ac_buf *out, const char *data, size_t len)
{
	if (!ac_buf_add(out, data, len))
		abort();
}

static void
add_string(struct ac_buf *out, const char *s)
{
	add(out, s, strlen(s));
}

static void
add_escaped(struct ac_buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\'')
			add_string(out, "\\");
		add(out, text + i, 1);
	}
}

void
image_body_paste(struct ac_buf *out, const char *job_id, const char *prompt,
    size_t prompt_len, const char *negative, size_t negative_len)
{
	add_string(out, "0:\"<image_generation> jobId='");
	add_string(out, job_id);
	add_string(out, "' prompt='");
	add_escaped(out, prompt, prompt_len);
	add_string(out, "' negative='");
	add_escaped(out, negative, negative_len);
	add_string(out,
	    "'</image_generation>\"\n"
	    "e:{\"finishReason\":\"stop\",\"usage\":{\"promptTokens\":20,"
	    "\"completionTokens\":50},\"isContinued\":false}\n"
	    "d:{\"finishReason\":\"stop\",\"usage\":{\"promptTokens\":20,"
	    "\"completionTokens\":50}}\n");
}

/* Feeds one piece; false once it is decided. */
static bool
feed(struct ac_image_line *line, struct ac_buf *handed, const char *data,
    size_t len)
{
	char *piece = ac_malloc(len);
	enum ac_image_line_state state;

	memcpy(piece, data, len);
	state = ac_image_line_feed(line, piece, len);
	if (state == AC_IMAGE_LINE_NOT_AN_IMAGE) {
		add(handed, line->body.data, line->body.len);
		add(handed, piece, len);
	}
	free(piece);
	return state == AC_IMAGE_LINE_MORE;
}

enum ac_image_line_state
image_body_read(struct ac_image_line *line, struct ac_buf *handed,
    const char *body, size_t len, struct image_body_cut cut)
{
	size_t at = 0;

	ac_image_line_init(line);
	while (at < len) {
		size_t piece = at == 0 && cut.at > 0 ? cut.at : cut.piece;

		if (piece > len - at)
			piece = len - at;
		if (!feed(line, handed, body + at, piece)) {
			/* The decoder would be fed the rest. */
			if (line->state == AC_IMAGE_LINE_NOT_AN_IMAGE)
				add(handed, body + at + piece,
				    len - at - piece);
			return line->state;
		}
		at += piece;
	}
	if (ac_image_line_end(line) == AC_IMAGE_LINE_NOT_AN_IMAGE)
		add(handed, line->body.data, line->body.len);
	return line->state;
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A drawn picture as an answer has it: Markdown for chat windows (CommonMark
 * 0.31), and the JSON of akashchat-api-go. */
#ifndef AC_API_PICTURE_ANSWER_H
#define AC_API_PICTURE_ANSWER_H

#include <stddef.h>

struct ac_image_line;
struct evbuffer;

/*
 * Appends ![prompt](url). Nothing in the prompt (UTF-8, len bytes) is Markdown
 * or HTML any more, and it is one line; what would end the address within url
 * (ASCII without blanks and angle brackets) is percent-encoded.
 */
void ac_picture_add_markdown(
    struct evbuffer *out, const char *prompt, size_t len, const char *url);

/* Puts "code" and "data" into object, a JSON object that is not empty:
 * clients of either kind find what they look for. line is an IMAGE. */
void ac_picture_add_members(struct evbuffer *object, const char *model,
    const struct ac_image_line *line, const char *url);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A drawn picture as a chat window shows it: Markdown (CommonMark 0.31). */
#ifndef AC_API_PICTURE_MARKDOWN_H
#define AC_API_PICTURE_MARKDOWN_H

#include <stddef.h>

struct evbuffer;

/*
 * Appends ![prompt](url). Nothing in the prompt (UTF-8, len bytes) is Markdown
 * or HTML any more, and it is one line; what would end the address within url
 * (ASCII without blanks and angle brackets) is percent-encoded.
 */
void ac_picture_add_markdown(
    struct evbuffer *out, const char *prompt, size_t len, const char *url);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A drawn picture as Markdown: see picture_markdown.h. */
#include "api/picture_markdown.h"

#include <string.h>

#include <event2/buffer.h>

#include "base/text.h"

/* What may mean something in the text of a picture (CommonMark 2.4: any of
 * ASCII's punctuation may stand behind a backslash). */
static const char special[] = "\\`*_[]<>!|~&$";

static void
add_prompt(struct evbuffer *out, const char *prompt, size_t len)
{
	size_t start = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)prompt[i];

		if (c >= ' ' && c != 0x7f && strchr(special, c) == NULL)
			continue;
		ac_text_add(out, prompt + start, i - start);
		if (c < ' ' || c == 0x7f) {
			/* Line ends and the like: a picture's text is a line.
			 */
			ac_text_add_string(out, " ");
			start = i + 1;
		} else {
			ac_text_add_string(out, "\\");
			start = i;
		}
	}
	ac_text_add(out, prompt + start, len - start);
}

static void
add_url(struct evbuffer *out, const char *url)
{
	for (;;) {
		size_t len = strcspn(url, "()\\");

		ac_text_add(out, url, len);
		url += len;
		if (*url == '\0')
			return;
		evbuffer_add_printf(out, "%%%02X", (unsigned)*url++);
	}
}

void
ac_picture_add_markdown(
    struct evbuffer *out, const char *prompt, size_t len, const char *url)
{
	ac_text_add_string(out, "![");
	add_prompt(out, prompt, len);
	ac_text_add_string(out, "](");
	add_url(out, url);
	ac_text_add_string(out, ")");
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A drawn picture in an answer: see picture_answer.h. */
#include "api/picture_answer.h"

#include <string.h>

#include <event2/buffer.h>

#include "base/json.h"
#include "base/text.h"
#include "codec/image_line.h"

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

static void
add_member(struct evbuffer *out, const char *name, const char *text, size_t len)
{
	evbuffer_add_printf(out, "\"%s\":\"", name);
	ac_json_add_escaped(out, text, len);
	evbuffer_add(out, "\"", 1);
}

void
ac_picture_add_members(struct evbuffer *object, const char *model,
    const struct ac_image_line *line, const char *url)
{
	struct evbuffer *whole = ac_text_new();

	evbuffer_remove_buffer(object, whole, evbuffer_get_length(object) - 1);
	evbuffer_drain(object, 1); /* the closing brace */
	ac_text_add_string(whole, ",\"code\":200,\"data\":{");
	add_member(whole, "model", model, strlen(model));
	ac_text_add_string(whole, ",");
	add_member(whole, "jobId", line->job_id, strlen(line->job_id));
	ac_text_add_string(whole, ",");
	add_member(whole, "prompt", line->prompt.data, line->prompt.len);
	ac_text_add_string(whole, ",");
	add_member(whole, "pic", url, strlen(url));
	ac_text_add_string(whole, "}}");
	evbuffer_add_buffer(object, whole);
	evbuffer_free(whole);
}

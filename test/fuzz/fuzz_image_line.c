/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * AkashGen's answer: a body is read the same whole, byte by byte and cut in
 * two, and a prompt that is pasted into a line comes back as it was. The
 * first two bytes say where the cut is, and where the prompt ends.
 */
#include <string.h>

#include "base/utf8.h"
#include "fuzz.h"
#include "support/image_body.h"

enum { BODY_MAX = 64 * 1024 };

static void
expect_same_text(const struct ac_image_text *a, const struct ac_image_text *b)
{
	FUZZ_CHECK(a->len == b->len);
	FUZZ_CHECK((a->data == NULL) == (b->data == NULL));
	FUZZ_CHECK(a->data == NULL || memcmp(a->data, b->data, a->len) == 0);
}

/* Reads the body cut in one way and compares with the whole one's reading. */
static void
check_cut(const struct ac_image_line *whole, const char *body, size_t len,
    struct image_body_cut cut)
{
	struct ac_image_line line;
	struct ac_buf handed;

	ac_buf_init(&handed, len);
	FUZZ_CHECK(
	    image_body_read(&line, &handed, body, len, cut) == whole->state);
	if (line.state == AC_IMAGE_LINE_NOT_AN_IMAGE)
		FUZZ_CHECK(handed.len == len &&
			   (len == 0 || memcmp(handed.data, body, len) == 0));
	FUZZ_CHECK(strcmp(line.job_id, whole->job_id) == 0);
	expect_same_text(&line.prompt, &whole->prompt);
	expect_same_text(&line.negative, &whole->negative);
	ac_image_line_clear(&line);
	ac_buf_clear(&handed);
}

static void
expect_utf8(const struct ac_image_text *text)
{
	uint32_t code_point;

	for (size_t i = 0; i < text->len;) {
		size_t bytes =
		    ac_utf8_decode(text->data + i, text->len - i, &code_point);

		FUZZ_CHECK(bytes > 0);
		i += bytes;
	}
}

static void
check_body(const char *body, size_t len, size_t at)
{
	struct ac_image_line whole;
	struct ac_buf handed;

	ac_buf_init(&handed, len);
	image_body_read(&whole, &handed, body, len,
	    (struct image_body_cut){.piece = len + 1});
	if (whole.state == AC_IMAGE_LINE_IMAGE) {
		FUZZ_CHECK(
		    ac_job_id_is_valid(whole.job_id, strlen(whole.job_id)));
		expect_utf8(&whole.prompt);
		expect_utf8(&whole.negative);
	}
	check_cut(
	    &whole, body, len, (struct image_body_cut){.at = 0, .piece = 1});
	check_cut(&whole, body, len,
	    (struct image_body_cut){.at = at, .piece = len + 1});
	ac_image_line_clear(&whole);
	ac_buf_clear(&handed);
}

static int
is_utf8(const char *text, size_t len)
{
	uint32_t code_point;

	for (size_t i = 0; i < len;) {
		size_t bytes = ac_utf8_decode(text + i, len - i, &code_point);

		if (bytes == 0)
			return 0;
		i += bytes;
	}
	return 1;
}

/* The input is a prompt and a negative prompt. */
static void
check_pasted(const char *text, size_t len, size_t at)
{
	struct ac_image_line line;
	struct ac_buf body, handed;

	if (!is_utf8(text, at) || !is_utf8(text + at, len - at))
		return;
	ac_buf_init(&body, 4 * (size_t)BODY_MAX);
	ac_buf_init(&handed, 0);
	image_body_paste(&body, "job", text, at, text + at, len - at);
	FUZZ_CHECK(image_body_read(&line, &handed, body.data, body.len,
		       (struct image_body_cut){.piece = body.len}) ==
		   AC_IMAGE_LINE_IMAGE);
	FUZZ_CHECK(line.prompt.len == at);
	FUZZ_CHECK(at == 0 || memcmp(line.prompt.data, text, at) == 0);
	FUZZ_CHECK(line.negative.len == len - at);
	FUZZ_CHECK(
	    len == at || memcmp(line.negative.data, text + at, len - at) == 0);
	ac_image_line_clear(&line);
	ac_buf_clear(&body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 2;
	size_t at;

	if (size < 2 || size - 2 > BODY_MAX)
		return 0;
	at = (data[0] | (size_t)data[1] << 8) % (size - 1);
	check_body(text, size - 2, at);
	check_pasted(text, size - 2, at);
	return 0;
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * AkashGen's answer: the transcripts of test/data/image_line, prompts with
 * every character that could be taken for the line's own, and bodies that
 * are cut or broken. Each is fed whole, byte by byte and cut at every offset.
 */
#include "codec/image_line.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/mem.h"
#include "support/files.h"
#include "support/image_body.h"
#include "support/random.h"
#include "support/unit.h"

#define TEXT(s) s, sizeof(s) - 1
#define SHOWN   "\xef\xbf\xbd" /* U+FFFD */

static const char id[] = "5f0c-1";

/* What a body must be read as; the texts with an IMAGE only. */
struct wanted {
	enum ac_image_line_state state;
	const char *job_id;
	const char *prompt;
	size_t prompt_len;
	const char *negative;
	size_t negative_len;
};

static void
expect_text(
    const struct ac_image_text *text, const char *wanted, size_t wanted_len)
{
	if (wanted == NULL || text->len != wanted_len ||
	    memcmp(text->data, wanted, wanted_len) != 0)
		fail_msg("'%s' instead of '%s'", text->data,
		    wanted == NULL ? "nothing" : wanted);
	assert_int_equal(text->data[text->len], '\0');
}

static void
expect_reading(const char *body, size_t len, struct image_body_cut cut,
    const struct wanted *wanted)
{
	struct ac_image_line line;
	struct ac_buf handed;
	enum ac_image_line_state state;

	ac_buf_init(&handed, len);
	state = image_body_read(&line, &handed, body, len, cut);
	if (state != wanted->state)
		fail_msg("state %d instead of %d, cut at %zu: %.*s", (int)state,
		    (int)wanted->state, cut.at, (int)len, body);
	assert_int_equal(line.state, state);
	if (state == AC_IMAGE_LINE_IMAGE) {
		assert_string_equal(line.job_id, wanted->job_id);
		expect_text(&line.prompt, wanted->prompt, wanted->prompt_len);
		expect_text(
		    &line.negative, wanted->negative, wanted->negative_len);
	}
	if (state == AC_IMAGE_LINE_NOT_AN_IMAGE) {
		assert_int_equal(handed.len, len);
		assert_memory_equal(ac_buf_string(&handed), body, len);
	} else {
		assert_int_equal(handed.len, 0);
	}
	/* It is decided for good. */
	assert_int_equal(ac_image_line_feed(&line, "x", 1), state);
	assert_int_equal(ac_image_line_end(&line), state);
	ac_image_line_clear(&line);
	ac_buf_clear(&handed);
}

static void
expect(const char *body, size_t len, const struct wanted *wanted)
{
	const struct image_body_cut bytes = {.piece = 1};

	expect_reading(body, len, bytes, wanted);
	for (size_t at = 0; at < len || at == 0; at++) {
		const struct image_body_cut cut = {.at = at, .piece = len + 1};

		expect_reading(body, len, cut, wanted);
	}
}

static void
expect_state(const char *body, size_t len, enum ac_image_line_state state)
{
	const struct wanted wanted = {.state = state};

	expect(body, len, &wanted);
}

/* The app's answers as they were observed. */
static const struct {
	const char *file;
	struct wanted wanted;
} transcripts[] = {
    {"plain", {AC_IMAGE_LINE_IMAGE, "7d1f2c9a-0001-4b57-8c1e-5a2b3c4d5e6f",
		  TEXT("A lighthouse at dusk, oil on canvas"), TEXT("fog")}},
    {"no-negative",
	{AC_IMAGE_LINE_IMAGE, "7d1f2c9a-0002-4b57-8c1e-5a2b3c4d5e6f",
	    TEXT("A grey heron by a pond"), TEXT("")}},
    {"apostrophes",
	{AC_IMAGE_LINE_IMAGE, "7d1f2c9a-0003-4b57-8c1e-5a2b3c4d5e6f",
	    TEXT("The baker's cat, it's asleep"), TEXT("don't crop")}},
    {"double-quotes",
	{AC_IMAGE_LINE_IMAGE, "7d1f2c9a-0004-4b57-8c1e-5a2b3c4d5e6f",
	    TEXT("A shop window that reads \"OPEN\" at night"), TEXT("")}},
    {"line-feed-and-tab",
	{AC_IMAGE_LINE_IMAGE, "7d1f2c9a-0005-4b57-8c1e-5a2b3c4d5e6f",
	    TEXT("first row\nsecond row\twith a tab"), TEXT("")}},
    {"not-an-image", {.state = AC_IMAGE_LINE_NOT_AN_IMAGE}},
};

static void
the_observed_answers_are_read(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(transcripts); i++) {
		char *path = ac_asprintf(
		    "%s/image_line/%s.txt", AC_TEST_DATA, transcripts[i].file);
		size_t len;
		char *body = files_read(path, &len);

		expect(body, len, &transcripts[i].wanted);
		free(body);
		free(path);
	}
}

#define FINISH                                                        \
	"'</image_generation>\"\n"                                    \
	"e:{\"finishReason\":\"stop\",\"usage\":{\"promptTokens\":1," \
	"\"completionTokens\":2},\"isContinued\":false}\n"            \
	"d:{\"finishReason\":\"stop\",\"usage\":{\"promptTokens\":1," \
	"\"completionTokens\":2}}\n"

static const struct {
	const char *text;
	size_t len;
} awkward[] = {
    {TEXT("")},
    {TEXT(" ")},
    {TEXT("'")},
    {TEXT("''''")},
    {TEXT("\\")},
    {TEXT("\\\\")},
    {TEXT("\\'")},
    {TEXT("'\\")},
    {TEXT("\\n \\u0041 \\\"")},
    {TEXT("\"")},
    {TEXT("\"\n")},
    {TEXT("a\nb\r\nc\td\x01\x7f")},
    {TEXT("\n\n")},
    {TEXT("a\0b\0")},
    {TEXT("caf\xc3\xa9 \xf0\x9f\xa6\x8a \xe2\x80\xa8")},
    {TEXT("</image_generation>")},
    {TEXT("</image_generation>\"")},
    {TEXT("</image_generation>\"\n")},
    {TEXT("'</image_generation>\"\ne:{}\n")},
    {TEXT(FINISH)},
    {TEXT("x" FINISH FINISH)},
    {TEXT("<image_generation> jobId='no' prompt='no' negative='no")},
    {TEXT("' negative='")},
    {TEXT("a' negative='b' negative='c")},
    {TEXT("' negative=")},
    {TEXT(" negative='")},
    {TEXT(" negative=")},
    {TEXT("a' negative=")},
    {TEXT("negative=' negative=")},
    {TEXT("' prompt='")},
    {TEXT("jobId='x")},
    {TEXT("0:\"<image_generation> ")},
    {TEXT("f:{}\n0:\"text\"\n3:\"error\"\nd:{}\n")},
};

static void
check_texts(const char *prompt, size_t prompt_len, const char *negative,
    size_t negative_len)
{
	const struct wanted wanted = {AC_IMAGE_LINE_IMAGE, id, prompt,
	    prompt_len, negative, negative_len};
	struct ac_buf body;

	ac_buf_init(&body, AC_IMAGE_LINE_MAX);
	image_body_paste(&body, id, prompt, prompt_len, negative, negative_len);
	expect(body.data, body.len, &wanted);
	ac_buf_clear(&body);
}

static void
every_awkward_text_comes_back_as_it_was(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(awkward); i++) {
		for (size_t j = 0; j < AC_LENGTH(awkward); j++)
			check_texts(awkward[i].text, awkward[i].len,
			    awkward[j].text, awkward[j].len);
	}
}

static size_t
fill(struct random *random, char *text)
{
	static const char *const pieces[] = {"'", "\\", "\"", "\n", " ",
	    "negative=", " negative=", "' negative='", "prompt='",
	    "</image_generation>", "\"\ne:{}\nd:{}\n", "0:", "a", "\xc3\xa9",
	    "<"};
	size_t len = 0;

	for (size_t n = random_below(random, 10); n > 0; n--) {
		const char *piece =
		    pieces[random_below(random, AC_LENGTH(pieces))];

		memcpy(text + len, piece, strlen(piece));
		len += strlen(piece);
	}
	return len;
}

static void
random_texts_come_back_as_they_were(void **state)
{
	enum { ROUNDS = 20000 };
	struct random random = {.state = 7};

	AC_UNUSED(state);
	for (int i = 0; i < ROUNDS; i++) {
		char prompt[256], negative[256];
		struct wanted wanted = {.state = AC_IMAGE_LINE_IMAGE,
		    .job_id = id,
		    .prompt = prompt,
		    .negative = negative};
		struct image_body_cut cut = {
		    .at = 1 + random_below(&random, 99), .piece = SIZE_MAX};
		struct ac_buf body;

		wanted.prompt_len = fill(&random, prompt);
		wanted.negative_len = fill(&random, negative);
		ac_buf_init(&body, AC_IMAGE_LINE_MAX);
		image_body_paste(&body, id, prompt, wanted.prompt_len, negative,
		    wanted.negative_len);
		expect_reading(body.data, body.len, cut, &wanted);
		ac_buf_clear(&body);
	}
}

/* A prompt goes into JSON, which is UTF-8. */
static void
a_byte_that_is_not_utf_8_is_replaced(void **state)
{
	const struct wanted wanted = {AC_IMAGE_LINE_IMAGE, id,
	    TEXT("a" SHOWN "b" SHOWN SHOWN "'" SHOWN), TEXT(SHOWN "x")};
	struct ac_buf body;

	AC_UNUSED(state);
	ac_buf_init(&body, AC_IMAGE_LINE_MAX);
	image_body_paste(&body, id,
	    TEXT("a\x80"
		 "b\xc0\xaf'\xc3"),
	    TEXT("\xff"
		 "x"));
	expect(body.data, body.len, &wanted);
	ac_buf_clear(&body);
}

/* Whatever is missing at the end, no other picture comes of it. */
static void
what_is_cut_before_the_closing_tag_fails(void **state)
{
	static const char prompt[] = "it's\n\"a\" </image_generation>\"\nb";
	struct ac_buf body;
	size_t end;

	AC_UNUSED(state);
	ac_buf_init(&body, AC_IMAGE_LINE_MAX);
	image_body_paste(&body, id, TEXT(prompt), TEXT("c"));
	end = (size_t)(strstr(ac_buf_string(&body), "\ne:{") - body.data);
	for (size_t len = 0; len <= body.len; len++) {
		struct image_body_cut cut = {.piece = len + 1};
		struct wanted wanted = {
		    AC_IMAGE_LINE_IMAGE, id, TEXT(prompt), TEXT("c")};

		if (len < sizeof("0:\"<image_generation> ") - 1)
			wanted.state = AC_IMAGE_LINE_NOT_AN_IMAGE;
		else if (len < end)
			wanted.state = AC_IMAGE_LINE_CUT;
		/* Here the prompt itself looks like the line's end. */
		if (len < end && len > 21 &&
		    (memcmp(body.data + len - 20, "</image_generation>\"",
			 20) == 0 ||
			memcmp(body.data + len - 21, "</image_generation>\"\n",
			    21) == 0 ||
			memcmp(body.data + len - 22, "</image_generation>\"\nb",
			    22) == 0))
			wanted.state = AC_IMAGE_LINE_MALFORMED;
		expect_reading(body.data, len, cut, &wanted);
	}
	ac_buf_clear(&body);
}

/* Tags that what follows them shows to be the prompt's own: the true one has
 * not come, though what is before them could be read. */
static void
a_tag_of_the_text_does_not_end_a_line_that_is_cut(void **state)
{
	static const char *const endings[] = {" and more", "x", "'",
	    "\nsecond line", "\n0:\"text\"\nand more", "\n\nmore"};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(endings); i++) {
		char *body =
		    ac_asprintf("0:\"<image_generation> jobId='a' prompt='b' "
				"negative='c\\'</image_generation>\"%s",
			endings[i]);

		expect_reading(body, strlen(body),
		    (struct image_body_cut){.piece = 7},
		    &(struct wanted){.state = AC_IMAGE_LINE_CUT});
		free(body);
	}
}

#define LINE(inside) \
	"0:\"<image_generation> " inside "</image_generation>\"\nd:{}\n"

static const struct {
	const char *body;
	size_t len;
} malformed[] = {
    {TEXT(LINE(""))},
    {TEXT(LINE("'"))},
    {TEXT(LINE("jobId='"))},
    {TEXT(LINE("jobId='a'"))},
    {TEXT(LINE("jobId='a' prompt='"))},
    {TEXT(LINE("jobId='a' prompt='b'"))},
    {TEXT(LINE("jobId='a' prompt='b' negative='"))},
    {TEXT(LINE("jobId='a' prompt='b' negative='c"))},
    {TEXT(LINE("jobId='a' prompt='b' negative='c' "))},
    {TEXT(LINE("jobId='a'  prompt='b' negative='c'"))},
    {TEXT(LINE("jobid='a' prompt='b' negative='c'"))},
    {TEXT(LINE("jobId='' prompt='b' negative='c'"))},
    {TEXT(LINE("jobId='a,b' prompt='b' negative='c'"))},
    {TEXT(LINE("jobId='a/../b' prompt='b' negative='c'"))},
    {TEXT(LINE("jobId='a\nb' prompt='b' negative='c'"))},
    {TEXT(LINE("jobId='a\0b' prompt='b' negative='c'"))},
    {TEXT(LINE("jobId='a\\' prompt='b' negative='c'"))},
};

static void
what_is_no_job_is_malformed(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(malformed); i++)
		expect_state(malformed[i].body, malformed[i].len,
		    AC_IMAGE_LINE_MALFORMED);
}

static void
lines_may_end_as_they_like_behind_the_tag(void **state)
{
	static const struct wanted wanted = {
	    AC_IMAGE_LINE_IMAGE, "a", TEXT("b"), TEXT("c")};
	static const char *const ends[] = {"", "\n", "\r\n", "\r\n\r\nd:{}\r\n",
	    "\n\n", "\ne", "\ne:", "\n2:[1]\n3:\"late\"\n", "\r"};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(ends); i++) {
		char *body =
		    ac_asprintf("0:\"<image_generation> jobId='a' prompt='b' "
				"negative='c'</image_generation>\"%s",
			ends[i]);

		expect(body, strlen(body), &wanted);
		free(body);
	}
}

/* Such a tag is the prompt's own, and the line's has not come. */
static void
what_is_no_line_of_a_stream_does_not_follow_the_tag(void **state)
{
	static const char *const ends[] = {
	    "x", "\n-:\"x\"\n", "\n \n", "\ne:{}\n\"", "\nee:{}\n"};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(ends); i++) {
		char *body =
		    ac_asprintf("0:\"<image_generation> jobId='a' prompt='b' "
				"negative='c'</image_generation>\"%s",
			ends[i]);

		expect_state(body, strlen(body), AC_IMAGE_LINE_CUT);
		free(body);
	}
}

static const char *const ordinary[] = {
    "",
    "0",
    "0:\"<image_generation>",
    "0:\"<image_generation>\"\n",
    "0:\"<image_generation>\\n",
    "0:\"Hello\"\n",
    "0:\"<image\"\n0:\"_generation> \"\n",
    "3:\"Rate limit\"\n",
    " 0:\"<image_generation> x",
    "<html>",
    "\n",
};

static void
an_ordinary_stream_is_handed_on_untouched(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(ordinary); i++)
		expect_state(ordinary[i], strlen(ordinary[i]),
		    AC_IMAGE_LINE_NOT_AN_IMAGE);
}

/* The client of a chat must not wait for what will never come. */
static void
an_ordinary_stream_is_known_by_its_first_byte_that_differs(void **state)
{
	static const char opening[] = "0:\"<image_generation> ";

	AC_UNUSED(state);
	for (size_t at = 0; at < sizeof(opening) - 1; at++) {
		struct ac_image_line line;

		ac_image_line_init(&line);
		assert_int_equal(
		    ac_image_line_feed(&line, opening, at), AC_IMAGE_LINE_MORE);
		assert_int_equal(ac_image_line_feed(&line, "#", 1),
		    AC_IMAGE_LINE_NOT_AN_IMAGE);
		assert_int_equal(line.body.len, at);
		ac_image_line_clear(&line);
	}
}

static void
a_body_that_is_too_long_fails_and_takes_no_more_memory(void **state)
{
	enum { PIECE = 1000 };
	struct ac_image_line line;
	char piece[PIECE];
	enum ac_image_line_state now = AC_IMAGE_LINE_MORE;
	size_t fed = 0;

	AC_UNUSED(state);
	memset(piece, 'x', sizeof(piece));
	ac_image_line_init(&line);
	assert_int_equal(
	    ac_image_line_feed(&line, TEXT("0:\"<image_generation> ")),
	    AC_IMAGE_LINE_MORE);
	while (now == AC_IMAGE_LINE_MORE) {
		now = ac_image_line_feed(&line, piece, sizeof(piece));
		fed += sizeof(piece);
	}
	assert_int_equal(now, AC_IMAGE_LINE_TOO_LONG);
	assert_in_range(
	    fed, AC_IMAGE_LINE_MAX - PIECE, AC_IMAGE_LINE_MAX + PIECE);
	assert_true(line.body.cap <= 2 * (size_t)AC_IMAGE_LINE_MAX);
	assert_int_equal(ac_image_line_end(&line), AC_IMAGE_LINE_TOO_LONG);
	ac_image_line_clear(&line);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_observed_answers_are_read),
	    cmocka_unit_test(every_awkward_text_comes_back_as_it_was),
	    cmocka_unit_test(random_texts_come_back_as_they_were),
	    cmocka_unit_test(a_byte_that_is_not_utf_8_is_replaced),
	    cmocka_unit_test(what_is_cut_before_the_closing_tag_fails),
	    cmocka_unit_test(a_tag_of_the_text_does_not_end_a_line_that_is_cut),
	    cmocka_unit_test(what_is_no_job_is_malformed),
	    cmocka_unit_test(lines_may_end_as_they_like_behind_the_tag),
	    cmocka_unit_test(
		what_is_no_line_of_a_stream_does_not_follow_the_tag),
	    cmocka_unit_test(an_ordinary_stream_is_handed_on_untouched),
	    cmocka_unit_test(
		an_ordinary_stream_is_known_by_its_first_byte_that_differs),
	    cmocka_unit_test(
		a_body_that_is_too_long_fails_and_takes_no_more_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

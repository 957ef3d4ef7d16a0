/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * What the simulated app makes of a chat call: its verdict on the body, the
 * sums it solves, the text of its answer and the pieces it is streamed in.
 */
#include "demo/demo_text.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/mem.h"
#include "demo/demo_prompt.h"
#include "demo/demo_redirect.h"
#include "demo/demo_sum.h"
#include "support/unit.h"

#define USER(content) \
	"{\"messages\":[{\"role\":\"user\",\"content\":" content "}]}"
#define CALL(fields) \
	"{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]," fields "}"
#define ROLE(role) "{\"messages\":[{\"role\":" role ",\"content\":\"a\"}]}"

static const struct {
	const char *body;
	enum ac_demo_verdict verdict;
} verdicts[] = {
    {"", AC_DEMO_VERDICT_CRASH},
    {"{", AC_DEMO_VERDICT_CRASH},
    {"null", AC_DEMO_VERDICT_CRASH},
    {"[]", AC_DEMO_VERDICT_CRASH},
    {"{}", AC_DEMO_VERDICT_CRASH},
    {"{\"messages\":null}", AC_DEMO_VERDICT_CRASH},
    {"{\"messages\":\"a\"}", AC_DEMO_VERDICT_CRASH},
    {"{\"messages\":[null]}", AC_DEMO_VERDICT_CRASH},
    {USER("null"), AC_DEMO_VERDICT_CRASH},
    {USER("1"), AC_DEMO_VERDICT_CRASH},
    {USER("[]"), AC_DEMO_VERDICT_CRASH},
    {USER("\"a<|endoftext|>b\""), AC_DEMO_VERDICT_CRASH},
    {USER("\"\\u0000<|fim_middle|>\""), AC_DEMO_VERDICT_CRASH},
    {CALL("\"system\":\"<|endofprompt|>\""), AC_DEMO_VERDICT_CRASH},
    {CALL("\"system\":1"), AC_DEMO_VERDICT_CRASH},
    {CALL("\"context\":[{}]"), AC_DEMO_VERDICT_CRASH},
    {"{\"messages\":[]}", AC_DEMO_VERDICT_COMPLAIN},
    {ROLE("\"tool\""), AC_DEMO_VERDICT_COMPLAIN},
    {ROLE("\"developer\""), AC_DEMO_VERDICT_COMPLAIN},
    {ROLE("null"), AC_DEMO_VERDICT_COMPLAIN},
    {CALL("\"model\":1"), AC_DEMO_VERDICT_COMPLAIN},
    {CALL("\"temperature\":\"1\""), AC_DEMO_VERDICT_COMPLAIN},
    {CALL("\"topP\":\"1\""), AC_DEMO_VERDICT_COMPLAIN},
    {USER("\"a\""), AC_DEMO_VERDICT_ANSWER},
    {USER("\"<|im_start|>\""), AC_DEMO_VERDICT_ANSWER},
    {"\xef\xbb\xbf" USER("\"a\""), AC_DEMO_VERDICT_ANSWER},
    {ROLE("\"data\""), AC_DEMO_VERDICT_ANSWER},
    {CALL("\"model\":null,\"system\":null,\"context\":null"),
	AC_DEMO_VERDICT_ANSWER},
    {CALL("\"temperature\":0,\"topP\":0.5"), AC_DEMO_VERDICT_ANSWER},
};

static void
a_body_is_judged_as_by_the_app(void **state)
{
	struct ac_demo_prompt prompt;

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(verdicts); i++) {
		const char *body = verdicts[i].body;

		assert_int_equal(
		    ac_demo_prompt_parse(&prompt, body, strlen(body)),
		    verdicts[i].verdict);
		assert_int_equal(prompt.complaint != NULL,
		    verdicts[i].verdict == AC_DEMO_VERDICT_COMPLAIN);
		ac_demo_prompt_clear(&prompt);
	}
}

static const struct {
	const char *text;
	const char *sum; /* NULL: none */
} sums[] = {
    {"what is 12*7?", "12*7 = 84"},
    {"What's 12 * 7", "12 * 7 = 84"},
    {"Hello! What is 2 + 2? One number.", "2 + 2 = 4"},
    {"2 + 3 * 4", "2 + 3 * 4 = 14"},
    {"10 - 4 - 3 =", "10 - 4 - 3 = 3"},
    {"5 * -3", "5 * -3 = -15"},
    {"0 * -3", "0 * -3 = 0"},
    {"0.1 + 0.2", "0.1 + 0.2 = 0.3"},
    {"1 / 3", "1 / 3 = 0.333333333333"},
    {"calculate: 7 x 6.", "7 x 6 = 42"},
    {"12 divided by 4?", "12 divided by 4 = 3"},
    {"3乘以4等于几", "3乘以4 = 12"},
    {"请问10减去4是多少？", "10减去4 = 6"},
    {"6×7＝", NULL},
    {"", NULL},
    {"12", NULL},
    {"12 +", NULL},
    {"12 / 0", NULL},
    {"2024-01-02", NULL},
    {"12*7 apples", NULL},
    {"I am 12-13 years old", NULL},
    {"1234567890123456 + 1", NULL},
};

static void
a_sum_is_found_and_solved(void **state)
{
	char out[160];

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(sums); i++) {
		bool found = ac_demo_sum_find(sums[i].text, out, sizeof(out));

		assert_int_equal(found, sums[i].sum != NULL);
		if (found)
			assert_string_equal(out, sums[i].sum);
	}
}

/* The answer to a body; the caller frees it. */
static char *
answer(const char *body)
{
	struct ac_demo_prompt prompt;
	char *text;

	assert_int_equal(ac_demo_prompt_parse(&prompt, body, strlen(body)),
	    AC_DEMO_VERDICT_ANSWER);
	text = ac_demo_text_make(&prompt);
	ac_demo_prompt_clear(&prompt);
	return text;
}

static const struct {
	const char *body;
	const char *holds;
} answers[] = {
    {USER("\"Hi there\""), "Hello, nice to meet you! This is the simulated"},
    {USER("\"what is 12*7?\""), "12*7 = 84.\n\nThis is the simulated"},
    {USER("\"a \\n\\u0000b\""), "wrote: “a   b”."},
    {USER("\"\""), "You asked Meta-Llama-3-3-70B-Instruct and wrote nothing."},
    {ROLE("\"system\""), "1 message and a system prompt."},
    {ROLE("\"data\""), "0 messages and no system prompt."},
    {CALL("\"system\":\" \""), "and no system prompt."},
    {CALL("\"system\":\"Be kind.\""), "and a system prompt."},
    {CALL("\"model\":\"m/1\""), "You asked m/1 and wrote: “a”."},
    {CALL("\"model\":\"DeepSeek-R1-0528\""), "<think>\n"},
    {CALL("\"model\":\"AkashGen\""), "You asked Meta-Llama-3-3-70B-Instruct"},
    {USER("\"你好，3加4等于几？\""),
	"你好，很高兴见到你！3加4 = 7。\n\n这里是"},
    {USER("\"猫\",\"parts\":[{\"type\":\"text\",\"text\":\"dog\"}]"), "“dog”"},
    {USER("\"cat\",\"parts\":[]"), "and wrote nothing."},
};

static void
an_answer_speaks_of_the_request(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(answers); i++) {
		char *text = answer(answers[i].body);

		if (strstr(text, answers[i].holds) == NULL)
			assert_string_equal(text, answers[i].holds);
		free(text);
	}
}

static void
a_long_message_is_cut_between_characters(void **state)
{
	char bytes[1200];
	struct ac_demo_prompt prompt = {.model = ac_strdup("m")};
	char *text;
	json_t *valid;

	AC_UNUSED(state);
	for (size_t i = 0; i < sizeof(bytes); i += 4)
		memcpy(bytes + i, "\xf0\x9f\x98\x80", 4);
	for (size_t len = sizeof(bytes) - 8; len <= sizeof(bytes); len++) {
		prompt.text = ac_memdup(bytes, len);
		prompt.text_len = len;
		text = ac_demo_text_make(&prompt);
		valid = json_string(text);
		assert_non_null(valid);
		assert_non_null(strstr(text, "\xf0\x9f\x98\x80…”"));
		json_decref(valid);
		free(text);
		free(prompt.text);
		prompt.text = NULL;
	}
	ac_demo_prompt_clear(&prompt);
}

static void
bad_utf8_is_replaced(void **state)
{
	static const char *const bad[] = {"\x80", "\xc3", "\xc0\xaf",
	    "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff",
	    "\xf0\x9f\x98"};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(bad); i++) {
		struct ac_demo_prompt prompt = {
		    .model = ac_strdup(bad[i]),
		    .text = ac_strdup(bad[i]),
		    .text_len = strlen(bad[i]),
		};
		char *text = ac_demo_text_make(&prompt);
		json_t *valid = json_string(text);

		assert_non_null(valid);
		assert_non_null(strstr(text, "\xef\xbf\xbd”"));
		json_decref(valid);
		free(text);
		ac_demo_prompt_clear(&prompt);
	}
}

static void
a_text_is_streamed_word_by_word(void **state)
{
	static const char text[] = "One two,\n\nthree 漢字 é😀x ";
	static const char *const pieces[] = {
	    "One", " two,", "\n\nthree", " 漢", "字", " é", "😀", "x", " "};
	const char *at = text;

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(pieces); i++) {
		size_t len = ac_demo_text_piece(at);

		assert_int_equal(len, strlen(pieces[i]));
		assert_memory_equal(at, pieces[i], len);
		at += len;
	}
	assert_int_equal(ac_demo_text_piece(at), 0);
}

static void
a_path_is_made_canonical(void **state)
{
	static const char *const paths[][2] = {
	    {"/", "/"},
	    {"//", "/"},
	    {"/a", "/a/"},
	    {"/a/", "/a/"},
	    {"//a///b", "/a/b/"},
	    {"/a/b.png", "/a/b.png"},
	    {"/a/b.png/", "/a/b.png"},
	    {"/a.b/c", "/a.b/c/"},
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(paths); i++) {
		char *path = ac_demo_redirect_canonical(
		    paths[i][0], strlen(paths[i][0]));

		assert_string_equal(path, paths[i][1]);
		free(path);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_body_is_judged_as_by_the_app),
	    cmocka_unit_test(a_sum_is_found_and_solved),
	    cmocka_unit_test(an_answer_speaks_of_the_request),
	    cmocka_unit_test(a_long_message_is_cut_between_characters),
	    cmocka_unit_test(bad_utf8_is_replaced),
	    cmocka_unit_test(a_text_is_streamed_word_by_word),
	    cmocka_unit_test(a_path_is_made_canonical),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

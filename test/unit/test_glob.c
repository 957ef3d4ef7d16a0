/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Patterns with '*'. */
#include "base/glob.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/mem.h"
#include "support/unit.h"

static void
patterns_match_whole_texts(void **state)
{
	static const struct {
		const char *pattern;
		const char *text;
		bool matches;
	} cases[] = {
	    {"", "", true},
	    {"", "a", false},
	    {"*", "", true},
	    {"*", "anything", true},
	    {"a", "a", true},
	    {"a", "A", false},
	    {"a", "ab", false},
	    {"ab", "a", false},
	    {"DeepSeek-*", "DeepSeek-R1", true},
	    {"DeepSeek-*", "DeepSeek-", true},
	    {"DeepSeek-*", "xDeepSeek-R1", false},
	    {"*-70B*", "Llama-3-70B-Instruct", true},
	    {"*-70B", "Llama-70B-70B", true},
	    {"a*b*c", "aXbXc", true},
	    {"a*b*c", "aXcXb", false},
	    {"**", "x", true},
	    {"a?", "ab", false},
	    {"a?", "a?", true},
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		if (ac_glob_match(cases[i].pattern, strlen(cases[i].pattern),
			cases[i].text) != cases[i].matches)
			fail_msg("%s, %s", cases[i].pattern, cases[i].text);
	}
}

/* What the definition says, without a thought of speed. */
static bool
matches_by_definition(const char *pattern, const char *text)
{
	if (*pattern == '\0')
		return *text == '\0';
	if (*pattern == '*')
		return matches_by_definition(pattern + 1, text) ||
		       (*text != '\0' &&
			   matches_by_definition(pattern, text + 1));
	return *pattern == *text &&
	       matches_by_definition(pattern + 1, text + 1);
}

/* Every pattern of up to 5 letters with every text of up to 5. */
static void
patterns_match_by_the_definition(void **state)
{
	static const char letters[] = "ab*";
	char pattern[6], text[6];

	AC_UNUSED(state);
	for (unsigned p = 0; p < 4 * 4 * 4 * 4 * 4; p++) {
		size_t len = 0;

		for (unsigned n = p; n > 0; n /= 4) {
			if (n % 4 > 0)
				pattern[len++] = letters[n % 4 - 1];
		}
		pattern[len] = '\0';
		for (unsigned t = 0; t < 3 * 3 * 3 * 3 * 3; t++) {
			size_t text_len = 0;

			for (unsigned n = t; n > 0; n /= 3) {
				if (n % 3 > 0)
					text[text_len++] = letters[n % 3 - 1];
			}
			text[text_len] = '\0';
			if (ac_glob_match(pattern, len, text) !=
			    matches_by_definition(pattern, text))
				fail_msg("%s, %s", pattern, text);
		}
	}
}

static void
many_stars_are_quick(void **state)
{
	enum { LEN = 4096 };
	char *text = ac_malloc(LEN + 1);
	char pattern[81];

	AC_UNUSED(state);
	memset(text, 'a', LEN);
	text[LEN] = '\0';
	for (size_t i = 0; i < 80; i += 2) {
		pattern[i] = '*';
		pattern[i + 1] = 'a';
	}
	pattern[80] = 'b';
	assert_false(ac_glob_match(pattern, sizeof(pattern), text));
	free(text);
}

static void
a_list_matches_where_one_does(void **state)
{
	AC_UNUSED(state);
	assert_true(ac_glob_list_matches("DeepSeek-*,Qwen*", "Qwen3"));
	assert_true(ac_glob_list_matches("DeepSeek-*,Qwen*", "DeepSeek-R1"));
	assert_false(ac_glob_list_matches("DeepSeek-*,Qwen*", "Llama"));
	assert_false(ac_glob_list_matches("DeepSeek-*,Qwen*", "xQwen"));
	assert_false(ac_glob_list_matches("a,b", "a,b"));
	assert_false(ac_glob_list_matches("", "a"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(patterns_match_whole_texts),
	    cmocka_unit_test(patterns_match_by_the_definition),
	    cmocka_unit_test(many_stars_are_quick),
	    cmocka_unit_test(a_list_matches_where_one_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

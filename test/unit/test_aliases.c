/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Aliases: how they are written, what they stand for. */
#include "base/aliases.h"

#include <string.h>

#include "base/attr.h"
#include "base/mem.h"
#include "support/unit.h"

static void
names_stand_for_targets(void **state)
{
	struct ac_aliases aliases = {.count = 0};
	const char *why;

	AC_UNUSED(state);
	assert_true(ac_aliases_parse(
	    &aliases, " gpt-4o = DeepSeek-R1,a=b\t, b=openai/gpt:1", &why));
	assert_int_equal(aliases.count, 3);
	assert_string_equal(ac_aliases_find(&aliases, "gpt-4o"), "DeepSeek-R1");
	/* A target is no name that is looked up again. */
	assert_string_equal(ac_aliases_find(&aliases, "a"), "b");
	assert_string_equal(ac_aliases_find(&aliases, "b"), "openai/gpt:1");
	assert_null(ac_aliases_find(&aliases, "GPT-4o"));
	assert_null(ac_aliases_find(&aliases, "gpt-4"));
	assert_null(ac_aliases_find(&aliases, "gpt-4o "));
	assert_null(ac_aliases_find(&aliases, ""));
	ac_aliases_clear(&aliases);
	assert_null(ac_aliases_find(&aliases, "a"));
}

static void
no_text_gives_no_aliases(void **state)
{
	static const char *const texts[] = {"", " ", "\t "};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(texts); i++) {
		struct ac_aliases aliases = {.count = 7};
		const char *why;

		assert_true(ac_aliases_parse(&aliases, texts[i], &why));
		assert_int_equal(aliases.count, 0);
	}
}

static void
what_is_no_list_is_refused(void **state)
{
	static const struct {
		const char *text;
		const char *why; /* a part of it */
	} cases[] = {
	    {"a", "no '='"},
	    {"a=b,", "no '='"},
	    {",a=b", "no '='"},
	    {"a=b,,c=d", "no '='"},
	    {"a=b, ,c=d", "no '='"},
	    {"a=", "lacks"},
	    {"=b", "lacks"},
	    {" = ", "lacks"},
	    {"a=b, =c", "lacks"},
	    {"a=b=c", "more than one"},
	    {"a=b,a=c", "twice"},
	    {"a=b, a =b", "twice"},
	    {"gpt-*=b", "whole names"},
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		struct ac_aliases aliases = {.count = 0};
		const char *why = "";

		if (ac_aliases_parse(&aliases, cases[i].text, &why))
			fail_msg("'%s' is taken", cases[i].text);
		if (strstr(why, cases[i].why) == NULL)
			fail_msg("'%s': %s", cases[i].text, why);
		assert_int_equal(aliases.count, 0);
		assert_null(aliases.items);
	}
}

/* Whatever is left of a text is a list or refused with a reason. */
static void
cut_anywhere(void **state)
{
	static const char text[] = " gpt-4o = DeepSeek-R1,a=b\t, b=c/d:e";

	AC_UNUSED(state);
	for (size_t len = 0; len < sizeof(text); len++) {
		char *cut = ac_memdup(text, len);
		struct ac_aliases aliases = {.count = 0};
		const char *why = NULL;

		if (ac_aliases_parse(&aliases, cut, &why))
			ac_aliases_clear(&aliases);
		else
			assert_non_null(why);
		ac_wipe_and_free(cut);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_stand_for_targets),
	    cmocka_unit_test(no_text_gives_no_aliases),
	    cmocka_unit_test(what_is_no_list_is_refused),
	    cmocka_unit_test(cut_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

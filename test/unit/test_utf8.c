/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* UTF-8: every character there and back, and everything that is none. */
#include "base/utf8.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/mem.h"
#include "support/unit.h"

/* Decodes out of a block that ends with the bytes, as ASan watches. */
static size_t
decode(const char *s, size_t len, uint32_t *code_point)
{
	char *copy = ac_malloc(len);
	size_t bytes;

	memcpy(copy, s, len);
	bytes = ac_utf8_decode(copy, len, code_point);
	free(copy);
	return bytes;
}

static bool
is_surrogate(uint32_t c)
{
	return c >= 0xd800 && c <= 0xdfff;
}

static void
every_character_comes_back(void **state)
{
	AC_UNUSED(state);
	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		char utf8[4];
		size_t len;
		uint32_t decoded;

		if (is_surrogate(c))
			continue;
		len = ac_utf8_encode(c, utf8);
		assert_int_equal(len, ac_utf8_len(c));
		assert_int_equal(ac_utf8_decode(utf8, len, &decoded), len);
		assert_int_equal(decoded, c);
	}
}

static void
lengths_change_where_the_standard_says(void **state)
{
	static const struct {
		uint32_t c;
		const char *utf8;
	} cases[] = {
	    {0x7f, "\x7f"},
	    {0x80, "\xc2\x80"},
	    {0x7ff, "\xdf\xbf"},
	    {0x800, "\xe0\xa0\x80"},
	    {0xd7ff, "\xed\x9f\xbf"},
	    {0xe000, "\xee\x80\x80"},
	    {0xffff, "\xef\xbf\xbf"},
	    {0x10000, "\xf0\x90\x80\x80"},
	    {0x10ffff, "\xf4\x8f\xbf\xbf"},
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		char utf8[4];

		assert_int_equal(
		    ac_utf8_encode(cases[i].c, utf8), strlen(cases[i].utf8));
		assert_memory_equal(utf8, cases[i].utf8, strlen(cases[i].utf8));
	}
}

static void
what_follows_a_character_does_not_matter(void **state)
{
	uint32_t c;

	AC_UNUSED(state);
	assert_int_equal(decode("ab", 2, &c), 1);
	assert_int_equal(c, 'a');
	assert_int_equal(decode("\xc3\xa9\xff", 3, &c), 2);
	assert_int_equal(c, 0xe9);
	assert_int_equal(decode("\0a", 2, &c), 1);
	assert_int_equal(c, 0);
}

static void
cut_characters_are_none(void **state)
{
	static const char *const characters[] = {
	    "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(characters); i++) {
		for (size_t len = 1; len < strlen(characters[i]); len++) {
			uint32_t c;

			assert_int_equal(decode(characters[i], len, &c), 0);
		}
	}
}

static void
other_sequences_are_none(void **state)
{
	static const char *const sequences[] = {"\x80", "\xbf", "\xc0\x80",
	    "\xc1\xbf", "\xc2\x41", "\xc2\xc2", "\xdf\x7f", "\xe0\x80\x80",
	    "\xe0\x9f\xbf", "\xe1\x80\x41", "\xe1\x41\x80", "\xe1\x80\xc0",
	    "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x80\x80\x80",
	    "\xf0\x8f\xbf\xbf", "\xf1\x41\x80\x80", "\xf1\x80\x41\x80",
	    "\xf1\x80\x80\x41", "\xf1\x80\x80\xc0", "\xf4\x90\x80\x80",
	    "\xf5\x80\x80\x80", "\xf8\x88\x80\x80\x80", "\xfe", "\xff"};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(sequences); i++) {
		uint32_t c;

		assert_int_equal(
		    decode(sequences[i], strlen(sequences[i]), &c), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_character_comes_back),
	    cmocka_unit_test(lengths_change_where_the_standard_says),
	    cmocka_unit_test(what_follows_a_character_does_not_matter),
	    cmocka_unit_test(cut_characters_are_none),
	    cmocka_unit_test(other_sequences_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

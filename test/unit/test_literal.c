/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Checking, repairing and decoding JSON string literals, case by case. */
#include "codec/literal.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "support/unit.h"

#define TEXT(s) s, sizeof(s) - 1
#define BAD     "\\ufffd"
#define SHOWN   "\xef\xbf\xbd" /* U+FFFD */

struct test_case {
	const char *literal;
	size_t len;
	enum ac_literal_state state;
	bool begins_with_low;
	bool ends_with_high;
	const char *repaired; /* NULL: as it was */
	const char *text;     /* what it decodes to … */
	size_t text_len;
};

#define CLEAN(literal, text)                                            \
	{                                                               \
		TEXT(literal), AC_LITERAL_CLEAN, 0, 0, NULL, TEXT(text) \
	}
#define REPAIR(literal, repaired, text)                                      \
	{                                                                    \
		TEXT(literal), AC_LITERAL_REPAIR, 0, 0, repaired, TEXT(text) \
	}
#define LOW_FIRST(literal, repaired, text)                                   \
	{                                                                    \
		TEXT(literal), AC_LITERAL_REPAIR, 1, 0, repaired, TEXT(text) \
	}
#define HIGH_LAST(literal, repaired, text)                                   \
	{                                                                    \
		TEXT(literal), AC_LITERAL_REPAIR, 0, 1, repaired, TEXT(text) \
	}

static const struct test_case cases[] = {
    CLEAN("", ""),
    CLEAN("a", "a"),
    CLEAN(" ~", " ~"),
    CLEAN("\x7f", "\x7f"),
    CLEAN("a/b", "a/b"),
    CLEAN("\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t"),
    CLEAN("a\\nb", "a\nb"),
    CLEAN("\\\\u0041", "\\u0041"),
    CLEAN("\\u0000", "\0"),
    CLEAN("a\\u0000b", "a\0b"),
    CLEAN("\\u0041", "A"),
    CLEAN("\\u007f\\u0080", "\x7f\xc2\x80"),
    CLEAN("\\u00e9\\u00E9", "\xc3\xa9\xc3\xa9"),
    CLEAN("\\u07ff\\u0800", "\xdf\xbf\xe0\xa0\x80"),
    CLEAN("\\ud7ff\\ue000\\uFFFF", "\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"),
    CLEAN("\\ud800\\udc00", "\xf0\x90\x80\x80"),
    CLEAN("\\uD83D\\uDE00!", "\xf0\x9f\x98\x80!"),
    CLEAN("\\udbff\\udfff", "\xf4\x8f\xbf\xbf"),
    CLEAN("\xc2\x80\xdf\xbf", "\xc2\x80\xdf\xbf"),
    CLEAN("\xe0\xa0\x80\xed\x9f\xbf", "\xe0\xa0\x80\xed\x9f\xbf"),
    CLEAN("\xee\x80\x80\xef\xbf\xbf", "\xee\x80\x80\xef\xbf\xbf"),
    CLEAN("\xf0\x90\x80\x80", "\xf0\x90\x80\x80"),
    CLEAN("\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"),
    CLEAN("\xe2\x80\xa8\xe2\x80\xa9", "\xe2\x80\xa8\xe2\x80\xa9"),
    CLEAN("\xef\xbb\xbf", "\xef\xbb\xbf"),
    CLEAN("x\xf1\x80\x80\x80\xf3\xbf\xbf\xbfx",
	"x\xf1\x80\x80\x80\xf3\xbf\xbf\xbfx"),
    HIGH_LAST("\\ud83d", BAD, SHOWN),
    HIGH_LAST("\\uD800", BAD, SHOWN),
    HIGH_LAST("\\udBFF", BAD, SHOWN),
    HIGH_LAST("a\\ud83d", "a" BAD, "a" SHOWN),
    HIGH_LAST("\\ud83d\\ud83d", BAD BAD, SHOWN SHOWN),
    HIGH_LAST("\\ud83d\\ude00\\ud83d", "\\ud83d\\ude00" BAD,
	"\xf0\x9f\x98\x80" SHOWN),
    LOW_FIRST("\\ude00", BAD, SHOWN),
    LOW_FIRST("\\uDC00", BAD, SHOWN),
    LOW_FIRST("\\uDfFF", BAD, SHOWN),
    LOW_FIRST("\\ude00a", BAD "a", SHOWN "a"),
    LOW_FIRST("\\ude00\\ude00", BAD BAD, SHOWN SHOWN),
    {TEXT("\\ude00\\ud83d"), AC_LITERAL_REPAIR, true, true, BAD BAD,
	TEXT(SHOWN SHOWN)},
    REPAIR("\\ud83da", BAD "a", SHOWN "a"),
    REPAIR("a\\ud83db", "a" BAD "b", "a" SHOWN "b"),
    REPAIR("a\\ude00", "a" BAD, "a" SHOWN),
    REPAIR("a\\ude00b", "a" BAD "b", "a" SHOWN "b"),
    REPAIR("\\ud83d\\u0041", BAD "\\u0041", SHOWN "A"),
    REPAIR("\\ud83d\\n", BAD "\\n", SHOWN "\n"),
    REPAIR("\\ud83d\\bde00", BAD "\\bde00", SHOWN "\bde00"),
    REPAIR("\\ud83d/ude00", BAD "/ude00", SHOWN "/ude00"),
    REPAIR("\\ud83d\\ud83d\\ude00", BAD "\\ud83d\\ude00",
	SHOWN "\xf0\x9f\x98\x80"),
    REPAIR("\\ud83d\\ue000", BAD "\\ue000", SHOWN "\xee\x80\x80"),
    REPAIR("\\ud83d\xf0\x9f\x98\x80", BAD "\xf0\x9f\x98\x80",
	SHOWN "\xf0\x9f\x98\x80"),
    REPAIR("\x80", BAD, SHOWN),
    REPAIR("\xbf\x62", BAD "b", SHOWN "b"),
    REPAIR("\xc0\x80", BAD BAD, SHOWN SHOWN),
    REPAIR("\xc1\xbf", BAD BAD, SHOWN SHOWN),
    REPAIR("\xc2", BAD, SHOWN),
    REPAIR("\xc2\x41", BAD "A", SHOWN "A"),
    REPAIR("\xc2\xc0", BAD BAD, SHOWN SHOWN),
    REPAIR("\xe0\x9f\xbf", BAD BAD BAD, SHOWN SHOWN SHOWN),
    REPAIR("\xe2\x82", BAD BAD, SHOWN SHOWN),
    REPAIR("\xe2\x82\x41", BAD BAD "A", SHOWN SHOWN "A"),
    REPAIR("\xe2\x82\xc3\xa9", BAD BAD "\xc3\xa9", SHOWN SHOWN "\xc3\xa9"),
    REPAIR("\xed\xa0\x80", BAD BAD BAD, SHOWN SHOWN SHOWN),
    REPAIR("\xed\xbf\xbf", BAD BAD BAD, SHOWN SHOWN SHOWN),
    REPAIR("\xf0\x8f\xbf\xbf", BAD BAD BAD BAD, SHOWN SHOWN SHOWN SHOWN),
    REPAIR("\xf0\x9f\x98", BAD BAD BAD, SHOWN SHOWN SHOWN),
    REPAIR("\xf0\x9f\x98\x41", BAD BAD BAD "A", SHOWN SHOWN SHOWN "A"),
    REPAIR("\xf0\x9f\x41\x80", BAD BAD "A" BAD, SHOWN SHOWN "A" SHOWN),
    REPAIR("\xf4\x90\x80\x80", BAD BAD BAD BAD, SHOWN SHOWN SHOWN SHOWN),
    REPAIR("\xf5\x80\x80\x80", BAD BAD BAD BAD, SHOWN SHOWN SHOWN SHOWN),
    REPAIR("\xff\xfe", BAD BAD, SHOWN SHOWN),
    REPAIR("\xff\\n\\u0041\xff", BAD "\\n\\u0041" BAD, SHOWN "\nA" SHOWN),
};

struct broken_case {
	const char *literal;
	size_t len;
};

static const struct broken_case broken[] = {
    {TEXT("\"")},
    {TEXT("a\"b")},
    {TEXT("\\")},
    {TEXT("a\\")},
    {TEXT("\\'")},
    {TEXT("\\0")},
    {TEXT("\\a")},
    {TEXT("\\v")},
    {TEXT("\\x41")},
    {TEXT("\\U0041")},
    {TEXT("\\N")},
    {TEXT("\\ ")},
    {TEXT("\\\n")},
    {TEXT("\\\0")},
    {TEXT("\\u")},
    {TEXT("\\u0")},
    {TEXT("\\u004")},
    {TEXT("\\ug041")},
    {TEXT("\\u0g41")},
    {TEXT("\\u00g1")},
    {TEXT("\\u004g")},
    {TEXT("\\u 041")},
    {TEXT("\\u+041")},
    {TEXT("\\u004@")},
    {TEXT("\\u004`")},
    {TEXT("\\u004/")},
    {TEXT("\\u004:")},
    {TEXT("\\u{41}")},
    {TEXT("\\ud83d\\u")},
    {TEXT("\\ud83d\\ude0")},
    {TEXT("\\ud83d\\")},
    {TEXT("\\ud83d\\x")},
    {TEXT("\0")},
    {TEXT("a\0b")},
    {TEXT("\x01")},
    {TEXT("\t")},
    {TEXT("\n")},
    {TEXT("\x1f")},
    {TEXT("ok \xff \\ud83d \x1f")},
};

/* A literal in a block of its own size, so that reading on is seen. */
static char *
exact_copy(const char *s, size_t len)
{
	char *copy = ac_malloc(len);

	if (len > 0)
		memcpy(copy, s, len);
	return copy;
}

static void
each_case_has_its_report(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		const struct test_case *c = &cases[i];
		char *copy = exact_copy(c->literal, c->len);
		struct ac_literal_report report =
		    ac_literal_check(copy, c->len);

		if (report.state != c->state ||
		    report.text_len != c->text_len ||
		    report.begins_with_low != c->begins_with_low ||
		    report.ends_with_high != c->ends_with_high)
			fail_msg("%s: state %d, text_len %zu, low %d, high %d",
			    c->literal, (int)report.state, report.text_len,
			    report.begins_with_low, report.ends_with_high);
		free(copy);
	}
}

static void
each_case_is_repaired(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		const struct test_case *c = &cases[i];
		const char *repaired =
		    c->repaired == NULL ? c->literal : c->repaired;
		size_t len = c->repaired == NULL ? c->len : strlen(repaired);
		struct ac_buf out;

		ac_buf_init(&out, len);
		assert_true(ac_literal_repair(&out, c->literal, c->len));
		assert_int_equal(out.len, len);
		assert_memory_equal(ac_buf_string(&out), repaired, len);
		ac_buf_clear(&out);
	}
}

static void
each_case_is_decoded(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		const struct test_case *c = &cases[i];
		struct ac_buf out;

		ac_buf_init(&out, c->text_len);
		assert_true(ac_literal_decode(&out, c->literal, c->len));
		assert_int_equal(out.len, c->text_len);
		assert_memory_equal(ac_buf_string(&out), c->text, c->text_len);
		ac_buf_clear(&out);
	}
}

static void
what_is_no_json_string_is_broken(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(broken); i++) {
		char *copy = exact_copy(broken[i].literal, broken[i].len);

		if (ac_literal_check(copy, broken[i].len).state !=
		    AC_LITERAL_BROKEN)
			fail_msg("%s is not broken", broken[i].literal);
		free(copy);
	}
}

static void
what_is_broken_is_neither_repaired_nor_decoded(void **state)
{
	struct ac_buf out;

	AC_UNUSED(state);
	ac_buf_init(&out, 100);
	for (size_t i = 0; i < AC_LENGTH(broken); i++) {
		assert_false(
		    ac_literal_repair(&out, broken[i].literal, broken[i].len));
		assert_false(
		    ac_literal_decode(&out, broken[i].literal, broken[i].len));
		ac_buf_reset(&out);
	}
	ac_buf_clear(&out);
}

static void
each_control_character_is_broken(void **state)
{
	AC_UNUSED(state);
	for (int c = 0; c < 0x20; c++) {
		const char literal[] = {'a', (char)c, 'b'};

		assert_int_equal(
		    ac_literal_check(literal, 3).state, AC_LITERAL_BROKEN);
	}
}

static void
a_buffer_without_room_refuses(void **state)
{
	struct ac_buf out;

	AC_UNUSED(state);
	ac_buf_init(&out, 5);
	assert_false(ac_literal_repair(&out, TEXT("abcdef")));
	ac_buf_reset(&out);
	assert_false(ac_literal_repair(&out, TEXT("\\ud83d")));
	ac_buf_reset(&out);
	assert_false(ac_literal_decode(&out, TEXT("\\u20ac\\u20ac")));
	ac_buf_reset(&out);
	assert_true(ac_literal_decode(&out, TEXT("\\u20ac\\u00e9")));
	ac_buf_clear(&out);
}

static void
results_are_appended(void **state)
{
	struct ac_buf out;

	AC_UNUSED(state);
	ac_buf_init(&out, 100);
	assert_true(ac_buf_add_string(&out, "<"));
	assert_true(ac_literal_repair(&out, TEXT("\\ud83d")));
	assert_true(ac_literal_decode(&out, TEXT("\\u0041")));
	assert_string_equal(ac_buf_string(&out), "<\\ufffdA");
	ac_buf_clear(&out);
}

static void
characters_are_read_one_by_one(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		const struct test_case *c = &cases[i];
		struct ac_buf text;
		size_t at = 0;

		if (c->state != AC_LITERAL_CLEAN)
			continue;
		ac_buf_init(&text, c->text_len);
		while (at < c->len) {
			uint32_t code_point;
			char utf8[4];

			at += ac_literal_next(
			    c->literal + at, c->len - at, &code_point);
			assert_true(ac_buf_add(
			    &text, utf8, ac_utf8_encode(code_point, utf8)));
		}
		assert_int_equal(at, c->len);
		assert_int_equal(text.len, c->text_len);
		assert_memory_equal(ac_buf_string(&text), c->text, text.len);
		ac_buf_clear(&text);
	}
}

/* What is cut off at each length is what was asked for, or lacks less than
 * one character. */
static void
a_prefix_holds_whole_characters(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		const struct test_case *c = &cases[i];

		if (c->state != AC_LITERAL_CLEAN)
			continue;
		for (size_t asked = 0; asked <= c->text_len + 1; asked++) {
			size_t got = asked;
			size_t len =
			    ac_literal_prefix(c->literal, c->len, &got);
			size_t expected =
			    asked < c->text_len ? asked : c->text_len;

			while (expected < c->text_len &&
			       (c->text[expected] & 0xc0) == 0x80)
				expected--;
			assert_int_equal(got, expected);
			assert_int_equal(
			    ac_literal_check(c->literal, len).state,
			    AC_LITERAL_CLEAN);
			assert_int_equal(
			    ac_literal_check(c->literal, len).text_len, got);
		}
	}
}

static void
literals_are_compared_by_what_they_stand_for(void **state)
{
	static const struct {
		const char *literal;
		const char *text;
		bool equal;
	} pairs[] = {
	    {"", "", true},
	    {"", "a", false},
	    {"a", "", false},
	    {"a", "a", true},
	    {"ab", "a", false},
	    {"a", "ab", false},
	    {"\\u0061b", "ab", true},
	    {"\\u0061b", "abc", false},
	    {"\\u0061bc", "ab", false},
	    {"\\u0000", "", false},
	    {"a\\u0000", "a", false},
	    {"\\/", "/", true},
	    {"\\ud83d", "a", false},
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(pairs); i++)
		assert_int_equal(ac_literal_equals(pairs[i].literal,
				     strlen(pairs[i].literal), pairs[i].text),
		    pairs[i].equal);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_case_has_its_report),
	    cmocka_unit_test(each_case_is_repaired),
	    cmocka_unit_test(each_case_is_decoded),
	    cmocka_unit_test(what_is_no_json_string_is_broken),
	    cmocka_unit_test(what_is_broken_is_neither_repaired_nor_decoded),
	    cmocka_unit_test(each_control_character_is_broken),
	    cmocka_unit_test(a_buffer_without_room_refuses),
	    cmocka_unit_test(results_are_appended),
	    cmocka_unit_test(characters_are_read_one_by_one),
	    cmocka_unit_test(a_prefix_holds_whole_characters),
	    cmocka_unit_test(literals_are_compared_by_what_they_stand_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

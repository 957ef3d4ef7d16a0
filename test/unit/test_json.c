/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The JSON helpers: what is parsed, and what is refused with which reason.
 * What is written is tested in test_json_write.c. */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "base/attr.h"
#include "base/mem.h"
#include "support/random.h"
#include "support/unit.h"
#include "support/utf16.h"

#define TEXT(s) s, sizeof(s) - 1
#define SHOWN   "\xef\xbf\xbd" /* U+FFFD */

static json_t *
parse(const char *data, size_t len)
{
	char why[200] = "";
	json_t *value = ac_json_parse(data, len, why, sizeof(why));

	if (value == NULL)
		fail_msg("refused: %s", why);
	return value;
}

static void
expect_refused(const char *data, size_t len, const char *reason)
{
	char why[200] = "";
	json_t *value = ac_json_parse(data, len, why, sizeof(why));
	const char *shown = data == NULL ? "" : data;

	if (value != NULL)
		fail_msg("%.*s is accepted", (int)len, shown);
	if (strstr(why, reason) == NULL)
		fail_msg("%.*s: the reason is '%s'", (int)len, shown, why);
}

/* The buffer's contents as a C string; the buffer is freed. */
static char *
take(struct evbuffer *buffer)
{
	size_t len = evbuffer_get_length(buffer);
	char *text = ac_malloc(len + 1);

	evbuffer_remove(buffer, text, len);
	text[len] = '\0';
	evbuffer_free(buffer);
	return text;
}

/* depth brackets around a 1, as a C string. */
static char *
nest(size_t depth, const char *open, const char *close)
{
	struct evbuffer *text = evbuffer_new();

	for (size_t i = 0; i < depth; i++)
		evbuffer_add_printf(text, "%s", open);
	evbuffer_add_printf(text, "1");
	for (size_t i = 0; i < depth; i++)
		evbuffer_add_printf(text, "%s", close);
	return take(text);
}

static void
any_value_may_stand_alone(void **state)
{
	static const char *const values[] = {
	    "null", "true", "1", "-1.5e3", "\"s\"", "[]", " {} ", "\t[1]\r\n"};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(values); i++)
		json_decref(parse(values[i], strlen(values[i])));
}

static void
sixty_four_levels_are_parsed_and_no_more(void **state)
{
	static const char *const brackets[][2] = {{"[", "]"}, {"{\"a\":", "}"}};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(brackets); i++) {
		const char *open = brackets[i][0];
		const char *close = brackets[i][1];
		char *deep = nest(AC_JSON_MAX_DEPTH, open, close);
		char *too_deep = nest(AC_JSON_MAX_DEPTH + 1, open, close);

		json_decref(parse(deep, strlen(deep)));
		expect_refused(too_deep, strlen(too_deep),
		    "it is nested deeper than 64 levels");
		free(deep);
		free(too_deep);
	}
}

static void
an_upstream_may_nest_deeper(void **state)
{
	char *deep = nest(1000, "[", "]");
	json_t *value = ac_json_parse_lenient(deep, strlen(deep));

	AC_UNUSED(state);
	assert_non_null(value);
	json_decref(value);
	free(deep);
	deep = nest(1000000, "[", "]");
	assert_null(ac_json_parse_lenient(deep, strlen(deep)));
	free(deep);
	assert_null(ac_json_parse_lenient("", 0));
	assert_null(ac_json_parse_lenient(TEXT("[1,]")));
	value = ac_json_parse_lenient(TEXT("[\"\\ud83d\",1]"));
	assert_string_equal(json_string_value(json_array_get(value, 0)), SHOWN);
	json_decref(value);
}

/* Deep enough to overflow the stack of a parser that recurses. */
static void
absurd_depth_is_refused(void **state)
{
	enum { LEVELS = 1000000 };
	char *text = ac_malloc(LEVELS);

	AC_UNUSED(state);
	memset(text, '[', LEVELS);
	expect_refused(text, LEVELS, "nested deeper");
	free(text);
}

/* "[0,0...]", or another item, so often; to be freed. */
static char *
repeat(const char *item, size_t count)
{
	char *text, *list;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s%s", i == 0 ? "" : ",", item);
	fclose(out);
	list = ac_asprintf("[%s]", text);
	free(text);
	return list;
}

static void
only_so_many_values_are_parsed(void **state)
{
	/* weight: one and the item's commas and opening brackets */
	static const struct {
		const char *item;
		size_t weight;
	} cases[] = {
	    {"0", 1},
	    {"\"a,[{\"", 1},
	    {"\"\\\",\"", 1},
	    {"[0]", 2},
	    {"[]", 2},
	    {"{}", 2},
	    {"{\"a\":0,\"b\":{\"c\":0}}", 4},
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		size_t most = (AC_JSON_MAX_VALUES - 1) / cases[i].weight;
		char *most_values = repeat(cases[i].item, most);
		char *too_many = repeat(cases[i].item, most + 1);

		json_decref(parse(most_values, strlen(most_values)));
		expect_refused(too_many, strlen(too_many),
		    "it has more than 250000 values");
		free(most_values);
		free(too_many);
	}
}

static void
an_upstream_may_send_more_values(void **state)
{
	char *list = repeat("0", AC_JSON_MAX_VALUES + 1);
	json_t *value = ac_json_parse_lenient(list, strlen(list));

	AC_UNUSED(state);
	assert_int_equal(json_array_size(value), AC_JSON_MAX_VALUES + 1);
	json_decref(value);
	free(list);
}

static void
many_values_side_by_side_are_not_deep(void **state)
{
	char *values = nest(100, "", ",[{}]");
	char *list = ac_asprintf("[%s]", values);

	AC_UNUSED(state);
	json_decref(parse(list, strlen(list)));
	free(values);
	free(list);
}

static void
brackets_in_strings_are_not_deep(void **state)
{
	char text[400] = "\"\\\"";

	AC_UNUSED(state);
	memset(text + 3, '[', 200);
	text[203] = '"';
	json_decref(parse(text, 204));
	memcpy(text, "\"\\\\", 3);
	json_decref(parse(text, 204));
	/* Behind the string's end they count again. */
	text[100] = '"';
	expect_refused(text, 204, "nested deeper");
}

static void
a_byte_order_mark_in_front_is_skipped(void **state)
{
	json_t *value = parse(TEXT("\xef\xbb\xbf{\"a\":\"b\"}"));

	AC_UNUSED(state);
	assert_string_equal(ac_json_get_string(value, "a"), "b");
	json_decref(value);
	expect_refused(TEXT("\xef\xbb\xbf\xef\xbb\xbf{}"), "line 1");
	expect_refused(TEXT("\xef\xbb{}"), "line 1");
}

static void
nothing_is_refused(void **state)
{
	AC_UNUSED(state);
	expect_refused("", 0, "it is empty");
	expect_refused(NULL, 0, "it is empty");
	expect_refused(TEXT("\xef\xbb\xbf"), "it is empty");
	expect_refused(TEXT(" \n"), "at line 2");
}

static void
nul_in_a_string_is_kept(void **state)
{
	json_t *value = parse(TEXT("[\"a\\u0000b\"]"));
	json_t *string = json_array_get(value, 0);

	AC_UNUSED(state);
	assert_int_equal(json_string_length(string), 3);
	assert_memory_equal(json_string_value(string), "a\0b", 4);
	json_decref(value);
	expect_refused(TEXT("[\"a\0b\"]"), "line 1");
	expect_refused(TEXT("[1]\0"), "line 1");
}

static void
text_behind_the_value_is_refused(void **state)
{
	AC_UNUSED(state);
	expect_refused(TEXT("{} {}"), "line 1, column 4");
	expect_refused(TEXT("[1]x"), "line 1");
	expect_refused(TEXT("1,"), "line 1");
	expect_refused(TEXT("]]["), "line 1");
}

static void
broken_values_are_refused_with_their_place(void **state)
{
	static const char *const texts[] = {"{", "[1,]", "{\"a\"}", "{a:1}",
	    "'a'", "nul", "NaN", "Infinity", "01", "+1", "1.", ".5", "0x1",
	    "\"a", "\"\\x\"", "// c\n1", "[1 2]", "]", "{\"a\":1,}"};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(texts); i++)
		expect_refused(texts[i], strlen(texts[i]), " at line ");
	expect_refused(TEXT("{\n \"a\": nul\n}"), " at line 2, column 9");
}

static void
every_number_is_a_real(void **state)
{
	static const struct {
		const char *text;
		double value;
	} cases[] = {
	    {"0", 0},
	    {"-0", 0},
	    {"12", 12},
	    {"-1.5e3", -1500},
	    {"9223372036854775807", 9223372036854775807.0},
	    {"9223372036854775808", 9223372036854775808.0},
	    {"-99999999999999999999", -99999999999999999999.0},
	    {"1e308", 1e308},
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		json_t *value = parse(cases[i].text, strlen(cases[i].text));

		assert_true(json_is_real(value));
		assert_true(json_real_value(value) <= cases[i].value &&
			    json_real_value(value) >= cases[i].value);
		json_decref(value);
	}
}

static void
numbers_that_overflow_are_refused(void **state)
{
	AC_UNUSED(state);
	expect_refused(TEXT("1e999"), "real number overflow");
	expect_refused(TEXT("[-1e999]"), "real number overflow");
}

static void
raw_control_characters_are_refused(void **state)
{
	AC_UNUSED(state);
	for (int c = 0; c < 0x20; c++) {
		const char text[] = {'"', 'a', (char)c, '"'};

		expect_refused(text, sizeof(text), "line 1");
	}
	json_decref(parse(TEXT("\"\x7f\xc2\x85\xe2\x80\xa8\"")));
}

static void
broken_utf8_is_refused(void **state)
{
	static const char *const texts[] = {"\"\xff\"", "\"\xc3\"", "\"\x80\"",
	    "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"",
	    "\"\xe2\x82\"", "{\"\xff\":1}", "\"\\ud83d\xff\""};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(texts); i++)
		expect_refused(texts[i], strlen(texts[i]), "line 1");
}

static void
expect_parsed(const char *json, const char *text)
{
	json_t *value = parse(json, strlen(json));

	assert_true(json_is_string(value));
	assert_string_equal(json_string_value(value), text);
	json_decref(value);
}

static void
a_lone_surrogate_becomes_a_replacement(void **state)
{
	AC_UNUSED(state);
	expect_parsed("\"\\ud83d\"", SHOWN);
	expect_parsed("\"\\uDBFFx\"", SHOWN "x");
	expect_parsed("\"\\ude00\"", SHOWN);
	expect_parsed("\"x\\uDFFF\\n\"", "x" SHOWN "\n");
	expect_parsed("\"\\ude00\\ud83d\"", SHOWN SHOWN);
	expect_parsed("\"\\ud83d\\ud83d\\ude00\"", SHOWN "\xf0\x9f\x98\x80");
	expect_parsed("\"\\uD83D\\uDE00\"", "\xf0\x9f\x98\x80");
	expect_parsed("\"\\ud800\\udc00\\udbff\\udfff\"",
	    "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
	expect_parsed("\"\\ud83d\\u0041\"", SHOWN "A");
	expect_parsed("\"\\ud83d\\bde00\"", SHOWN "\bde00");
	expect_parsed("\"\\ud7ff\\ue000\"", "\xed\x9f\xbf\xee\x80\x80");
	expect_parsed("\"\\\\ud83d\"", "\\ud83d");
	expect_parsed("\"\\\\\\ud83d\"", "\\" SHOWN);
	expect_refused(TEXT("\"\\ud83d\\u12\""), "line 1");
	expect_refused(TEXT("\"\\ud83d\\"), "line 1");
	expect_refused(TEXT("\"\\ud83"), "line 1");
	expect_refused(TEXT("\"\\ud83d"), "line 1");
}

static void
the_text_of_the_caller_is_not_changed(void **state)
{
	static const char text[] = "[\"\\ud83d\"]";

	AC_UNUSED(state);
	/* It is constant: writing to it would end the program. */
	json_decref(parse(text, sizeof(text) - 1));
}

static void
random_strings_arrive_as_they_were_sent(void **state)
{
	struct random random = {.state = 2718};

	AC_UNUSED(state);
	for (size_t i = 0; i < 10000; i++) {
		uint16_t units[30];
		size_t count = random_below(&random, AC_LENGTH(units) + 1);
		char *json, *text;
		size_t json_len, text_len;
		FILE *json_out = open_memstream(&json, &json_len);
		FILE *text_out = open_memstream(&text, &text_len);
		json_t *value;

		utf16_fill(&random, units, count);
		fputc('"', json_out);
		utf16_write_literal(&random, json_out, units, count);
		fputc('"', json_out);
		utf16_write_utf8(text_out, units, count);
		fclose(json_out);
		fclose(text_out);
		value = parse(json, json_len);
		assert_int_equal(json_string_length(value), text_len);
		assert_memory_equal(json_string_value(value), text, text_len);
		json_decref(value);
		free(json);
		free(text);
	}
}

static void
a_reason_is_cut_to_its_room(void **state)
{
	char why[12];

	AC_UNUSED(state);
	memset(why, 'x', sizeof(why));
	assert_null(ac_json_parse("[1,", 3, why, 8));
	assert_int_equal(strlen(why), 7);
	assert_int_equal(why[8], 'x');
	assert_null(ac_json_parse("", 0, why, 4));
	assert_string_equal(why, "it ");
}

static void
absent_null_and_other_values_are_told_apart(void **state)
{
	json_t *value = parse(TEXT("{\"n\":null,\"f\":false,\"s\":\"x\"}"));

	AC_UNUSED(state);
	assert_null(ac_json_get(value, "absent"));
	assert_null(ac_json_get(value, "n"));
	assert_true(json_is_false(ac_json_get(value, "f")));
	assert_string_equal(ac_json_get_string(value, "s"), "x");
	assert_null(ac_json_get_string(value, "f"));
	assert_null(ac_json_get_string(value, "n"));
	assert_null(ac_json_get_string(value, "absent"));
	assert_null(ac_json_get(NULL, "a"));
	assert_null(ac_json_get_string(NULL, "a"));
	json_decref(value);
}

static void
strings_are_compared_nul_included(void **state)
{
	json_t *value = parse(TEXT("[\"ab\",\"ab\\u0000\",1]"));

	AC_UNUSED(state);
	assert_true(ac_json_equals(json_array_get(value, 0), "ab"));
	assert_false(ac_json_equals(json_array_get(value, 0), "a"));
	assert_false(ac_json_equals(json_array_get(value, 0), "aB"));
	assert_false(ac_json_equals(json_array_get(value, 0), "abc"));
	assert_false(ac_json_equals(json_array_get(value, 1), "ab"));
	assert_false(ac_json_equals(json_array_get(value, 2), "1"));
	assert_false(ac_json_equals(NULL, ""));
	json_decref(value);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(any_value_may_stand_alone),
	    cmocka_unit_test(sixty_four_levels_are_parsed_and_no_more),
	    cmocka_unit_test(an_upstream_may_nest_deeper),
	    cmocka_unit_test(absurd_depth_is_refused),
	    cmocka_unit_test(only_so_many_values_are_parsed),
	    cmocka_unit_test(an_upstream_may_send_more_values),
	    cmocka_unit_test(many_values_side_by_side_are_not_deep),
	    cmocka_unit_test(brackets_in_strings_are_not_deep),
	    cmocka_unit_test(a_byte_order_mark_in_front_is_skipped),
	    cmocka_unit_test(nothing_is_refused),
	    cmocka_unit_test(nul_in_a_string_is_kept),
	    cmocka_unit_test(text_behind_the_value_is_refused),
	    cmocka_unit_test(broken_values_are_refused_with_their_place),
	    cmocka_unit_test(every_number_is_a_real),
	    cmocka_unit_test(numbers_that_overflow_are_refused),
	    cmocka_unit_test(raw_control_characters_are_refused),
	    cmocka_unit_test(broken_utf8_is_refused),
	    cmocka_unit_test(a_lone_surrogate_becomes_a_replacement),
	    cmocka_unit_test(the_text_of_the_caller_is_not_changed),
	    cmocka_unit_test(random_strings_arrive_as_they_were_sent),
	    cmocka_unit_test(a_reason_is_cut_to_its_room),
	    cmocka_unit_test(absent_null_and_other_values_are_told_apart),
	    cmocka_unit_test(strings_are_compared_nul_included),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

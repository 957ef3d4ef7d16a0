/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The JSON helpers: how strings, numbers and values are written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "base/attr.h"
#include "base/json.h"
#include "base/mem.h"
#include "support/unit.h"

#define TEXT(s) s, sizeof(s) - 1

static json_t *
parse(const char *data, size_t len)
{
	char why[200] = "";
	json_t *value = ac_json_parse(data, len, why, sizeof(why));

	if (value == NULL)
		fail_msg("refused: %s", why);
	return value;
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

static void
expect_escaped(const char *s, size_t len, const char *literal)
{
	struct evbuffer *out = evbuffer_new();
	char *text;

	ac_json_add_escaped(out, s, len);
	text = take(out);
	assert_string_equal(text, literal);
	free(text);
}

static void
only_what_must_be_escaped_is(void **state)
{
	AC_UNUSED(state);
	expect_escaped(TEXT(""), "");
	expect_escaped(TEXT("plain /"), "plain /");
	expect_escaped(TEXT("\"\\"), "\\\"\\\\");
	expect_escaped(TEXT("a\"b\\c"), "a\\\"b\\\\c");
	expect_escaped(TEXT("\b\t\n\f\r"), "\\b\\t\\n\\f\\r");
	expect_escaped(TEXT("\v\0\x1f"), "\\u000b\\u0000\\u001f");
	expect_escaped(TEXT("\x7f\xc3\xa9\xf0\x9f\x98\x80"),
	    "\x7f\xc3\xa9\xf0\x9f\x98\x80");
}

static void
a_byte_that_is_not_utf8_is_replaced(void **state)
{
	AC_UNUSED(state);
	expect_escaped(TEXT("a\xff\"\xc3"), "a\xef\xbf\xbd\\\"\xef\xbf\xbd");
	expect_escaped(TEXT("\xe2\x82\n"), "\xef\xbf\xbd\xef\xbf\xbd\\n");
	expect_escaped(
	    TEXT("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

static void
every_ascii_character_survives_escaping(void **state)
{
	struct evbuffer *out = evbuffer_new();
	char all[128];
	char *text;
	json_t *value;

	AC_UNUSED(state);
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (char)i;
	evbuffer_add(out, "\"", 1);
	ac_json_add_escaped(out, all, sizeof(all));
	evbuffer_add(out, "\"", 1);
	text = take(out);
	value = parse(text, strlen(text));
	assert_int_equal(json_string_length(value), sizeof(all));
	assert_memory_equal(json_string_value(value), all, sizeof(all));
	json_decref(value);
	free(text);
}

/* Around the size of what is collected before it is added. */
static void
long_strings_arrive_whole(void **state)
{
	enum { MAX_LEN = 2100 };
	static const char *const units[] = {
	    "a", "\n", "a\001", "\xc3\xa9", "abc\"\xe2\x82\xac\\"};
	char text[MAX_LEN + 1];

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(units); i++) {
		size_t unit_len = strlen(units[i]);

		for (size_t len = 0; len + unit_len <= MAX_LEN;
		     len += unit_len) {
			struct evbuffer *out = evbuffer_new();
			json_t *value;
			char *json;

			/* text holds len bytes of units. */
			ac_json_add_string(out, text, len);
			json = take(out);
			value = parse(json, strlen(json));
			assert_int_equal(json_string_length(value), len);
			assert_memory_equal(
			    json_string_value(value), text, len);
			json_decref(value);
			free(json);
			memcpy(text + len, units[i], unit_len);
		}
	}
}

static void
values_are_written_compactly_behind_what_is_there(void **state)
{
	struct evbuffer *out = evbuffer_new();
	json_t *value =
	    parse(TEXT(" { \"b\" : [ 1, \"\\u00e9/\" ], \"a\" : 0.5 } "));
	json_t *string = json_string("s");
	char *text;

	AC_UNUSED(state);
	evbuffer_add(out, ">", 1);
	ac_json_add(out, value);
	ac_json_add(out, string);
	text = take(out);
	assert_string_equal(text, ">{\"b\":[1,\"\xc3\xa9/\"],\"a\":0.5}\"s\"");
	free(text);
	json_decref(value);
	json_decref(string);
}

static void
numbers_are_written_as_short_as_they_read_back(void **state)
{
	static const struct {
		const char *json;
		const char *written;
	} cases[] = {
	    {"0", "0"},
	    {"1", "1"},
	    {"-5.0", "-5"},
	    {"1e3", "1000"},
	    {"0.1", "0.1"},
	    {"0.85", "0.85"},
	    {"-1.5e-7", "-1.5e-07"},
	    {"0.30000000000000004", "0.30000000000000004"},
	    {"1234567.8901234567", "1234567.8901234567"},
	    {"3.141592653589793", "3.141592653589793"},
	    {"1700000000000", "1700000000000"},
	    {"9007199254740991", "9007199254740991"},
	    {"-9007199254740991", "-9007199254740991"},
	    /* A double does not hold all digits of these. */
	    {"9007199254740993", "9007199254740992"},
	    {"12345678901234567890", "1.2345678901234567e+19"},
	    {"1e22", "1e+22"},
	    {"1e308", "1e+308"},
	    {"5e-324", "4.94065645841247e-324"},
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		struct evbuffer *out = evbuffer_new();
		json_t *value = parse(cases[i].json, strlen(cases[i].json));
		char *text;

		ac_json_add(out, value);
		text = take(out);
		assert_string_equal(text, cases[i].written);
		json_decref(value);
		free(text);
	}
}

static void
check_as_printf_does(double value)
{
	struct evbuffer *out = evbuffer_new();
	char expected[32];
	char *text;

	snprintf(expected, sizeof(expected), "%.15g", value);
	ac_json_add_real(out, value);
	text = take(out);
	assert_string_equal(text, expected);
	free(text);
}

/* They are written without printf. */
static void
numbers_with_few_decimals_are_written(void **state)
{
	AC_UNUSED(state);
	for (int i = -3000; i <= 30000; i++)
		check_as_printf_does((double)i / 1000);
	for (int64_t n = 1; n < INT64_C(1000000000000000); n *= 7) {
		check_as_printf_does((double)n / 1000);
		check_as_printf_does((double)-n / 10);
		check_as_printf_does((double)(n + 1) / 100);
	}
	check_as_printf_does(0.0005);
	check_as_printf_does(0.8501);
	check_as_printf_does(-0.0);
}

static void
every_kind_of_value_is_written(void **state)
{
	static const char text[] = "{\"a\":[],\"b\":{},\"c\":[true,false,null,"
				   "\"\\u0000\\n\",[-1,\"\"]],\"\\\"\":2}";
	struct evbuffer *out = evbuffer_new();
	json_t *value = parse(TEXT(text));
	json_t *integer = json_integer(INT64_MIN);
	char *written;

	AC_UNUSED(state);
	ac_json_add(out, value);
	written = take(out);
	assert_string_equal(written, text);
	free(written);
	out = evbuffer_new();
	ac_json_add(out, integer);
	written = take(out);
	assert_string_equal(written, "-9223372036854775808");
	free(written);
	json_decref(value);
	json_decref(integer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_what_must_be_escaped_is),
	    cmocka_unit_test(a_byte_that_is_not_utf8_is_replaced),
	    cmocka_unit_test(every_ascii_character_survives_escaping),
	    cmocka_unit_test(long_strings_arrive_whole),
	    cmocka_unit_test(values_are_written_compactly_behind_what_is_there),
	    cmocka_unit_test(numbers_are_written_as_short_as_they_read_back),
	    cmocka_unit_test(numbers_with_few_decimals_are_written),
	    cmocka_unit_test(every_kind_of_value_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

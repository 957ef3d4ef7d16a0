/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The log in JSON: every line is an object of its own, in ASCII, whatever is
 * in it and however long. */
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/attr.h"
#include "base/log.h"
#include "support/unit.h"

enum { LINE_SIZE = 2048, LONGEST_LINE = LINE_SIZE - 2 };

static char line[2 * LINE_SIZE];

static void
catch_line(enum ac_log_level level, const char *text, void *arg)
{
	AC_UNUSED(level);
	AC_UNUSED(arg);
	assert_true(strlen(text) < sizeof(line));
	snprintf(line, sizeof(line), "%s", text);
}

static int
set_up(void **state)
{
	AC_UNUSED(state);
	ac_log_set_sink(catch_line, NULL);
	ac_log_set_format(AC_LOG_JSON);
	return 0;
}

static int
tear_down(void **state)
{
	AC_UNUSED(state);
	ac_log_set_sink(NULL, NULL);
	ac_log_set_format(AC_LOG_TEXT);
	return 0;
}

/* The line as an object, in ASCII; to be released. */
static json_t *
parse(void)
{
	json_error_t error;
	json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, &error);

	if (!json_is_object(object))
		fail_msg("%s: %s", error.text, line);
	assert_true(strlen(line) <= LONGEST_LINE);
	for (const char *p = line; *p != '\0'; p++)
		assert_in_range((unsigned char)*p, ' ', '~');
	return object;
}

static void
a_line_is_an_object_of_time_level_message_and_fields(void **state)
{
	json_t *object;

	AC_UNUSED(state);
	ac_log_warn("session renewal failed", AC_STR("reason", "a=b \"c\""),
	    AC_INT("pause_ms", -250), AC_STR("absent", NULL));
	assert_memory_equal(line, "{\"ts\":\"20", 9);
	assert_string_equal(line + strlen("{\"ts\":\"2026-01-02T03:04:05.678Z"),
	    "\",\"level\":\"warn\",\"msg\":\"session renewal failed\","
	    "\"reason\":\"a=b \\\"c\\\"\",\"pause_ms\":-250,\"absent\":\"\"}");
	object = parse();
	assert_int_equal(json_object_size(object), 6);
	json_decref(object);
}

static void
numbers_are_numbers(void **state)
{
	json_t *object;

	AC_UNUSED(state);
	ac_log_info("n", AC_INT("least", INT64_MIN), AC_INT("most", INT64_MAX));
	object = parse();
	assert_true(
	    json_integer_value(json_object_get(object, "least")) == INT64_MIN);
	assert_true(
	    json_integer_value(json_object_get(object, "most")) == INT64_MAX);
	json_decref(object);
}

static const struct {
	const char *value;
	const char *read; /* what a reader has of it */
} cases[] = {
    {"", ""},
    {"two words", "two words"},
    {"\\\"/", "\\\"/"},
    {"a\nERROR forged\"}", "a\nERROR forged\"}"},
    {"\x01\x1f\x7f\x1b[31m", "\x01\x1f\x7f\x1b[31m"},
    {"caf\xc3\xa9 \xe2\x80\xa8 \xf0\x9f\x98\x80",
	"caf\xc3\xa9 \xe2\x80\xa8 \xf0\x9f\x98\x80"},
    {"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
    {"a\xff\x80z", "a\xef\xbf\xbd\xef\xbf\xbdz"},
    {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    {"cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd"},
};

static void
any_value_is_read_as_it_was(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		json_t *object;

		ac_log_info("m", AC_STR("k", cases[i].value), AC_INT("n", 1));
		object = parse();
		assert_string_equal(
		    json_string_value(json_object_get(object, "k")),
		    cases[i].read);
		json_decref(object);
	}
}

/* A value of every length around the end of the room, of characters that are
 * written short and long. */
static void
a_long_line_is_cut_and_still_an_object(void **state)
{
	static const char *const characters[] = {
	    "a", "\"", "\n", "\xf0\x9f\x98\x80"};
	static char value[3 * LINE_SIZE];

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(characters); i++) {
		size_t len = 0;

		while (len + 4 < sizeof(value)) {
			json_t *object;

			snprintf(value + len, 5, "%s", characters[i]);
			len += strlen(characters[i]);
			if (len > 100 && len < 300)
				continue;
			ac_log_info("m", AC_STR("k", value), AC_INT("n", 1));
			object = parse();
			assert_non_null(json_object_get(object, "k"));
			json_decref(object);
		}
		assert_in_range(strlen(line), LONGEST_LINE - 12, LONGEST_LINE);
	}
}

#define LOG_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    LOG_TEST(a_line_is_an_object_of_time_level_message_and_fields),
	    LOG_TEST(numbers_are_numbers),
	    LOG_TEST(any_value_is_read_as_it_was),
	    LOG_TEST(a_long_line_is_cut_and_still_an_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Error values: what they hold and where their texts are cut. */
#include "base/error.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "support/unit.h"

static bool
is_utf8(const char *s)
{
	json_t *value = json_string(s);

	json_decref(value);
	return value != NULL;
}

static void
an_error_holds_its_code_and_its_message(void **state)
{
	struct ac_error error;

	AC_UNUSED(state);
	memset(&error, 'x', sizeof(error));
	ac_error_set(&error, AC_ERROR_MODEL_NOT_FOUND, "no %s of %d", "m", 3);
	assert_int_equal(error.code, AC_ERROR_MODEL_NOT_FOUND);
	assert_string_equal(error.message, "no m of 3");
	assert_string_equal(error.param, "");
	assert_int_equal(error.retry_after_s, 0);
}

static void
an_error_may_name_its_field(void **state)
{
	struct ac_error error;

	AC_UNUSED(state);
	memset(&error, 'x', sizeof(error));
	ac_error_set_param(&error, AC_ERROR_INVALID_TYPE, "messages[0].role",
	    "it is %s", "odd");
	assert_int_equal(error.code, AC_ERROR_INVALID_TYPE);
	assert_string_equal(error.message, "it is odd");
	assert_string_equal(error.param, "messages[0].role");
	assert_int_equal(error.retry_after_s, 0);
}

static void
a_per_cent_sign_in_an_argument_is_text(void **state)
{
	struct ac_error error;

	AC_UNUSED(state);
	ac_error_set_param(&error, AC_ERROR_UPSTREAM, "%s%n", "%s", "%s%n");
	assert_string_equal(error.message, "%s%n");
	assert_string_equal(error.param, "%s%n");
}

static void
a_message_that_fits_is_whole(void **state)
{
	struct ac_error error;
	char text[AC_ERROR_MESSAGE_SIZE] = {0};

	AC_UNUSED(state);
	memset(text, 'a', sizeof(text) - 1);
	ac_error_set(&error, AC_ERROR_UPSTREAM, "%s", text);
	assert_string_equal(error.message, text);
	/* A character of two bytes as the last one stays too. */
	memcpy(text + sizeof(text) - 3, "\xc3\xa9", 2);
	ac_error_set(&error, AC_ERROR_UPSTREAM, "%s", text);
	assert_string_equal(error.message, text);
}

static void
one_byte_too_many_is_enough_to_cut_a_character(void **state)
{
	char text[AC_ERROR_MESSAGE_SIZE + 1] = {0};
	struct ac_error error;

	AC_UNUSED(state);
	memset(text, 'a', AC_ERROR_MESSAGE_SIZE);
	memcpy(text + AC_ERROR_MESSAGE_SIZE - 2, "\xc3\xa9", 2);
	ac_error_set(&error, AC_ERROR_UPSTREAM, "%s", text);
	assert_true(is_utf8(error.message));
	assert_int_equal(strlen(error.message), AC_ERROR_MESSAGE_SIZE - 2);
	text[AC_ERROR_PARAM_SIZE] = '\0';
	memcpy(text + AC_ERROR_PARAM_SIZE - 2, "\xc3\xa9", 2);
	ac_error_set_param(&error, AC_ERROR_UPSTREAM, text, "x");
	assert_true(is_utf8(error.param));
	assert_int_equal(strlen(error.param), AC_ERROR_PARAM_SIZE - 2);
}

/* With the characters shifted by 0 to 3 bytes, the end of the room falls on
 * each of a character's bytes. */
static void
a_long_message_is_cut_between_two_characters(void **state)
{
	static const char *const characters[] = {
	    "a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(characters) * 4; i++) {
		const char *character = characters[i / 4];
		size_t len = strlen(character);
		char text[AC_ERROR_MESSAGE_SIZE + 64] = "aaa";
		struct ac_error error;

		for (size_t at = i % 4; at + len < sizeof(text); at += len)
			memcpy(text + at, character, len + 1);
		ac_error_set(&error, AC_ERROR_UPSTREAM, "%s", text);
		assert_true(is_utf8(error.message));
		assert_in_range(strlen(error.message),
		    sizeof(error.message) - 1 - len, sizeof(error.message) - 1);
		assert_memory_equal(error.message, text, strlen(error.message));
	}
}

static void
a_long_field_name_is_cut_between_two_characters(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < 4; i++) {
		char param[AC_ERROR_PARAM_SIZE + 64] = "aaa";
		struct ac_error error;

		for (size_t at = i; at + 4 < sizeof(param); at += 4)
			memcpy(param + at, "\xf0\x9f\x98\x80", 5);
		ac_error_set_param(&error, AC_ERROR_INVALID_TYPE, param, "x");
		assert_memory_equal(error.param, param, strlen(error.param));
		assert_true(is_utf8(error.param));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_error_holds_its_code_and_its_message),
	    cmocka_unit_test(an_error_may_name_its_field),
	    cmocka_unit_test(a_per_cent_sign_in_an_argument_is_text),
	    cmocka_unit_test(a_message_that_fits_is_whole),
	    cmocka_unit_test(one_byte_too_many_is_enough_to_cut_a_character),
	    cmocka_unit_test(a_long_message_is_cut_between_two_characters),
	    cmocka_unit_test(a_long_field_name_is_cut_between_two_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Values that jansson does not take made harmless, and the beginning of an
 * object that breaks off: tables of what goes in and comes out. That a text
 * is no object changes nothing about it but its values.
 */
#include "codec/values.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/mem.h"
#include "support/unit.h"

#define TEXT(s) s, sizeof(s) - 1

static const struct {
	const char *json;
	size_t len;
	const char *mended;
} objects[] = {
    {TEXT("{}"), "{}"},
    {TEXT("{\"a\":1,\"b\":[2]}"), "{\"a\":1,\"b\":[2]}"},
    {TEXT("{\"a\":1e999,\"b\":2}"), "{\"a\":0    ,\"b\":2}"},
    {TEXT(" {\"a\":[\"\xff\"]}"), " {\"a\":0    }"},
    {TEXT("{\"a\":[\"]\",1e999]}"), "{\"a\":0          }"},
    {TEXT("{\"a\":{\"\\\"}\":1e999}}"), "{\"a\":0            }"},
    /* Strings stay, whatever is in them. */
    {TEXT("{\"a\":\"1e999\\\"\",\"b\":\"\xff\"}"),
	"{\"a\":\"1e999\\\"\",\"b\":\"\xff\"}"},
    /* What breaks off is left alone, for more of it may follow. */
    {TEXT("{\"a\":1e999"), "{\"a\":1e999"},
    {TEXT("{\"a\":[1e999"), "{\"a\":[1e999"},
    {TEXT("{\"a\":\"1e999"), "{\"a\":\"1e999"},
    {TEXT("{\"a\":\"b\\"), "{\"a\":\"b\\"},
    {TEXT("{\"a\":[\"b\\"), "{\"a\":[\"b\\"},
    /* No object: it stays none. */
    {TEXT(""), ""},
    {TEXT("1e999"), "1e999"},
    {TEXT("{1e999]"), "{0    ]"},
    {TEXT("{\"a\":1e999]"), "{\"a\":0    ]"},
};

static void
what_jansson_does_not_take_becomes_zero(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(objects); i++) {
		char *json = ac_memdup(objects[i].json, objects[i].len);

		ac_value_mend(json, objects[i].len);
		assert_string_equal(json, objects[i].mended);
		free(json);
	}
}

static void
a_nul_in_an_object_is_no_value(void **state)
{
	static const char object[] = "{\"a\":\0,\"b\":1e999}";
	static const char mended[] = "{\"a\":\0,\"b\":0    }";
	char *json = ac_memdup(TEXT(object));

	AC_UNUSED(state);
	ac_value_mend(json, sizeof(object) - 1);
	assert_memory_equal(json, mended, sizeof(mended));
	free(json);
}

/* Beginnings, and the object that is made of each; NULL: none. */
static const char *const beginnings[][2] = {
    {"", NULL},
    {"{", NULL},
    {"{\"a\":1", NULL},
    {"{\"a\":1}", NULL},
    {"{\"a\":1,", "{\"a\":1}"},
    {"{\"a\":1,\"b\":\"x", "{\"a\":1}"},
    {"{\"a\":1,\"b\":\"x\"", "{\"a\":1}"},
    {"{\"a\":1,\"b\":\"x\",", "{\"a\":1,\"b\":\"x\"}"},
    {"{\"a\":1,\"b\":\"x,y\\", "{\"a\":1}"},
    {"{\"a\":1,\"b\":[2,3", "{\"a\":1}"},
    {"{\"a\":[1,2],\"b\":{\"c\":3,", "{\"a\":[1,2]}"},
    {"{\"a\":1e999,\"b\"", "{\"a\":0    }"},
};

static void
the_beginning_of_an_object_has_its_whole_members(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(beginnings); i++) {
		const char *json = beginnings[i][0];
		const char *wanted = beginnings[i][1];
		struct ac_buf out;

		ac_buf_init(&out, strlen(json) + 1);
		assert_int_equal(
		    ac_value_take_beginning(&out, json, strlen(json)),
		    wanted != NULL);
		if (wanted != NULL)
			assert_string_equal(ac_buf_string(&out), wanted);
		ac_buf_clear(&out);
	}
}

static void
a_beginning_that_does_not_fit_is_refused(void **state)
{
	static const char json[] = "{\"a\":1,\"b\"";
	struct ac_buf out;

	AC_UNUSED(state);
	ac_buf_init(&out, strlen("{\"a\":1}") - 1);
	assert_false(ac_value_take_beginning(&out, TEXT(json)));
	assert_int_equal(out.len, 0);
	ac_buf_clear(&out);
}

static void
an_error_that_is_no_json_has_no_text(void **state)
{
	static const char *const broken[] = {"", "\"", "x", "\"\\x\"", "{"};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(broken); i++) {
		struct ac_buf out;

		ac_buf_init(&out, 100);
		assert_false(
		    ac_value_error_text(&out, broken[i], strlen(broken[i])));
		ac_buf_clear(&out);
	}
}

static void
an_error_that_does_not_fit_is_refused(void **state)
{
	static const char *const errors[] = {"\"abcdef\"", "{\"a\":1}"};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(errors); i++) {
		struct ac_buf out;

		ac_buf_init(&out, 5);
		assert_false(
		    ac_value_error_text(&out, errors[i], strlen(errors[i])));
		ac_buf_clear(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_jansson_does_not_take_becomes_zero),
	    cmocka_unit_test(a_nul_in_an_object_is_no_value),
	    cmocka_unit_test(the_beginning_of_an_object_has_its_whole_members),
	    cmocka_unit_test(a_beginning_that_does_not_fit_is_refused),
	    cmocka_unit_test(an_error_that_is_no_json_has_no_text),
	    cmocka_unit_test(an_error_that_does_not_fit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

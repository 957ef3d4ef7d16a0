/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The bounded byte buffer. */
#include "base/buf.h"

#include <string.h>

#include "support/unit.h"

static void
a_new_buffer_is_an_empty_string(void **state)
{
	struct ac_buf buf;

	AC_UNUSED(state);
	ac_buf_init(&buf, 10);
	assert_null(buf.data);
	assert_int_equal(buf.len, 0);
	assert_string_equal(ac_buf_string(&buf), "");
	ac_buf_clear(&buf);
}

static void
bytes_are_appended_nul_included(void **state)
{
	struct ac_buf buf;

	AC_UNUSED(state);
	ac_buf_init(&buf, 10);
	assert_true(ac_buf_add(&buf, "a\0b", 3));
	assert_true(ac_buf_add_string(&buf, "cd"));
	assert_true(ac_buf_add(&buf, NULL, 0));
	assert_int_equal(buf.len, 5);
	assert_memory_equal(ac_buf_string(&buf), "a\0bcd", 6);
	ac_buf_clear(&buf);
}

static void
the_maximum_is_reached_and_not_exceeded(void **state)
{
	struct ac_buf buf;

	AC_UNUSED(state);
	ac_buf_init(&buf, 5);
	assert_true(ac_buf_add_string(&buf, "abc"));
	assert_false(ac_buf_add_string(&buf, "def"));
	assert_string_equal(ac_buf_string(&buf), "abc");
	assert_true(ac_buf_add_string(&buf, "de"));
	assert_false(ac_buf_add_string(&buf, "f"));
	assert_false(ac_buf_add(&buf, "f", SIZE_MAX));
	assert_true(ac_buf_add_string(&buf, ""));
	assert_string_equal(ac_buf_string(&buf), "abcde");
	ac_buf_clear(&buf);
}

static void
a_maximum_of_nothing_takes_nothing(void **state)
{
	struct ac_buf buf;

	AC_UNUSED(state);
	ac_buf_init(&buf, 0);
	assert_false(ac_buf_add(&buf, "a", 1));
	assert_true(ac_buf_add(&buf, "", 0));
	assert_string_equal(ac_buf_string(&buf), "");
	ac_buf_clear(&buf);
}

/* Around the capacities that the buffer grows to, the NUL must have room. */
static void
it_grows_to_any_length(void **state)
{
	struct ac_buf buf;

	AC_UNUSED(state);
	ac_buf_init(&buf, 5000);
	for (size_t i = 0; i < 5000; i++) {
		char c = (char)('a' + i % 26);

		assert_true(ac_buf_add(&buf, &c, 1));
		assert_int_equal(strlen(ac_buf_string(&buf)), i + 1);
	}
	for (size_t i = 0; i < 5000; i++)
		assert_int_equal(buf.data[i], 'a' + i % 26);
	assert_false(ac_buf_add(&buf, "x", 1));
	ac_buf_clear(&buf);
}

static void
one_large_piece_fits(void **state)
{
	static const char zeros[100000];
	struct ac_buf buf;

	AC_UNUSED(state);
	ac_buf_init(&buf, sizeof(zeros));
	assert_true(ac_buf_add(&buf, zeros, sizeof(zeros)));
	assert_int_equal(buf.len, sizeof(zeros));
	assert_int_equal(ac_buf_string(&buf)[sizeof(zeros)], '\0');
	ac_buf_clear(&buf);
}

static void
reset_keeps_the_memory_and_clear_does_not(void **state)
{
	struct ac_buf buf;
	const char *data;

	AC_UNUSED(state);
	ac_buf_init(&buf, 10);
	assert_true(ac_buf_add_string(&buf, "abc"));
	data = buf.data;
	ac_buf_reset(&buf);
	assert_int_equal(buf.len, 0);
	assert_string_equal(ac_buf_string(&buf), "");
	assert_ptr_equal(buf.data, data);
	ac_buf_clear(&buf);
	assert_null(buf.data);
	assert_int_equal(buf.len, 0);
	assert_true(ac_buf_add_string(&buf, "0123456789"));
	assert_false(ac_buf_add_string(&buf, "x"));
	ac_buf_clear(&buf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_new_buffer_is_an_empty_string),
	    cmocka_unit_test(bytes_are_appended_nul_included),
	    cmocka_unit_test(the_maximum_is_reached_and_not_exceeded),
	    cmocka_unit_test(a_maximum_of_nothing_takes_nothing),
	    cmocka_unit_test(it_grows_to_any_length),
	    cmocka_unit_test(one_large_piece_fits),
	    cmocka_unit_test(reset_keeps_the_memory_and_clear_does_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

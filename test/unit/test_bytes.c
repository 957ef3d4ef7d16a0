/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Reference-counted bytes, and the small helpers of base/mem.h. */
#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "support/unit.h"

/* A leak or a second free is the sanitizer's to tell. */
static void
the_last_reference_frees(void **state)
{
	struct ac_bytes *bytes = ac_bytes_take(ac_memdup("a\0b", 3), 3);
	struct ac_bytes *second = ac_bytes_ref(bytes);

	AC_UNUSED(state);
	assert_ptr_equal(second, bytes);
	ac_bytes_unref(bytes);
	assert_int_equal(second->len, 3);
	assert_memory_equal(second->data, "a\0b", 4);
	ac_bytes_unref(second);
}

static void
no_bytes_are_no_trouble(void **state)
{
	AC_UNUSED(state);
	ac_bytes_unref(NULL);
	ac_bytes_unref(ac_bytes_take(NULL, 0));
}

static void
copies_end_with_a_nul(void **state)
{
	char *copy = ac_memdup(NULL, 0);

	AC_UNUSED(state);
	assert_string_equal(copy, "");
	free(copy);
	copy = ac_strdup("text");
	assert_string_equal(copy, "text");
	free(copy);
	copy = ac_asprintf("%s-%d", "x", 12);
	assert_string_equal(copy, "x-12");
	free(copy);
}

static void
zero_bytes_can_be_freed(void **state)
{
	AC_UNUSED(state);
	free(ac_malloc(0));
	free(ac_calloc(0, 10));
	free(ac_realloc(NULL, 0));
}

static void
a_string_is_replaced_also_by_itself(void **state)
{
	char *string = NULL;

	AC_UNUSED(state);
	ac_replace_string(&string, "one");
	assert_string_equal(string, "one");
	ac_replace_string(&string, string);
	assert_string_equal(string, "one");
	ac_replace_string(&string, NULL);
	assert_null(string);
	ac_wipe_and_free(NULL);
	ac_wipe_and_free(ac_strdup("secret"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_last_reference_frees),
	    cmocka_unit_test(no_bytes_are_no_trouble),
	    cmocka_unit_test(copies_end_with_a_nul),
	    cmocka_unit_test(zero_bytes_can_be_freed),
	    cmocka_unit_test(a_string_is_replaced_also_by_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

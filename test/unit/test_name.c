/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Names that stand in URLs. */
#include "base/name.h"

#include <string.h>

#include "base/attr.h"
#include "support/unit.h"

static void
a_name_is_made_of_what_is_allowed(void **state)
{
	AC_UNUSED(state);
	for (int c = 0; c < 256; c++) {
		char name[] = {'a', (char)c, '9'};
		bool is_plain = (c >= '0' && c <= '9') ||
				(c >= 'A' && c <= 'Z') ||
				(c >= 'a' && c <= 'z');

		assert_int_equal(
		    ac_name_is_made_of(name, sizeof(name), ""), is_plain);
		assert_int_equal(ac_name_is_made_of(name, sizeof(name), "-."),
		    is_plain || c == '-' || c == '.');
	}
	assert_true(ac_name_is_made_of("", 0, ""));
}

static void
a_job_id_is_short_and_fit_for_a_url(void **state)
{
	char longest[AC_JOB_ID_SIZE];

	AC_UNUSED(state);
	memset(longest, 'a', sizeof(longest));
	assert_true(ac_job_id_is_valid("5f0c-4_B", 8));
	assert_true(ac_job_id_is_valid(longest, sizeof(longest) - 1));
	assert_false(ac_job_id_is_valid(longest, sizeof(longest)));
	assert_false(ac_job_id_is_valid("", 0));
	assert_false(ac_job_id_is_valid("a,b", 3));
	assert_false(ac_job_id_is_valid("a.b", 3));
	assert_false(ac_job_id_is_valid("a&b", 3));
	assert_false(ac_job_id_is_valid("a\0b", 3));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_name_is_made_of_what_is_allowed),
	    cmocka_unit_test(a_job_id_is_short_and_fit_for_a_url),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

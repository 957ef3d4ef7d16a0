/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Numbers in decimal digits: the same as printf's. */
#include "base/decimal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "support/unit.h"

static void
check(int64_t number)
{
	char expected[32];
	char found[AC_DECIMAL_SIZE];

	snprintf(expected, sizeof(expected), "%" PRId64, number);
	memset(found, '?', sizeof(found));
	assert_int_equal(ac_decimal(found, number), strlen(expected));
	assert_string_equal(found, expected);
}

static void
numbers_are_printed(void **state)
{
	AC_UNUSED(state);
	for (int64_t number = -1100; number <= 1100; number++)
		check(number);
}

static void
every_length_is_printed(void **state)
{
	AC_UNUSED(state);
	for (int64_t power = 1; power <= INT64_MAX / 10; power *= 10) {
		check(power * 10);
		check(power * 10 - 1);
		check(-power * 10);
		check(-(power * 10 - 1));
	}
}

static void
the_ends_are_printed(void **state)
{
	AC_UNUSED(state);
	check(INT64_MAX);
	check(INT64_MIN);
	check(INT64_MIN + 1);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers_are_printed),
	    cmocka_unit_test(every_length_is_printed),
	    cmocka_unit_test(the_ends_are_printed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

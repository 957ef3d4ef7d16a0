/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Random identifiers. */
#include "base/id.h"

#include <string.h>

#include "base/attr.h"
#include "support/unit.h"

static const char alphabet[] = "0123456789"
			       "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       "abcdefghijklmnopqrstuvwxyz";

static void
an_id_is_its_prefix_and_24_characters(void **state)
{
	char id[AC_ID_SIZE];

	AC_UNUSED(state);
	ac_id_make(id, "chatcmpl-");
	assert_memory_equal(id, "chatcmpl-", 9);
	assert_int_equal(strlen(id), 9 + AC_ID_RANDOM_LEN);
	assert_int_equal(strspn(id + 9, alphabet), AC_ID_RANDOM_LEN);
}

static void
the_longest_and_no_prefix_fit(void **state)
{
	char id[AC_ID_SIZE];

	AC_UNUSED(state);
	ac_id_make(id, "0123456789abcdef");
	assert_int_equal(strlen(id), 16 + AC_ID_RANDOM_LEN);
	ac_id_make(id, "");
	assert_int_equal(strlen(id), AC_ID_RANDOM_LEN);
}

static void
ids_differ(void **state)
{
	enum { COUNT = 500 };
	static char ids[COUNT][AC_ID_SIZE];

	AC_UNUSED(state);
	for (size_t i = 0; i < COUNT; i++) {
		ac_id_make(ids[i], "");
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(ids[i], ids[j]);
	}
}

static void
every_character_of_the_alphabet_occurs_at_every_place(void **state)
{
	static int seen[AC_ID_RANDOM_LEN][256];
	char id[AC_ID_SIZE];

	AC_UNUSED(state);
	for (size_t i = 0; i < 4000; i++) {
		ac_id_make(id, "");
		for (size_t j = 0; j < AC_ID_RANDOM_LEN; j++)
			seen[j][(unsigned char)id[j]]++;
	}
	for (size_t j = 0; j < AC_ID_RANDOM_LEN; j++) {
		for (const char *c = alphabet; *c != '\0'; c++)
			assert_true(seen[j][(unsigned char)*c] > 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_id_is_its_prefix_and_24_characters),
	    cmocka_unit_test(the_longest_and_no_prefix_fit),
	    cmocka_unit_test(ids_differ),
	    cmocka_unit_test(
		every_character_of_the_alphabet_occurs_at_every_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

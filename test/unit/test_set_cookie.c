/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Set-Cookie headers, as the site and others write them. */
#include "upstream/set_cookie.h"

#include <string.h>

#include "base/attr.h"
#include "support/unit.h"

static const struct {
	const char *header;
	const char *value; /* NULL: not the cookie that is looked for */
	int64_t max_age_s;
} cases[] = {
    {"session_token=0af3; Path=/; Expires=Mon, 23 Nov 2026 01:55:07 GMT; "
     "Max-Age=600; Secure; HttpOnly; SameSite=strict; Partitioned",
	"0af3", 600},
    {"session_token=a", "a", AC_MAX_AGE_UNKNOWN},
    {"  session_token=a;max-age=5", "a", 5},
    {"session_token=a; MAX-AGE=0", "a", 0},
    {"session_token=a; Max-Age=-1", "a", 0},
    {"session_token=a; Max-Age=", "a", AC_MAX_AGE_UNKNOWN},
    {"session_token=a; Max-Age=5x", "a", AC_MAX_AGE_UNKNOWN},
    {"session_token=a; Max-Age=1e3", "a", AC_MAX_AGE_UNKNOWN},
    {"session_token=a; Max-Age=7; Max-Age=8", "a", 8},
    {"session_token=a; Max-Age=99999999999999999999", "a", 9999999999},
    {"session_token=a;;;; Max-Age=3;", "a", 3},
    {"session_token=a b; Max-Age=3", NULL, 0},
    {"session_token=\"a\"; Max-Age=3", NULL, 0},
    {"session_token=; Max-Age=3", NULL, 0},
    {"session_token", NULL, 0},
    {"session_token2=a", NULL, 0},
    {"Session_Token=a", NULL, 0},
    {"other=session_token=a", NULL, 0},
    {"", NULL, 0},
};

static void
each_header_is_read_or_refused(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		struct ac_set_cookie cookie;
		bool read = ac_set_cookie_parse(
		    &cookie, cases[i].header, "session_token");

		if (read != (cases[i].value != NULL))
			fail_msg("'%s' is %sread", cases[i].header,
			    read ? "" : "not ");
		if (!read)
			continue;
		assert_string_equal(cookie.value, cases[i].value);
		assert_int_equal(cookie.max_age_s, cases[i].max_age_s);
	}
}

static void
a_value_has_a_longest_length(void **state)
{
	char header[AC_COOKIE_VALUE_SIZE + 64] = "session_token=";
	size_t name_len = strlen(header);
	struct ac_set_cookie cookie;

	AC_UNUSED(state);
	memset(header + name_len, 'a', AC_COOKIE_VALUE_SIZE - 1);
	header[name_len + AC_COOKIE_VALUE_SIZE - 1] = '\0';
	assert_true(ac_set_cookie_parse(&cookie, header, "session_token"));
	assert_int_equal(strlen(cookie.value), AC_COOKIE_VALUE_SIZE - 1);
	header[name_len + AC_COOKIE_VALUE_SIZE - 1] = 'a';
	header[name_len + AC_COOKIE_VALUE_SIZE] = '\0';
	assert_false(ac_set_cookie_parse(&cookie, header, "session_token"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_header_is_read_or_refused),
	    cmocka_unit_test(a_value_has_a_longest_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Addresses, ranges and lists of them. */
#include "base/ip.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "support/unit.h"

static void
addresses_have_one_form(void **state)
{
	static const struct {
		const char *text;
		const char *form; /* NULL: it is none */
	} cases[] = {
	    {"192.0.2.1", "192.0.2.1"},
	    {"::ffff:192.0.2.1", "192.0.2.1"},
	    {"::FFFF:c000:201", "192.0.2.1"},
	    {"2001:DB8:0::1", "2001:db8::1"},
	    {"::", "::"},
	    {"", NULL},
	    {"192.0.2", NULL},
	    {"192.0.2.256", NULL},
	    {"0xc0.0.2.1", NULL},
	    {"[::1]", NULL},
	    {"fe80::1%eth0", NULL},
	    {"192.0.2.1:80", NULL},
	    {" 192.0.2.1", NULL},
	    {"unknown", NULL},
	};
	char text[AC_IP_TEXT_SIZE];
	struct ac_ip_address ip;

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		bool parsed = ac_ip_parse(&ip, cases[i].text);

		assert_int_equal(parsed, cases[i].form != NULL);
		if (!parsed)
			continue;
		ac_ip_format(text, &ip);
		assert_string_equal(text, cases[i].form);
	}
}

static void
loopback_is_known(void **state)
{
	static const struct {
		const char *text;
		bool is_loopback;
	} cases[] = {
	    {"127.0.0.1", true},
	    {"127.255.0.9", true},
	    {"::1", true},
	    {"::ffff:127.0.0.1", true},
	    {"128.0.0.1", false},
	    {"::2", false},
	    {"::", false},
	};
	struct ac_ip_address ip;

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		assert_true(ac_ip_parse(&ip, cases[i].text));
		assert_int_equal(ac_ip_is_loopback(&ip), cases[i].is_loopback);
	}
}

static void
ranges_have_addresses(void **state)
{
	static const struct {
		const char *range;
		const char *ip;
		bool has;
	} cases[] = {
	    {"10.0.0.0/8", "10.255.0.1", true},
	    {"10.9.8.7/8", "10.0.0.0", true},
	    {"10.0.0.0/8", "11.0.0.0", false},
	    {"10.0.0.0/9", "10.128.0.0", false},
	    {"10.0.0.0/9", "10.127.255.255", true},
	    {"192.0.2.7", "192.0.2.7", true},
	    {"192.0.2.7", "192.0.2.6", false},
	    {"192.0.2.7/32", "::ffff:192.0.2.7", true},
	    {"0.0.0.0/0", "255.255.255.255", true},
	    {"0.0.0.0/0", "::1", false},
	    {"::/0", "::1", true},
	    {"::/0", "192.0.2.7", false},
	    {"2001:db8::/33", "2001:db8:7fff::1", true},
	    {"2001:db8::/33", "2001:db8:8000::1", false},
	    {"::1/128", "::1", true},
	};
	struct ac_ip_range range;
	struct ac_ip_address ip;

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		assert_true(ac_ip_range_parse(&range, cases[i].range));
		assert_true(ac_ip_parse(&ip, cases[i].ip));
		if (ac_ip_range_has(&range, &ip) != cases[i].has)
			fail_msg("%s, %s", cases[i].range, cases[i].ip);
	}
}

static void
what_is_no_range_is_refused(void **state)
{
	static const char *const cases[] = {"", "/", "/8", "10.0.0.0/",
	    "10.0.0.0/33", "::/129", "10.0.0.0/8/8", "10.0.0.0/+8",
	    "10.0.0.0/ 8", "10/8", "10.0.0.0/8x", "example.com", "[::1]/128",
	    "10.0.0.0/99999999999999999999",
	    "0000000000000000000000000000000000000000000000000000000000:1"};
	struct ac_ip_range range;

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		if (ac_ip_range_parse(&range, cases[i]))
			fail_msg("'%s' is taken", cases[i]);
	}
}

static void
a_list_has_what_its_ranges_have(void **state)
{
	struct ac_ip_ranges ranges = {.count = 0};
	const char *why = NULL;
	struct ac_ip_address ip;

	AC_UNUSED(state);
	assert_true(ac_ip_ranges_parse(
	    &ranges, " 10.0.0.0/8,\tunix , ::1  192.0.2.1,", &why));
	assert_int_equal(ranges.count, 3);
	assert_true(ranges.has_unix);
	assert_true(ac_ip_parse(&ip, "10.1.1.1"));
	assert_true(ac_ip_ranges_have(&ranges, &ip));
	assert_true(ac_ip_parse(&ip, "192.0.2.1"));
	assert_true(ac_ip_ranges_have(&ranges, &ip));
	assert_true(ac_ip_parse(&ip, "192.0.2.2"));
	assert_false(ac_ip_ranges_have(&ranges, &ip));
	ac_ip_ranges_clear(&ranges);
	assert_false(ac_ip_ranges_have(&ranges, &ip));
	assert_true(ac_ip_ranges_parse(&ranges, "", &why));
	assert_int_equal(ranges.count, 0);
	assert_false(ranges.has_unix);
}

/* Whatever is left of a text is a list or refused with a reason. */
static void
a_list_may_be_cut_anywhere(void **state)
{
	static const char text[] = "10.0.0.0/8, unix,::1/128 192.0.2.1";

	AC_UNUSED(state);
	for (size_t len = 0; len < sizeof(text); len++) {
		char *cut = ac_memdup(text, len);
		struct ac_ip_ranges ranges = {.count = 7};
		const char *why = NULL;

		if (ac_ip_ranges_parse(&ranges, cut, &why)) {
			ac_ip_ranges_clear(&ranges);
		} else {
			assert_non_null(why);
			assert_int_equal(ranges.count, 7);
		}
		free(cut);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(addresses_have_one_form),
	    cmocka_unit_test(loopback_is_known),
	    cmocka_unit_test(ranges_have_addresses),
	    cmocka_unit_test(what_is_no_range_is_refused),
	    cmocka_unit_test(a_list_has_what_its_ranges_have),
	    cmocka_unit_test(a_list_may_be_cut_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Where a request came from, behind proxies that are trusted or not. */
#include "api/client_address.h"

#include <string.h>

#include "support/unit.h"

static void
expect(const char *trusted, const char *peer, const char *forwarded,
    const char *expected)
{
	struct ac_ip_ranges ranges = {.count = 0};
	char client[AC_IP_TEXT_SIZE];
	const char *why;

	assert_true(ac_ip_ranges_parse(&ranges, trusted, &why));
	ac_client_address_choose(client, peer, forwarded, &ranges);
	ac_ip_ranges_clear(&ranges);
	if (strcmp(client, expected) != 0)
		fail_msg("%s, %s: %s instead of %s", peer,
		    forwarded == NULL ? "nothing" : forwarded, client,
		    expected);
}

static void
nobody_is_believed_who_is_not_trusted(void **state)
{
	AC_UNUSED(state);
	expect("", "192.0.2.1", NULL, "192.0.2.1");
	expect("", "192.0.2.1", "198.51.100.1", "192.0.2.1");
	expect("10.0.0.0/8", "192.0.2.1", "198.51.100.1", "192.0.2.1");
	expect("unix", "127.0.0.1", "198.51.100.1", "127.0.0.1");
	expect("10.0.0.0/8", "", "198.51.100.1", "unix");
}

static void
the_rightmost_that_is_not_trusted_is_the_client(void **state)
{
	static const char trusted[] = "10.0.0.0/8, fd00::/8, unix";

	AC_UNUSED(state);
	expect(trusted, "10.0.0.1", "198.51.100.1", "198.51.100.1");
	expect(trusted, "10.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1");
	expect(trusted, "10.0.0.1", "1.1.1.1,198.51.100.1 , 10.9.9.9,fd00::7",
	    "198.51.100.1");
	expect(trusted, "::ffff:10.0.0.1", "2001:DB8::1", "2001:db8::1");
	expect(trusted, "fd00::1", " ::ffff:1.2.3.4\t", "1.2.3.4");
	expect(trusted, "", "198.51.100.1", "198.51.100.1");
	expect(trusted, "10.0.0.1", NULL, "10.0.0.1");
}

static void
where_all_are_trusted_the_leftmost_is_the_client(void **state)
{
	AC_UNUSED(state);
	expect("10.0.0.0/8", "10.0.0.1", "10.0.0.9", "10.0.0.9");
	expect("10.0.0.0/8", "10.0.0.1", "10.0.0.9,10.0.0.8", "10.0.0.9");
}

static void
ports_and_brackets_are_left_out(void **state)
{
	AC_UNUSED(state);
	expect("::1", "::1", "198.51.100.1:4711", "198.51.100.1");
	expect("::1", "::1", "[2001:db8::1]:4711", "2001:db8::1");
	expect("::1", "::1", "[2001:db8::1]", "2001:db8::1");
	expect("::1", "::1", "2001:db8::1", "2001:db8::1");
}

/* What a client wrote before the proxy's own part is not looked at. */
static void
nonsense_falls_back_to_the_peer(void **state)
{
	static const char *const nonsense[] = {"", " ", ",", "unknown",
	    "example.com", "198.51.100.1,",
	    "198.51.100.1:", "198.51.100.1:123456", "198.51.100.1:x",
	    "[198.51.100.1]", "[::1", "[::1]x", "[::1]:", "::1]", "[]",
	    "198.51.100.256", "1.1.1.1 198.51.100.1", "\"198.51.100.1\"",
	    "for=198.51.100.1", "fe80::1%eth0", "_hidden", "unix",
	    "00000000000000000000000000000000000000000000000000000000000001"};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(nonsense); i++) {
		expect("10.0.0.0/8", "10.0.0.1", nonsense[i], "10.0.0.1");
		expect("unix", "", nonsense[i], "unix");
	}
	expect("10.0.0.0/8", "10.0.0.1", "198.51.100.1, ,10.0.0.3", "10.0.0.1");
	expect("10.0.0.0/8", "10.0.0.1", "junk, 198.51.100.1", "198.51.100.1");
}

static void
a_peer_has_no_interface(void **state)
{
	AC_UNUSED(state);
	expect("", "fe80::1%eth0", NULL, "fe80::1");
	expect("fe80::/10", "fe80::1%eth0", "1.2.3.4", "1.2.3.4");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nobody_is_believed_who_is_not_trusted),
	    cmocka_unit_test(the_rightmost_that_is_not_trusted_is_the_client),
	    cmocka_unit_test(where_all_are_trusted_the_leftmost_is_the_client),
	    cmocka_unit_test(ports_and_brackets_are_left_out),
	    cmocka_unit_test(nonsense_falls_back_to_the_peer),
	    cmocka_unit_test(a_peer_has_no_interface),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Listening addresses: what is understood, and what is refused with which
 * words. */
#include "base/address.h"

#include <string.h>

#include "base/attr.h"
#include "support/unit.h"

struct good_address {
	const char *text;
	const char *host;
	uint16_t port;
};

static const struct good_address good_addresses[] = {
    {"localhost:16571", "localhost", 16571},
    {":80", "", 80},
    {":0", "", 0},
    {"a:65535", "a", 65535},
    {"a:9", "a", 9},
    {"a:00080", "a", 80},
    {"0.0.0.0:1", "0.0.0.0", 1},
    {"[::1]:8080", "::1", 8080},
    {"[::]:0", "::", 0},
    {"[2001:db8::7]:443", "2001:db8::7", 443},
};

static const char no_port[] = "it has no port (host:port, :port or [::1]:port)";
static const char no_brackets[] =
    "an IPv6 address stands in brackets: [::1]:port";
static const char not_absolute[] =
    "a Unix socket's path is absolute: unix:/path";
static const char bad_number[] = "its port is not a number from 0 to 65535";

static const struct {
	const char *text;
	const char *why;
} bad_addresses[] = {
    {"", no_port},
    {"localhost", no_port},
    {"8080", no_port},
    {"::1", no_brackets},
    {"::1:80", no_brackets},
    {"[::1]", no_brackets},
    {"[::1:80", no_brackets},
    {"::", no_brackets},
    {"a:b:80", no_brackets},
    {"http://a:80", no_brackets},
    {":", bad_number},
    {"a:", bad_number},
    {"[::1]:", bad_number},
    {"a:65536", bad_number},
    {"a:99999", bad_number},
    {"a:100000", bad_number},
    {"a:000080", bad_number},
    {"a:-1", bad_number},
    {"a:+1", bad_number},
    {"a: 1", bad_number},
    {"a:1 ", bad_number},
    {"a:x", bad_number},
    {"a:1x", bad_number},
    {"a:0x10", bad_number},
    {"a:80/", bad_number},
    {"unix:", not_absolute},
    {"unix:a", not_absolute},
    {"unix:a/b", not_absolute},
    {"UNIX:/a", bad_number},
};

static void
good_addresses_are_taken_apart(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(good_addresses); i++) {
		const struct good_address *good = &good_addresses[i];
		struct ac_address address = {0};
		const char *why = NULL;

		if (!ac_address_parse(&address, good->text, &why))
			fail_msg("%s: %s", good->text, why);
		assert_string_equal(address.host, good->host);
		assert_int_equal(address.port, good->port);
		ac_address_clear(&address);
		assert_null(address.host);
		ac_address_clear(&address);
	}
}

static void
bad_addresses_are_refused_with_their_reason(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(bad_addresses); i++) {
		char host[] = "untouched";
		struct ac_address address = {.host = host, .port = 7};
		const char *why = "";

		if (ac_address_parse(&address, bad_addresses[i].text, &why))
			fail_msg("%s is accepted", bad_addresses[i].text);
		assert_string_equal(why, bad_addresses[i].why);
		assert_ptr_equal(address.host, host);
		assert_int_equal(address.port, 7);
	}
}

/* "" would mean every interface: a slip must not open the server. */
static void
only_an_ipv6_address_stands_in_brackets(void **state)
{
	static const char *const texts[] = {"[]:80", "[localhost]:80",
	    "[127.0.0.1]:80", "[[]:80", "[[::1]]:80", "[a:b]:80"};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(texts); i++) {
		struct ac_address address = {0};
		const char *why = "";
		bool accepted = ac_address_parse(&address, texts[i], &why);

		ac_address_clear(&address);
		if (accepted)
			fail_msg("%s is accepted", texts[i]);
	}
}

/* The path goes into a struct sockaddr_un. */
static void
a_unix_socket_s_path_has_a_largest_length(void **state)
{
	struct ac_address address = {0};
	const char *why = NULL;
	char text[5 + 108 + 1] = "unix:/";

	AC_UNUSED(state);
	memset(text + 6, 'x', 106);
	assert_true(ac_address_parse(&address, text, &why));
	assert_string_equal(address.path, text + 5);
	assert_null(address.host);
	ac_address_clear(&address);
	memset(text + 6, 'x', 107);
	assert_false(ac_address_parse(&address, text, &why));
	assert_string_equal(why, "a Unix socket's path has at most 107 bytes");
}

static void
a_list_keeps_its_order(void **state)
{
	struct ac_addresses list = {.count = 0};
	const char *why = NULL;

	AC_UNUSED(state);
	assert_true(ac_addresses_parse(
	    &list, "a:1,\t[::1]:2 , unix:/run/a b.sock,:0", &why));
	assert_int_equal(list.count, 4);
	assert_string_equal(list.items[0].host, "a");
	assert_string_equal(list.items[1].host, "::1");
	assert_int_equal(list.items[1].port, 2);
	assert_string_equal(list.items[2].path, "/run/a b.sock");
	assert_string_equal(list.items[3].host, "");
	ac_addresses_clear(&list);
	assert_int_equal(list.count, 0);
	ac_addresses_clear(&list);
}

static void
a_list_with_one_bad_address_is_refused(void **state)
{
	static const char *const texts[] = {
	    "", ",", "a:1,", ",a:1", "a:1,,b:2", "a:1,b", "a:1 b:2", "a:1;b:2"};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(texts); i++) {
		struct ac_addresses list = {.count = 7};
		const char *why = NULL;

		if (ac_addresses_parse(&list, texts[i], &why))
			fail_msg("%s is accepted", texts[i]);
		assert_non_null(why);
		assert_int_equal(list.count, 7);
		assert_null(list.items);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good_addresses_are_taken_apart),
	    cmocka_unit_test(bad_addresses_are_refused_with_their_reason),
	    cmocka_unit_test(only_an_ipv6_address_stands_in_brackets),
	    cmocka_unit_test(a_unix_socket_s_path_has_a_largest_length),
	    cmocka_unit_test(a_list_keeps_its_order),
	    cmocka_unit_test(a_list_with_one_bad_address_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* URLs and listening addresses: what is understood, and what is refused with
 * which reason. */
#include "base/url.h"

#include "base/attr.h"
#include "support/unit.h"

struct good_url {
	const char *text;
	bool tls;
	uint16_t port;
	const char *host;
	const char *host_header;
	const char *path;
};

static const struct good_url good_urls[] = {
    {"http://a.example", false, 80, "a.example", "a.example", ""},
    {"https://a.example", true, 443, "a.example", "a.example", ""},
    {"https://a.example/", true, 443, "a.example", "a.example", ""},
    {"HTTPS://A.Example", true, 443, "A.Example", "A.Example", ""},
    {"HTTP://a", false, 80, "a", "a", ""},
    {"https://a:", true, 443, "a", "a", ""},
    {"https://a:443/", true, 443, "a", "a", ""},
    {"http://a:80", false, 80, "a", "a", ""},
    {"http://a:443", false, 443, "a", "a:443", ""},
    {"https://a:80", true, 80, "a", "a:80", ""},
    {"http://a:1", false, 1, "a", "a:1", ""},
    {"http://a:65535", false, 65535, "a", "a:65535", ""},
    {"http://127.0.0.1:8080", false, 8080, "127.0.0.1", "127.0.0.1:8080", ""},
    {"http://[::1]", false, 80, "::1", "[::1]", ""},
    {"https://[2001:db8::7]:8443/x", true, 8443, "2001:db8::7",
	"[2001:db8::7]:8443", "/x"},
    {"http://a/b", false, 80, "a", "a", "/b"},
    {"http://a/b/c/", false, 80, "a", "a", "/b/c"},
    {"http://a/b///", false, 80, "a", "a", "/b"},
    {"http://a//", false, 80, "a", "a", ""},
    {"http://a/%20b", false, 80, "a", "a", "/%20b"},
    {"http://a-b_c.example", false, 80, "a-b_c.example", "a-b_c.example", ""},
};

struct bad {
	const char *text;
	const char *why;
};

static const char bad_scheme[] = "it must begin with http:// or https://";
static const char no_host[] = "it names no host";
static const char has_user[] = "it must not hold a user or a password";
static const char has_query[] = "it must not hold a query or a fragment";
static const char bad_port[] = "its port is not between 1 and 65535";
static const char no_url[] = "it is not a URL";

static const struct bad bad_urls[] = {
    {"", bad_scheme},
    {"a.example", bad_scheme},
    {"/a", bad_scheme},
    {"//a.example", bad_scheme},
    {"ftp://a", bad_scheme},
    {"httpss://a", bad_scheme},
    {"htt://a", bad_scheme},
    {"file:///etc/passwd", bad_scheme},
    {"http:", no_host},
    {"http:a", no_host},
    {"http:/a", no_host},
    {"http://", no_host},
    {"http:///a", no_host},
    {"http://:80", no_host},
    {"http://u@a", has_user},
    {"http://u:p@a", has_user},
    {"http://@a", has_user},
    {"http://a?q", has_query},
    {"http://a/?q=1", has_query},
    {"http://a/?", has_query},
    {"http://a/b#f", has_query},
    {"http://a#", has_query},
    {"http://a:0", bad_port},
    {"http://a:00", bad_port},
    {"http://a:65536", no_url},
    {"http://a:99999999999", no_url},
    {"http://a:-1", no_url},
    {"http://a:8x", no_url},
    {"http://a b", no_url},
    {"http://a/b c", no_url},
    {" http://a", no_url},
    {"http://a ", no_url},
    {"http://[::1", no_url},
    {"http://::1", no_url},
    {"http://[x]", no_url},
    {"http://a\n", no_url},
    {"http://a/\r\nHost: b", no_url},
    {"http://\xc3\xa9", no_url},
};

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
static const char bad_number[] = "its port is not a number from 0 to 65535";

static const struct bad bad_addresses[] = {
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
};

static void
good_urls_are_taken_apart(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(good_urls); i++) {
		const struct good_url *good = &good_urls[i];
		struct ac_url url = {0};
		const char *why = NULL;

		if (!ac_url_parse(&url, good->text, &why))
			fail_msg("%s: %s", good->text, why);
		assert_int_equal(url.tls, good->tls);
		assert_int_equal(url.port, good->port);
		assert_string_equal(url.host, good->host);
		assert_string_equal(url.host_header, good->host_header);
		assert_string_equal(url.path, good->path);
		ac_url_clear(&url);
		assert_null(url.host);
		ac_url_clear(&url);
	}
}

static void
bad_urls_are_refused_with_their_reason(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(bad_urls); i++) {
		char host[] = "untouched";
		struct ac_url url = {.host = host};
		const char *why = "";

		if (ac_url_parse(&url, bad_urls[i].text, &why))
			fail_msg("%s is accepted", bad_urls[i].text);
		assert_string_equal(why, bad_urls[i].why);
		assert_ptr_equal(url.host, host);
		assert_null(url.path);
	}
}

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good_urls_are_taken_apart),
	    cmocka_unit_test(bad_urls_are_refused_with_their_reason),
	    cmocka_unit_test(good_addresses_are_taken_apart),
	    cmocka_unit_test(bad_addresses_are_refused_with_their_reason),
	    cmocka_unit_test(only_an_ipv6_address_stands_in_brackets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* URLs: what is understood, and what is refused with which reason. */
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good_urls_are_taken_apart),
	    cmocka_unit_test(bad_urls_are_refused_with_their_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

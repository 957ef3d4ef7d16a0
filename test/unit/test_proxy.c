/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Which proxy is chosen, which hosts go without one (the cases are checked
 * against what Go's net/http does), and what is refused in which words. */
#include "net/proxy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/url.h"
#include "net/no_proxy.h"
#include "support/unit.h"

/* Chooses for a URL; the message of a refusal goes into why. */
static bool
choose(struct ac_proxy **proxy, const struct ac_options *options,
    const char *origin, char why[AC_OPTION_ERROR_SIZE])
{
	struct ac_url url = {.tls = false};
	const char *wrong;
	bool ok;

	why[0] = '\0';
	assert_true(ac_url_parse(&url, origin, &wrong));
	ok = ac_proxy_choose(proxy, options, &url, why, AC_OPTION_ERROR_SIZE);
	ac_url_clear(&url);
	return ok;
}

struct choice {
	const char *origin;
	const char *https;
	const char *http;
	const char *all;
	const char *host_port; /* NULL: direct */
};

static const struct choice choices[] = {
    {"https://a.example", NULL, NULL, NULL, NULL},
    {"http://a.example", NULL, NULL, NULL, NULL},
    {"https://a.example", "s", "h", "a", "s:80"},
    {"http://a.example", "s", "h", "a", "h:80"},
    {"https://a.example", NULL, "h", NULL, NULL},
    {"http://a.example", "s", NULL, NULL, NULL},
    {"https://a.example", NULL, "h", "a", "a:80"},
    {"http://a.example", "s", NULL, "a", "a:80"},
    {"https://a.example", "s", NULL, NULL, "s:80"},
    {"http://a.example", NULL, "h", NULL, "h:80"},
    /* What is not used is not looked at. */
    {"https://a.example", "s", "ftp://x", "://", "s:80"},
    {"https://localhost", "ftp://x", NULL, NULL, NULL},
    {"https://127.0.0.1", "ftp://x", NULL, NULL, NULL},
    {"https://127.8.9.10:1", "s", NULL, NULL, NULL},
    {"https://[::1]:1", "s", NULL, NULL, NULL},
    {"https://[::2]:1", "s", NULL, NULL, "s:80"},
    {"https://128.0.0.1", "s", NULL, NULL, "s:80"},
};

static void
the_origin_s_scheme_decides(void **state)
{
	char why[AC_OPTION_ERROR_SIZE];

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(choices); i++) {
		const struct choice *choice = &choices[i];
		struct ac_options options = {
		    .https_proxy = (char *)(uintptr_t)choice->https,
		    .http_proxy = (char *)(uintptr_t)choice->http,
		    .all_proxy = (char *)(uintptr_t)choice->all};
		struct ac_proxy *proxy;

		if (!choose(&proxy, &options, choice->origin, why))
			fail_msg("%zu: %s", i, why);
		if (choice->host_port == NULL) {
			assert_null(proxy);
			continue;
		}
		assert_non_null(proxy);
		assert_string_equal(proxy->host_port, choice->host_port);
		ac_proxy_free(proxy);
	}
}

struct good {
	const char *text;
	enum ac_proxy_kind kind;
	const char *host;
	uint16_t port;
	const char *host_port;
	const char *user;
	const char *password;
};

static const struct good goods[] = {
    {"proxy", AC_PROXY_HTTP, "proxy", 80, "proxy:80", NULL, NULL},
    {"proxy:3128", AC_PROXY_HTTP, "proxy", 3128, "proxy:3128", NULL, NULL},
    {"localhost", AC_PROXY_HTTP, "localhost", 80, "localhost:80", NULL, NULL},
    {"127.0.0.1:8080", AC_PROXY_HTTP, "127.0.0.1", 8080, "127.0.0.1:8080", NULL,
	NULL},
    {"[::1]:3128", AC_PROXY_HTTP, "::1", 3128, "[::1]:3128", NULL, NULL},
    {"[2001:db8::1]", AC_PROXY_HTTP, "2001:db8::1", 80, "[2001:db8::1]:80",
	NULL, NULL},
    {"http://proxy", AC_PROXY_HTTP, "proxy", 80, "proxy:80", NULL, NULL},
    {"http://proxy/", AC_PROXY_HTTP, "proxy", 80, "proxy:80", NULL, NULL},
    {"http://proxy:", AC_PROXY_HTTP, "proxy", 80, "proxy:80", NULL, NULL},
    {"HTTP://Proxy:1/", AC_PROXY_HTTP, "Proxy", 1, "Proxy:1", NULL, NULL},
    {"http://proxy:65535", AC_PROXY_HTTP, "proxy", 65535, "proxy:65535", NULL,
	NULL},
    {"socks5://proxy", AC_PROXY_SOCKS5, "proxy", 1080, "proxy:1080", NULL,
	NULL},
    {"socks5h://proxy", AC_PROXY_SOCKS5, "proxy", 1080, "proxy:1080", NULL,
	NULL},
    {"SOCKS5H://proxy:9050", AC_PROXY_SOCKS5, "proxy", 9050, "proxy:9050", NULL,
	NULL},
    {"socks5://[::1]", AC_PROXY_SOCKS5, "::1", 1080, "[::1]:1080", NULL, NULL},
    {"http://u:p@proxy", AC_PROXY_HTTP, "proxy", 80, "proxy:80", "u", "p"},
    {"u:p@proxy:1", AC_PROXY_HTTP, "proxy", 1, "proxy:1", "u", "p"},
    {"http://u@proxy", AC_PROXY_HTTP, "proxy", 80, "proxy:80", "u", NULL},
    {"http://u:@proxy", AC_PROXY_HTTP, "proxy", 80, "proxy:80", "u", ""},
    {"http://:p@proxy", AC_PROXY_HTTP, "proxy", 80, "proxy:80", "", "p"},
    {"http://@proxy", AC_PROXY_HTTP, "proxy", 80, "proxy:80", NULL, NULL},
    {"http://u:p@q@proxy", AC_PROXY_HTTP, "proxy", 80, "proxy:80", "u", "p@q"},
    {"http://u:p:q@proxy", AC_PROXY_HTTP, "proxy", 80, "proxy:80", "u", "p:q"},
    {"http://%75%3a:%2F%3f%23%25%40@proxy", AC_PROXY_HTTP, "proxy", 80,
	"proxy:80", "u:", "/?#%@"},
    {"http://u:a+b@proxy", AC_PROXY_HTTP, "proxy", 80, "proxy:80", "u", "a+b"},
    {"http://u:%C3%A9@proxy", AC_PROXY_HTTP, "proxy", 80, "proxy:80", "u",
	"\xc3\xa9"},
    {"socks5://u:p@[::1]:1", AC_PROXY_SOCKS5, "::1", 1, "[::1]:1", "u", "p"},
    {"socks5h://u@proxy", AC_PROXY_SOCKS5, "proxy", 1080, "proxy:1080", "u",
	NULL},
};

static void
assert_same(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		assert_ptr_equal(a, b);
	else
		assert_string_equal(a, b);
}

static void
a_proxy_is_read_from_its_url(void **state)
{
	char why[AC_OPTION_ERROR_SIZE];

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(goods); i++) {
		const struct good *good = &goods[i];
		struct ac_options options = {
		    .https_proxy = (char *)(uintptr_t)good->text};
		struct ac_proxy *proxy;

		if (!choose(&proxy, &options, "https://a.example", why))
			fail_msg("%s: %s", good->text, why);
		assert_int_equal(proxy->kind, good->kind);
		assert_string_equal(proxy->host, good->host);
		assert_int_equal(proxy->port, good->port);
		assert_string_equal(proxy->host_port, good->host_port);
		assert_same(proxy->user, good->user);
		assert_same(proxy->password, good->password);
		ac_proxy_free(proxy);
	}
	ac_proxy_free(NULL);
}

struct bad {
	const char *text;
	const char *why;
};

static const char bad_scheme[] =
    "it must begin with http://, socks5:// or socks5h://";
static const char bad_tail[] = "nothing may follow the port";
static const char bad_escape[] = "a % in its user or password";
static const char bad_address[] = "it names no host and port";
static const char no_host[] = "it names no host";
static const char bad_port[] = "its port is not between 1 and 65535";
static const char no_user[] = "SOCKS has no password without a user";

static const struct bad bads[] = {
    {"https://u:sesame@proxy", bad_scheme},
    {"ftp://u:sesame@proxy", bad_scheme},
    {"socks4://u:sesame@proxy", bad_scheme},
    {"socks://u:sesame@proxy", bad_scheme},
    {"socks5hh://u:sesame@proxy", bad_scheme},
    {"httpx://u:sesame@proxy", bad_scheme},
    {"://sesame", bad_scheme},
    {"u:sesame://@proxy", bad_scheme},
    {"http:sesame", bad_address},
    {"socks5:sesame:1080", bad_address},
    {"http://", no_host},
    {"http://u:sesame@", no_host},
    {"http://u:sesame@:80", no_host},
    {"http://u:sesame@proxy:0", bad_port},
    {"http://u:sesame@proxy:65536", bad_address},
    {"http://u:sesame@proxy:-1", bad_address},
    {"http://u:sesame@proxy:x", bad_address},
    {"http://u:sesame@proxy:1:2", bad_address},
    {"http://u:sesame@::1", bad_address},
    {"http://u:sesame@[::1", bad_address},
    {"http://u:sesame@[]", bad_address},
    {"http://u:sesame@pro xy", bad_address},
    {"http://u:sesame@proxy\n", bad_address},
    {" http://u:sesame@proxy", bad_scheme},
    {"http://u:1/sesame@proxy", bad_tail},
    {"http://u:1?sesame@proxy", bad_tail},
    {"http://u:1#sesame@proxy", bad_tail},
    {"http://u:sesame@proxy/x", bad_tail},
    {"http://u:sesame@proxy//", bad_tail},
    {"http://u:sesame%@proxy", bad_escape},
    {"http://u:sesame%4@proxy", bad_escape},
    {"http://u:sesame%g0@proxy", bad_escape},
    {"http://u:sesame%00@proxy", bad_escape},
    {"http://%zz:sesame@proxy", bad_escape},
    {"socks5://:sesame@proxy", no_user},
};

static void
nonsense_is_refused_without_being_shown(void **state)
{
	char why[AC_OPTION_ERROR_SIZE];

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(bads); i++) {
		struct ac_options options = {
		    .all_proxy = (char *)(uintptr_t)bads[i].text};
		struct ac_proxy *proxy;

		if (choose(&proxy, &options, "https://a.example", why))
			fail_msg("%s is accepted", bads[i].text);
		assert_null(proxy);
		assert_memory_equal(why, "ALL_PROXY=(hidden): ", 20);
		if (strstr(why, bads[i].why) != why + 20)
			fail_msg("%s: %s", bads[i].text, why);
		assert_non_null(strstr(why, "; allowed: [http://]"));
		assert_non_null(strstr(why, "socks5h://"));
		assert_null(strstr(why, "sesame"));
		assert_null(strchr(why, '\n'));
	}
}

static void
a_refusal_names_the_option(void **state)
{
	struct ac_options options = {.https_proxy = (char[]){"ftp://x"},
	    .http_proxy = (char[]){"ftp://y"},
	    .all_proxy = (char[]){"http://good"}};
	char why[AC_OPTION_ERROR_SIZE];
	struct ac_proxy *proxy;

	AC_UNUSED(state);
	assert_false(choose(&proxy, &options, "https://a", why));
	assert_memory_equal(why, "HTTPS_PROXY=", 12);
	assert_false(choose(&proxy, &options, "http://a", why));
	assert_memory_equal(why, "HTTP_PROXY=", 11);
}

/* Of a user and a password, each of so many bytes. */
static bool
accepts_lengths(const char *scheme, int user, int password)
{
	char *text =
	    ac_asprintf("%s://%0*d:%0*d@proxy", scheme, user, 1, password, 1);
	struct ac_options options = {.https_proxy = text};
	char why[AC_OPTION_ERROR_SIZE];
	struct ac_proxy *proxy;
	bool ok = choose(&proxy, &options, "https://a", why);

	ac_proxy_free(proxy);
	free(text);
	return ok;
}

static void
socks_counts_its_credentials_in_a_byte(void **state)
{
	AC_UNUSED(state);
	assert_true(accepts_lengths("socks5", 255, 255));
	assert_false(accepts_lengths("socks5", 256, 1));
	assert_false(accepts_lengths("socks5h", 1, 256));
	assert_true(accepts_lengths("http", 2560, 2560));
}

struct exception {
	const char *list;
	const char *host;
	uint16_t port;
	bool covered;
};

static const char golang_list[] =
    "foobar.com, .barbaz.net, *.wildcard.io, 192.168.1.1, 192.168.1.2:81, "
    "192.168.1.3:80, 10.0.0.0/30, 2001:db8::52:0:1, [2001:db8::52:0:2]:443, "
    "[2001:db8::52:0:3]:80, 2002:db8:a::45/64";

static const struct exception exceptions[] = {
    {NULL, "example.com", 80, false},
    {NULL, "localhost", 80, true},
    {NULL, "LocalHost", 80, true},
    {NULL, "127.255.0.1", 80, true},
    {NULL, "::1", 80, true},
    {NULL, "::ffff:127.0.0.1", 80, true},
    {NULL, "0.0.0.0", 80, false},
    {NULL, "127.0.0.1.example", 80, false},
    {golang_list, "::2", 80, false},
    {golang_list, "192.168.1.1", 80, true},
    {golang_list, "192.168.1.2", 80, false},
    {golang_list, "192.168.1.2", 81, true},
    {golang_list, "192.168.1.3", 80, true},
    {golang_list, "192.168.1.4", 80, false},
    {golang_list, "10.0.0.2", 80, true},
    {golang_list, "10.0.0.4", 80, false},
    {golang_list, "2001:db8::52:0:1", 80, true},
    {golang_list, "2001:db8::52:0:2", 80, false},
    {golang_list, "2001:db8::52:0:2", 443, true},
    {golang_list, "2001:db8::52:0:3", 80, true},
    {golang_list, "2002:db8:a::123", 80, true},
    {golang_list, "2002:db8:a:1::123", 80, false},
    {golang_list, "fe80::424b:c8be:1643:a1b6", 80, false},
    {golang_list, "barbaz.net", 80, false},
    {golang_list, "www.barbaz.net", 80, true},
    {golang_list, "foobar.com", 80, true},
    {golang_list, "FooBar.COM", 80, true},
    {golang_list, "www.foobar.com", 80, true},
    {golang_list, "foofoobar.com", 80, false},
    {golang_list, "baz.com", 80, false},
    {golang_list, "localhost.net", 80, false},
    {golang_list, "local.localhost", 80, false},
    {golang_list, "barbarbaz.net", 80, false},
    {golang_list, "wildcard.io", 80, false},
    {golang_list, "nested.wildcard.io", 80, true},
    {golang_list, "a.nested.wildcard.io", 80, true},
    {golang_list, "awildcard.io", 80, false},
    /* everything */
    {"*", "example.com", 80, true},
    {"*", "10.0.0.1", 80, true},
    {"a.example,\t* ,b", "example.com", 80, true},
    {"*:80", "example.com", 80, false},
    {"**", "example.com", 80, false},
    {"*.", "example.com", 80, false},
    {"*example.com", "www.example.com", 80, false},
    /* nothing */
    {"", "example.com", 80, false},
    {" , ,,", "example.com", 80, false},
    {":80", "example.com", 80, false},
    {":1", "example.com", 80, false},
    {"ample.com", "example.com", 80, false},
    {"com", "example.com", 80, true},
    {"example", "example.com", 80, false},
    {"http://example.com", "example.com", 80, false},
    {"example.com/", "example.com", 80, false},
    {"b.example;example.com", "example.com", 80, false},
    {"b.example example.com", "example.com", 80, false},
    {"..example.com", "www.example.com", 80, false},
    /* white space and large letters */
    {"\n EXAMPLE.com\t\n", "example.com", 80, true},
    {"x,example.com", "example.com", 80, true},
    {"x,,example.com,", "example.com", 80, true},
    {".EXAMPLE.com", "a.Example.com", 80, true},
    /* ports */
    {"example.com:443", "example.com", 443, true},
    {"example.com:443", "www.example.com", 443, true},
    {"example.com:443", "example.com", 8443, false},
    {".example.com:443", "www.example.com", 443, true},
    {".example.com:443", "example.com", 443, false},
    {"*.example.com:443", "www.example.com", 443, true},
    {"*.example.com:443", "www.example.com", 80, false},
    {"example.com:", "example.com", 443, true},
    {"example.com:0443", "example.com", 443, false},
    {"example.com:https", "example.com", 443, false},
    {"example.com:80:80", "example.com", 80, false},
    {"[example.com]:80", "example.com", 80, true},
    {"[example.com]", "example.com", 80, false},
    {"[10.0.0.1]:80", "10.0.0.1", 80, true},
    {"10.0.0.1:", "10.0.0.1", 80, true},
    /* addresses */
    {"[2001:db8::1]", "2001:db8::1", 80, false},
    {"[2001:db8::1]:", "2001:db8::1", 80, true},
    {"[[2001:db8::1]]:80", "2001:db8::1", 80, false},
    {"2001:db8::1:80", "2001:db8::1", 80, false},
    {"2001:DB8:0::1", "2001:db8::1", 80, true},
    {"::ffff:10.0.0.1", "10.0.0.1", 80, true},
    {"10.0.0.1", "::ffff:10.0.0.1", 80, true},
    {"10.0.0.01", "10.0.0.1", 80, false},
    {"10.0.0", "10.0.0.1", 80, false},
    {".0.0.1", "10.0.0.1", 80, false},
    {"0.0.1", "10.0.0.1", 80, false},
    {"10.0.0.1", "10.0.0.1.example", 80, false},
    {"10.0.0.1", "a.10.0.0.1", 80, false},
    /* ranges */
    {"10.0.0.0/8", "10.255.255.255", 80, true},
    {"10.9.8.7/8", "10.1.2.3", 80, true},
    {"10.0.0.0/8", "11.0.0.0", 80, false},
    {"10.0.0.0/9", "10.128.0.0", 80, false},
    {"10.0.0.0/9", "10.127.255.255", 80, true},
    {"10.0.0.7/32", "10.0.0.7", 80, true},
    {"10.0.0.7/32", "10.0.0.6", 80, false},
    {"10.0.0.7/31", "10.0.0.6", 80, true},
    {"0.0.0.0/0", "1.2.3.4", 80, true},
    {"0.0.0.0/0", "2001:db8::1", 80, false},
    {"0.0.0.0/0", "example.com", 80, false},
    {"::/0", "2001:db8::1", 80, true},
    {"::/0", "1.2.3.4", 80, false},
    {"::ffff:10.0.0.0/104", "10.1.2.3", 80, true},
    {"::ffff:10.0.0.0/104", "11.1.2.3", 80, false},
    {"2001:db8::/33", "2001:db8:7fff::1", 80, true},
    {"2001:db8::/33", "2001:db8:8000::1", 80, false},
    {"2001:db8::1/128", "2001:db8::1", 80, true},
    {"2001:db8::1/128", "2001:db8::2", 80, false},
    {"10.0.0.0/33", "10.0.0.0", 80, false},
    {"10.0.0.0/", "10.0.0.0", 80, false},
    {"10.0.0.0/-1", "10.0.0.0", 80, false},
    {"10.0.0.0/8x", "10.0.0.0", 80, false},
    {"10.0.0.0/08", "10.1.0.0", 80, true},
    {"10.0.0.0/255.0.0.0", "10.0.0.1", 80, false},
    {"10.0.0.0/8:80", "10.0.0.1", 80, false},
    {"[2001:db8::]/32", "2001:db8::1", 80, false},
    {"2001:db8::/129", "2001:db8::", 80, false},
    {"10.0.0.0/99999999999999999999", "10.0.0.0", 80, false},
    {"example.com/8", "example.com", 80, false},
};

static void
exceptions_are_those_of_go(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(exceptions); i++) {
		const struct exception *one = &exceptions[i];

		if (ac_no_proxy_covers(one->list, one->host, one->port) !=
		    one->covered)
			fail_msg("NO_PROXY=%s %s:%u", one->list, one->host,
			    (unsigned)one->port);
	}
}

static void
the_origin_s_default_port_counts(void **state)
{
	struct ac_options options = {.all_proxy = (char[]){"proxy"},
	    .no_proxy = (char[]){"a.example:443,b.example:80"}};
	static const struct {
		const char *origin;
		bool direct;
	} cases[] = {{"https://a.example", true}, {"http://a.example", false},
	    {"http://b.example", true}, {"https://b.example", false},
	    {"http://a.example:443", true}, {"https://a.example:80", false}};
	char why[AC_OPTION_ERROR_SIZE];

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		struct ac_proxy *proxy;

		assert_true(choose(&proxy, &options, cases[i].origin, why));
		assert_int_equal(proxy == NULL, cases[i].direct);
		ac_proxy_free(proxy);
	}
}

static void
credentials_become_a_header(void **state)
{
	static const struct {
		const char *user;
		const char *password;
		const char *value; /* NULL: none */
	} cases[] = {
	    {NULL, NULL, NULL},
	    /* RFC 7617's own example. */
	    {"Aladdin", "open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
	    {"u", "p", "Basic dTpw"},
	    {"u", NULL, "Basic dTo="},
	    {"", "", "Basic Og=="},
	    {"u", "\xc3\xbf\xc3\xbe", "Basic dTrDv8O+"},
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		struct ac_proxy proxy = {
		    .user = (char *)(uintptr_t)cases[i].user,
		    .password = (char *)(uintptr_t)cases[i].password};
		char *value = ac_proxy_authorization(&proxy);

		assert_same(value, cases[i].value);
		ac_wipe_and_free(value);
	}
}

static void
long_credentials_stay_on_one_line(void **state)
{
	struct ac_proxy proxy = {.user = ac_asprintf("%0*d", 3000, 1)};
	char *value = ac_proxy_authorization(&proxy);

	AC_UNUSED(state);
	assert_int_equal(strlen(value), strlen("Basic ") + 4004);
	assert_null(strpbrk(value, "\r\n"));
	ac_wipe_and_free(value);
	free(proxy.user);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_origin_s_scheme_decides),
	    cmocka_unit_test(a_proxy_is_read_from_its_url),
	    cmocka_unit_test(nonsense_is_refused_without_being_shown),
	    cmocka_unit_test(a_refusal_names_the_option),
	    cmocka_unit_test(socks_counts_its_credentials_in_a_byte),
	    cmocka_unit_test(exceptions_are_those_of_go),
	    cmocka_unit_test(the_origin_s_default_port_counts),
	    cmocka_unit_test(credentials_become_a_header),
	    cmocka_unit_test(long_credentials_stay_on_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* doctor/target: what --probe and --url are given. */
#include "doctor/target.h"

#include <string.h>

#include "base/attr.h"
#include "support/unit.h"

static const struct {
	const char *text;
	const char *socket_path; /* NULL: host and port count */
	const char *host;
	uint16_t port;
	bool tls;
	const char *path;
	bool loopback;
} good[] = {
    {"http://127.0.0.1:16571", NULL, "127.0.0.1", 16571, false, "/health",
	true},
    {"http://127.0.0.1/", NULL, "127.0.0.1", 80, false, "/health", true},
    {"https://localhost/ready", NULL, "localhost", 443, true, "/ready", true},
    {"https://[::1]:8443/v1/health", NULL, "::1", 8443, true, "/v1/health",
	true},
    {"https://my.example", NULL, "my.example", 443, true, "/health", false},
    {"https://localhost.example", NULL, "localhost.example", 443, true,
	"/health", false},
    {"unix:/run/akashchat/api.sock", "/run/akashchat/api.sock", NULL, 0, false,
	"/health", true},
    {"unix:/run/api.sock:/ready", "/run/api.sock", NULL, 0, false, "/ready",
	true},
    {"unix:/odd:/name:/ready", "/odd:/name", NULL, 0, false, "/ready", true},
    {"unix:/a:b", "/a:b", NULL, 0, false, "/health", true},
};

static void
reads_what_is_one(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(good); i++) {
		struct ac_target target = {0};
		const char *why = NULL;

		if (!ac_target_parse(&target, good[i].text, &why))
			fail_msg("%s: %s", good[i].text, why);
		assert_string_equal(target.path, good[i].path);
		assert_int_equal(
		    ac_target_is_loopback(&target), good[i].loopback);
		if (good[i].socket_path != NULL) {
			assert_string_equal(
			    target.socket_path, good[i].socket_path);
		} else {
			assert_null(target.socket_path);
			assert_string_equal(target.url.host, good[i].host);
			assert_int_equal(target.url.port, good[i].port);
			assert_int_equal(target.url.tls, good[i].tls);
		}
		ac_target_clear(&target);
	}
}

static void
refuses_what_is_none(void **state)
{
	static const char *const bad[] = {"", "127.0.0.1", "ftp://a.example",
	    "http://joe:sesame@a.example", "unix:", "unix:/", "unix:run/a",
	    "unix://run:/a b", "unix:/a:/\x7f", "unix:/a:/b\r\nX: y"};
	char long_path[200];

	AC_UNUSED(state);
	memset(long_path, 'a', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	memcpy(long_path, "unix:/", 6);
	for (size_t i = 0; i <= AC_LENGTH(bad); i++) {
		const char *text = i < AC_LENGTH(bad) ? bad[i] : long_path;
		struct ac_target target = {0};
		const char *why = NULL;

		if (ac_target_parse(&target, text, &why))
			fail_msg("taken: %s", text);
		assert_non_null(why);
		assert_null(strstr(why, "sesame"));
		assert_null(target.path);
		assert_null(target.socket_path);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_what_is_one),
	    cmocka_unit_test(refuses_what_is_none),
	};

	return cmocka_run_group_tests_name("target", tests, NULL, NULL);
}

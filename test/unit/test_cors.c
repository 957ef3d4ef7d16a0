/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Which origins are local, and which a list names. */
#include "api/cors.h"

#include "base/attr.h"
#include "support/unit.h"

static void
pages_of_this_machine_are_local(void **state)
{
	static const char *const local[] = {"http://localhost",
	    "http://localhost:3000", "https://LOCALHOST:8443",
	    "http://127.0.0.1:8080", "http://127.1.2.3", "http://[::1]:5173",
	    "http://app.localhost:3000", "file://", "app://obsidian.md",
	    "tauri://localhost", "vscode-webview://0d1e2f",
	    "chrome-extension://abcdef"};
	static const char *const foreign[] = {"https://example.com", "null", "",
	    "http://localhost.example.com", "http://127.evil.example",
	    "http://127.0.0.1.example.com", "http://10.0.0.1",
	    "HTTP://example.com", "http:///", "file:/x", "//example.com",
	    "app:example.com", "app:x://y", "app:/x://y", "http://notlocalhost",
	    "http://localhost@evil.example", "http://.localhost.evil"};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(local); i++) {
		if (!ac_cors_is_local(local[i]))
			fail_msg("%s is local", local[i]);
	}
	for (size_t i = 0; i < AC_LENGTH(foreign); i++) {
		if (ac_cors_is_local(foreign[i]))
			fail_msg("%s is not local", foreign[i]);
	}
}

static void
lists_name_whole_origins(void **state)
{
	static const char list[] =
	    "https://a.example, https://b.example:8443/,http://c.example";

	AC_UNUSED(state);
	assert_true(ac_cors_lists(list, "https://a.example"));
	assert_true(ac_cors_lists(list, "https://A.EXAMPLE"));
	assert_true(ac_cors_lists(list, "https://b.example:8443"));
	assert_true(ac_cors_lists(list, "http://c.example"));
	assert_false(ac_cors_lists(list, "https://a.example.com"));
	assert_false(ac_cors_lists(list, "https://a.exampl"));
	assert_false(ac_cors_lists(list, "http://a.example"));
	assert_false(ac_cors_lists(list, "https://b.example"));
	assert_false(ac_cors_lists(list, ""));
	assert_false(ac_cors_lists("", "https://a.example"));
	assert_true(ac_cors_lists("*", "https://a.example"));
	assert_true(ac_cors_lists("https://x.example, *", "null"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pages_of_this_machine_are_local),
	    cmocka_unit_test(lists_name_whole_origins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

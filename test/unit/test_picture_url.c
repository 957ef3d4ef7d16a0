/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Which URLs are pictures, and of which type. */
#include "api/picture_url.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/mem.h"
#include "support/unit.h"

static void
pictures_have_a_type(void **state)
{
	static const struct {
		const char *url;
		const char *type;
	} cases[] = {
	    {"data:image/png;base64,AAAA", "image/png"},
	    {"data:image/png;base64,AAA=", "image/png"},
	    {"data:image/png;base64,AA==", "image/png"},
	    {"data:image/png;base64,AA", "image/png"},
	    {"data:image/jpeg;base64,+/09azAZ", "image/jpeg"},
	    {"data:image/jpg;base64,AAAA", "image/jpg"},
	    {"data:image/svg+xml;charset=utf-8;base64,AAAA", "image/svg+xml"},
	    {"DATA:IMAGE/WebP;BASE64,AAAA", "image/webp"},
	    {"https://a.example/b.png", "image/png"},
	    {"https://a.example/b.PNG?size=1.gif", "image/png"},
	    {"https://a.example/b.gif#x", "image/gif"},
	    {"https://a.example/b.webp", "image/webp"},
	    {"https://a.example/b.jpg", "image/jpeg"},
	    {"https://a.example/picture", "image/jpeg"},
	    {"https://a.example", "image/jpeg"},
	    {"HTTPS://user@a.example:8443/%20?a=b|c", "image/jpeg"},
	    {"http://[::1]/b.png", "image/png"},
	    {"https://a.example/\xc3\xa9.png", "image/png"},
	};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		const char *why =
		    ac_picture_url_check(cases[i].url, strlen(cases[i].url));
		char type[AC_MEDIA_TYPE_SIZE];

		if (why != NULL)
			fail_msg("%s: %s", cases[i].url, why);
		ac_picture_media_type(cases[i].url, type);
		assert_string_equal(type, cases[i].type);
	}
}

static void
what_is_no_picture_is_refused(void **state)
{
	static const char *const urls[] = {"", "x", "data:", "data:image/png",
	    "data:image/png,AAAA", "data:image/png;base64",
	    "data:image/png;base64,", "data:image/png;base64,A",
	    "data:image/png;base64,AAAAA", "data:image/png;base64,AAA==",
	    "data:image/png;base64,AA=", "data:image/png;base64,A===",
	    "data:image/png;base64,====", "data:image/png;base64,AA=A",
	    "data:image/png;base64,AA-_", "data:image/png;base64,AA AA",
	    "data:image/png;base64,AAAA\n", "data:image/png;base64, AAAA",
	    "data:image/;base64,AAAA", "data:image;base64,AAAA",
	    "data:image/p ng;base64,AAAA", "data:image/pngbase64,AAAA",
	    "data:text/plain;base64,AAAA", "data:application/pdf;base64,AAAA",
	    "data:;base64,AAAA", "data:,AAAA", "data:imagebase64,AAAA",
	    "https://", "https:///b.png", "http://", "https:/a/b", "https:a",
	    "https://a b/c", "https://a/b c", "https://a/b\n", "https://a:b/",
	    "https://a/\x7f", "ftp://a/b.png", "file:///etc/passwd",
	    "javascript:alert(1)", "//a/b.png", "/b.png", "blob:https://a/b",
	    "a.example/b.png", " https://a/b.png"};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(urls); i++) {
		if (ac_picture_url_check(urls[i], strlen(urls[i])) == NULL)
			fail_msg("%s passes", urls[i]);
	}
}

static void
a_type_has_a_bound(void **state)
{
	char url[200];

	AC_UNUSED(state);
	for (int len = 1; len < 100; len++) {
		bool fits = strlen("image/") + (size_t)len < AC_MEDIA_TYPE_SIZE;

		snprintf(
		    url, sizeof(url), "data:image/%0*d;base64,AAAA", len, 0);
		assert_int_equal(
		    ac_picture_url_check(url, strlen(url)) == NULL, fits);
	}
}

static void
a_nul_is_refused(void **state)
{
	static const char data[] = "data:image/png;base64,AAAA\0AAA";
	static const char web[] = "https://a/b\0.png";

	AC_UNUSED(state);
	assert_non_null(ac_picture_url_check(data, sizeof(data) - 1));
	assert_non_null(ac_picture_url_check(web, sizeof(web) - 1));
}

/* No cut of a data URL is read beyond its end. */
static void
cut_anywhere(void **state)
{
	static const char url[] = "data:image/png;a=b;base64,AAAABBBBCC==";

	AC_UNUSED(state);
	for (size_t len = 0; len < sizeof(url); len++) {
		char *cut = ac_memdup(url, len);
		const char *why = ac_picture_url_check(cut, len);
		size_t digits = len < 26 ? 0 : len - 26;
		bool is_whole = digits == 2 || digits == 3 || digits == 4 ||
				digits == 6 || digits == 7 || digits == 8 ||
				digits == 10 || digits == 12;

		if ((why == NULL) != is_whole)
			fail_msg("%s: %s", cut, why == NULL ? "passes" : why);
		free(cut);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pictures_have_a_type),
	    cmocka_unit_test(what_is_no_picture_is_refused),
	    cmocka_unit_test(a_type_has_a_bound),
	    cmocka_unit_test(a_nul_is_refused),
	    cmocka_unit_test(cut_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

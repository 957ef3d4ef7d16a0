/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Names and addresses of pictures. */
#include "upstream/image_ref.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/url.h"
#include "support/unit.h"
#include "upstream/site.h"

static struct ac_url here = {
    .tls = true,
    .port = 443,
    .host = (char *)"chat.example",
    .host_header = (char *)"chat.example",
    .path = (char *)"",
};
static struct ac_url in_a_folder = {
    .port = 8080,
    .host = (char *)"::1",
    .host_header = (char *)"[::1]:8080",
    .path = (char *)"/chat",
};

static struct ac_site
site_at(const struct ac_url *url)
{
	return (struct ac_site){.url = url, .path_prefix = url->path};
}

static const char *const good_names[] = {
    "job_0a1b2c3d_00001_.webp",
    "a.png",
    "A-1.2.JPEG",
    "7d1f2c9a-0001-4b57.webp",
    "_.x",
    "-a.b",
    "a.12345678",
};

static const char *const bad_names[] = {
    "",
    ".",
    "..",
    ".png",
    "a",
    "a.",
    "a..png",
    "..a.png",
    "a.png.",
    "a/b.png",
    "../a.png",
    "a\\b.png",
    "a%2fb.png",
    "a b.png",
    "a.png?x=1",
    "a.png#x",
    "a.p-g",
    "a.123456789",
    "b=c",
    "caf\xc3\xa9.png",
    "a\n.png",
    "a:b.png",
    "~a.png",
};

static void
nothing_but_a_name_is_a_name(void **state)
{
	char longest[AC_IMAGE_NAME_MAX + 2];

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(good_names); i++) {
		if (!ac_image_name_is_valid(good_names[i]))
			fail_msg("'%s' is refused", good_names[i]);
	}
	for (size_t i = 0; i < AC_LENGTH(bad_names); i++) {
		if (ac_image_name_is_valid(bad_names[i]))
			fail_msg("'%s' is taken", bad_names[i]);
	}
	memset(longest, 'a', sizeof(longest));
	memcpy(longest + sizeof(longest) - 5, ".png", 5);
	assert_false(ac_image_name_is_valid(longest));
	assert_true(ac_image_name_is_valid(longest + 1));
}

struct reading {
	const struct ac_url *site;
	const char *result;
	enum ac_image_ref_kind kind;
	const char *url;
	const char *name;
	const char *query;
};

#define HERE "https://chat.example"
#define IN   "http://[::1]:8080"

static const struct reading readings[] = {
    {&here, "/api/image/a.png", AC_IMAGE_FILE, HERE "/api/image/a.png", "a.png",
	NULL},
    {&here, "/api/image/a.png?t=1&s=%2F", AC_IMAGE_FILE,
	HERE "/api/image/a.png?t=1&s=%2F", "a.png", "t=1&s=%2F"},
    {&here, "/api/image/a.png?u=/b/c.gif", AC_IMAGE_FILE,
	HERE "/api/image/a.png?u=/b/c.gif", "a.png", "u=/b/c.gif"},
    {&here, "/api/image/a.png?", AC_IMAGE_FILE, HERE "/api/image/a.png?",
	"a.png", ""},
    {&here, "a.png", AC_IMAGE_FILE, HERE "/api/image/a.png", "a.png", NULL},
    {&here, HERE "/api/image/a.png?x", AC_IMAGE_FILE, HERE "/api/image/a.png?x",
	"a.png", "x"},
    {&here, "HTTPS://Chat.Example/api/image/a.png", AC_IMAGE_FILE,
	HERE "/api/image/a.png", "a.png", NULL},
    /* The site's, but with a name that is not asked for. */
    {&here, "/api/image/b=c", AC_IMAGE_ELSEWHERE, HERE "/api/image/b=c", NULL,
	NULL},
    {&here, "b=c", AC_IMAGE_ELSEWHERE, HERE "/api/image/b=c", NULL, NULL},
    {&here, "/api/image/../a.png", AC_IMAGE_ELSEWHERE,
	HERE "/api/image/../a.png", NULL, NULL},
    {&here, "/api/image/x/a.png", AC_IMAGE_ELSEWHERE, HERE "/api/image/x/a.png",
	NULL, NULL},
    {&here, "/outputs/a.png", AC_IMAGE_ELSEWHERE, HERE "/outputs/a.png", NULL,
	NULL},
    {&here, "outputs/a.png", AC_IMAGE_ELSEWHERE, HERE "/outputs/a.png", NULL,
	NULL},
    {&here, HERE "/other/a.png", AC_IMAGE_ELSEWHERE, HERE "/other/a.png", NULL,
	NULL},
    /* Other places. */
    {&here, "https://cdn.example/api/image/a.png?sig=1", AC_IMAGE_ELSEWHERE,
	"https://cdn.example/api/image/a.png?sig=1", NULL, NULL},
    {&here, "http://chat.example/api/image/a.png", AC_IMAGE_ELSEWHERE,
	"http://chat.example/api/image/a.png", NULL, NULL},
    {&here, "https://chat.example.org/api/image/a.png", AC_IMAGE_ELSEWHERE,
	"https://chat.example.org/api/image/a.png", NULL, NULL},
    {&here, "https://chat.example:8443/api/image/a.png", AC_IMAGE_ELSEWHERE,
	"https://chat.example:8443/api/image/a.png", NULL, NULL},
    {&here, "https://chat.example", AC_IMAGE_ELSEWHERE, HERE, NULL, NULL},
    /* A site in a folder, whose app may know of it or not. */
    {&in_a_folder, "/api/image/a.png", AC_IMAGE_FILE,
	IN "/chat/api/image/a.png", "a.png", NULL},
    {&in_a_folder, "/chat/api/image/a.png", AC_IMAGE_FILE,
	IN "/chat/api/image/a.png", "a.png", NULL},
    {&in_a_folder, IN "/chat/api/image/a.png", AC_IMAGE_FILE,
	IN "/chat/api/image/a.png", "a.png", NULL},
    {&in_a_folder, IN "/api/image/a.png", AC_IMAGE_ELSEWHERE,
	IN "/api/image/a.png", NULL, NULL},
    /* In itself. */
    {&here, "data:image/png;base64,iVBORw0KGgo=", AC_IMAGE_DATA,
	"data:image/png;base64,iVBORw0KGgo=", NULL, NULL},
};

static void
expect_same(const char *value, const char *wanted)
{
	if (wanted == NULL)
		assert_null(value);
	else
		assert_string_equal(value, wanted);
}

static void
a_result_is_read_as_what_it_is(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(readings); i++) {
		const struct reading *wanted = &readings[i];
		struct ac_site site = site_at(wanted->site);
		struct ac_image_ref ref;

		if (!ac_image_ref_parse(&ref, &site, wanted->result))
			fail_msg("'%s' is refused", wanted->result);
		if (ref.kind != wanted->kind)
			fail_msg("'%s' is of kind %d", wanted->result,
			    (int)ref.kind);
		expect_same(ref.url, wanted->url);
		expect_same(ref.name, wanted->name);
		expect_same(ref.query, wanted->query);
		ac_image_ref_clear(&ref);
	}
}

static const char *const no_addresses[] = {
    "",
    "//cdn.example/a.png",
    "ftp://a/b.png",
    "javascript:alert(1)",
    "s3://bucket/a.png",
    "https:///a.png",
    "http://?a.png",
    "/api/image/a.png#x",
    "/api/image/a b.png",
    "/api/image/a.png?\"",
    "/api/image/a.png?<",
    "/api/image/a.png\r\nX: y",
    "https://a/caf\xc3\xa9.png",
    "data:text/html;base64,PGI+",
    "data:image/svg+xml;base64,PHN2Zz4=",
    "data:image/png;base64,iVBO Rw0KGgo=",
    "data:image/png;base64,\")",
};

static void
what_is_no_address_is_refused(void **state)
{
	struct ac_site site = site_at(&here);
	char *longest = ac_malloc(AC_IMAGE_URL_MAX + 2);
	struct ac_image_ref ref;

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(no_addresses); i++) {
		if (ac_image_ref_parse(&ref, &site, no_addresses[i]))
			fail_msg("'%s' is taken", no_addresses[i]);
		assert_null(ref.url);
	}
	memset(longest, 'a', AC_IMAGE_URL_MAX + 1);
	longest[AC_IMAGE_URL_MAX + 1] = '\0';
	memcpy(longest, "https://", 8);
	assert_false(ac_image_ref_parse(&ref, &site, longest));
	longest[AC_IMAGE_URL_MAX] = '\0';
	assert_true(ac_image_ref_parse(&ref, &site, longest));
	ac_image_ref_clear(&ref);
	free(longest);
}

static void
an_address_can_change_hands(void **state)
{
	struct ac_site site = site_at(&here);
	struct ac_image_ref ref, other;

	AC_UNUSED(state);
	assert_true(ac_image_ref_parse(&ref, &site, "/api/image/a.png?x"));
	ac_image_ref_move(&other, &ref);
	assert_null(ref.url);
	assert_null(ref.name);
	assert_null(ref.query);
	assert_string_equal(other.name, "a.png");
	ac_image_ref_clear(&ref);
	ac_image_ref_clear(&other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_but_a_name_is_a_name),
	    cmocka_unit_test(a_result_is_read_as_what_it_is),
	    cmocka_unit_test(what_is_no_address_is_refused),
	    cmocka_unit_test(an_address_can_change_hands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

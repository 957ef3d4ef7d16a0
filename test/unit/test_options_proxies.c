/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The proxies' variables, which belong to many programs: read in capitals
 * and small letters, taken as they are, their passwords never shown. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "support/files.h"
#include "support/scene.h"
#include "support/unit.h"

static const char *const names[] = {
    "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"};
static const char *const lower_names[] = {
    "https_proxy", "http_proxy", "all_proxy", "no_proxy"};

static const char *
value_of(const struct scene *scene, size_t i)
{
	const char *const values[] = {scene->options->https_proxy,
	    scene->options->http_proxy, scene->options->all_proxy,
	    scene->options->no_proxy};

	return values[i];
}

static void
proxies_are_none_by_default(void **state)
{
	struct scene *scene = *state;

	assert_true(scene_load_environment(scene));
	for (size_t i = 0; i < AC_LENGTH(names); i++)
		assert_null(value_of(scene, i));
}

static void
both_spellings_are_read(void **state)
{
	struct scene *scene = *state;

	for (size_t i = 0; i < AC_LENGTH(names); i++) {
		setenv(lower_names[i], "small", 1);
		assert_true(scene_load_environment(scene));
		assert_string_equal(value_of(scene, i), "small");
		setenv(names[i], "LARGE", 1);
		assert_true(scene_load_environment(scene));
		assert_string_equal(value_of(scene, i), "LARGE");
	}
}

static void
an_empty_one_in_capitals_does_not_count(void **state)
{
	struct scene *scene = *state;

	for (size_t i = 0; i < AC_LENGTH(names); i++) {
		setenv(names[i], "", 1);
		setenv(lower_names[i], "small", 1);
	}
	assert_true(scene_load_environment(scene));
	for (size_t i = 0; i < AC_LENGTH(names); i++)
		assert_string_equal(value_of(scene, i), "small");
}

static void
other_options_have_no_second_spelling(void **state)
{
	struct scene *scene = *state;

	setenv("bearer_token", "small", 1);
	assert_true(scene_load_environment(scene));
	unsetenv("bearer_token");
	assert_null(scene->options->bearer_token);
	assert_false(
	    scene_set(scene, AC_SOURCE_FILE, "https_proxy", "http://a"));
}

/* See golang.org/s/cgihttpproxy. */
static void
a_cgi_client_does_not_choose_the_proxy(void **state)
{
	struct scene *scene = *state;
	char path[FILES_PATH_SIZE];

	files_make(path, "evil\n", 5);
	setenv("REQUEST_METHOD", "GET", 1);
	setenv("HTTP_PROXY", "evil", 1);
	setenv("http_proxy", "evil", 1);
	setenv("HTTP_PROXY_FILE", path, 1);
	setenv("HTTPS_PROXY", "good", 1);
	assert_true(scene_load_environment(scene));
	unlink(path);
	assert_null(scene->options->http_proxy);
	assert_string_equal(scene->options->https_proxy, "good");
	assert_true(scene_set(scene, AC_SOURCE_FLAG, "HTTP_PROXY", "good"));
	assert_string_equal(scene->options->http_proxy, "good");
}

static void
an_empty_request_method_is_no_cgi(void **state)
{
	struct scene *scene = *state;

	setenv("REQUEST_METHOD", "", 1);
	setenv("HTTP_PROXY", "good", 1);
	assert_true(scene_load_environment(scene));
	assert_string_equal(scene->options->http_proxy, "good");
}

static void
any_value_is_taken(void **state)
{
	static const char *const values[] = {
	    "gopher://x", "a\nb", "\xff", "http://u:p@[", " "};
	struct scene *scene = *state;

	for (size_t i = 0; i < AC_LENGTH(names); i++) {
		for (size_t v = 0; v < AC_LENGTH(values); v++) {
			setenv(names[i], values[v], 1);
			assert_true(scene_load_environment(scene));
			assert_string_equal(value_of(scene, i), values[v]);
		}
	}
}

static void
a_password_does_not_show(void **state)
{
	struct scene *scene = *state;
	char *text;

	for (size_t i = 0; i < 3; i++)
		assert_true(scene_set(scene, AC_SOURCE_FLAG, names[i],
		    "http://joe:sesame@proxy"));
	text = ac_config_describe(scene->config);
	assert_non_null(strstr(text, "HTTPS_PROXY=(hidden)\n"));
	assert_null(strstr(text, "joe"));
	assert_null(strstr(text, "sesame"));
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SCENE(proxies_are_none_by_default),
	    SCENE(both_spellings_are_read),
	    SCENE(an_empty_one_in_capitals_does_not_count),
	    SCENE(other_options_have_no_second_spelling),
	    SCENE(a_cgi_client_does_not_choose_the_proxy),
	    SCENE(an_empty_request_method_is_no_cgi),
	    SCENE(any_value_is_taken),
	    SCENE(a_password_does_not_show),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

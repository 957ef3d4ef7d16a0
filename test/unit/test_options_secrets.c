/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Secrets: in files of their own, and never lost or emptied by a slip, since
 * an empty token opens the server. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "support/files.h"
#include "support/scene.h"
#include "support/unit.h"

/* Reads a secret out of a file of these bytes. */
static bool
load_secret(struct scene *scene, const char *data, size_t len)
{
	char path[FILES_PATH_SIZE];
	bool ok;

	files_make(path, data, len);
	ok = scene_set(scene, AC_SOURCE_FLAG, "BEARER_TOKEN_FILE", path);
	unlink(path);
	return ok;
}

static void
a_secret_is_the_first_line_of_its_file(void **state)
{
	static const char *const texts[] = {
	    "sk-1", "sk-1\n", "sk-1\r\n", "sk-1\nsecond\n", "sk-1\n\x01\n"};
	struct scene *scene = *state;

	for (size_t i = 0; i < AC_LENGTH(texts); i++) {
		assert_true(load_secret(scene, texts[i], strlen(texts[i])));
		assert_string_equal(scene->options->bearer_token, "sk-1");
	}
}

static void
a_secret_s_file_is_named_by_every_source(void **state)
{
	struct scene *scene = *state;
	char path[FILES_PATH_SIZE];
	char *line;

	files_make(path, "one\n", 4);
	line = ac_asprintf("BEARER_TOKEN_FILE=%s\n", path);
	assert_true(scene_load_text(scene, line));
	assert_string_equal(scene->options->bearer_token, "one");
	unlink(path);
	free(line);
	files_make(path, "two\n", 4);
	setenv("BEARER_TOKEN_FILE", path, 1);
	assert_true(scene_load_environment(scene));
	assert_string_equal(scene->options->bearer_token, "two");
	unlink(path);
	assert_true(load_secret(scene, "three\n", 6));
	assert_string_equal(scene->options->bearer_token, "three");
	assert_true(
	    scene_set(scene, AC_SOURCE_ENVIRONMENT, "BEARER_TOKEN", "four"));
	assert_string_equal(scene->options->bearer_token, "three");
}

static void
an_empty_file_name_says_nothing(void **state)
{
	struct scene *scene = *state;

	assert_true(scene_set(scene, AC_SOURCE_FILE, "BEARER_TOKEN", "sk-1"));
	setenv("BEARER_TOKEN_FILE", "", 1);
	assert_true(scene_load_environment(scene));
	assert_string_equal(scene->options->bearer_token, "sk-1");
}

static void
a_secret_s_file_that_cannot_be_used_is_refused(void **state)
{
	struct scene *scene = *state;

	assert_false(scene_set(
	    scene, AC_SOURCE_FLAG, "BEARER_TOKEN_FILE", "/nonexistent"));
	assert_string_equal(scene->error,
	    "BEARER_TOKEN_FILE=/nonexistent: No such file or directory");
	assert_false(load_secret(scene, "", 0));
	assert_non_null(strstr(scene->error, ": its first line is empty"));
	assert_false(load_secret(scene, "sk-12345\x01\n", 10));
	assert_null(strstr(scene->error, "sk-12345"));
	assert_false(
	    scene_set(scene, AC_SOURCE_FLAG, "SYSTEM_PROMPT_FILE", "/"));
}

/* An empty token means that no key is wanted: whoever names a file wants
 * one. */
static void
a_secret_s_file_with_an_empty_first_line_is_refused(void **state)
{
	struct scene *scene = *state;

	assert_false(load_secret(scene, "\nsk-12345\n", 10));
	assert_false(load_secret(scene, "\r\n", 2));
	assert_false(load_secret(scene, "\0sk-12345\n", 10));
}

static void
a_long_secret_is_not_cut(void **state)
{
	enum { LEN = 6000 };
	struct scene *scene = *state;
	char *secret = ac_malloc(LEN + 1);
	size_t len = LEN;

	memset(secret, 's', LEN);
	secret[LEN] = '\0';
	/* Refusing it would do as well. */
	if (load_secret(scene, secret, LEN))
		len = strlen(scene->options->bearer_token);
	free(secret);
	assert_int_equal(len, LEN);
}

static void
an_empty_secret_in_a_file_or_variable_says_nothing(void **state)
{
	struct scene *scene = *state;

	assert_true(
	    scene_load_text(scene, "BEARER_TOKEN=sk-1\nBEARER_TOKEN=\n"));
	setenv("BEARER_TOKEN", "", 1);
	assert_true(scene_load_environment(scene));
	assert_string_equal(scene->options->bearer_token, "sk-1");
	assert_true(scene_set(scene, AC_SOURCE_FLAG, "BEARER_TOKEN", ""));
	assert_null(scene->options->bearer_token);
}

static void
a_bad_secret_in_the_environment_is_refused(void **state)
{
	struct scene *scene = *state;

	setenv("BEARER_TOKEN", "sk-12345\n", 1);
	assert_false(scene_load_environment(scene));
	assert_memory_equal(scene->error, "BEARER_TOKEN=(hidden)", 21);
	unsetenv("BEARER_TOKEN");
	setenv("BEARER_TOKEN_FILE", "/nonexistent", 1);
	assert_false(scene_load_environment(scene));
	assert_memory_equal(scene->error, "BEARER_TOKEN_FILE=/", 19);
}

static void
a_password_in_an_address_is_not_shown(void **state)
{
	static const char *const names[] = {"AKASH_BASE_URL", "PUBLIC_URL"};
	struct scene *scene = *state;

	for (size_t i = 0; i < AC_LENGTH(names); i++) {
		assert_false(scene_set(scene, AC_SOURCE_FLAG, names[i],
		    "https://joe:sesame@a.example"));
		assert_non_null(strstr(scene->error, "=(hidden): "));
		assert_null(strstr(scene->error, "sesame"));
	}
}

static void
files_are_closed_again(void **state)
{
	struct scene *scene = *state;
	int before = dup(STDERR_FILENO);
	int after;

	close(before);
	assert_true(scene_load_text(scene, "DEMO=on\n"));
	assert_false(scene_load_text(scene, "DEMO\n"));
	assert_true(load_secret(scene, "a\n", 2));
	assert_false(load_secret(scene, "", 0));
	after = dup(STDERR_FILENO);
	close(after);
	assert_int_equal(before, after);
}

/* Both are often set, one of them empty, where a template fills them. */
static void
an_empty_token_does_not_undo_the_token_of_the_file(void **state)
{
	struct scene *scene = *state;
	char path[FILES_PATH_SIZE];

	files_make(path, "sk-1\n", 5);
	setenv("BEARER_TOKEN_FILE", path, 1);
	setenv("BEARER_TOKEN", "", 1);
	assert_true(scene_load_environment(scene));
	unlink(path);
	assert_non_null(scene->options->bearer_token);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SCENE(a_secret_is_the_first_line_of_its_file),
	    SCENE(a_secret_s_file_is_named_by_every_source),
	    SCENE(an_empty_file_name_says_nothing),
	    SCENE(a_secret_s_file_that_cannot_be_used_is_refused),
	    SCENE(a_secret_s_file_with_an_empty_first_line_is_refused),
	    SCENE(a_long_secret_is_not_cut),
	    SCENE(an_empty_secret_in_a_file_or_variable_says_nothing),
	    SCENE(a_bad_secret_in_the_environment_is_refused),
	    SCENE(a_password_in_an_address_is_not_shown),
	    SCENE(files_are_closed_again),
	    SCENE(an_empty_token_does_not_undo_the_token_of_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Where options come from: which source beats which, the environment, and
 * files of NAME=value lines. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/option_table.h"
#include "base/options.h"
#include "support/files.h"
#include "support/scene.h"
#include "support/unit.h"

/* The weakest first. */
static const enum ac_option_source by_strength[] = {
    AC_SOURCE_DEFAULT, AC_SOURCE_FILE, AC_SOURCE_ENVIRONMENT, AC_SOURCE_FLAG};

static void
set_by_order(struct scene *scene, const char *name, const char *const values[4],
    const size_t order[4])
{
	for (size_t i = 0; i < 4; i++)
		assert_true(scene_set(
		    scene, by_strength[order[i]], name, values[order[i]]));
}

static void
the_strongest_source_wins_in_any_order(void **state)
{
	static const size_t orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0},
	    {1, 3, 2, 0}, {2, 0, 3, 1}, {3, 0, 1, 2}, {1, 0, 3, 2}};
	static const char *const numbers[] = {"1", "2", "3", "4"};
	static const char *const texts[] = {"a", "b", "c", "d"};
	static const char *const urls[] = {
	    "http://a", "http://b", "http://c", "http://d"};
	static const char *const addresses[] = {"a:1", "b:2", "c:3", "d:4"};
	static const char *const switches[] = {"on", "off", "off", "on"};
	struct scene *scene = *state;

	for (size_t i = 0; i < AC_LENGTH(orders); i++) {
		ac_config_free(scene->config);
		scene->config = ac_config_new();
		scene->options = ac_config_options(scene->config);
		set_by_order(scene, "MODELS_TTL", numbers, orders[i]);
		set_by_order(scene, "DEFAULT_TOP_P",
		    (const char *const[]){"0.1", "0.2", "", "0.5"}, orders[i]);
		set_by_order(scene, "SYSTEM_PROMPT", texts, orders[i]);
		set_by_order(scene, "BEARER_TOKEN", texts, orders[i]);
		set_by_order(scene, "AKASH_BASE_URL", urls, orders[i]);
		set_by_order(scene, "SERVER_ADDRESS", addresses, orders[i]);
		set_by_order(scene, "DEMO", switches, orders[i]);
		assert_int_equal(scene->options->models_ttl_s, 4);
		assert_true(scene->options->default_top_p.set);
		assert_string_equal(scene->options->system_prompt, "d");
		assert_string_equal(scene->options->bearer_token, "d");
		assert_string_equal(scene->options->akash_base_url.host, "d");
		assert_int_equal(
		    scene->options->server_addresses.items[0].port, 4);
		assert_true(scene->options->demo);
	}
}

static void
each_source_beats_the_one_below(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(scene->options->models_ttl_s, 600);
	assert_true(scene_set(scene, AC_SOURCE_FILE, "MODELS_TTL", "1"));
	assert_int_equal(scene->options->models_ttl_s, 1);
	assert_true(scene_set(scene, AC_SOURCE_ENVIRONMENT, "MODELS_TTL", "2"));
	assert_int_equal(scene->options->models_ttl_s, 2);
	assert_true(scene_set(scene, AC_SOURCE_FILE, "MODELS_TTL", "3"));
	assert_int_equal(scene->options->models_ttl_s, 2);
	assert_true(scene_set(scene, AC_SOURCE_FLAG, "MODELS_TTL", "4"));
	assert_int_equal(scene->options->models_ttl_s, 4);
	assert_true(scene_set(scene, AC_SOURCE_ENVIRONMENT, "MODELS_TTL", "5"));
	assert_int_equal(scene->options->models_ttl_s, 4);
}

static void
of_one_source_the_later_value_wins(void **state)
{
	struct scene *scene = *state;

	for (size_t i = 0; i < 2; i++) {
		assert_true(
		    scene_set(scene, AC_SOURCE_FLAG, "MODELS_TTL", "1"));
		assert_true(
		    scene_set(scene, AC_SOURCE_FLAG, "MODELS_TTL", "2"));
		assert_int_equal(scene->options->models_ttl_s, 2);
	}
}

static void
a_weaker_value_does_not_show_in_the_description(void **state)
{
	struct scene *scene = *state;
	char *text;

	assert_true(scene_set(scene, AC_SOURCE_FLAG, "MODELS_TTL", "11"));
	assert_true(scene_set(scene, AC_SOURCE_FILE, "MODELS_TTL", "22"));
	text = ac_config_describe(scene->config);
	assert_non_null(strstr(text, "\nMODELS_TTL=11\n"));
	free(text);
}

static void
the_environment_is_read(void **state)
{
	struct scene *scene = *state;

	setenv("SERVER_ADDRESS", ":1", 1);
	setenv("SYSTEM_PROMPT", "two\nlines", 1);
	setenv("DEMO", "yes", 1);
	setenv("HOME_OF_NOTHING", "x", 1);
	assert_true(scene_load_environment(scene));
	assert_int_equal(scene->options->server_addresses.items[0].port, 1);
	assert_string_equal(scene->options->system_prompt, "two\nlines");
	assert_true(scene->options->demo);
	assert_int_equal(scene->options->models_ttl_s, 600);
}

static void
every_option_is_read_from_the_environment(void **state)
{
	struct scene *scene = *state;

	for (size_t i = 0; i < AC_OPTIONS; i++) {
		const struct ac_option *option = ac_option_at(i);

		if (option->type == AC_TYPE_TEXT ||
		    option->type == AC_TYPE_SECRET ||
		    option->type == AC_TYPE_PATH)
			continue;
		setenv(option->name, "/", 1);
		assert_false(scene_load_environment(scene));
		assert_memory_equal(
		    scene->error, option->name, strlen(option->name));
		unsetenv(option->name);
	}
	setenv("DEFAULT_MODEL", "m", 1);
	setenv("UPSTREAM_USER_AGENT", "u", 1);
	setenv("BEARER_TOKEN", "t", 1);
	setenv("SSL_CERT_FILE", "f", 1);
	setenv("SSL_CERT_DIR", "d", 1);
	assert_true(scene_load_environment(scene));
	assert_string_equal(scene->options->default_model, "m");
	assert_string_equal(scene->options->upstream_user_agent, "u");
	assert_string_equal(scene->options->bearer_token, "t");
	assert_string_equal(scene->options->ssl_cert_file, "f");
	assert_string_equal(scene->options->ssl_cert_dir, "d");
}

/* Does an empty text say something for this option? */
static bool
has_empty_meaning(const struct ac_option *option)
{
	return option->type == AC_TYPE_TEXT || option->type == AC_TYPE_SECRET ||
	       option->type == AC_TYPE_PATH || option->type == AC_TYPE_REAL ||
	       option->type == AC_TYPE_ALIASES ||
	       strcmp(option->name, "METRICS_ADDRESS") == 0;
}

static void
an_empty_variable_is_unset_where_empty_means_nothing(void **state)
{
	struct scene *scene = *state;
	char *before, *after;

	before = ac_config_describe(scene->config);
	for (size_t i = 0; i < AC_OPTIONS; i++) {
		if (!has_empty_meaning(ac_option_at(i)))
			setenv(ac_option_at(i)->name, "", 1);
	}
	assert_true(scene_load_environment(scene));
	after = ac_config_describe(scene->config);
	assert_string_equal(before, after);
	free(before);
	free(after);
	/* It does not count as set either: a file's value stays. */
	assert_true(scene_set(scene, AC_SOURCE_FILE, "MODELS_TTL", "9"));
	assert_int_equal(scene->options->models_ttl_s, 9);
}

static void
an_empty_variable_counts_where_empty_means_something(void **state)
{
	struct scene *scene = *state;

	assert_true(scene_set(scene, AC_SOURCE_FILE, "DEFAULT_MODEL", "m"));
	setenv("DEFAULT_TEMPERATURE", "", 1);
	setenv("UPSTREAM_USER_AGENT", "", 1);
	setenv("DEFAULT_MODEL", "", 1);
	assert_true(scene_load_environment(scene));
	assert_false(scene->options->default_temperature.set);
	assert_null(scene->options->upstream_user_agent);
	assert_null(scene->options->default_model);
}

static void
an_empty_flag_is_refused_where_empty_means_nothing(void **state)
{
	struct scene *scene = *state;

	for (size_t i = 0; i < AC_OPTIONS; i++) {
		const struct ac_option *option = ac_option_at(i);

		assert_int_equal(
		    scene_set(scene, AC_SOURCE_FLAG, option->name, ""),
		    has_empty_meaning(option));
	}
}

static void
a_file_holds_names_and_values(void **state)
{
	struct scene *scene = *state;

	assert_true(scene_load_text(scene, "# a comment\n"
					   "\n"
					   "  \t\n"
					   "   # another\n"
					   "#MODELS_TTL=1\n"
					   "SERVER_ADDRESS=:1\r\n"
					   "  SYSTEM_PROMPT= a = b # c \n"
					   "DEFAULT_TOP_P=\n"
					   "DEMO_DELAY=\n"
					   "BEARER_TOKEN=a\"b'\n"
					   "DEFAULT_MODEL=last"));
	assert_int_equal(scene->options->server_addresses.items[0].port, 1);
	assert_string_equal(scene->options->system_prompt, " a = b # c ");
	assert_false(scene->options->default_top_p.set);
	assert_int_equal(scene->options->demo_delay_ms, 20);
	assert_string_equal(scene->options->bearer_token, "a\"b'");
	assert_string_equal(scene->options->default_model, "last");
	assert_int_equal(scene->options->models_ttl_s, 600);
}

static void
a_byte_order_mark_in_front_of_a_file_is_skipped(void **state)
{
	struct scene *scene = *state;

	assert_true(scene_load_text(scene, "\xef\xbb\xbf"
					   "DEMO=on\n"));
	assert_true(scene->options->demo);
	assert_true(scene_load_text(scene, "\xef\xbb\xbf# x\nDEMO=off\n"));
	assert_false(scene->options->demo);
	assert_false(scene_load_text(scene, "\n\xef\xbb\xbf"
					    "DEMO=on\n"));
	assert_false(scene_load_text(scene, "\xef\xbb"));
	assert_true(scene_load_text(scene, "\xef\xbb\xbf"));
}

static void
an_empty_file_is_fine(void **state)
{
	struct scene *scene = *state;

	assert_true(scene_load_text(scene, ""));
	assert_true(scene_load_text(scene, "\n"));
}

static void
a_long_line_is_read_whole(void **state)
{
	enum { LEN = 100000 };
	struct scene *scene = *state;
	char *value = ac_malloc(LEN + 1);
	char *text;

	memset(value, 'x', LEN);
	value[LEN] = '\0';
	text = ac_asprintf("SYSTEM_PROMPT=%s\n", value);
	assert_true(scene_load_text(scene, text));
	assert_string_equal(scene->options->system_prompt, value);
	free(value);
	free(text);
}

struct bad_file {
	const char *text;
	const char *message; /* behind the file's name */
};

static const struct bad_file bad_files[] = {
    {"\n# x\nNO_SUCH=1\n", ":3: NO_SUCH: there is no such option"},
    {"export DEMO=on\n", ":1: export DEMO: there is no such option"},
    {"DEMO =on\n", ":1: DEMO : there is no such option"},
    {"demo=on\n", ":1: demo: there is no such option"},
    {"=x\n", ":1: : there is no such option"},
    {"DEMO=on\nBEARER_TOKEN sk-12345\n", ":2: a line is NAME=value"},
    {"DEMO\n", ":1: a line is NAME=value"},
    {"DEMO=\"on\"\n",
	":1: DEMO: leave the quotes out, the value ends with the line"},
    {"BEARER_TOKEN='sk-12345'\n",
	":1: BEARER_TOKEN: leave the quotes out, the value ends with the "
	"line"},
    {"SYSTEM_PROMPT=\"\n",
	":1: SYSTEM_PROMPT: leave the quotes out, the value ends with the "
	"line"},
    {"DEMO=on # yes\n",
	":1: DEMO=on # yes: it is neither on nor off; allowed: `on` or "
	"`off`"},
    {"\n\nMODELS_TTL=0",
	":3: MODELS_TTL=0: it is out of range; allowed: 1 to 86400 seconds"},
    {"BEARER_TOKEN=sk-12345\x01\n",
	":1: BEARER_TOKEN=(hidden): it holds a control character; allowed: "
	"any text without control characters"},
};

static void
a_bad_line_is_refused_with_its_place(void **state)
{
	struct scene *scene = *state;

	for (size_t i = 0; i < AC_LENGTH(bad_files); i++) {
		const struct bad_file *bad = &bad_files[i];
		char path[FILES_PATH_SIZE];

		if (scene_load_bytes(scene, path, bad->text, strlen(bad->text)))
			fail_msg("accepted: %s", bad->text);
		assert_memory_equal(scene->error, path, strlen(path));
		assert_string_equal(scene->error + strlen(path), bad->message);
	}
}

static void
a_file_that_cannot_be_read_is_refused(void **state)
{
	struct scene *scene = *state;

	assert_false(ac_config_load_file(
	    scene->config, "/nonexistent/file", scene->error));
	assert_string_equal(
	    scene->error, "/nonexistent/file: No such file or directory");
	assert_false(ac_config_load_file(scene->config, "/", scene->error));
	assert_non_null(strstr(scene->error, "Is a directory"));
}

static void
a_file_s_values_are_weaker_than_the_environment_s(void **state)
{
	struct scene *scene = *state;

	setenv("MODELS_TTL", "2", 1);
	assert_true(scene_load_environment(scene));
	assert_true(scene_load_text(scene, "MODELS_TTL=1\nDEMO_DELAY=1\n"));
	assert_int_equal(scene->options->models_ttl_s, 2);
	assert_int_equal(scene->options->demo_delay_ms, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SCENE(the_strongest_source_wins_in_any_order),
	    SCENE(each_source_beats_the_one_below),
	    SCENE(of_one_source_the_later_value_wins),
	    SCENE(a_weaker_value_does_not_show_in_the_description),
	    SCENE(the_environment_is_read),
	    SCENE(every_option_is_read_from_the_environment),
	    SCENE(an_empty_variable_is_unset_where_empty_means_nothing),
	    SCENE(an_empty_variable_counts_where_empty_means_something),
	    SCENE(an_empty_flag_is_refused_where_empty_means_nothing),
	    SCENE(a_file_holds_names_and_values),
	    SCENE(a_byte_order_mark_in_front_of_a_file_is_skipped),
	    SCENE(an_empty_file_is_fine),
	    SCENE(a_long_line_is_read_whole),
	    SCENE(a_bad_line_is_refused_with_its_place),
	    SCENE(a_file_that_cannot_be_read_is_refused),
	    SCENE(a_file_s_values_are_weaker_than_the_environment_s),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

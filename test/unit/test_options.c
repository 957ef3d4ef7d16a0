/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the option table gives beside values: flags, help, description,
 * documentation and messages. */
#include "base/options.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/option_table.h"
#include "support/unit.h"

static void
names_are_found_with_and_without_file(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_OPTIONS; i++)
		assert_true(ac_config_knows(ac_option_at(i)->name));
	assert_true(ac_config_knows("BEARER_TOKEN_FILE"));
	assert_true(ac_config_knows("UPSTREAM_COOKIES_FILE"));
	assert_true(ac_config_knows("AKASH_ACCESS_TOKEN_FILE"));
	assert_false(ac_config_knows("SERVER_ADDRESS_FILE"));
	assert_false(ac_config_knows("BEARER_TOKEN_FIL"));
	assert_false(ac_config_knows("BEARER_TOKEN_FILE_FILE"));
	assert_false(ac_config_knows("BEARER_TOKE"));
	assert_false(ac_config_knows("bearer_token"));
	assert_false(ac_config_knows("SERVER_ADDRESS "));
	assert_false(ac_config_knows(""));
}

static void
names_differ_and_fit_an_environment(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_OPTIONS; i++) {
		const char *name = ac_option_at(i)->name;

		assert_int_equal(
		    strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"), strlen(name));
		assert_ptr_equal(ac_option_find(name), ac_option_at(i));
	}
}

/* --a-b for A_B. */
static char *
flag_of(const char *name)
{
	char *flag = ac_asprintf("--%s", name);

	for (char *c = flag; *c != '\0'; c++)
		*c = *c == '_' ? '-' : (char)tolower((unsigned char)*c);
	return flag;
}

static void
each_option_has_its_flag(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_OPTIONS; i++) {
		const struct ac_option *option = ac_option_at(i);
		char *flag = flag_of(option->name);
		bool is_switch = option->type != AC_TYPE_SWITCH;
		char scratch[64];
		const char *name =
		    ac_config_flag_name(flag, &is_switch, scratch);

		assert_non_null(name);
		assert_string_equal(name, option->name);
		assert_int_equal(is_switch, option->type == AC_TYPE_SWITCH);
		free(flag);
	}
}

static void
a_secret_s_file_has_a_flag(void **state)
{
	bool is_switch = true;
	char scratch[64];
	const char *name =
	    ac_config_flag_name("--bearer-token-file", &is_switch, scratch);

	AC_UNUSED(state);
	assert_non_null(name);
	assert_string_equal(name, "BEARER_TOKEN_FILE");
	assert_false(is_switch);
}

static void
other_words_are_no_flags(void **state)
{
	static const char *const words[] = {"", "-", "--", "--server",
	    "--server_address", "--SERVER-ADDRESS", "-server-address",
	    "server-address", "--server-address=", "--server-address-file",
	    "--demo-", "---demo", "--bearer-token-file-file"};

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(words); i++) {
		bool is_switch;
		char scratch[64];

		assert_null(ac_config_flag_name(words[i], &is_switch, scratch));
	}
}

static void
a_word_of_any_length_is_no_flag(void **state)
{
	char word[200] = "--";
	bool is_switch;
	char scratch[64];

	AC_UNUSED(state);
	memset(word + 2, 'a', sizeof(word) - 3);
	assert_null(ac_config_flag_name(word, &is_switch, scratch));
}

/* Puts one space in the place of each run of white space. */
static void
unwrap(char *text)
{
	char *out = text;

	for (const char *in = text; *in != '\0'; in++) {
		bool blank = *in == ' ' || *in == '\n';

		if (!blank)
			*out++ = *in;
		else if (out == text || out[-1] != ' ')
			*out++ = ' ';
	}
	*out = '\0';
}

static void
help_lists_every_option(void **state)
{
	char *help = ac_config_help();

	AC_UNUSED(state);
	unwrap(help);
	for (size_t i = 0; i < AC_OPTIONS; i++) {
		const struct ac_option *option = ac_option_at(i);
		char *flag = flag_of(option->name);
		char *entry = ac_asprintf(" %s %s %s %s%s%s ", flag,
		    option->placeholder, option->help,
		    option->needs_restart ? "Changes with a restart alone. "
					  : "",
		    *option->default_value == '\0' ? "" : "Default: ",
		    option->default_value);

		unwrap(entry);
		if (strstr(help, entry) == NULL)
			fail_msg("help lacks%s", entry);
		free(flag);
		free(entry);
	}
	free(help);
}

static void
help_fits_a_terminal(void **state)
{
	char *help = ac_config_help();

	AC_UNUSED(state);
	for (const char *line = help; *line != '\0';) {
		size_t len = strcspn(line, "\n");

		/* A default is not broken: it may be copied from here. */
		if (len > 78 && strncmp(line, "      Default:", 14) != 0)
			fail_msg("%zu columns: %.*s", len, (int)len, line);
		if (strspn(line, " ") != 2 && strspn(line, " ") != 6)
			fail_msg("odd indent: %.*s", (int)len, line);
		if (line[len - 1] == ' ')
			fail_msg("space at the end: %.*s", (int)len, line);
		line += len + 1;
	}
	free(help);
}

static void
description_lists_every_option_in_force(void **state)
{
	struct ac_config *config = ac_config_new();
	char error[AC_OPTION_ERROR_SIZE];
	char *text;
	const char *at;

	AC_UNUSED(state);
	assert_true(ac_config_set_from(
	    config, AC_SOURCE_FLAG, "DEMO_DELAY", "007", error));
	text = ac_config_describe(config);
	at = text;
	for (size_t i = 0; i < AC_OPTIONS; i++) {
		const struct ac_option *option = ac_option_at(i);
		bool changed = strcmp(option->name, "DEMO_DELAY") == 0;
		char *line = ac_asprintf("%s=%s\n", option->name,
		    changed ? "007" : option->default_value);

		assert_memory_equal(at, line, strlen(line));
		at += strlen(line);
		free(line);
	}
	assert_string_equal(at, "");
	free(text);
	ac_config_free(config);
}

static void
description_hides_a_secret(void **state)
{
	struct ac_config *config = ac_config_new();
	char error[AC_OPTION_ERROR_SIZE];
	char *text;

	AC_UNUSED(state);
	assert_true(ac_config_set_from(
	    config, AC_SOURCE_FLAG, "BEARER_TOKEN", "sk-12345", error));
	text = ac_config_describe(config);
	assert_null(strstr(text, "sk-12345"));
	assert_non_null(strstr(text, "\nBEARER_TOKEN=(hidden)\n"));
	free(text);
	ac_config_free(config);
}

static void
a_message_hides_a_secret(void **state)
{
	static const enum ac_option_source sources[] = {
	    AC_SOURCE_FILE, AC_SOURCE_ENVIRONMENT, AC_SOURCE_FLAG};
	struct ac_config *config = ac_config_new();
	char error[AC_OPTION_ERROR_SIZE] = "";

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(sources); i++) {
		assert_false(ac_config_set_from(
		    config, sources[i], "BEARER_TOKEN", "sk-1\n2", error));
		assert_string_equal(error,
		    "BEARER_TOKEN=(hidden): it holds a control character; "
		    "allowed: any text without control characters");
	}
	ac_config_free(config);
}

static void
a_message_names_option_value_fault_and_what_is_allowed(void **state)
{
	static const char *const cases[][3] = {
	    {"MODELS_TTL", "1h",
		"MODELS_TTL=1h: it is not a whole number; "
		"allowed: 1 to 86400 seconds"},
	    {"MODELS_TTL", "0",
		"MODELS_TTL=0: it is out of range; "
		"allowed: 1 to 86400 seconds"},
	    {"DEFAULT_TOP_P", "x",
		"DEFAULT_TOP_P=x: it is not a number; "
		"allowed: 0 to 1, or empty"},
	    {"DEFAULT_TOP_P", "3",
		"DEFAULT_TOP_P=3: it is out of range; "
		"allowed: 0 to 1, or empty"},
	    {"DEMO", "maybe",
		"DEMO=maybe: it is neither on nor off; "
		"allowed: `on` or `off`"},
	    {"LOG_LEVEL", "loud",
		"LOG_LEVEL=loud: it is not one of the choices; "
		"allowed: `error`, `warn`, `info` or `debug`"},
	    {"SERVER_ADDRESS", "80",
		"SERVER_ADDRESS=80: it has no port (host:port, :port or "
		"[::1]:port); allowed: `host:port`, `:port`, `[::1]:port` "
		"and `unix:/path`, separated by commas"},
	    {"AKASH_BASE_URL", "x",
		"AKASH_BASE_URL=x: it must begin with http:// or https://; "
		"allowed: `http://` or `https://`, a host, perhaps a port "
		"and a path"},
	    {"NO_SUCH", "x", "NO_SUCH: there is no such option"},
	};
	struct ac_config *config = ac_config_new();
	char error[AC_OPTION_ERROR_SIZE] = "";

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(cases); i++) {
		assert_false(ac_config_set_from(
		    config, AC_SOURCE_FLAG, cases[i][0], cases[i][1], error));
		assert_string_equal(error, cases[i][2]);
	}
	ac_config_free(config);
}

static void
a_message_shows_the_beginning_of_a_long_value(void **state)
{
	struct ac_config *config = ac_config_new();
	char error[AC_OPTION_ERROR_SIZE] = "";
	char value[2 * AC_OPTION_ERROR_SIZE] = "";
	bool accepted;

	AC_UNUSED(state);
	memset(value, '1', sizeof(value) - 1);
	accepted = ac_config_set_from(
	    config, AC_SOURCE_FLAG, "MODELS_TTL", value, error);
	ac_config_free(config);
	assert_false(accepted);
	assert_non_null(strstr(error, "MODELS_TTL=111111111111"));
	assert_non_null(strstr(error, "1...: it is not a whole number; "));
	assert_non_null(strstr(error, "1 to 86400 seconds"));
}

static void
a_message_is_one_line(void **state)
{
	struct ac_config *config = ac_config_new();
	char error[AC_OPTION_ERROR_SIZE] = "";
	bool accepted = ac_config_set_from(
	    config, AC_SOURCE_FLAG, "MODELS_TTL", "60\n\x1b[2J\x7f", error);

	AC_UNUSED(state);
	ac_config_free(config);
	assert_false(accepted);
	assert_string_equal(error,
	    "MODELS_TTL=60\\x0a\\x1b[2J\\x7f: it is not a whole number; "
	    "allowed: 1 to 86400 seconds");
}

static void
documentation_has_a_row_for_each_option(void **state)
{
	char *text = ac_config_markdown();
	size_t rows = 0;

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_OPTIONS; i++) {
		const struct ac_option *option = ac_option_at(i);
		const char *quote = *option->default_value == '\0' ? "" : "`";
		char *row = ac_asprintf("\n| `%s` | %s%s%s | %s | %s%s |\n",
		    option->name, quote, option->default_value, quote,
		    option->allowed, option->help,
		    option->needs_restart ? " Changes with a restart alone."
					  : "");

		if (strstr(text, row) == NULL)
			fail_msg("the table lacks%s", row);
		free(row);
	}
	for (const char *c = text; *c != '\0'; c++)
		rows += *c == '\n';
	assert_int_equal(rows, AC_OPTIONS + 2);
	free(text);
}

static void
no_configuration_is_no_trouble(void **state)
{
	AC_UNUSED(state);
	ac_config_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_are_found_with_and_without_file),
	    cmocka_unit_test(names_differ_and_fit_an_environment),
	    cmocka_unit_test(each_option_has_its_flag),
	    cmocka_unit_test(a_secret_s_file_has_a_flag),
	    cmocka_unit_test(other_words_are_no_flags),
	    cmocka_unit_test(a_word_of_any_length_is_no_flag),
	    cmocka_unit_test(help_lists_every_option),
	    cmocka_unit_test(help_fits_a_terminal),
	    cmocka_unit_test(description_lists_every_option_in_force),
	    cmocka_unit_test(description_hides_a_secret),
	    cmocka_unit_test(a_message_hides_a_secret),
	    cmocka_unit_test(
		a_message_names_option_value_fault_and_what_is_allowed),
	    cmocka_unit_test(a_message_shows_the_beginning_of_a_long_value),
	    cmocka_unit_test(a_message_is_one_line),
	    cmocka_unit_test(documentation_has_a_row_for_each_option),
	    cmocka_unit_test(no_configuration_is_no_trouble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

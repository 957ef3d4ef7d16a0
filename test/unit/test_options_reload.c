/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A configuration that is taken over while the program runs. */
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/option_table.h"
#include "base/options.h"
#include "support/unit.h"

static void
set(struct ac_config *config, const char *name, const char *value)
{
	char error[AC_OPTION_ERROR_SIZE] = "";

	if (!ac_config_set_from(config, AC_SOURCE_FILE, name, value, error))
		fail_msg("%s", error);
}

/* One of each type that may change. */
static const struct {
	const char *name;
	const char *before;
	const char *after;
} changes[] = {
    {"SYSTEM_PROMPT", "be brief", "be kind"},
    {"DEFAULT_MODEL", "", "m"},
    {"BEARER_TOKEN", "sk-1", ""},
    {"API_KEYS_FILE", "/a", "/b"},
    {"MODELS_TTL", "1", "2"},
    {"DEFAULT_TOP_P", "0.5", ""},
    {"LOG_LEVEL", "info", "debug"},
    {"MODEL_ALIASES", "a=b", "c=d,e=f"},
};

static char *
value_of(const struct ac_config *config, const char *name)
{
	char *text = ac_config_describe(config);
	size_t len = strlen(name);
	char *line = text;
	char *value;

	while (strncmp(line, name, len) != 0 || line[len] != '=')
		line += strcspn(line, "\n") + 1;
	value = strndup(line + len + 1, strcspn(line + len + 1, "\n"));
	free(text);
	return value;
}

static void
what_may_change_does(void **state)
{
	struct ac_config *config = ac_config_new();
	struct ac_config *fresh = ac_config_new();
	const struct ac_options *options = ac_config_options(config);

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(changes); i++) {
		set(config, changes[i].name, changes[i].before);
		set(fresh, changes[i].name, changes[i].after);
	}
	assert_int_equal(ac_config_reload(config, fresh), AC_LENGTH(changes));
	ac_config_free(fresh);
	assert_string_equal(options->system_prompt, "be kind");
	assert_string_equal(options->default_model, "m");
	assert_null(options->bearer_token);
	assert_string_equal(options->api_keys_file, "/b");
	assert_int_equal(options->models_ttl_s, 2);
	assert_false(options->default_top_p.set);
	assert_int_equal(options->log_level, AC_LOG_DEBUG);
	assert_string_equal(ac_aliases_find(&options->model_aliases, "e"), "f");
	ac_config_free(config);
}

static void
what_needs_a_restart_stays(void **state)
{
	struct ac_config *config = ac_config_new();
	struct ac_config *fresh = ac_config_new();
	const struct ac_options *options = ac_config_options(config);
	char *value;

	AC_UNUSED(state);
	set(fresh, "SERVER_ADDRESS", ":1");
	set(fresh, "AKASH_BASE_URL", "http://elsewhere");
	set(fresh, "DEMO", "on");
	set(fresh, "HTTPS_PROXY", "http://user:word@proxy");
	assert_int_equal(ac_config_reload(config, fresh), 0);
	ac_config_free(fresh);
	assert_string_equal(
	    options->server_addresses.items[0].host, "localhost");
	assert_string_equal(options->akash_base_url.host, "chat.akash.network");
	assert_false(options->demo);
	assert_null(options->https_proxy);
	value = value_of(config, "SERVER_ADDRESS");
	assert_string_equal(value, "localhost:16571");
	free(value);
	ac_config_free(config);
}

static void
what_is_as_before_is_no_change(void **state)
{
	struct ac_config *config = ac_config_new();
	struct ac_config *fresh = ac_config_new();

	AC_UNUSED(state);
	set(config, "SYSTEM_PROMPT", "same");
	set(fresh, "SYSTEM_PROMPT", "same");
	assert_int_equal(ac_config_reload(config, fresh), 0);
	ac_config_free(fresh);
	assert_string_equal(ac_config_options(config)->system_prompt, "same");
	ac_config_free(config);
}

static void
a_later_reload_finds_the_earlier_one(void **state)
{
	static const char *const values[] = {"1", "2", "2", "600", "7"};
	static const size_t counts[] = {1, 1, 0, 1, 1};
	struct ac_config *config = ac_config_new();

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(values); i++) {
		struct ac_config *fresh = ac_config_new();
		char *value;

		set(fresh, "MODELS_TTL", values[i]);
		assert_int_equal(ac_config_reload(config, fresh), counts[i]);
		ac_config_free(fresh);
		value = value_of(config, "MODELS_TTL");
		assert_string_equal(value, values[i]);
		free(value);
	}
	ac_config_free(config);
}

/* Whatever is copied when a part is made. */
static void
the_table_marks_what_is_read_once(void **state)
{
	static const char *const names[] = {"SERVER_ADDRESS", "METRICS_ADDRESS",
	    "UNIX_SOCKET_MODE", "AKASH_BASE_URL", "CONNECT_TIMEOUT",
	    "FIRST_EVENT_TIMEOUT", "SILENCE_TIMEOUT", "UPSTREAM_RETRIES",
	    "IMAGE_TIMEOUT", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY",
	    "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "DEMO", "DEMO_SESSION_TTL",
	    "DEMO_DELAY"};
	size_t marked = 0;

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(names); i++)
		assert_true(ac_option_find(names[i])->needs_restart);
	for (size_t i = 0; i < AC_OPTIONS; i++)
		marked += ac_option_at(i)->needs_restart ? 1 : 0;
	assert_int_equal(marked, AC_LENGTH(names));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_may_change_does),
	    cmocka_unit_test(what_needs_a_restart_stays),
	    cmocka_unit_test(what_is_as_before_is_no_change),
	    cmocka_unit_test(a_later_reload_finds_the_earlier_one),
	    cmocka_unit_test(the_table_marks_what_is_read_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

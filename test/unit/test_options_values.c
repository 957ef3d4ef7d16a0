/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The values of each option: its default, the ends of its range, what is
 * beyond them. The table here is written from the documentation, not from
 * the program's own table, so that it holds that one to its word.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/option_table.h"
#include "base/options.h"
#include "support/unit.h"

enum { MOST = 14 };

struct values {
	const char *name;
	const char *default_value;
	const char *good[MOST]; /* ends with NULL */
	const char *bad[MOST];  /* ends with NULL */
};

static const struct values table[] = {
    {"SERVER_ADDRESS", "localhost:16571",
	{":80", "127.0.0.1:0", "a:1, unix:/b"},
	{"", "localhost", "::1:80", "a:65536", "a:x", "http://a:80"}},
    {"METRICS_ADDRESS", "", {"", ":80", "127.0.0.1:0", "[::1]:65535"},
	{"localhost", "::1:80", "a:65536", "a:x", "http://a:80", " "}},
    {"UNIX_SOCKET_MODE", "0660", {"0", "777", "0600"},
	{"", "0800", "1777", "00600", "-1", "rw", "0o600", " 600"}},
    {"TLS_CERT", "", {"", "/etc/ssl/a b.pem", "rel.pem"}, {"a\nb", "\xff"}},
    {"TLS_KEY", "", {"", "/etc/ssl/private/key.pem"}, {"a\nb", "\x7f"}},
    {"BEARER_TOKEN", "", {"", "sk-1", "with space", "\xc3\xa9", "\"'"},
	{"a\nb", "\t", "\x01", "a\r", "\xff", " a", "a "}},
    {"API_KEYS_FILE", "", {"", "/etc/a b/keys"}, {"a\nb", "\xff"}},
    {"CORS_ALLOW_ORIGINS", "",
	{"", "*", "https://a.example,http://b:8080", "https://a, *",
	    "app://obsidian.md"},
	{"app://a\nb", "a\nb", "a\r", "\xff", "foo", "https://a/path",
	    "a.example", "https://a, b"}},
    {"AKASH_BASE_URL", "https://chat.akash.network",
	{"http://127.0.0.1:8080", "https://a/prefix/", "http://[::1]:1"},
	{"", "chat.akash.network", "ftp://a", "https://u@a", "https://a?q",
	    "https://a:0"}},
    {"DEFAULT_MODEL", "", {"", "a/b:c", "caf\xc3\xa9"}, {"\xff", "a\nb"}},
    {"UNKNOWN_MODELS", "reject", {"reject", "pass"},
	{"", "Reject", "pass ", "0", "rejec", "rejected"}},
    {"MODEL_ALIASES", "",
	{"", " ", "gpt-4o=DeepSeek-R1", " a = b/c:d , b=c", "caf\xc3\xa9=x"},
	{"a", "a=", "=b", "a=b,", ",a=b", "a=b,,c=d", "a=b,a=c", "a=b=c",
	    "gpt-*=b", "a=\xff", "a=b\n"}},
    {"SYSTEM_PROMPT", "", {"", "Be\nbrief.", "\t\"quoted\""}, {"caf\xc3"}},
    {"DEFAULT_TEMPERATURE", "0.85", {"", "0", "2", "0.0", "2.0", "1e0"},
	{"-0.01", "2.01", "nan", "inf", "1e999", "x", "1x", "1 ", "0,5", " ",
	    "0x1"}},
    {"DEFAULT_TOP_P", "1.0", {"", "0", "1", "0.999"},
	{"-0.01", "1.01", "nan", "1-1", "1e", "0.0.1", "-inf", "one", "1.0f"}},
    {"REASONING", "field", {"field", "tags", "drop"}, {"", "Field", "none"}},
    {"FIRST_COMMENT_DELAY", "10", {"0", "3600"}, {"", "3601", "-1", "x"}},
    {"COMMENT_INTERVAL", "15", {"0", "3600"}, {"", "3601", "-1", "x"}},
    {"UPSTREAM_USER_AGENT",
	"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) "
	"Gecko/20100101 Firefox/140.0",
	{"", "curl/8", "a b"}, {"a\nb", "a\r", "\r\nX: y", "\x80"}},
    {"UPSTREAM_COOKIES", "", {"", "a=b", "a=b; c=d"},
	{"a=b\n", "a=b\r\nX: y", "\x01", "\xff", "foo", "a=b; c"}},
    {"AKASH_ACCESS_TOKEN", "", {"", "token"}, {"a\nb", "\t", "\x80"}},
    {"CONNECT_TIMEOUT", "10", {"1", "3600", "0010"},
	{"", "0", "3601", "-1", "+1", " 1", "1 ", "1.5", "1s", "0x1",
	    "9223372036854775808"}},
    {"FIRST_EVENT_TIMEOUT", "120", {"1", "86400"},
	{"", "0", "86401", "-1", "1m", "99999999999999999999"}},
    {"SILENCE_TIMEOUT", "120", {"1", "86400"}, {"", "0", "86401", "x"}},
    {"REQUEST_TIMEOUT", "0", {"0", "86400"}, {"", "86401", "-1", "x"}},
    {"UPSTREAM_RETRIES", "2", {"0", "10"}, {"", "11", "-1", "x"}},
    {"MODELS_TTL", "600", {"1", "86400"}, {"", "0", "86401", "-5", "x"}},
    {"IMAGE_TIMEOUT", "180", {"1", "86400"}, {"", "0", "86401", "x"}},
    {"IMAGE_URLS", "upstream", {"upstream", "proxy"}, {"", "Proxy", "here"}},
    {"PUBLIC_URL", "",
	{"", "https://chat.example.com", "http://a:8080/p/q/",
	    "http://[::1]:1"},
	{"chat.example.com", "ftp://a", "https://u@a", "https://a?q", "/p",
	    "https://a:0", "https://a/(b)", "https://a/\"", "https://a/ b",
	    "https://a/\n"}},
    {"SSL_CERT_FILE", "", {"", "/etc/ssl/a b.pem"},
	{"a\nb", "\x1f", "\xc0\x80"}},
    {"SSL_CERT_DIR", "", {"", "/etc/ssl/certs"}, {"a\nb", "\t"}},
    {"HTTPS_PROXY", "", {"", "http://u:p@proxy:3128", "\xff\n", "x://"},
	{NULL}},
    {"HTTP_PROXY", "", {"", "proxy"}, {NULL}},
    {"ALL_PROXY", "", {"", "socks5h://proxy"}, {NULL}},
    {"NO_PROXY", "", {"", "*", "a.example, 10.0.0.0/8\n", "\xff"}, {NULL}},
    {"MAX_BODY_SIZE", "20971520", {"1024", "1073741824"},
	{"", "1023", "1073741825", "0", "-1024", "20M", "2e7"}},
    {"MAX_BODY_MEMORY", "268435456", {"1024", "1099511627776"},
	{"", "1023", "1099511627777", "256M"}},
    {"MAX_CONNECTIONS", "0", {"0", "10000000"}, {"", "10000001", "-1"}},
    {"MAX_CONCURRENT_REQUESTS", "0", {"0", "10000000"},
	{"", "10000001", "-1", "many"}},
    {"QUEUE_TIMEOUT", "10", {"0", "3600"}, {"", "3601", "-1", "1s"}},
    {"TRUSTED_PROXIES", "",
	{"", "unix", "10.0.0.0/8, ::1", "fd00::/8,192.0.2.1 unix"},
	{"10.0.0.0/33", "proxy.example", "10.0.0.0/8\n", "[::1]", "Unix",
	    "10.0.0.1:80", "\xff"}},
    {"HEAD_TIMEOUT", "20", {"1", "3600"}, {"", "0", "3601", "x"}},
    {"BODY_TIMEOUT", "120", {"1", "3600"}, {"", "0", "3601", "x"}},
    {"KEEPALIVE_TIMEOUT", "75", {"1", "3600"}, {"", "0", "3601", "x"}},
    {"WRITE_TIMEOUT", "60", {"1", "3600"}, {"", "0", "3601", "x"}},
    {"DRAIN_DELAY", "0", {"0", "3600"}, {"", "3601", "-1", "x"}},
    {"DRAIN_TIMEOUT", "300", {"0", "86400"}, {"", "86401", "-1", "x"}},
    {"LOG_FORMAT", "text", {"text", "json"}, {"", "JSON", "jso", "xml"}},
    {"LOG_LEVEL", "info", {"error", "warn", "info", "debug"},
	{"", "INFO", "warning", "trace", "2", "errors"}},
    {"DEMO", "off", {"0", "1", "false", "true", "no", "yes", "off", "on"},
	{"", "On", "2", "y", "enabled", "on "}},
    {"DEMO_SESSION_TTL", "600", {"1", "86400"}, {"", "0", "86401", "x"}},
    {"DEMO_DELAY", "20", {"0", "60000"}, {"", "60001", "-1", "0.5"}},
};
static_assert(AC_LENGTH(table) == AC_OPTIONS, "a row for each option");

static void
each_option_has_its_row_here(void **state)
{
	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(table); i++) {
		const struct ac_option *option = ac_option_find(table[i].name);

		assert_non_null(option);
		assert_string_equal(
		    option->default_value, table[i].default_value);
	}
}

static void
each_default_is_accepted_as_a_value(void **state)
{
	struct ac_config *config = ac_config_new();
	char error[AC_OPTION_ERROR_SIZE];

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(table); i++)
		assert_true(ac_config_set_from(config, AC_SOURCE_FLAG,
		    table[i].name, table[i].default_value, error));
	ac_config_free(config);
}

static void
what_is_allowed_is_accepted(void **state)
{
	struct ac_config *config = ac_config_new();
	char error[AC_OPTION_ERROR_SIZE] = "";

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(table); i++) {
		for (const char *const *v = table[i].good; *v != NULL; v++) {
			if (!ac_config_set_from(config, AC_SOURCE_FLAG,
				table[i].name, *v, error))
				fail_msg("%s", error);
		}
	}
	ac_config_free(config);
}

/* What else stands in a value may look different in a message. */
static bool
is_printable(const char *value)
{
	for (; *value != '\0'; value++) {
		if (*value < ' ' || *value > '~')
			return false;
	}
	return true;
}

static void
expect_refused(struct ac_config *config, const char *name, const char *value)
{
	const struct ac_option *option = ac_option_find(name);
	char error[AC_OPTION_ERROR_SIZE] = "";
	char *before = ac_config_describe(config);
	char *after;

	if (ac_config_set_from(config, AC_SOURCE_FLAG, name, value, error))
		fail_msg("%s=%s is accepted", name, value);
	assert_memory_equal(error, name, strlen(name));
	assert_non_null(strstr(error, option->allowed));
	if (option->type != AC_TYPE_SECRET && is_printable(value) &&
	    strchr(value, '@') == NULL)
		assert_non_null(strstr(error, value));
	after = ac_config_describe(config);
	assert_string_equal(before, after);
	free(before);
	free(after);
}

static void
what_is_not_is_refused_and_changes_nothing(void **state)
{
	struct ac_config *config = ac_config_new();

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(table); i++) {
		for (const char *const *v = table[i].bad; *v != NULL; v++)
			expect_refused(config, table[i].name, *v);
	}
	ac_config_free(config);
}

/* A weaker source's value must be as good as any other. */
static void
bad_values_are_refused_from_every_source(void **state)
{
	struct ac_config *config = ac_config_new();
	char error[AC_OPTION_ERROR_SIZE];

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(table); i++) {
		const char *bad = table[i].bad[0];

		if (bad != NULL && *bad == '\0')
			bad = table[i].bad[1];
		assert_true(ac_config_set_from(config, AC_SOURCE_FLAG,
		    table[i].name, table[i].good[1], error));
		if (bad == NULL)
			continue;
		assert_false(ac_config_set_from(
		    config, AC_SOURCE_FILE, table[i].name, bad, error));
		assert_false(ac_config_set_from(
		    config, AC_SOURCE_ENVIRONMENT, table[i].name, bad, error));
	}
	ac_config_free(config);
}

static void
set(struct ac_config *config, const char *name, const char *value)
{
	char error[AC_OPTION_ERROR_SIZE] = "";

	if (!ac_config_set_from(config, AC_SOURCE_FLAG, name, value, error))
		fail_msg("%s", error);
}

static void
the_defaults_fill_the_fields(void **state)
{
	struct ac_config *config = ac_config_new();
	const struct ac_options *options = ac_config_options(config);

	AC_UNUSED(state);
	assert_int_equal(options->server_addresses.count, 1);
	assert_string_equal(
	    options->server_addresses.items[0].host, "localhost");
	assert_int_equal(options->server_addresses.items[0].port, 16571);
	assert_int_equal(options->metrics_addresses.count, 0);
	assert_int_equal(options->unix_socket_mode, 0660);
	assert_int_equal(options->drain_delay_s, 0);
	assert_int_equal(options->log_format, AC_LOG_TEXT);
	assert_null(options->tls_cert);
	assert_null(options->tls_key);
	assert_null(options->bearer_token);
	assert_null(options->api_keys_file);
	assert_null(options->cors_allow_origins);
	assert_int_equal(options->max_connections, 0);
	assert_int_equal(options->max_body_size, 20971520);
	assert_int_equal(options->max_body_memory, 268435456);
	assert_int_equal(options->max_concurrent_requests, 0);
	assert_int_equal(options->queue_timeout_s, 10);
	assert_null(options->trusted_proxies);
	assert_int_equal(options->head_timeout_s, 20);
	assert_int_equal(options->body_timeout_s, 120);
	assert_int_equal(options->keepalive_timeout_s, 75);
	assert_int_equal(options->write_timeout_s, 60);
	assert_int_equal(options->drain_timeout_s, 300);
	assert_true(options->akash_base_url.tls);
	assert_string_equal(options->akash_base_url.host, "chat.akash.network");
	assert_non_null(strstr(options->upstream_user_agent, "Mozilla/5.0"));
	assert_null(options->upstream_cookies);
	assert_null(options->akash_access_token);
	assert_null(options->ssl_cert_file);
	assert_null(options->ssl_cert_dir);
	assert_int_equal(options->connect_timeout_s, 10);
	assert_int_equal(options->first_event_timeout_s, 120);
	assert_int_equal(options->silence_timeout_s, 120);
	assert_int_equal(options->request_timeout_s, 0);
	assert_int_equal(options->upstream_retries, 2);
	assert_int_equal(options->models_ttl_s, 600);
	assert_int_equal(options->image_timeout_s, 180);
	assert_int_equal(options->image_urls, AC_IMAGE_URLS_UPSTREAM);
	assert_null(options->public_url);
	assert_null(options->system_prompt);
	assert_null(options->default_model);
	assert_true(options->default_temperature.set);
	assert_true(fabs(options->default_temperature.value - 0.85) < 1e-9);
	assert_true(options->default_top_p.set);
	assert_true(fabs(options->default_top_p.value - 1) < 1e-9);
	assert_int_equal(options->unknown_models, AC_UNKNOWN_MODELS_REJECT);
	assert_int_equal(options->reasoning, AC_REASONING_FIELD);
	assert_int_equal(options->first_comment_delay_s, 10);
	assert_int_equal(options->comment_interval_s, 15);
	assert_int_equal(options->model_aliases.count, 0);
	assert_false(options->demo);
	assert_int_equal(options->demo_session_ttl_s, 600);
	assert_int_equal(options->demo_delay_ms, 20);
	assert_int_equal(options->log_level, AC_LOG_INFO);
	ac_config_free(config);
}

static void
set_every_option(struct ac_config *config)
{
	set(config, "SERVER_ADDRESS", "[::1]:1");
	set(config, "TLS_CERT", "/c");
	set(config, "TLS_KEY", "/k");
	set(config, "BEARER_TOKEN", "sk");
	set(config, "API_KEYS_FILE", "/keys");
	set(config, "CORS_ALLOW_ORIGINS", "*");
	set(config, "AKASH_BASE_URL", "http://a:2/p");
	set(config, "DEFAULT_MODEL", "m");
	set(config, "UNKNOWN_MODELS", "pass");
	set(config, "MODEL_ALIASES", "a=b,c=d");
	set(config, "SYSTEM_PROMPT", "s\np");
	set(config, "DEFAULT_TEMPERATURE", "");
	set(config, "DEFAULT_TOP_P", "0.25");
	set(config, "REASONING", "drop");
	set(config, "FIRST_COMMENT_DELAY", "16");
	set(config, "COMMENT_INTERVAL", "17");
	set(config, "UPSTREAM_USER_AGENT", "");
	set(config, "UPSTREAM_COOKIES", "a=b");
	set(config, "AKASH_ACCESS_TOKEN", "t");
	set(config, "CONNECT_TIMEOUT", "3");
	set(config, "FIRST_EVENT_TIMEOUT", "4");
	set(config, "SILENCE_TIMEOUT", "14");
	set(config, "REQUEST_TIMEOUT", "15");
	set(config, "UPSTREAM_RETRIES", "1");
	set(config, "MODELS_TTL", "5");
	set(config, "IMAGE_TIMEOUT", "16");
	set(config, "IMAGE_URLS", "proxy");
	set(config, "PUBLIC_URL", "https://p/q");
	set(config, "SSL_CERT_FILE", "/f");
	set(config, "SSL_CERT_DIR", "/d");
	set(config, "MAX_BODY_SIZE", "6000");
	set(config, "MAX_BODY_MEMORY", "7000");
	set(config, "MAX_CONNECTIONS", "9");
	set(config, "MAX_CONCURRENT_REQUESTS", "17");
	set(config, "QUEUE_TIMEOUT", "18");
	set(config, "TRUSTED_PROXIES", "::1");
	set(config, "HEAD_TIMEOUT", "10");
	set(config, "BODY_TIMEOUT", "11");
	set(config, "KEEPALIVE_TIMEOUT", "12");
	set(config, "WRITE_TIMEOUT", "13");
	set(config, "DRAIN_TIMEOUT", "0");
	set(config, "METRICS_ADDRESS", "a:9");
	set(config, "METRICS_ADDRESS", "b:10, unix:/c");
	set(config, "UNIX_SOCKET_MODE", "600");
	set(config, "DRAIN_DELAY", "3");
	set(config, "LOG_LEVEL", "debug");
	set(config, "LOG_FORMAT", "json");
	set(config, "DEMO", "on");
	set(config, "DEMO_SESSION_TTL", "7");
	set(config, "DEMO_DELAY", "8");
}

static void
each_option_fills_its_field(void **state)
{
	struct ac_config *config = ac_config_new();
	const struct ac_options *options = ac_config_options(config);

	AC_UNUSED(state);
	set_every_option(config);
	assert_string_equal(options->server_addresses.items[0].host, "::1");
	assert_int_equal(options->server_addresses.items[0].port, 1);
	assert_int_equal(options->metrics_addresses.count, 2);
	assert_string_equal(options->metrics_addresses.items[0].host, "b");
	assert_string_equal(options->metrics_addresses.items[1].path, "/c");
	set(config, "METRICS_ADDRESS", "");
	assert_int_equal(options->metrics_addresses.count, 0);
	assert_int_equal(options->unix_socket_mode, 0600);
	assert_int_equal(options->drain_delay_s, 3);
	assert_string_equal(options->tls_cert, "/c");
	assert_string_equal(options->tls_key, "/k");
	assert_string_equal(options->bearer_token, "sk");
	assert_string_equal(options->api_keys_file, "/keys");
	assert_string_equal(options->cors_allow_origins, "*");
	assert_int_equal(options->max_connections, 9);
	assert_int_equal(options->max_concurrent_requests, 17);
	assert_int_equal(options->queue_timeout_s, 18);
	assert_string_equal(options->trusted_proxies, "::1");
	assert_int_equal(options->max_body_size, 6000);
	assert_int_equal(options->max_body_memory, 7000);
	assert_int_equal(options->head_timeout_s, 10);
	assert_int_equal(options->body_timeout_s, 11);
	assert_int_equal(options->keepalive_timeout_s, 12);
	assert_int_equal(options->write_timeout_s, 13);
	assert_int_equal(options->drain_timeout_s, 0);
	assert_false(options->akash_base_url.tls);
	assert_string_equal(options->akash_base_url.host_header, "a:2");
	assert_string_equal(options->akash_base_url.path, "/p");
	assert_null(options->upstream_user_agent);
	assert_string_equal(options->upstream_cookies, "a=b");
	assert_string_equal(options->akash_access_token, "t");
	assert_string_equal(options->ssl_cert_file, "/f");
	assert_string_equal(options->ssl_cert_dir, "/d");
	assert_int_equal(options->connect_timeout_s, 3);
	assert_int_equal(options->first_event_timeout_s, 4);
	assert_int_equal(options->silence_timeout_s, 14);
	assert_int_equal(options->request_timeout_s, 15);
	assert_int_equal(options->upstream_retries, 1);
	assert_int_equal(options->models_ttl_s, 5);
	assert_int_equal(options->image_timeout_s, 16);
	assert_int_equal(options->image_urls, AC_IMAGE_URLS_PROXY);
	assert_string_equal(options->public_url, "https://p/q");
	assert_string_equal(options->system_prompt, "s\np");
	assert_string_equal(options->default_model, "m");
	assert_false(options->default_temperature.set);
	assert_true(options->default_top_p.set);
	assert_true(fabs(options->default_top_p.value - 0.25) < 1e-9);
	assert_int_equal(options->unknown_models, AC_UNKNOWN_MODELS_PASS);
	assert_int_equal(options->reasoning, AC_REASONING_DROP);
	assert_int_equal(options->first_comment_delay_s, 16);
	assert_int_equal(options->comment_interval_s, 17);
	assert_int_equal(options->model_aliases.count, 2);
	assert_string_equal(options->model_aliases.items[1].target, "d");
	assert_true(options->demo);
	assert_int_equal(options->demo_session_ttl_s, 7);
	assert_int_equal(options->demo_delay_ms, 8);
	assert_int_equal(options->log_level, AC_LOG_DEBUG);
	assert_int_equal(options->log_format, AC_LOG_JSON);
	ac_config_free(config);
}

static void
each_word_of_a_switch_and_of_a_choice_has_its_value(void **state)
{
	static const char *const words[] = {
	    "0", "1", "false", "true", "no", "yes", "off", "on"};
	static const char *const levels[] = {"error", "warn", "info", "debug"};
	struct ac_config *config = ac_config_new();
	const struct ac_options *options = ac_config_options(config);

	AC_UNUSED(state);
	for (size_t i = 0; i < AC_LENGTH(words); i++) {
		set(config, "DEMO", words[i]);
		assert_int_equal(options->demo, i % 2 == 1);
	}
	for (size_t i = 0; i < AC_LENGTH(levels); i++) {
		set(config, "LOG_LEVEL", levels[i]);
		assert_int_equal(options->log_level, i);
	}
	ac_config_free(config);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_option_has_its_row_here),
	    cmocka_unit_test(each_default_is_accepted_as_a_value),
	    cmocka_unit_test(what_is_allowed_is_accepted),
	    cmocka_unit_test(what_is_not_is_refused_and_changes_nothing),
	    cmocka_unit_test(bad_values_are_refused_from_every_source),
	    cmocka_unit_test(the_defaults_fill_the_fields),
	    cmocka_unit_test(each_option_fills_its_field),
	    cmocka_unit_test(
		each_word_of_a_switch_and_of_a_choice_has_its_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

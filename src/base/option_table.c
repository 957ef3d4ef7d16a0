/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The option table; its first rows, about serving, are in
 * option_table_serving.c. A row is all that a new option needs beside its
 * field in struct ac_options: parsing, --help, --check-config and
 * docs/configuration.md follow.
 */
#include "base/option_table.h"

#include <assert.h>
#include <string.h>

#include "base/option_checks.h"
#include "base/options.h"

#define FIELD(f) offsetof(struct ac_options, f)

static const char *const log_levels[] = {
    "error", "warn", "info", "debug", NULL};
static_assert(AC_LENGTH(log_levels) == AC_LOG_LEVELS + 1, "one for each level");

static const char *const log_formats[] = {"text", "json", NULL};
static_assert(AC_LENGTH(log_formats) == AC_LOG_FORMATS + 1, "one for each");

static const char *const reasonings[] = {"field", "tags", "drop", NULL};
static const char *const unknown_models[] = {"reject", "pass", NULL};
static const char *const image_urls[] = {"upstream", "proxy", NULL};

static const struct ac_option rows[] = {
    {
	.name = "AKASH_BASE_URL",
	.type = AC_TYPE_URL,
	.offset = FIELD(akash_base_url),
	.needs_restart = true,
	.default_value = "https://chat.akash.network",
	.placeholder = "URL",
	.allowed = "`http://` or `https://`, a host, perhaps a port and a path",
	.help = "The Akash Chat web app.",
    },
    {
	.name = "DEFAULT_MODEL",
	.type = AC_TYPE_TEXT,
	.offset = FIELD(default_model),
	.one_line = true,
	.default_value = "",
	.placeholder = "MODEL",
	.allowed = "a model's id, or empty",
	.help = "Takes the place of a missing model, and of an unknown one "
		"once the site's list is there, which is fetched at the start "
		"then; empty: such requests are refused.",
    },
    {
	.name = "UNKNOWN_MODELS",
	.type = AC_TYPE_CHOICE,
	.offset = FIELD(unknown_models),
	.choices = unknown_models,
	.default_value = "reject",
	.placeholder = "CHOICE",
	.allowed = "`reject` or `pass`",
	.help = "What becomes of a model that is not on the site's list: "
		"404, or the upstream decides.",
    },
    {
	.name = "MODEL_ALIASES",
	.type = AC_TYPE_ALIASES,
	.offset = FIELD(model_aliases),
	.one_line = true,
	.default_value = "",
	.placeholder = "ALIASES",
	.allowed = "`name=model`, separated by commas, such as "
		   "`gpt-4o=DeepSeek-R1,gpt-3.5-turbo=Meta-Llama-3-1-8B`; or "
		   "empty",
	.help = "Models that clients ask for under other names. Whole names "
		"count, upper and lower case differ, and `GET /v1/models` "
		"shows the models alone.",
    },
    {
	.name = "SYSTEM_PROMPT",
	.type = AC_TYPE_TEXT,
	.offset = FIELD(system_prompt),
	.default_value = "",
	.placeholder = "TEXT",
	.allowed = "any text",
	.help = "The system message of conversations that bring none; empty: "
		"none is sent, the site's own persona neither.",
    },
    {
	.name = "DEFAULT_TEMPERATURE",
	.type = AC_TYPE_REAL,
	.offset = FIELD(default_temperature),
	.min = 0,
	.max = 2,
	.default_value = "0.85",
	.placeholder = "NUMBER",
	.allowed = "0 to 2, or empty",
	.help = "The temperature where a request names none; empty: the "
		"model's own.",
    },
    {
	.name = "DEFAULT_TOP_P",
	.type = AC_TYPE_REAL,
	.offset = FIELD(default_top_p),
	.min = 0,
	.max = 1,
	.default_value = "1.0",
	.placeholder = "NUMBER",
	.allowed = "0 to 1, or empty",
	.help = "The top_p where a request names none; empty: the model's "
		"own.",
    },
    {
	.name = "REASONING",
	.type = AC_TYPE_CHOICE,
	.offset = FIELD(reasoning),
	.choices = reasonings,
	.default_value = "field",
	.placeholder = "CHOICE",
	.allowed = "`field`, `tags` or `drop`",
	.help = "Where a model's thinking goes: into `reasoning_content`, "
		"into the text between `<think>` and `</think>`, or nowhere.",
    },
    {
	.name = "FIRST_COMMENT_DELAY",
	SECONDS(first_comment_delay_s, 0, 3600),
	.default_value = "10",
	.help = "How long a stream's head waits for the answer's first piece "
		"before it goes out with a comment, so that nobody in between "
		"gives up; 0: for ever.",
    },
    {
	.name = "COMMENT_INTERVAL",
	SECONDS(comment_interval_s, 0, 3600),
	.default_value = "15",
	.help = "How long a stream may be silent before a comment keeps it "
		"alive; 0: as long as it likes.",
    },
    {
	.name = "UPSTREAM_USER_AGENT",
	.type = AC_TYPE_TEXT,
	.offset = FIELD(upstream_user_agent),
	.one_line = true,
	.default_value = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) "
			 "Gecko/20100101 Firefox/140.0",
	.placeholder = "TEXT",
	.allowed = "one line of text; empty gives the program's own name",
	.help = "The User-Agent sent to the site, which refuses sessions "
		"without one.",
    },
    {
	.name = "UPSTREAM_COOKIES",
	.type = AC_TYPE_SECRET,
	.offset = FIELD(upstream_cookies),
	.one_line = true,
	.check = ac_check_cookies,
	.default_value = "",
	.placeholder = "COOKIES",
	.allowed = "`name=value`, separated by `; `; or empty",
	.help = "Cookies to send beside the session's, such as one with which "
		"a CDN lets a browser pass. `UPSTREAM_COOKIES_FILE` reads "
		"them from a file.",
    },
    {
	.name = "AKASH_ACCESS_TOKEN",
	.type = AC_TYPE_SECRET,
	.offset = FIELD(akash_access_token),
	.one_line = true,
	.check = ac_check_key,
	.default_value = "",
	.placeholder = "TOKEN",
	.allowed = "any text without control characters",
	.help = "The access token of an Akash Chat that wants one. "
		"`AKASH_ACCESS_TOKEN_FILE` reads it from a file.",
    },
    {
	.name = "CONNECT_TIMEOUT",
	SECONDS(connect_timeout_s, 1, 3600),
	.needs_restart = true,
	.default_value = "10",
	.help = "How long a connection to the site may take, TLS included, "
		"for each of its addresses.",
    },
    {
	.name = "FIRST_EVENT_TIMEOUT",
	SECONDS(first_event_timeout_s, 1, 86400),
	.needs_restart = true,
	.default_value = "120",
	.help = "How long a request may wait for the first piece of its "
		"answer, with connecting, sessions and retries.",
    },
    {
	.name = "SILENCE_TIMEOUT",
	SECONDS(silence_timeout_s, 1, 86400),
	.needs_restart = true,
	.default_value = "120",
	.help = "How long the site may be silent within an answer that has "
		"begun.",
    },
    {
	.name = "REQUEST_TIMEOUT",
	SECONDS(request_timeout_s, 0, 86400),
	.default_value = "0",
	.help = "How long a request may take from its first to its last "
		"moment; 0: as long as its answer goes on.",
    },
    {
	.name = "UPSTREAM_RETRIES",
	NUMBER(upstream_retries, 0, 10),
	.needs_restart = true,
	.default_value = "2",
	.help = "How often a request is sent again where the site refused "
		"the connection or closed it without a word, or where "
		"something before the site answered 502, 503 or 504.",
    },
    {
	.name = "MODELS_TTL",
	SECONDS(models_ttl_s, 1, 86400),
	.default_value = "600",
	.help = "How long the list of models is kept before it is fetched "
		"again.",
    },
    {
	.name = "IMAGE_TIMEOUT",
	SECONDS(image_timeout_s, 1, 86400),
	.needs_restart = true,
	.default_value = "180",
	.help = "How long a picture's job may take.",
    },
    {
	.name = "IMAGE_URLS",
	.type = AC_TYPE_CHOICE,
	.offset = FIELD(image_urls),
	.choices = image_urls,
	.default_value = "upstream",
	.placeholder = "CHOICE",
	.allowed = "`upstream` or `proxy`",
	.help = "Where clients find pictures: at the site, or here under "
		"`/images/`, for which no key is wanted.",
    },
    {
	.name = "PUBLIC_URL",
	.type = AC_TYPE_TEXT,
	.offset = FIELD(public_url),
	.one_line = true,
	.check = ac_check_public_url,
	.default_value = "",
	.placeholder = "URL",
	.allowed = "`http://` or `https://`, a host, perhaps a port and a "
		   "path; or empty",
	.help = "Where clients reach this program, for the addresses of "
		"pictures with `IMAGE_URLS=proxy`; empty: what a request's "
		"Host says.",
    },
    {
	.name = "SSL_CERT_FILE",
	.type = AC_TYPE_PATH,
	.offset = FIELD(ssl_cert_file),
	.needs_restart = true,
	.default_value = "",
	.placeholder = "FILE",
	.allowed = "a path, or empty",
	.help = "A PEM file of certificate authorities to trust beside the "
		"directory.",
    },
    {
	.name = "SSL_CERT_DIR",
	.type = AC_TYPE_PATH,
	.offset = FIELD(ssl_cert_dir),
	.needs_restart = true,
	.default_value = "",
	.placeholder = "DIRECTORY",
	.allowed = "a path, or empty",
	.help = "A hashed directory of trusted certificate authorities; "
		"empty: the system's.",
    },
    {
	.name = "HTTPS_PROXY",
	.type = AC_TYPE_SECRET,
	.offset = FIELD(https_proxy),
	.is_shared = true,
	.needs_restart = true,
	.default_value = "",
	.placeholder = "URL",
	.allowed = "`http://`, `socks5://` or `socks5h://`, perhaps "
		   "`user:password@`, a host, perhaps a port; or empty",
	.help = "The proxy on the way to an `AKASH_BASE_URL` with `https://`. "
		"`localhost` and loopback addresses are reached without one. "
		"`https_proxy` counts too. `HTTPS_PROXY_FILE` reads it from a "
		"file.",
    },
    {
	.name = "HTTP_PROXY",
	.type = AC_TYPE_SECRET,
	.offset = FIELD(http_proxy),
	.is_shared = true,
	.needs_restart = true,
	.default_value = "",
	.placeholder = "URL",
	.allowed = "as for `HTTPS_PROXY`",
	.help = "The same for an `AKASH_BASE_URL` with `http://`. The "
		"environment's is ignored where it holds `REQUEST_METHOD`.",
    },
    {
	.name = "ALL_PROXY",
	.type = AC_TYPE_SECRET,
	.offset = FIELD(all_proxy),
	.is_shared = true,
	.needs_restart = true,
	.default_value = "",
	.placeholder = "URL",
	.allowed = "as for `HTTPS_PROXY`",
	.help = "The proxy where the one of the two above that applies is "
		"empty.",
    },
    {
	.name = "NO_PROXY",
	.type = AC_TYPE_TEXT,
	.offset = FIELD(no_proxy),
	.is_shared = true,
	.needs_restart = true,
	.default_value = "",
	.placeholder = "HOSTS",
	.allowed = "`*`, or names, addresses and `address/bits`, perhaps with "
		   "a port, separated by commas; or empty",
	.help = "The hosts that are reached without a proxy. `example.com` "
		"is that name and all below it, `.example.com` only those "
		"below. `no_proxy` counts too.",
    },
    {
	.name = "LOG_LEVEL",
	.type = AC_TYPE_CHOICE,
	.offset = FIELD(log_level),
	.choices = log_levels,
	.default_value = "info",
	.placeholder = "LEVEL",
	.allowed = "`error`, `warn`, `info` or `debug`",
	.help = "How much is logged; `info` has a line for each request.",
    },
    {
	.name = "LOG_FORMAT",
	.type = AC_TYPE_CHOICE,
	.offset = FIELD(log_format),
	.choices = log_formats,
	.default_value = "text",
	.placeholder = "FORMAT",
	.allowed = "`text` or `json`",
	.help = "Lines for people, or a JSON object a line.",
    },
    {
	.name = "DEMO",
	.type = AC_TYPE_SWITCH,
	.offset = FIELD(demo),
	.needs_restart = true,
	.default_value = "off",
	.placeholder = "",
	.allowed = "`on` or `off`",
	.help = "Answers from a simulated Akash Chat inside the program, "
		"without a network; `AKASH_BASE_URL` is not used.",
    },
    {
	.name = "DEMO_SESSION_TTL",
	SECONDS(demo_session_ttl_s, 1, 86400),
	.needs_restart = true,
	.default_value = "600",
	.help = "How long the demo's sessions live.",
    },
    {
	.name = "DEMO_DELAY",
	MILLISECONDS(demo_delay_ms, 0, 60000),
	.needs_restart = true,
	.default_value = "20",
	.help = "The pause before each piece of the demo's text.",
    },
};
static_assert(
    AC_SERVING_OPTIONS + AC_LENGTH(rows) == AC_OPTIONS, "AC_OPTIONS counts");

const struct ac_option *
ac_option_at(size_t i)
{
	return i < AC_SERVING_OPTIONS ? &ac_serving_options[i]
				      : &rows[i - AC_SERVING_OPTIONS];
}

size_t
ac_option_index(const struct ac_option *option)
{
	size_t i = 0;

	while (ac_option_at(i) != option)
		i++;
	return i;
}

const struct ac_option *
ac_option_find(const char *name)
{
	for (size_t i = 0; i < AC_OPTIONS; i++) {
		if (strcmp(name, ac_option_at(i)->name) == 0)
			return ac_option_at(i);
	}
	return NULL;
}

const struct ac_option *
ac_option_find_secret_file(const char *name)
{
	static const char suffix[] = "_FILE";

	for (size_t i = 0; i < AC_OPTIONS; i++) {
		const struct ac_option *option = ac_option_at(i);
		size_t len = strlen(option->name);

		if (option->type == AC_TYPE_SECRET &&
		    strncmp(name, option->name, len) == 0 &&
		    strcmp(name + len, suffix) == 0)
			return option;
	}
	return NULL;
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The options. One table (options.c) holds each option's name, type, range,
 * default and help; the environment, --config files, flags, --help,
 * --check-config and docs/configuration.md all come from it.
 */
#ifndef AC_BASE_OPTIONS_H
#define AC_BASE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <akashchat/akashchat.h>

#include "base/address.h"
#include "base/aliases.h"
#include "base/arguments.h"
#include "base/attr.h"
#include "base/log.h"
#include "base/url.h"

enum ac_unknown_models {
	AC_UNKNOWN_MODELS_REJECT,
	AC_UNKNOWN_MODELS_PASS,
};

/* What becomes of a model's thinking: codec/think.h. */
enum ac_reasoning {
	AC_REASONING_FIELD, /* reasoning_content, also of what stands in tags */
	AC_REASONING_TAGS,  /* within the text, between <think> and </think> */
	AC_REASONING_DROP,
};

/* Where clients are told that pictures are. */
enum ac_image_urls {
	AC_IMAGE_URLS_UPSTREAM,
	AC_IMAGE_URLS_PROXY, /* GET /images/{name} */
};

/* A number that may be absent: an option whose empty value means "leave it
 * to the other side". */
struct ac_optional_real {
	bool set;
	double value;
};

/* Everything in force. Strings are owned and never NULL unless said. */
struct ac_options {
	/* serving */
	struct ac_addresses server_addresses;
	struct ac_addresses metrics_addresses; /* none: clients' have them */
	int64_t unix_socket_mode;              /* permission bits */
	char *tls_cert; /* NULL: plain; else tls_key is there too */
	char *tls_key;
	char *bearer_token;              /* NULL: none */
	char *api_keys_file;             /* NULL: none; api/keys.h reads it */
	char *trusted_proxies;           /* NULL: none; base/ip.h reads it */
	int64_t max_concurrent_requests; /* 0: no limit */
	int64_t queue_timeout_s;         /* 0: nobody waits */
	char *cors_allow_origins;        /* NULL: by the rule of api/cors.h */
	int64_t max_connections;         /* 0: what the descriptors allow */
	int64_t max_body_size;           /* bytes */
	int64_t max_body_memory;         /* bytes */
	int64_t head_timeout_s;
	int64_t body_timeout_s;
	int64_t keepalive_timeout_s;
	int64_t write_timeout_s;
	int64_t drain_delay_s;
	int64_t drain_timeout_s;
	/* upstream */
	struct ac_url akash_base_url;
	char *upstream_user_agent; /* NULL: the program's name */
	char *upstream_cookies;    /* NULL: none beside the session's */
	char *akash_access_token;  /* NULL: none */
	char *ssl_cert_file;       /* NULL: the system's */
	char *ssl_cert_dir;        /* NULL: the system's */
	char *https_proxy; /* NULL: none; not checked, see net/proxy.h */
	char *http_proxy;  /* the same */
	char *all_proxy;   /* the same */
	char *no_proxy;    /* NULL: no exceptions */
	int64_t connect_timeout_s;
	int64_t first_event_timeout_s;
	int64_t silence_timeout_s;
	int64_t request_timeout_s; /* 0: none */
	int64_t upstream_retries;
	int64_t models_ttl_s;
	int64_t image_timeout_s;
	enum ac_image_urls image_urls;
	char *public_url; /* NULL: by each request's Host */
	/* chat */
	char *system_prompt; /* NULL: none */
	char *default_model; /* NULL: none */
	struct ac_optional_real default_temperature;
	struct ac_optional_real default_top_p;
	enum ac_unknown_models unknown_models;
	enum ac_reasoning reasoning;
	int64_t first_comment_delay_s; /* 0: never before the answer */
	int64_t comment_interval_s;    /* 0: none */
	struct ac_aliases model_aliases;
	/* demo */
	bool demo;
	int64_t demo_session_ttl_s;
	int64_t demo_delay_ms;
	/* log */
	enum ac_log_level log_level;
	enum ac_log_format log_format;
};

/* Where a value comes from; a later one beats an earlier one. */
enum ac_option_source {
	AC_SOURCE_DEFAULT,
	AC_SOURCE_FILE,
	AC_SOURCE_ENVIRONMENT,
	AC_SOURCE_FLAG,
};

/* The longest line that explains a bad value, NUL included. */
enum { AC_OPTION_ERROR_SIZE = AC_REASON_SIZE };

/* The values in force, borrowed from config. */
const struct ac_options *ac_config_options(const struct ac_config *config);

/* What the command is given beside them, borrowed likewise; at first
 * nothing. Strings that are put into it are owned by config. */
struct ac_arguments *ac_config_arguments(struct ac_config *config);

/*
 * Sets one option by its name (SERVER_ADDRESS), or a secret from a file by
 * its name with _FILE behind it. A value from a weaker source than the one
 * that set the option before is checked and then ignored. False: error says
 * in one line which option, which value and what is allowed.
 */
AC_MUST_CHECK bool ac_config_set_from(struct ac_config *config,
    enum ac_option_source source, const char *name, const char *value,
    char error[AC_OPTION_ERROR_SIZE]);

/* Whether name is an option (with or without a secret's _FILE). */
bool ac_config_knows(const char *name);

/* Reads every option that the environment holds. False as above. */
AC_MUST_CHECK bool ac_config_load_environment(
    struct ac_config *config, char error[AC_OPTION_ERROR_SIZE]);

/* Reads a file of NAME=value lines; blank lines and those that begin with #
 * are skipped, an unknown name is an error. False as above. */
AC_MUST_CHECK bool ac_config_load_file(struct ac_config *config,
    const char *path, char error[AC_OPTION_ERROR_SIZE]);

/*
 * Puts those options of fresh into config that may change while the program
 * runs; what they were before is in fresh then. A change of another one is
 * logged and left. The texts that config's options had are gone with fresh.
 * Returns how many have changed.
 */
size_t ac_config_reload(struct ac_config *config, struct ac_config *fresh);

/* The sockets that a service manager has handed over, for clients and for
 * the metrics alone: to be taken out when they are listened on. */
struct ac_handed_sockets *ac_config_handed_clients(struct ac_config *config);
struct ac_handed_sockets *ac_config_handed_metrics(struct ac_config *config);

/* The name of the option behind a flag: "--server-address" gives
 * SERVER_ADDRESS; NULL if there is none. *is_switch tells whether the flag
 * stands without a value. The text is constant or lives in scratch. */
const char *ac_config_flag_name(
    const char *flag, bool *is_switch, char scratch[64]);

/* Every option with its help, as --help prints it; the caller frees it. */
char *ac_config_help(void);

/* Every option as NAME=value with secrets hidden; the caller frees it. */
char *ac_config_describe(const struct ac_config *config);

/* docs/configuration.md's table in Markdown; the caller frees it. */
char *ac_config_markdown(void);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The command line and the other ways into the configuration that the
 * public header offers (akashchat.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <akashchat/akashchat.h>

#include "api/keys.h"
#include "base/mem.h"
#include "base/options.h"
#include "doctor/target.h"
#include "net/proxy.h"
#include "net/tls_server.h"
#include "server/hash_key.h"

/* The flags that are no options. */
struct command {
	const char *config_path;
	bool help;
	bool version;
	bool check_config;
	bool hash_key;
	bool probe;
	bool doctor;
	const char *url; /* of --probe, or --url; NULL: neither is there */
	const char *origin;
	bool picture;
};

static const char usage[] =
    "akashchat-api puts Akash Chat behind the OpenAI API.\n"
    "\n"
    "Usage: akashchat-api [--config FILE] [OPTION ...]\n"
    "       akashchat-api --doctor [--picture] [--config FILE] [OPTION ...]\n"
    "       akashchat-api --doctor --url URL [--origin ORIGIN] [OPTION ...]\n"
    "       akashchat-api --probe URL\n"
    "\n"
    "  --config FILE   Read lines NAME=value; the names are those of the\n"
    "                  environment.\n"
    "  --check-config  Print the options in force, secrets hidden, and exit.\n"
    "  --hash-key      Read a key and print the SHA-256 for API_KEYS_FILE.\n"
    "  --doctor        Check step by step whether serving would work: names,\n"
    "                  proxy, TLS, session, models, a chat; --picture draws\n"
    "                  a picture too.\n"
    "  --url URL       With --doctor: check a running installation from\n"
    "                  outside, with the key in BEARER_TOKEN; --origin names\n"
    "                  the page that is to be allowed to call it.\n"
    "  --probe URL     Exit with 0 if a GET of the URL is answered 2xx, else\n"
    "                  with 1. http://, https://, or unix:/path/of/socket with\n"
    "                  perhaps :/ready behind it; without a path /health.\n"
    "  --version       Print the version and exit.\n"
    "  --help          Print this and exit.\n"
    "\n"
    "Every option is a flag, an environment variable (--server-address is\n"
    "SERVER_ADDRESS) and a line of the file. Flags beat the environment,\n"
    "which beats the file.\n"
    "\n";

static bool read_flags(
    struct ac_config *, struct command *, int argc, char **argv, char *reason);
static bool read_flag(
    struct ac_config *, struct command *, char **argv, int *i, char *reason);

const char *
ac_version(void)
{
	return AC_VERSION;
}

bool
ac_config_set(struct ac_config *config, const char *name, const char *value,
    char reason[AC_REASON_SIZE])
{
	return ac_config_set_from(config, AC_SOURCE_FLAG, name, value, reason);
}

static void
print_help(void)
{
	char *options = ac_config_help();

	fputs(usage, stdout);
	fputs(options, stdout);
	free(options);
}

static void
print_config(const struct ac_config *config)
{
	char *text = ac_config_describe(config);

	fputs(text, stdout);
	free(text);
}

/* Of the proxies' options only the one that is used is looked at. */
static bool
check_proxy(const struct ac_config *config, char reason[AC_REASON_SIZE])
{
	const struct ac_options *options = ac_config_options(config);
	struct ac_proxy *proxy = NULL;
	bool ok = options->demo ||
		  ac_proxy_choose(&proxy, options, &options->akash_base_url,
		      reason, AC_REASON_SIZE);

	ac_proxy_free(proxy);
	return ok;
}

/* The file may be a pipe, so it is read once: here, or to serve. */
static bool
check_keys(const struct ac_config *config, char reason[AC_REASON_SIZE])
{
	const struct ac_options *options = ac_config_options(config);
	struct ac_keys *keys = ac_keys_load(options->api_keys_file,
	    options->bearer_token, NULL, reason, AC_REASON_SIZE);

	ac_keys_unref(keys);
	return keys != NULL;
}

/* What would end the start, or keep a reload from doing anything. */
static bool
check_tls(const struct ac_config *config, char reason[AC_REASON_SIZE])
{
	const struct ac_options *options = ac_config_options(config);
	struct ac_tls_server *tls;
	bool ok = ac_tls_server_load(
	    &tls, options->tls_cert, options->tls_key, reason, AC_REASON_SIZE);

	ac_tls_server_free(tls);
	return ok;
}

/* Which of the flags that belong to --doctor or --probe stands alone. */
static const char *
find_stray(const struct command *command)
{
	if (command->probe && command->doctor)
		return "--probe";
	if (command->origin != NULL && (!command->doctor || !command->url))
		return "--origin";
	if (command->picture && (!command->doctor || command->url != NULL))
		return "--picture";
	if (command->url != NULL && !command->doctor && !command->probe)
		return "--url";
	return NULL;
}

/* What is in a URL may be a password, so it is not shown. */
static bool
check_url(const struct command *command, char reason[AC_REASON_SIZE])
{
	struct ac_target target = {0};
	const char *why = "a Unix socket cannot be looked at from outside";
	bool ok = ac_target_parse(&target, command->url, &why) &&
		  (command->probe || target.socket_path == NULL);

	ac_target_clear(&target);
	if (!ok)
		snprintf(reason, AC_REASON_SIZE, "%s: %s",
		    command->probe ? "--probe" : "--url", why);
	return ok;
}

static bool
keep_arguments(struct ac_config *config, const struct command *command,
    char reason[AC_REASON_SIZE])
{
	struct ac_arguments *arguments = ac_config_arguments(config);
	const char *stray = find_stray(command);

	if (stray != NULL) {
		snprintf(reason, AC_REASON_SIZE,
		    "%s: it does not go with the other flags (see --help)",
		    stray);
		return false;
	}
	ac_replace_string(&arguments->url, command->url);
	ac_replace_string(&arguments->origin, command->origin);
	arguments->picture = command->picture;
	return command->url == NULL || check_url(command, reason);
}

static bool
load_config(struct ac_config *config, const struct command *command,
    char reason[AC_REASON_SIZE])
{
	return ac_config_load_environment(config, reason) &&
	       (command->config_path == NULL ||
		   ac_config_load_file(config, command->config_path, reason));
}

enum ac_command
ac_config_parse(struct ac_config *config, int argc, char **argv,
    char reason[AC_REASON_SIZE])
{
	struct command command = {0};

	if (!read_flags(config, &command, argc, argv, reason))
		return AC_COMMAND_BAD;
	if (command.help) {
		print_help();
		return AC_COMMAND_DONE;
	}
	if (command.version) {
		printf("akashchat-api %s\n", ac_version());
		return AC_COMMAND_DONE;
	}
	if (command.hash_key)
		return ac_hash_key(stdin, stdout, reason) ? AC_COMMAND_DONE
							  : AC_COMMAND_BAD;
	if (!keep_arguments(config, &command, reason))
		return AC_COMMAND_BAD;
	if (command.probe)
		return AC_COMMAND_PROBE;
	if (command.doctor) {
		if (!load_config(config, &command, reason))
			ac_replace_string(
			    &ac_config_arguments(config)->complaint, reason);
		return AC_COMMAND_DOCTOR;
	}
	if (!load_config(config, &command, reason))
		return AC_COMMAND_BAD;
	if (!check_proxy(config, reason))
		return AC_COMMAND_BAD;
	if (command.check_config &&
	    (!check_keys(config, reason) || !check_tls(config, reason)))
		return AC_COMMAND_BAD;
	if (command.check_config) {
		print_config(config);
		return AC_COMMAND_DONE;
	}
	return AC_COMMAND_SERVE;
}

static bool
read_flags(struct ac_config *config, struct command *command, int argc,
    char **argv, char *reason)
{
	for (int i = 1; i < argc; i++) {
		if (!read_flag(config, command, argv, &i, reason))
			return false;
	}
	return true;
}

static bool
complain(char *reason, const char *flag, const char *what)
{
	snprintf(reason, AC_REASON_SIZE, "%.200s: %s (see --help)", flag, what);
	return false;
}

/* The value of argv[*i], which is "--flag=value" or two arguments; NULL if
 * there is none. */
static const char *
take_value(char **argv, int *i, const char *equals)
{
	if (equals != NULL)
		return equals + 1;
	if (argv[*i + 1] == NULL)
		return NULL;
	return argv[++*i];
}

static bool
read_option(struct ac_config *config, const char *flag, char **argv, int *i,
    const char *equals, char *reason)
{
	bool is_switch;
	char scratch[64];
	const char *name = ac_config_flag_name(flag, &is_switch, scratch);
	const char *value;

	if (name == NULL)
		return complain(reason, argv[*i], "there is no such flag");
	if (is_switch && equals == NULL)
		return ac_config_set_from(
		    config, AC_SOURCE_FLAG, name, "on", reason);
	value = take_value(argv, i, equals);
	if (value == NULL)
		return complain(reason, flag, "it wants a value");
	return ac_config_set_from(config, AC_SOURCE_FLAG, name, value, reason);
}

/* Where the value of a flag goes that is no option; NULL: it is none such. */
static const char **
find_words(struct command *command, const char *flag)
{
	if (strcmp(flag, "--config") == 0)
		return &command->config_path;
	if (strcmp(flag, "--url") == 0)
		return &command->url;
	if (strcmp(flag, "--origin") == 0)
		return &command->origin;
	if (strcmp(flag, "--probe") != 0)
		return NULL;
	command->probe = true;
	return &command->url;
}

static bool
read_flag(struct ac_config *config, struct command *command, char **argv,
    int *i, char *reason)
{
	const char **words;
	const char *argument = argv[*i];
	const char *equals = strchr(argument, '=');
	size_t len =
	    equals == NULL ? strlen(argument) : (size_t)(equals - argument);
	char flag[64];

	if (len >= sizeof(flag))
		return complain(reason, argument, "there is no such flag");
	memcpy(flag, argument, len);
	flag[len] = '\0';
	if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
		command->help = true;
	} else if (strcmp(argument, "--version") == 0) {
		command->version = true;
	} else if (strcmp(argument, "--check-config") == 0) {
		command->check_config = true;
	} else if (strcmp(argument, "--hash-key") == 0) {
		command->hash_key = true;
	} else if (strcmp(argument, "--doctor") == 0) {
		command->doctor = true;
	} else if (strcmp(argument, "--picture") == 0) {
		command->picture = true;
	} else if ((words = find_words(command, flag)) != NULL) {
		if (words == &command->url && *words != NULL)
			return complain(reason, flag, "there is a URL already");
		*words = take_value(argv, i, equals);
		if (*words == NULL)
			return complain(reason, flag, "it wants a value");
	} else {
		return read_option(config, flag, argv, i, equals, reason);
	}
	return true;
}

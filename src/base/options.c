/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * A configuration and how its options are set. Where values come from
 * (environment, file, flags) is in option_sources.c, what people read of the
 * table in option_text.c.
 */
#include "base/options.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/option_table.h"
#include "base/options_private.h"
#include "base/utf8.h"

enum { SHOWN_VALUE_SIZE = 100 };

static bool set_text(struct ac_options *, const struct ac_option *,
    const char *value, const char **why);
static bool set_addresses(struct ac_options *, const struct ac_option *,
    const char *value, const char **why);
static bool set_url(struct ac_options *, const struct ac_option *,
    const char *value, const char **why);
static bool set_whole(struct ac_options *, const struct ac_option *,
    const char *value, const char **why);
static bool set_real(struct ac_options *, const struct ac_option *,
    const char *value, const char **why);
static bool set_mode(struct ac_options *, const struct ac_option *,
    const char *value, const char **why);
static bool set_switch(struct ac_options *, const struct ac_option *,
    const char *value, const char **why);
static bool set_choice(struct ac_options *, const struct ac_option *,
    const char *value, const char **why);
static bool set_aliases(struct ac_options *, const struct ac_option *,
    const char *value, const char **why);

static bool (*const setters[])(struct ac_options *, const struct ac_option *,
    const char *value, const char **why) = {
    [AC_TYPE_TEXT] = set_text,
    [AC_TYPE_SECRET] = set_text,
    [AC_TYPE_PATH] = set_text,
    [AC_TYPE_ADDRESSES] = set_addresses,
    [AC_TYPE_URL] = set_url,
    [AC_TYPE_WHOLE] = set_whole,
    [AC_TYPE_REAL] = set_real,
    [AC_TYPE_MODE] = set_mode,
    [AC_TYPE_SWITCH] = set_switch,
    [AC_TYPE_CHOICE] = set_choice,
    [AC_TYPE_ALIASES] = set_aliases,
};
static_assert(AC_LENGTH(setters) == AC_OPTION_TYPES, "a setter for each type");

/* The field of options that an option fills. */
static void *
field(struct ac_options *options, const struct ac_option *option)
{
	return (char *)options + option->offset;
}

struct ac_config *
ac_config_new(void)
{
	struct ac_config *config = ac_calloc(1, sizeof(*config));
	char error[AC_OPTION_ERROR_SIZE];

	for (size_t i = 0; i < AC_OPTIONS; i++) {
		const struct ac_option *option = ac_option_at(i);

		if (!ac_config_set_from(config, AC_SOURCE_DEFAULT, option->name,
			option->default_value, error))
			abort(); /* a default that its own row refuses */
	}
	return config;
}

/* Frees what an option's field holds, which is to be filled or left. */
static void
clear_field(struct ac_options *options, const struct ac_option *option)
{
	switch (option->type) {
	case AC_TYPE_TEXT:
	case AC_TYPE_SECRET:
	case AC_TYPE_PATH:
		ac_wipe_and_free(*(char **)field(options, option));
		break;
	case AC_TYPE_ADDRESSES:
		ac_addresses_clear(field(options, option));
		break;
	case AC_TYPE_URL:
		ac_url_clear(field(options, option));
		break;
	case AC_TYPE_ALIASES:
		ac_aliases_clear(field(options, option));
		break;
	default:
		break; /* numbers */
	}
}

void
ac_config_free(struct ac_config *config)
{
	if (config == NULL)
		return;
	for (size_t i = 0; i < AC_OPTIONS; i++) {
		ac_wipe_and_free(config->texts[i]);
		clear_field(&config->options, ac_option_at(i));
	}
	ac_handed_sockets_close(&config->handed_clients);
	ac_handed_sockets_close(&config->handed_metrics);
	ac_arguments_clear(&config->arguments);
	free(config);
}

struct ac_arguments *
ac_config_arguments(struct ac_config *config)
{
	return &config->arguments;
}

const struct ac_options *
ac_config_options(const struct ac_config *config)
{
	return &config->options;
}

static bool report(char error[AC_OPTION_ERROR_SIZE], const char *fmt, ...)
    AC_PRINTF(2, 3);

static bool
report(char error[AC_OPTION_ERROR_SIZE], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(error, AC_OPTION_ERROR_SIZE, fmt, ap);
	va_end(ap);
	return false;
}

/* The first line of a secret's file, to be wiped and freed; NULL and an
 * error where there is none. */
static char *
read_secret(const struct ac_option *option, const char *path,
    char error[AC_OPTION_ERROR_SIZE])
{
	const char *why = "";
	FILE *file = ac_file_open(path, &why);
	char *line = NULL;
	size_t size = 0;
	char *secret = NULL;

	if (file == NULL) {
		report(error, "%s_FILE=%.200s: %s", option->name, path, why);
		return NULL;
	}
	if (getline(&line, &size, file) > 0 && strcspn(line, "\r\n") > 0)
		secret = ac_memdup(line, strcspn(line, "\r\n"));
	else
		report(error, "%s_FILE=%.200s: its first line is empty",
		    option->name, path);
	ac_wipe_and_free_bytes(line, size);
	fclose(file);
	return secret;
}

static bool set_option(struct ac_config *, enum ac_option_source,
    const struct ac_option *, const char *value,
    char error[AC_OPTION_ERROR_SIZE]);

static bool
set_secret_from_file(struct ac_config *config, enum ac_option_source source,
    const struct ac_option *option, const char *path,
    char error[AC_OPTION_ERROR_SIZE])
{
	char *secret = read_secret(option, path, error);
	bool ok =
	    secret != NULL && set_option(config, source, option, secret, error);

	ac_wipe_and_free(secret);
	return ok;
}

/* Also an address with a user in it, who may have a password. */
static bool
is_secret(const struct ac_option *option, const char *value)
{
	return option->type == AC_TYPE_SECRET ||
	       (strstr(value, "://") != NULL && strchr(value, '@') != NULL);
}

/* What an error shows of a value: one line, not too long; a secret stays
 * hidden. */
static void
show_value(const struct ac_option *option, const char *value,
    char shown[SHOWN_VALUE_SIZE])
{
	size_t len = 0;

	if (is_secret(option, value))
		value = "(hidden)";
	while (*value != '\0' && len < SHOWN_VALUE_SIZE - 8) {
		uint32_t c;
		size_t bytes = ac_utf8_decode(value, strlen(value), &c);

		if (bytes == 0 || c < ' ' || c == 0x7f) {
			len += (size_t)snprintf(shown + len, 5, "\\x%02x",
			    (unsigned)(unsigned char)*value);
			value++;
			continue;
		}
		memcpy(shown + len, value, bytes);
		len += bytes;
		value += bytes;
	}
	snprintf(shown + len, 4, "%s", *value == '\0' ? "" : "...");
}

static bool
set_option(struct ac_config *config, enum ac_option_source source,
    const struct ac_option *option, const char *value,
    char error[AC_OPTION_ERROR_SIZE])
{
	size_t i = ac_option_index(option);
	struct ac_options scratch = {0};
	char shown[SHOWN_VALUE_SIZE];
	const char *why = "";
	/* A weaker source's value is checked, but goes nowhere. */
	bool weaker = source < config->sources[i];
	struct ac_options *target = weaker ? &scratch : &config->options;

	if (!setters[option->type](target, option, value, &why)) {
		show_value(option, value, shown);
		return report(error, "%s=%s: %s; allowed: %s", option->name,
		    shown, why, option->allowed);
	}
	if (weaker) {
		clear_field(&scratch, option);
		return true;
	}
	config->sources[i] = source;
	ac_wipe_and_free(config->texts[i]);
	config->texts[i] = ac_strdup(value);
	return true;
}

/* NAME= in an environment or a file says nothing, unless the option has a
 * meaning for the empty value. */
static bool
means_unset(const struct ac_option *option, enum ac_option_source source)
{
	bool has_empty =
	    option->type == AC_TYPE_TEXT || option->type == AC_TYPE_PATH ||
	    option->type == AC_TYPE_REAL || option->type == AC_TYPE_ALIASES ||
	    (option->type == AC_TYPE_ADDRESSES &&
		*option->default_value == '\0');

	return !has_empty &&
	       (source == AC_SOURCE_FILE || source == AC_SOURCE_ENVIRONMENT);
}

bool
ac_config_set_from(struct ac_config *config, enum ac_option_source source,
    const char *name, const char *value, char error[AC_OPTION_ERROR_SIZE])
{
	const struct ac_option *option = ac_option_find(name);

	if (option != NULL) {
		if (*value == '\0' && means_unset(option, source))
			return true;
		return set_option(config, source, option, value, error);
	}
	option = ac_option_find_secret_file(name);
	if (option == NULL)
		return report(error, "%.100s: there is no such option", name);
	return *value == '\0' ||
	       set_secret_from_file(config, source, option, value, error);
}

bool
ac_config_knows(const char *name)
{
	return ac_option_find(name) != NULL ||
	       ac_option_find_secret_file(name) != NULL;
}

static bool
is_utf8(const char *s)
{
	size_t len = strlen(s);

	while (len > 0) {
		uint32_t code_point;
		size_t bytes = ac_utf8_decode(s, len, &code_point);

		if (bytes == 0)
			return false;
		s += bytes;
		len -= bytes;
	}
	return true;
}

/* What is wrong with a text, or NULL. */
static const char *
check_text(const struct ac_option *option, const char *value)
{
	if (!is_utf8(value))
		return "it is not UTF-8";
	for (const char *p = value; *p != '\0'; p++) {
		if (((unsigned char)*p < ' ' || *p == 0x7f) &&
		    (option->type != AC_TYPE_TEXT || option->one_line))
			return "it holds a control character";
	}
	return option->check == NULL ? NULL : option->check(value);
}

static bool
set_text(struct ac_options *options, const struct ac_option *option,
    const char *value, const char **why)
{
	char **text = field(options, option);

	/* What others have put into their variable must not end the start
	 * of a program that may not even use it. */
	*why = option->is_shared ? NULL : check_text(option, value);
	if (*why != NULL)
		return false;
	ac_wipe_and_free(*text);
	*text = *value == '\0' ? NULL : ac_strdup(value);
	return true;
}

static bool
set_addresses(struct ac_options *options, const struct ac_option *option,
    const char *value, const char **why)
{
	struct ac_addresses *addresses = field(options, option);
	struct ac_addresses parsed = {.count = 0};

	/* An empty one is none, where none is the default. */
	if ((*value != '\0' || *option->default_value != '\0') &&
	    !ac_addresses_parse(&parsed, value, why))
		return false;
	ac_addresses_clear(addresses);
	*addresses = parsed;
	return true;
}

static bool
set_url(struct ac_options *options, const struct ac_option *option,
    const char *value, const char **why)
{
	struct ac_url *url = field(options, option);
	struct ac_url parsed = {0};

	if (!ac_url_parse(&parsed, value, why))
		return false;
	ac_url_clear(url);
	*url = parsed;
	return true;
}

static bool
set_whole(struct ac_options *options, const struct ac_option *option,
    const char *value, const char **why)
{
	int64_t *whole = field(options, option);
	char *end;
	long long parsed;

	errno = 0;
	parsed = strtoll(value, &end, 10);
	if (*value < '0' || *value > '9' || *end != '\0' || errno != 0) {
		*why = "it is not a whole number";
		return false;
	}
	if ((double)parsed < option->min || (double)parsed > option->max) {
		*why = "it is out of range";
		return false;
	}
	*whole = parsed;
	return true;
}

static bool
set_real(struct ac_options *options, const struct ac_option *option,
    const char *value, const char **why)
{
	struct ac_optional_real *real = field(options, option);
	char *end;
	double parsed;

	if (*value == '\0') {
		real->set = false;
		return true;
	}
	parsed = strtod(value, &end);
	if (*end != '\0' || !isfinite(parsed) ||
	    strspn(value, "0123456789.eE+-") != strlen(value)) {
		*why = "it is not a number";
		return false;
	}
	if (parsed < option->min || parsed > option->max) {
		*why = "it is out of range";
		return false;
	}
	*real = (struct ac_optional_real){.set = true, .value = parsed};
	return true;
}

static bool
set_mode(struct ac_options *options, const struct ac_option *option,
    const char *value, const char **why)
{
	int64_t *mode = field(options, option);

	if (*value == '\0' || strlen(value) > 4 ||
	    value[strspn(value, "01234567")] != '\0' ||
	    strtol(value, NULL, 8) > 0777) {
		*why = "it is not an octal number up to 0777";
		return false;
	}
	*mode = strtol(value, NULL, 8);
	return true;
}

static bool
set_switch(struct ac_options *options, const struct ac_option *option,
    const char *value, const char **why)
{
	static const char *const names[] = {
	    "0", "1", "false", "true", "no", "yes", "off", "on"};
	bool *on = field(options, option);

	for (size_t i = 0; i < AC_LENGTH(names); i++) {
		if (strcmp(value, names[i]) == 0) {
			*on = i % 2 == 1;
			return true;
		}
	}
	*why = "it is neither on nor off";
	return false;
}

static bool
set_choice(struct ac_options *options, const struct ac_option *option,
    const char *value, const char **why)
{
	int *choice = field(options, option);

	for (int i = 0; option->choices[i] != NULL; i++) {
		if (strcmp(value, option->choices[i]) == 0) {
			*choice = i;
			return true;
		}
	}
	*why = "it is not one of the choices";
	return false;
}

static bool
set_aliases(struct ac_options *options, const struct ac_option *option,
    const char *value, const char **why)
{
	struct ac_aliases *aliases = field(options, option);
	struct ac_aliases parsed = {.count = 0};

	*why = check_text(option, value);
	if (*why != NULL || !ac_aliases_parse(&parsed, value, why))
		return false;
	ac_aliases_clear(aliases);
	*aliases = parsed;
	return true;
}

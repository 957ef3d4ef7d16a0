/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Where options come from beside flags: the environment, and files of
 * NAME=value lines that serve --config, systemd's EnvironmentFile and
 * docker's --env-file alike. The three agree only on lines without quotes,
 * so a quoted value is refused here.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/option_table.h"
#include "base/options.h"

static bool
load_variable(struct ac_config *config, const char *name,
    char error[AC_OPTION_ERROR_SIZE])
{
	const char *value = getenv(name);

	return value == NULL || ac_config_set_from(config,
				    AC_SOURCE_ENVIRONMENT, name, value, error);
}

/* Whether a CGI server filled an option's variable: it puts a request's
 * header Proxy into HTTP_PROXY, which is then the client's to choose. */
static bool
comes_from_a_request(const struct ac_option *option)
{
	const char *method = getenv("REQUEST_METHOD");

	return strncmp(option->name, "HTTP_", 5) == 0 && method != NULL &&
	       *method != '\0';
}

/* For those who write them so; an empty one in capitals does not count. */
static bool
load_lower_case(struct ac_config *config, const struct ac_option *option,
    char error[AC_OPTION_ERROR_SIZE])
{
	const char *value = getenv(option->name);
	char name[64];

	if (value != NULL && *value != '\0')
		return true;
	snprintf(name, sizeof(name), "%s", option->name);
	for (char *p = name; *p != '\0'; p++) {
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	}
	value = getenv(name);
	return value == NULL ||
	       ac_config_set_from(
		   config, AC_SOURCE_ENVIRONMENT, option->name, value, error);
}

static bool
load_option(struct ac_config *config, const struct ac_option *option,
    char error[AC_OPTION_ERROR_SIZE])
{
	char name[64];

	if (option->type == AC_TYPE_SECRET) {
		snprintf(name, sizeof(name), "%s_FILE", option->name);
		if (!load_variable(config, name, error))
			return false;
	}
	return load_variable(config, option->name, error) &&
	       (!option->is_shared || load_lower_case(config, option, error));
}

bool
ac_config_load_environment(
    struct ac_config *config, char error[AC_OPTION_ERROR_SIZE])
{
	for (size_t i = 0; i < AC_OPTIONS; i++) {
		const struct ac_option *option = ac_option_at(i);

		if (!comes_from_a_request(option) &&
		    !load_option(config, option, error))
			return false;
	}
	return true;
}

/* One line without its line feed. An error's text is completed with the
 * place by the caller. */
static bool
load_line(
    struct ac_config *config, char *line, char error[AC_OPTION_ERROR_SIZE])
{
	char *equals;

	line += strspn(line, " \t");
	line[strcspn(line, "\r\n")] = '\0';
	if (*line == '\0' || *line == '#')
		return true;
	equals = strchr(line, '=');
	if (equals == NULL) {
		snprintf(error, AC_OPTION_ERROR_SIZE, "a line is NAME=value");
		return false;
	}
	*equals = '\0';
	if (equals[1] == '"' || equals[1] == '\'') {
		snprintf(error, AC_OPTION_ERROR_SIZE,
		    "%s: leave the quotes out, the value ends with the line",
		    line);
		return false;
	}
	return ac_config_set_from(
	    config, AC_SOURCE_FILE, line, equals + 1, error);
}

bool
ac_config_load_file(struct ac_config *config, const char *path,
    char error[AC_OPTION_ERROR_SIZE])
{
	const char *reason = "";
	FILE *file = ac_file_open(path, &reason);
	char why[AC_OPTION_ERROR_SIZE] = "";
	char *line = NULL;
	size_t size = 0;
	unsigned number = 0;
	bool ok = true;

	if (file == NULL) {
		snprintf(error, AC_OPTION_ERROR_SIZE, "%s: %s", path, reason);
		return false;
	}
	while (ok && getline(&line, &size, file) != -1) {
		/* Editors of some systems begin a file with a mark. */
		bool marked =
		    number == 0 && strncmp(line, "\xef\xbb\xbf", 3) == 0;

		number++;
		ok = load_line(config, marked ? line + 3 : line, why);
	}
	if (ok && ferror(file)) {
		snprintf(why, sizeof(why), "%s", strerror(errno));
		ok = false;
	}
	if (!ok)
		snprintf(error, AC_OPTION_ERROR_SIZE, "%.200s:%u: %.280s", path,
		    number, why);
	ac_wipe_and_free_bytes(line, size);
	fclose(file);
	return ok;
}

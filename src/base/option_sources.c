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

bool
ac_config_load_environment(
    struct ac_config *config, char error[AC_OPTION_ERROR_SIZE])
{
	char name[64];

	for (size_t i = 0; i < AC_OPTIONS; i++) {
		const struct ac_option *option = &ac_option_table[i];

		if (option->type == AC_TYPE_SECRET) {
			snprintf(name, sizeof(name), "%s_FILE", option->name);
			if (!load_variable(config, name, error))
				return false;
		}
		if (!load_variable(config, option->name, error))
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
	FILE *file = fopen(path, "r");
	char why[AC_OPTION_ERROR_SIZE] = "";
	char *line = NULL;
	size_t size = 0;
	unsigned number = 0;
	bool ok = true;

	if (file == NULL) {
		snprintf(error, AC_OPTION_ERROR_SIZE, "%s: %s", path,
		    strerror(errno));
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

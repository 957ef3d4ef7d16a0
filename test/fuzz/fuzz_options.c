/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * --config files: one is accepted or refused with a
 * reason; what --check-config prints of an accepted one is itself a file
 * that gives the same configuration.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/option_table.h"
#include "base/options.h"
#include "fuzz.h"

/* Loads bytes as a file into config. */
static bool
load(struct ac_config *config, const char *data, size_t len)
{
	char error[AC_OPTION_ERROR_SIZE] = "";
	int fd = memfd_create("options", 0);
	char *path = ac_asprintf("/proc/self/fd/%d", fd);
	bool ok;

	FUZZ_CHECK(write(fd, data, len) == (ssize_t)len);
	ok = ac_config_load_file(config, path, error);
	FUZZ_CHECK(ok == (*error == '\0'));
	close(fd);
	free(path);
	return ok;
}

/* Takes out what stands for a secret: an empty one says nothing. */
static void
remove_hidden(char *text)
{
	static const char hidden[] = "=(hidden)\n";
	char *found;

	while ((found = strstr(text, hidden)) != NULL) {
		const char *rest = found + strlen(hidden) - 1;

		memmove(found + 1, rest, strlen(rest) + 1);
	}
}

static void
check_file(const char *data, size_t len)
{
	struct ac_config *config = ac_config_new();
	struct ac_config *second = ac_config_new();
	char *described, *again;

	if (load(config, data, len)) {
		described = ac_config_describe(config);
		remove_hidden(described);
		FUZZ_CHECK(load(second, described, strlen(described)));
		again = ac_config_describe(second);
		FUZZ_CHECK(strcmp(described, again) == 0);
		free(described);
		free(again);
	}
	ac_config_free(config);
	ac_config_free(second);
}

/* No file but the input is to be opened; a secret's would be. */
static bool
names_secret_file(const char *text, size_t len)
{
	bool found = false;

	for (size_t i = 0; i < AC_OPTIONS; i++) {
		const struct ac_option *option = ac_option_at(i);
		char *name = ac_asprintf("%s_FILE", option->name);

		if (option->type == AC_TYPE_SECRET &&
		    memmem(text, len, name, strlen(name)) != NULL)
			found = true;
		free(name);
	}
	return found;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = ac_memdup((const char *)data, size);

	if (!names_secret_file(text, size))
		check_file(text, size);
	free(text);
	return 0;
}

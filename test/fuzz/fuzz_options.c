/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * --config files, URLs and addresses. A file is accepted or refused with a
 * reason; what --check-config prints of an accepted one is itself a file
 * that gives the same configuration. Each line is also read as a URL and as
 * an address; what they were taken apart into gives the same parts again.
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

static void
check_url(const char *text)
{
	struct ac_url url = {0}, again = {0};
	const char *why = NULL;
	char *composed;

	if (!ac_url_parse(&url, text, &why)) {
		FUZZ_CHECK(why != NULL && *why != '\0');
		return;
	}
	FUZZ_CHECK(*url.host != '\0' && url.port != 0);
	composed = ac_asprintf(
	    "%s://%s%s", url.tls ? "https" : "http", url.host_header, url.path);
	FUZZ_CHECK(ac_url_parse(&again, composed, &why));
	FUZZ_CHECK(again.tls == url.tls && again.port == url.port);
	FUZZ_CHECK(strcmp(again.host, url.host) == 0);
	FUZZ_CHECK(strcmp(again.host_header, url.host_header) == 0);
	FUZZ_CHECK(strcmp(again.path, url.path) == 0);
	free(composed);
	ac_url_clear(&url);
	ac_url_clear(&again);
}

static void
check_address(const char *text)
{
	struct ac_address address = {0}, again = {0};
	const char *why = NULL;
	char *composed;

	if (!ac_address_parse(&address, text, &why)) {
		FUZZ_CHECK(why != NULL && *why != '\0');
		return;
	}
	FUZZ_CHECK((address.host == NULL) != (address.path == NULL));
	if (address.path != NULL)
		composed = ac_asprintf("unix:%s", address.path);
	else
		composed =
		    ac_asprintf(strchr(address.host, ':') ? "[%s]:%u" : "%s:%u",
			address.host, (unsigned)address.port);
	FUZZ_CHECK(ac_address_parse(&again, composed, &why));
	FUZZ_CHECK(again.port == address.port);
	if (address.path != NULL)
		FUZZ_CHECK(strcmp(again.path, address.path) == 0);
	else
		FUZZ_CHECK(strcmp(again.host, address.host) == 0);
	free(composed);
	ac_address_clear(&address);
	ac_address_clear(&again);
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
	char *rest = text;
	char *line;

	if (!names_secret_file(text, size))
		check_file(text, size);
	while ((line = strsep(&rest, "\n")) != NULL) {
		check_url(line);
		check_address(line);
	}
	free(text);
	return 0;
}

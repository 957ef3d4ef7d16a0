/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Reading and making files for tests: see files.h. */
#include "support/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"

static AC_NORETURN void
give_up(const char *what)
{
	perror(what);
	exit(1);
}

char *
files_read(const char *path, size_t *len)
{
	FILE *file = fopen(path, "rb");
	char *data;
	long end;

	if (file == NULL || fseek(file, 0, SEEK_END) != 0)
		give_up(path);
	end = ftell(file);
	if (end < 0)
		give_up(path);
	rewind(file);
	data = malloc((size_t)end + 1);
	if (data == NULL || fread(data, 1, (size_t)end, file) != (size_t)end)
		give_up(path);
	fclose(file);
	data[end] = '\0';
	*len = (size_t)end;
	return data;
}

void
files_make(char path[FILES_PATH_SIZE], const char *data, size_t len)
{
	int fd;

	snprintf(path, FILES_PATH_SIZE, "/tmp/akashchat-test-XXXXXX");
	fd = mkstemp(path);
	if (fd == -1 || write(fd, data, len) != (ssize_t)len)
		give_up(path);
	close(fd);
}

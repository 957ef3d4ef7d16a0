/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Opening files: see file.h. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool regular_alone;

void
ac_file_take_regular_alone(void)
{
	regular_alone = true;
}

FILE *
ac_file_open(const char *path, const char **why)
{
	/* Opening a pipe that nobody writes to would wait. */
	int fd =
	    open(path, O_RDONLY | O_CLOEXEC | (regular_alone ? O_NONBLOCK : 0));
	struct stat status;
	FILE *file = NULL;

	if (fd < 0) {
		*why = strerror(errno);
		return NULL;
	}
	if (regular_alone && fstat(fd, &status) == 0 &&
	    !S_ISREG(status.st_mode))
		*why = "it is no regular file, which a reload wants";
	else if ((file = fdopen(fd, "r")) == NULL)
		*why = strerror(errno);
	if (file == NULL)
		close(fd);
	return file;
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Files for tests. A file that cannot be read or written ends the test
 * program: nothing it could say after that would mean anything. */
#ifndef AC_TEST_FILES_H
#define AC_TEST_FILES_H

#include <stddef.h>

/* The bytes of a file with a NUL behind them; the caller frees them. */
char *files_read(const char *path, size_t *len);

enum { FILES_PATH_SIZE = 64 };

/* Makes a temporary file of len bytes; the caller unlinks path. */
void files_make(char path[FILES_PATH_SIZE], const char *data, size_t len);

#endif

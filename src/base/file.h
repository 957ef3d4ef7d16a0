/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Opening the files that options name. */
#ifndef AC_BASE_FILE_H
#define AC_BASE_FILE_H

#include <stdio.h>

#include "base/attr.h"

/*
 * From now on only regular files are opened: a pipe or a terminal that is
 * opened or read may keep the whole process waiting, which does no harm
 * before the loop runs and stops everybody afterwards.
 */
void ac_file_take_regular_alone(void);

/* Opens a file to be read; the caller closes it. NULL, and a constant text
 * or the system's word in *why. */
AC_MUST_CHECK FILE *ac_file_open(const char *path, const char **why);

#endif

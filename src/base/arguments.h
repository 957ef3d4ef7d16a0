/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What a command such as --doctor is given beside the options. */
#ifndef AC_BASE_ARGUMENTS_H
#define AC_BASE_ARGUMENTS_H

#include <stdbool.h>

struct ac_arguments {
	char *url;    /* owned: of --probe, or --url; NULL: none */
	char *origin; /* owned: --origin; NULL: none */
	bool picture; /* --picture */
	/* Owned: why the environment or the file could not be read, for
	 * --doctor, which tells it in its report; NULL: they could. */
	char *complaint;
};

/* Frees the strings; all-zero arguments are fine. */
void ac_arguments_clear(struct ac_arguments *arguments);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A command's arguments: see arguments.h. */
#include "base/arguments.h"

#include <stdlib.h>

void
ac_arguments_clear(struct ac_arguments *arguments)
{
	free(arguments->url);
	free(arguments->origin);
	free(arguments->complaint);
	*arguments = (struct ac_arguments){0};
}

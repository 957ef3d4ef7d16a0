/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Prints the option table in Markdown, for cmake/configuration_docs.py. */
#include <stdio.h>
#include <stdlib.h>

#include "base/options.h"

int
main(void)
{
	char *table = ac_config_markdown();

	fputs(table, stdout);
	free(table);
	return EXIT_SUCCESS;
}

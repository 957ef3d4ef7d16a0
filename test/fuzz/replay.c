/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Runs a fuzz target on each file of the directories that are named: the
 * main program where libFuzzer is not there. */
#include <dirent.h>
#include <string.h>

#include "base/mem.h"
#include "fuzz.h"
#include "support/files.h"

/* Runs every file; returns how many there were. */
static size_t
replay(const char *directory)
{
	struct dirent **entries;
	int count = scandir(directory, &entries, NULL, alphasort);
	size_t files = 0;

	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;

		if (name[0] != '.') {
			char *path = ac_asprintf("%s/%s", directory, name);
			size_t len;
			char *data = files_read(path, &len);
			/* The block ends where the input does. */
			uint8_t *exact = ac_malloc(len);

			memcpy(exact, data, len);
			printf("%s\n", path);
			fflush(stdout);
			LLVMFuzzerTestOneInput(exact, len);
			files++;
			free(exact);
			free(data);
			free(path);
		}
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return files;
}

int
main(int argc, char **argv)
{
	size_t files = 0;

	for (int i = 1; i < argc; i++)
		files += replay(argv[i]);
	printf("%zu inputs\n", files);
	return files == 0;
}

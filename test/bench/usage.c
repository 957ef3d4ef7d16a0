/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The kernel's accounting of processes: see usage.h. */
#include "usage.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

void
usage_parse(struct usage_pids *pids, const char *list)
{
	char *end;

	pids->count = 0;
	while (*list != '\0') {
		long pid = strtol(list, &end, 10);

		if (end == list || pids->count == USAGE_PIDS_MAX)
			wire_fatal("a list of processes is wrong");
		pids->pids[pids->count++] = (int)pid;
		list = *end == ',' ? end + 1 : end;
	}
}

static int64_t
thread_ns(int pid, const char *thread)
{
	char path[300];
	char line[128];
	FILE *file;
	int64_t ns = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", pid, thread);
	file = fopen(path, "re");
	if (file == NULL)
		return 0; /* a thread that has just ended */
	if (fgets(line, sizeof(line), file) != NULL)
		ns = strtoll(line, NULL, 10);
	(void)fclose(file);
	return ns;
}

int64_t
usage_cpu_ns(const struct usage_pids *pids)
{
	int64_t ns = 0;

	for (int i = 0; i < pids->count; i++) {
		char path[64];
		struct dirent *entry;
		DIR *folder;

		snprintf(path, sizeof(path), "/proc/%d/task", pids->pids[i]);
		folder = opendir(path);
		if (folder == NULL)
			wire_fatal("a process that is measured is gone");
		while ((entry = readdir(folder)) != NULL) {
			if (entry->d_name[0] != '.')
				ns += thread_ns(pids->pids[i], entry->d_name);
		}
		closedir(folder);
	}
	return ns;
}

/* The number of kilobytes behind a name in a file of a process. */
static int64_t
read_kb(int pid, const char *name, const char *what)
{
	char path[64];
	char line[256];
	FILE *file;
	int64_t kb = -1;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	file = fopen(path, "re");
	if (file == NULL)
		wire_fatal("a process that is measured is gone");
	while (kb < 0 && fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, what, strlen(what)) == 0)
			kb = strtoll(line + strlen(what), NULL, 10);
	}
	(void)fclose(file);
	if (kb < 0)
		wire_fatal("the kernel does not tell the memory of a process");
	return kb;
}

struct usage_memory
usage_memory(const struct usage_pids *pids)
{
	struct usage_memory memory = {.rss_kb = 0};

	for (int i = 0; i < pids->count; i++) {
		int pid = pids->pids[i];

		memory.rss_kb += read_kb(pid, "smaps_rollup", "Rss:");
		memory.pss_kb += read_kb(pid, "smaps_rollup", "Pss:");
		memory.peak_kb += read_kb(pid, "status", "VmHWM:");
	}
	return memory;
}

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The process in numbers: see process_usage.h. From getrusage(2), getrlimit(2)
 * and proc(5). */
#include "base/process_usage.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static double
seconds(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void
read_cpu(struct ac_process_usage *usage)
{
	struct rusage own;

	if (getrusage(RUSAGE_SELF, &own) == 0)
		usage->cpu_s = seconds(own.ru_utime) + seconds(own.ru_stime);
}

/* Field 22 of /proc/self/stat is the start in clock ticks after the boot. */
static void
set_start(struct ac_process_usage *usage, uint64_t ticks)
{
	double age;
	struct timespec now, up;

	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &up);
	age = (double)up.tv_sec + (double)up.tv_nsec / 1e9 -
	      (double)ticks / (double)sysconf(_SC_CLK_TCK);
	usage->start_s = (double)now.tv_sec + (double)now.tv_nsec / 1e9 - age;
}

/* Field n of the line, counted from 1; 0 if there is none. They are counted
 * behind the second, the program's name, which may hold anything. */
static uint64_t
field(const char *line, int n)
{
	const char *p = strrchr(line, ')');

	for (int i = 2; p != NULL && i < n; i++) {
		p = strchr(p, ' ');
		if (p != NULL)
			p++;
	}
	return p == NULL ? 0 : strtoull(p, NULL, 10);
}

static void
read_stat(struct ac_process_usage *usage)
{
	FILE *file = fopen("/proc/self/stat", "re");
	char line[1024];
	bool there;

	if (file == NULL)
		return;
	there = fgets(line, sizeof(line), file) != NULL;
	fclose(file);
	if (!there)
		return;
	set_start(usage, field(line, 22));
	usage->virtual_bytes = (int64_t)field(line, 23);
	usage->resident_bytes =
	    (int64_t)field(line, 24) * sysconf(_SC_PAGESIZE);
}

static void
read_descriptors(struct ac_process_usage *usage)
{
	DIR *folder = opendir("/proc/self/fd");
	const struct dirent *entry;
	struct rlimit limit;

	/* The folder's own is open only now. */
	for (usage->open_fds = -1;
	     folder != NULL && (entry = readdir(folder)) != NULL;) {
		if (entry->d_name[0] != '.')
			usage->open_fds++;
	}
	if (folder != NULL)
		closedir(folder);
	else
		usage->open_fds = 0;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		usage->max_fds = limit.rlim_cur == RLIM_INFINITY
				     ? -1
				     : (int64_t)limit.rlim_cur;
}

void
ac_process_usage_read(struct ac_process_usage *usage)
{
	*usage = (struct ac_process_usage){.cpu_s = 0};
	read_cpu(usage);
	read_stat(usage);
	read_descriptors(usage);
}

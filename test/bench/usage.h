/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What processes have used so far, by the kernel's accounting. */
#ifndef AC_BENCH_USAGE_H
#define AC_BENCH_USAGE_H

#include <stdint.h>

enum { USAGE_PIDS_MAX = 8 };

/* Processes that are looked at together: an nginx and its worker. */
struct usage_pids {
	int count;
	int pids[USAGE_PIDS_MAX];
};

/* Reads "12,34". */
void usage_parse(struct usage_pids *pids, const char *list);

/* Nanoseconds on a processor, of all threads: /proc/PID/task/TID/schedstat. */
int64_t usage_cpu_ns(const struct usage_pids *pids);

struct usage_memory {
	int64_t rss_kb;
	int64_t pss_kb;
	int64_t peak_kb; /* the largest that rss_kb ever was */
};

/* From /proc/PID/smaps_rollup, and VmHWM. */
struct usage_memory usage_memory(const struct usage_pids *pids);

#endif

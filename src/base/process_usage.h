/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What this process uses of its machine, as Linux tells. */
#ifndef AC_BASE_PROCESS_USAGE_H
#define AC_BASE_PROCESS_USAGE_H

#include <stdint.h>

struct ac_process_usage {
	double cpu_s;   /* of all processors, in user and system */
	double start_s; /* since 1970, UTC, to the clock tick */
	int64_t resident_bytes;
	int64_t virtual_bytes;
	int64_t open_fds;
	int64_t max_fds; /* the limit; -1: there is none */
};

/* Asks for all of it now; what cannot be had (no /proc) is 0. */
void ac_process_usage_read(struct ac_process_usage *usage);

#endif

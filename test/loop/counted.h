/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Counts what one thread does, in the program and in the libraries beneath
 * it: allocations, bytes that are copied, and calls of the system. A test that
 * is linked with counted.c has these functions instead of the C library's;
 * glibc alone offers what they stand on.
 *
 * A copy that the compiler made without a call is not seen, nor is what the
 * C library does within itself.
 */
#ifndef AC_TEST_COUNTED_H
#define AC_TEST_COUNTED_H

#include <stdint.h>

struct counts {
	uint64_t allocations; /* malloc, calloc, realloc */
	uint64_t copied;      /* bytes, by memcpy and memmove */
	uint64_t calls;       /* of the system: reads, writes, epoll, ioctl */
};

/* From here on the calling thread is the one that counts. */
void counted_start(void);

/* What it has done so far; any thread may ask. */
struct counts counted_now(void);

#endif

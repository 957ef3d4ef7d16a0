/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Random numbers that are the same in every run: a failure can be seen
 * again. The generator is splitmix64. */
#ifndef AC_TEST_RANDOM_H
#define AC_TEST_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
	uint64_t state; /* the seed */
};

/* 64 random bits. */
uint64_t random_next(struct random *random);

/* A number from 0 to end - 1; end is at least 1. */
size_t random_below(struct random *random, size_t end);

#endif

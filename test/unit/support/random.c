/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Repeatable random numbers: see random.h. */
#include "support/random.h"

uint64_t
random_next(struct random *random)
{
	uint64_t z;

	random->state += 0x9e3779b97f4a7c15u;
	z = random->state;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

size_t
random_below(struct random *random, size_t end)
{
	return (size_t)(random_next(random) % end);
}

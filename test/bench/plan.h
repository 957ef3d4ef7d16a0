/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * What the benchmark's client wants from its upstream: it stands in the
 * question's text and so passes whatever is between the two. And the text of
 * an answer, which both ends know: delta n is " 00042xxx…", n in five digits
 * and filled up to its length, so that a byte that is lost, doubled or out of
 * order shows.
 */
#ifndef AC_BENCH_PLAN_H
#define AC_BENCH_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PLAN_DELTA_MIN = 6,
	PLAN_DELTA_MAX = 8192,
};

struct plan {
	uint64_t deltas;      /* of the whole answer */
	uint64_t interval_us; /* between two ticks; 0: as fast as it goes */
	uint64_t per_tick;    /* deltas */
	uint64_t delta_len;   /* bytes of text */
	uint64_t holds;       /* 1: the end waits for POST /release */
};

/* Finds a plan "plan D T K S H" in len bytes of text. */
bool plan_find(struct plan *plan, const char *text, size_t len);

/* How plan_find() wants it. */
#define PLAN_MARK "plan "

/* Writes the text of delta number n. */
void plan_write_delta(const struct plan *plan, uint64_t n, char *out);

/* Whether len bytes of text are what stands at this place of the answer. */
bool plan_matches(
    uint64_t delta_len, uint64_t place, const char *text, size_t len);

#endif

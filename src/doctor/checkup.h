/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * A row of steps, one after the other, and the report about them: each is
 * told in one line with what was seen, and beneath one that is not well what
 * to do about it. A step that depends on one that failed is skipped.
 */
#ifndef AC_DOCTOR_CHECKUP_H
#define AC_DOCTOR_CHECKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/attr.h"

struct ac_checkup;
struct event_base;

enum ac_finding {
	AC_FINDING_OK,
	AC_FINDING_WARNING,
	AC_FINDING_FAILED,
	AC_FINDING_SKIPPED,
	AC_FINDINGS
};

enum { AC_CHECKUP_STEP_MS = 15000 }; /* for a step that names no limit */

struct ac_checkup_step {
	const char *name; /* at most 13 characters */
	unsigned needs;   /* bits of steps, 1u << index, that must be well */
	/* Begins it. It ends with ac_checkup_next(), perhaps within this. */
	void (*start)(void *arg);
};

struct ac_checkup_plan {
	const struct ac_checkup_step *steps; /* borrowed; 32 at most */
	size_t step_count;
	int64_t limit_ms; /* for all of them together */
	/* A deadline has come: nothing that the step has started may call
	 * back any more. */
	void (*stop)(void *arg);
	void *arg; /* of start and stop */
};

/* Borrows base and out and copies plan; starts nothing. */
struct ac_checkup *ac_checkup_new(
    struct event_base *base, FILE *out, const struct ac_checkup_plan *plan);

void ac_checkup_free(struct ac_checkup *checkup);

/* Runs the loop until the last step is over and tells how it ended. Whether
 * nothing failed. */
AC_MUST_CHECK bool ac_checkup_run(struct ac_checkup *checkup);

/*
 * One line about the step that runs: what was seen. advice, lines with line
 * feeds between, stands beneath it; NULL: none. What is not printable ASCII
 * is written as '?'.
 */
void ac_checkup_say(struct ac_checkup *checkup, enum ac_finding finding,
    const char *advice, const char *fmt, ...) AC_PRINTF(4, 5);

/* The step fails if it is not over within ms from now. */
void ac_checkup_set_limit(struct ac_checkup *checkup, int64_t ms);

/* How long the step has run, in milliseconds. */
int64_t ac_checkup_elapsed_ms(const struct ac_checkup *checkup);

/* The step is over, and has nothing under way: the next one begins, from the
 * loop. */
void ac_checkup_next(struct ac_checkup *checkup);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* When the pieces of a streamed answer came, and what that says about the way
 * between. Pure: the caller reads the clock. */
#ifndef AC_DOCTOR_PACE_H
#define AC_DOCTOR_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ac_pace_kind {
	AC_PACE_FEW,    /* pieces, too few to say anything */
	AC_PACE_QUICK,  /* all of it, too quick to say anything */
	AC_PACE_EVEN,   /* they came one by one */
	AC_PACE_BURSTS, /* many at a time, with pauses between */
	AC_PACE_LUMP,   /* all at once, after a wait */
};

/* Times in nanoseconds of one clock, results in milliseconds. */
struct ac_pace {
	size_t pieces;
	size_t bursts; /* pieces within 10 ms of the first of them */
	int64_t began_ns;
	int64_t first_ns;
	int64_t last_ns;
	int64_t burst_ns; /* the first of the last burst */
	int64_t pause_ns; /* the longest between two pieces */
};

/* In place: the question leaves now. */
void ac_pace_init(struct ac_pace *pace, int64_t now_ns);

/* A piece came; time does not go back. */
void ac_pace_add(struct ac_pace *pace, int64_t now_ns);

enum ac_pace_kind ac_pace_judge(const struct ac_pace *pace);

/* From the question to the first piece; 0 without one. */
int64_t ac_pace_first_ms(const struct ac_pace *pace);

/* From the first piece to the last. */
int64_t ac_pace_span_ms(const struct ac_pace *pace);

/* "34 pieces, the first after 640 ms, the last 1900 ms later, evenly". */
void ac_pace_describe(const struct ac_pace *pace, char *out, size_t size);

/* Whether something on the way holds the pieces back. */
bool ac_pace_is_held_back(const struct ac_pace *pace);

#endif

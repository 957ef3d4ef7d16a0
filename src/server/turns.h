/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * How fast the loop goes round while many streams bring deltas.
 *
 * Those come one by one, and a turn of the loop for each would cost more than
 * what is done in it: waiting for sockets, and waking up. So the loop rests a
 * little behind a turn with deltas, as a network card does with its
 * interrupts, and the next one has several.
 */
#ifndef AC_SERVER_TURNS_H
#define AC_SERVER_TURNS_H

#include <stddef.h>
#include <stdint.h>

enum {
	AC_TURN_NS = 500 * 1000, /* a turn with deltas takes so long … */
	AC_TURNS_AT_ONCE = 8, /* … but for so many that were saved up … */
	AC_TURNS_STREAMS_MIN = 64, /* … with so many open streams */
};

/* Zeroed at first. */
struct ac_turns {
	int64_t due_ns;  /* when the turns that there have been should end */
	uint64_t deltas; /* that there were then */
};

/* For how many nanoseconds to rest before the next turn, at the most
 * AC_TURN_NS; 0: not at all. To be called after each turn, at now_ns by
 * ac_clock_ns(); streams: how many are open; deltas: how many pieces of
 * streams have been sent since the server began. */
int64_t ac_turns_rest_ns(
    struct ac_turns *turns, int64_t now_ns, size_t streams, uint64_t deltas);

#endif

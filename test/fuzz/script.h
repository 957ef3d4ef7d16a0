/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * What one end of a connection does, as an input says it: bytes, and between
 * them the byte 0x1e with a letter:
 *
 *	.   all before it has been read when what follows is written
 *	t   a second passes, T 100 seconds
 *	c   the connection is closed, h its sending half
 *	z   64 KiB of the byte behind it
 *	n   what follows is for the next connection or answer
 *
 * Before any other byte 0x1e is itself, and so is that byte.
 */
#ifndef AC_TEST_SCRIPT_H
#define AC_TEST_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "fuzz.h"

enum { SCRIPT_FLOOD_LEN = 64 * 1024 };

enum script_kind {
	SCRIPT_BYTES, /* data, len */
	SCRIPT_FLOOD, /* data[0], SCRIPT_FLOOD_LEN times */
	SCRIPT_CUT,
	SCRIPT_SLEEP, /* sleep_ms */
	SCRIPT_CLOSE,
	SCRIPT_HALF_CLOSE,
	SCRIPT_NEXT,
	SCRIPT_END,
};

struct script_step {
	enum script_kind kind;
	const char *data; /* borrowed from the script */
	size_t len;
	int64_t sleep_ms;
};

struct script {
	const char *at; /* borrowed */
	size_t len;
};

/* Takes the next step off the script. */
struct script_step script_next(struct script *script);

/* Whether a step of that kind is in the script. */
bool script_has(struct script script, enum script_kind kind);

/* Takes all up to the next SCRIPT_NEXT, or to the end, off the script. */
struct script script_next_section(struct script *script);

/* Who plays a script on one end of a connection, in a world (world.h). */
struct player {
	struct script script;
	struct script_step step; /* the last one */
	size_t sent;             /* of its bytes */
	int64_t awake_ms;
	bool in_one; /* cuts are nothing: as much as can be is written */
};

enum player_state {
	PLAYER_MOVED, /* something was done; there may be more */
	PLAYER_WAITS, /* for the other end, or for the time */
	PLAYER_CLOSES,
	PLAYER_HALF_CLOSES, /* and goes on */
	PLAYER_OVER,
};

/* Plays the next step on a socket; what it cannot write is lost where the
 * other end has gone. */
enum player_state player_move(struct player *player, int fd);

#endif

/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The text and reasoning blocks of a UI message stream that have begun and
 * not ended. Blocks of the two types have their ids apart from each other.
 */
#ifndef AC_CODEC_BLOCKS_H
#define AC_CODEC_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "codec/event.h"

enum {
	AC_BLOCKS_MAX = 64,    /* open at the same time */
	AC_BLOCK_ID_MAX = 256, /* bytes of an id */
};

struct ac_block {
	enum ac_event_type type; /* of its texts: TEXT or REASONING */
	char *id;                /* owned; may hold NUL */
	size_t id_len;
	uint64_t number; /* no other block has it */
};

struct ac_blocks {
	struct ac_block open[AC_BLOCKS_MAX];
	size_t count;
	uint64_t last_number;
};

/* A zeroed struct is an empty one; _clear closes all and keeps the count of
 * numbers. */
void ac_blocks_clear(struct ac_blocks *blocks);

/* Opens a block; one that is open under the id becomes a new one. False if
 * the id is too long or too many are open. */
AC_MUST_CHECK bool ac_blocks_open(struct ac_blocks *blocks,
    enum ac_event_type type, const char *id, size_t id_len);

/* The number of the open block with this id, or 0 if there is none. */
uint64_t ac_blocks_find(const struct ac_blocks *blocks, enum ac_event_type type,
    const char *id, size_t id_len);

/* Closes the block with this number. */
void ac_blocks_close(struct ac_blocks *blocks, uint64_t number);

#endif

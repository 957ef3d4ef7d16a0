/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Open blocks: see blocks.h. There are one or two of them at a time. */
#include "codec/blocks.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void
ac_blocks_clear(struct ac_blocks *blocks)
{
	for (size_t i = 0; i < blocks->count; i++)
		free(blocks->open[i].id);
	blocks->count = 0;
}

static bool
is_block(const struct ac_block *block, enum ac_event_type type, const char *id,
    size_t id_len)
{
	return block->type == type && block->id_len == id_len &&
	       (id_len == 0 || memcmp(block->id, id, id_len) == 0);
}

uint64_t
ac_blocks_find(const struct ac_blocks *blocks, enum ac_event_type type,
    const char *id, size_t id_len)
{
	for (size_t i = 0; i < blocks->count; i++) {
		if (is_block(&blocks->open[i], type, id, id_len))
			return blocks->open[i].number;
	}
	return 0;
}

bool
ac_blocks_open(struct ac_blocks *blocks, enum ac_event_type type,
    const char *id, size_t id_len)
{
	struct ac_block *block;

	ac_blocks_close(blocks, ac_blocks_find(blocks, type, id, id_len));
	if (id_len > AC_BLOCK_ID_MAX || blocks->count == AC_BLOCKS_MAX)
		return false;
	block = &blocks->open[blocks->count++];
	*block = (struct ac_block){
	    .type = type,
	    .id = ac_memdup(id, id_len),
	    .id_len = id_len,
	    .number = ++blocks->last_number,
	};
	return true;
}

void
ac_blocks_close(struct ac_blocks *blocks, uint64_t number)
{
	for (size_t i = 0; i < blocks->count; i++) {
		if (blocks->open[i].number != number)
			continue;
		free(blocks->open[i].id);
		blocks->open[i] = blocks->open[--blocks->count];
		return;
	}
}

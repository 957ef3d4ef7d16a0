/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Memory for OpenSSL's record buffers: see tls_buffers.h. */
#include "net/tls_buffers.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/attr.h"

enum {
	BLOCKS = 32, /* more at once come from the heap */
	BLOCK_MIN = 16 * 1024,
	BLOCK_SIZE = 18 * 1024, /* a record of 16 KB with all that TLS adds */
};

/* The latest that was freed is the first to be used again; a block that was
 * never used takes no memory. */
static union block {
	union block *next;
	max_align_t align;
	unsigned char bytes[BLOCK_SIZE];
} blocks[BLOCKS];
static union block *unused;
static size_t touched; /* how many were ever used */

static bool
is_block(const void *memory)
{
	return (uintptr_t)memory >= (uintptr_t)blocks &&
	       (uintptr_t)memory < (uintptr_t)(blocks + BLOCKS);
}

static void *
allocate(size_t size, const char *file, int line)
{
	union block *block = unused;

	AC_UNUSED(file);
	AC_UNUSED(line);
	if (size < BLOCK_MIN || size > BLOCK_SIZE)
		return size == 0 ? NULL : malloc(size);
	if (block != NULL) {
		unused = block->next;
		return block;
	}
	return touched < BLOCKS ? &blocks[touched++] : malloc(size);
}

static void
release(void *memory, const char *file, int line)
{
	union block *block = memory;

	AC_UNUSED(file);
	AC_UNUSED(line);
	if (!is_block(memory)) {
		free(memory);
		return;
	}
	block->next = unused;
	unused = block;
}

static void *
reallocate(void *memory, size_t size, const char *file, int line)
{
	void *moved;

	if (memory == NULL)
		return allocate(size, file, line);
	if (size == 0) {
		release(memory, file, line);
		return NULL;
	}
	if (!is_block(memory))
		return realloc(memory, size);
	if (size <= BLOCK_SIZE)
		return memory;
	moved = malloc(size);
	if (moved == NULL)
		return NULL;
	memcpy(moved, memory, BLOCK_SIZE);
	release(memory, file, line);
	return moved;
}

void
ac_tls_buffers_install(void)
{
	CRYPTO_set_mem_functions(allocate, reallocate, release);
}

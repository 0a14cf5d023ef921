/* SPDX-License-Identifier: Apache-2.0
 *
 * Blocks filled from the front; the first reset after growth joins them.
 */
#include "session/pool.h"

#include <stdlib.h>

enum { ALIGNMENT = 64, LEAST = 1 << 16 };

struct pool_block {
    struct pool_block *next;
    size_t used, size;
    char *memory;
};

static struct pool_block *add_block(struct pool *pool, size_t bytes)
{
    struct pool_block *block = calloc(1, sizeof *block);
    void *memory = NULL;
    if (!block || posix_memalign(&memory, ALIGNMENT, bytes) != 0) {
        free(block);
        return NULL;
    }
    *block = (struct pool_block){.next = pool->blocks, .size = bytes, .memory = memory};
    pool->blocks = block;
    return block;
}

void *pool_take(struct pool *pool, size_t bytes)
{
    if (bytes > (size_t)-1 / 4)
        return NULL;
    bytes = (bytes + ALIGNMENT) / ALIGNMENT * ALIGNMENT;
    struct pool_block *block = pool->blocks;
    if (!block || block->size - block->used < bytes)
        block = add_block(pool, bytes > LEAST ? (bytes + bytes / 4) / ALIGNMENT * ALIGNMENT : LEAST);
    if (!block)
        return NULL;
    void *memory = block->memory + block->used;
    block->used += bytes;
    return memory;
}

void pool_finish(struct pool *pool)
{
    for (struct pool_block *block = pool->blocks, *next; block; block = next) {
        next = block->next;
        free(block->memory);
        free(block);
    }
    pool->blocks = NULL;
}

void pool_reset(struct pool *pool)
{
    if (!pool->blocks)
        return;
    if (pool->blocks->next) {
        size_t total = 0;
        for (struct pool_block *block = pool->blocks; block; block = block->next)
            total += block->size;
        pool_finish(pool);
        add_block(pool, total); /* if that fails, blocks are made as they are needed */
        return;
    }
    pool->blocks->used = 0;
}

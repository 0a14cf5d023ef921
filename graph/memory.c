/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory by liveness: the largest items first, each at the lowest offset of the first block where nothing that lives at
 * the same time is in the way.
 */
#include <stdlib.h>
#include <string.h>

#include "common/round.h"
#include "graph/graph.h"

static int by_size(const void *a, const void *b)
{
    const struct graph_memory_item *x = *(struct graph_memory_item *const *)a,
                                   *y = *(struct graph_memory_item *const *)b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x < y ? -1 : x > y; /* the same plan every time */
}

/* Lowest free offset for the item in a block, among the n placed items, which stand by offset. */
static uint64_t find_offset(const struct graph_memory_item *item, struct graph_memory_item *const *placed, uint32_t n,
                            uint32_t block, uint64_t alignment)
{
    uint64_t offset = 0;
    for (uint32_t i = 0; i < n && placed[i]->offset < offset + item->bytes; i++) {
        if (placed[i]->block != block || placed[i]->begin > item->end || item->begin > placed[i]->end)
            continue;
        const uint64_t end = round_up(placed[i]->offset + placed[i]->bytes, alignment);
        if (end > offset)
            offset = end;
    }
    return offset;
}

/* Sorting them anew for each item took most of a plan's time. */
static void insert_by_offset(struct graph_memory_item *item, struct graph_memory_item **placed, uint32_t n)
{
    uint32_t first = 0, behind = n;
    while (first < behind) {
        const uint32_t middle = first + (behind - first) / 2;
        if (placed[middle]->offset <= item->offset)
            first = middle + 1;
        else
            behind = middle;
    }
    memmove(placed + first + 1, placed + first, (n - first) * sizeof *placed);
    placed[first] = item;
}

bool graph_memory_plan(struct graph_memory_item *items, uint32_t n, uint64_t alignment, uint64_t block_bytes,
                       uint64_t **block_sizes, uint32_t *n_blocks)
{
    struct graph_memory_item **order = calloc(n ? 2 * (size_t)n : 1, sizeof *order);
    *block_sizes = calloc(n ? n : 1, sizeof **block_sizes);
    *n_blocks = 0;
    if (!order || !*block_sizes) {
        free(order);
        free(*block_sizes);
        *block_sizes = NULL;
        return false;
    }
    struct graph_memory_item **placed = order + n;
    for (uint32_t i = 0; i < n; i++)
        order[i] = &items[i];
    qsort(order, n, sizeof *order, by_size);
    for (uint32_t i = 0; i < n; i++) {
        struct graph_memory_item *item = order[i];
        for (uint32_t block = 0;; block++) {
            const uint64_t offset = block < *n_blocks ? find_offset(item, placed, i, block, alignment) : 0;
            const bool fresh = block == *n_blocks;
            if (!fresh && offset + item->bytes > block_bytes && offset + item->bytes > (*block_sizes)[block])
                continue;
            item->block = block;
            item->offset = offset;
            *n_blocks += fresh;
            if ((*block_sizes)[block] < offset + item->bytes)
                (*block_sizes)[block] = offset + item->bytes;
            insert_by_offset(item, placed, i);
            break;
        }
    }
    free(order);
    return true;
}

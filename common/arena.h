/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory that is given back all at once: descriptions (graphs, placements) are built in it.
 */
#ifndef COMMON_ARENA_H
#define COMMON_ARENA_H

#include <stddef.h>

struct arena {
    struct arena_block *blocks;
};

/* Zeroed, 16-byte aligned, until arena_finish; NULL if there is no memory. A zeroed struct arena is an empty one. */
void *arena_allocate(struct arena *arena, size_t bytes);
char *arena_copy(struct arena *arena, const char *text);
void arena_finish(struct arena *arena);
#endif

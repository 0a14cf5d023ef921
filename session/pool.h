/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory of one forward: taken piece by piece, given back all at once, and kept for the next one, so that a repeated
 * batch allocates nothing.
 */
#ifndef SESSION_POOL_H
#define SESSION_POOL_H

#include <stddef.h>

struct pool_block;

struct pool {
    struct pool_block *blocks;
};

/* 64-byte aligned, not zeroed; NULL if there is no memory. */
void *pool_take(struct pool *pool, size_t bytes);
/* Everything is free again; what was taken in several blocks will fit one. */
void pool_reset(struct pool *pool);
void pool_finish(struct pool *pool);
#endif

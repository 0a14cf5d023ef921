/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory of the cache, and what goes into it. Looking into it stands where words are found.
 */
#include "tokenizer/cache.h"

#include <stdlib.h>
#include <string.h>

enum { LINE = 64, ID_BITS = 24 };

static bool take(struct tok_cache *cache, uint32_t bits)
{
    void *memory = calloc(1, (sizeof *cache->pairs << bits) + LINE);
    if (!memory)
        return false;
    free(cache->memory);
    cache->memory = memory;
    cache->pairs = (void *)((char *)memory + (LINE - (uintptr_t)memory % LINE));
    cache->bits = bits;
    cache->kept = 0;
    return true;
}

bool tok_cache_init(struct tok_cache *cache)
{
    return take(cache, cache->bits ? cache->bits : TOK_CACHE_FIRST);
}

void tok_cache_grow(struct tok_cache *cache)
{
    if (cache->bits >= TOK_CACHE_FIRST && cache->bits < TOK_CACHE_BITS && cache->kept > 2u << cache->bits &&
        !take(cache, cache->bits + 2))
        cache->kept = 0; /* as it is, for a while */
}

void tok_cache_finish(struct tok_cache *cache)
{
    free(cache->memory);
    *cache = (struct tok_cache){0};
}

void tok_cache_keep(struct tok_kept pair[2], const uint64_t key[TOK_KEPT_BYTES / 8], const int32_t *ids, uint32_t n)
{
    struct tok_kept new = {.key = {key[0], key[1]}};
    if (n > TOK_KEPT_IDS)
        return;
    for (uint32_t i = 0; i < n; i++) {
        new.ids[i] = (uint32_t)ids[i];
        if (new.ids[i] >> ID_BITS)
            return;
    }
    new.ids[0] |= n << ID_BITS;
    pair[1] = new;
}

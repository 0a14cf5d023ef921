/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory of the cache, and what goes into it. Looking into it stands where words are found.
 */
#include "tokenizer/cache.h"

#include <stdlib.h>
#include <string.h>

enum { LINE = 64, ID_BITS = 24 };

/* Zeros that the system gives: a page that no word falls into takes no memory. */
bool tok_cache_init(struct tok_cache *cache)
{
    const uint32_t bits = cache->bits ? cache->bits : TOK_CACHE_BITS;
    cache->memory = calloc(1, (sizeof *cache->pairs << bits) + LINE);
    if (!cache->memory)
        return false;
    cache->pairs = (void *)((char *)cache->memory + (LINE - (uintptr_t)cache->memory % LINE));
    cache->bits = bits;
    return true;
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

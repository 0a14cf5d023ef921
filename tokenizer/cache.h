/* SPDX-License-Identifier: Apache-2.0
 *
 * Ids of words that a thread has met before, so that a frequent one is not cut into pieces again. One cache serves one
 * tokenizer and one thread. What is new takes the place of what was met before it; where much is, the cache grows, up to
 * a size that is fixed.
 */
#ifndef TOKENIZER_CACHE_H
#define TOKENIZER_CACHE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    TOK_KEPT_BYTES = 16, /* of a word, at most; one that is longer is not kept */
    TOK_KEPT_IDS = 4,    /* of a word, at most */
    TOK_CACHE_BITS = 16, /* 2^16 pairs of words at most: 4 MiB */
    TOK_CACHE_FIRST = 10 /* 2^10 at first */
};

struct tok_kept {
    uint64_t key[TOK_KEPT_BYTES / 8]; /* the word's bytes with zeros behind them: no word has a byte 0 */
    uint32_t ids[TOK_KEPT_IDS];       /* how many stands above bit 24 of the first */
};

struct tok_cache { /* a zeroed one is empty and has no memory yet */
    void *memory;
    struct tok_kept (*pairs)[2]; /* [2^bits]; a line of the processor's cache each */
    uint32_t bits;               /* 0: TOK_CACHE_FIRST, once it has memory */
    uint32_t kept;               /* words since then */
    int32_t alone[128];          /* the id of an ASCII character that is a word by itself */
};

/* Takes its memory. False: there is none. */
bool tok_cache_init(struct tok_cache *cache);
/* Four times the pairs, empty ones, if more words than both places of all of them came in and there is room and memory. */
void tok_cache_grow(struct tok_cache *cache);
void tok_cache_finish(struct tok_cache *cache);

static inline struct tok_kept *tok_cache_pair(const struct tok_cache *cache, const uint64_t key[TOK_KEPT_BYTES / 8])
{
    const uint64_t mixed = (key[0] ^ (key[1] << 23 | key[1] >> 41)) * 0x9e3779b97f4a7c15u;
    return cache->pairs[(mixed ^ mixed >> 32) * 0xd6e8feb86659fd93u >> (64 - cache->bits)];
}

/* Keeps the n ids of a word in the second place of the pair that is its own, from which it moves to the first when it is met again; or
 * does not, if they are too many. */
void tok_cache_keep(struct tok_kept pair[2], const uint64_t key[TOK_KEPT_BYTES / 8], const int32_t *ids, uint32_t n);
#endif

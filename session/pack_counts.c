/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers of rows: a function for each row of electra/symbols.def.
 */
#include "session/cache.h"

/* Pairs of tokens and keys, or UINT32_MAX. */
static uint32_t count_pairs(const struct session_packing *p, bool source)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < p->r->rows; i++)
        n += (uint64_t)p->b->lengths[i] * (source ? p->r->source_length : p->b->lengths[i]);
    return n <= INT32_MAX ? (uint32_t)n : UINT32_MAX;
}

uint32_t session_count_tokens(const struct session_packing *p)
{
    return p->b->tokens;
}

uint32_t session_count_batch(const struct session_packing *p)
{
    return p->r->rows;
}

uint32_t session_count_examples(const struct session_packing *p)
{
    return p->r->examples;
}

uint32_t session_count_targets(const struct session_packing *p)
{
    return p->r->n_targets;
}

uint32_t session_count_source_tokens(const struct session_packing *p)
{
    uint32_t n = 0;
    for (uint32_t i = 0; p->b->turns && i < p->r->rows; i++)
        n += session_turn_sources(&p->b->turns[i]);
    if (p->b->turns)
        return n;
    return p->r->rows * p->r->source_length;
}

uint32_t session_count_cached(const struct session_packing *p)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->r->rows; i++)
        n += p->b->turns[i].past->tokens.n;
    return n;
}

uint32_t session_count_source_cached(const struct session_packing *p)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->r->rows; i++)
        n += p->b->turns[i].past->source.n;
    return n;
}

uint32_t session_count_pairs(const struct session_packing *p)
{
    return count_pairs(p, false);
}

uint32_t session_count_answer_pairs(const struct session_packing *p)
{
    return p->b->tokens <= INT32_MAX / 2 ? 2 * p->b->tokens : UINT32_MAX;
}

uint32_t session_count_source_pairs(const struct session_packing *p)
{
    return count_pairs(p, true);
}

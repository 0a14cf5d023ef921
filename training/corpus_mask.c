/* SPDX-License-Identifier: Apache-2.0
 *
 * Which tokens of an example are masked, section 6.2; without replacement, so that no token is chosen twice.
 */
#include <math.h>

#include "training/corpus.h"

uint32_t corpus_mask_slots(const struct corpus_masking *m)
{
    const double n = floor((m->probability + 0.005) * m->max_length);
    return n < 1 ? 1 : (uint32_t)n;
}

static uint32_t wanted(const struct corpus_masking *m, uint32_t n)
{
    const double rounded = nearbyint(n * m->probability); /* half to even */
    const uint32_t most = corpus_mask_slots(m), by_length = rounded < 1 ? 1 : (uint32_t)rounded;
    return by_length < most ? by_length : most;
}

/* Selection sampling (Knuth, algorithm S) over the candidates in their order: each set of `left` is equally likely. */
uint32_t corpus_mask(const struct corpus_masking *m, const struct corpus_example *e, uint64_t number,
                     int64_t *positions, int64_t *masked)
{
    const uint32_t slots = corpus_mask_slots(m);
    uint32_t candidates = 0, chosen = 0;
    for (uint32_t i = 0; i < slots; i++)
        positions[i] = -1;
    for (uint32_t i = 0; i < e->n; i++) {
        masked[i] = e->ids[i];
        candidates += e->ids[i] != m->cls && e->ids[i] != m->sep && e->ids[i] != m->mask;
    }
    uint32_t left = wanted(m, e->n) < candidates ? wanted(m, e->n) : candidates;
    for (uint32_t i = 0; left && i < e->n; i++) {
        if (e->ids[i] == m->cls || e->ids[i] == m->sep || e->ids[i] == m->mask)
            continue;
        if (corpus_below(m->seed, CORPUS_MASK, number, 2 * i, candidates--) >= left)
            continue;
        positions[chosen++] = i;
        left--;
        if (corpus_unit(m->seed, CORPUS_MASK, number, 2 * i + 1) < m->token_probability)
            masked[i] = m->mask;
    }
    return chosen;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Dropout as graph/ops.def describes it: what an element is multiplied with, from its place in the whole step.
 */
#ifndef BACKENDS_REFERENCE_DROPOUT_H
#define BACKENDS_REFERENCE_DROPOUT_H

#include "backends/reference/kernel.h"
#include "common/philox.h"

struct dropout {
    const struct ref_operand *origin, *random; /* [rows,2], [1,3]; absent: nothing is dropped */
    uint32_t site, drop_below;
    double keep_scale;
};

/* keep_scale or 0, by word `word` of those that the row's sequence has under `site`, counted from counter `first`. */
static inline double dropout_factor(const struct dropout *d, uint32_t row, uint32_t site, uint32_t first, uint32_t word)
{
    const int32_t *random = d->random->data;
    const uint32_t key[2] = {(uint32_t)random[PLN_RANDOM_SEED_LOW], (uint32_t)random[PLN_RANDOM_SEED_HIGH]};
    uint32_t words[4] = {(uint32_t)random[PLN_RANDOM_STEP], site, (uint32_t)ref_index(d->origin, row),
                         first + word / 4};
    philox(key, words, words);
    return words[word % 4] < d->drop_below ? 0 : d->keep_scale;
}

static inline bool dropout_is_on(const struct dropout *d)
{
    return d->drop_below && d->origin->data && d->random->data;
}

/* Of element (row, column) of a value of that width. */
static inline double dropout_of_element(const struct dropout *d, uint32_t row, uint32_t column, uint32_t width)
{
    if (!dropout_is_on(d))
        return 1;
    const uint32_t position = (uint32_t)((const int32_t *)d->origin->data)[(size_t)row * d->origin->stride + 1];
    return dropout_factor(d, row, d->site, 0, position * width + column);
}

/* Of the probability with which query i of its sequence, in `row`, attends to key j. */
static inline double dropout_of_pair(const struct dropout *d, uint32_t row, uint32_t head, uint32_t i, uint32_t j)
{
    return dropout_is_on(d) ? dropout_factor(d, row, d->site + (head << 16), i << 16, j) : 1;
}
#endif

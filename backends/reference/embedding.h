/* SPDX-License-Identifier: Apache-2.0
 *
 * The sum of word, type and position rows, for embed and embed_backward.
 */
#ifndef BACKENDS_REFERENCE_EMBEDDING_H
#define BACKENDS_REFERENCE_EMBEDDING_H

#include "backends/reference/kernel.h"

/* A row of a table by index. */
static inline const real *row_by(const struct ref_operand *table, const struct ref_operand *index, uint32_t t)
{
    return ref_row(table, (uint32_t)ref_index(index, t));
}

/* Element (t, c) of the sum; in has the operands of embed, in its order. */
static inline double embedding(const struct ref_operand *in, uint32_t t, uint32_t c)
{
    const real *word = in[PLN_EMBED_INPUT_IDS].data ? row_by(&in[PLN_EMBED_INPUT_WORD], &in[PLN_EMBED_INPUT_IDS], t)
                                                    : ref_row(&in[PLN_EMBED_INPUT_EMBEDDINGS], t);
    double sum = (double)word[c] + (double)row_by(&in[PLN_EMBED_INPUT_TYPE], &in[PLN_EMBED_INPUT_TOKEN_TYPES], t)[c];
    if (in[PLN_EMBED_INPUT_POSITION].data)
        sum += (double)row_by(&in[PLN_EMBED_INPUT_POSITION], &in[PLN_EMBED_INPUT_POSITIONS], t)[c];
    return sum;
}
#endif

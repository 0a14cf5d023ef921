/* SPDX-License-Identifier: Apache-2.0
 *
 * The sum of word, type and position rows, for embed and embed_backward.
 */
#ifndef BACKENDS_CPU_EMBEDDING_H
#define BACKENDS_CPU_EMBEDDING_H

#include "backends/cpu/kernel.h"

/* A row of a table by index. */
static inline const float *row_by(const struct cpu_operand *table, const struct cpu_operand *index, uint32_t t)
{
    return cpu_vector(table, (uint32_t)cpu_index(index, t));
}

/* Row t of the sum into y [width]; in has the operands of embed, in its order. */
static inline void embedding_row(const struct cpu_operand *in, uint32_t t, uint32_t width, float *y)
{
    const float *word = in[PLN_EMBED_INPUT_IDS].data ? row_by(&in[PLN_EMBED_INPUT_WORD], &in[PLN_EMBED_INPUT_IDS], t)
                                                     : cpu_vector(&in[PLN_EMBED_INPUT_EMBEDDINGS], t);
    const float *type = row_by(&in[PLN_EMBED_INPUT_TYPE], &in[PLN_EMBED_INPUT_TOKEN_TYPES], t);
    for (uint32_t c = 0; c < width; c++)
        y[c] = word[c] + type[c];
    if (!in[PLN_EMBED_INPUT_POSITION].data)
        return;
    const float *position = row_by(&in[PLN_EMBED_INPUT_POSITION], &in[PLN_EMBED_INPUT_POSITIONS], t);
    for (uint32_t c = 0; c < width; c++)
        y[c] += position[c];
}
#endif

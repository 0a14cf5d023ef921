/* SPDX-License-Identifier: Apache-2.0
 *
 * The wanted positions of span_cross_entropy and of its gradient. Column 0 is first, column 1 last.
 */
#ifndef BACKENDS_REFERENCE_SPANS_H
#define BACKENDS_REFERENCE_SPANS_H

#include "backends/reference/kernel.h"

struct answer {
    uint32_t begin, rows; /* of the sequence */
    uint32_t position;    /* in it; at or past its end: ignored */
};

/* in has the operands of span_cross_entropy, in its order. */
static inline struct answer answer_of(const struct ref_operand *in, uint32_t sequence, uint32_t column)
{
    const struct ref_operand *starts = &in[PLN_SPAN_CROSS_ENTROPY_INPUT_STARTS];
    const uint32_t begin = (uint32_t)ref_index(starts, sequence), end = (uint32_t)ref_index(starts, sequence + 1);
    const int32_t given = ref_index(&in[PLN_SPAN_CROSS_ENTROPY_INPUT_FIRST + column], sequence);
    return (struct answer){begin, end - begin, given < 0 ? 0 : (uint32_t)given};
}
#endif

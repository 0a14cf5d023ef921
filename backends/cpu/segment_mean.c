/* SPDX-License-Identifier: Apache-2.0
 *
 * segment_mean: the mean of the rows of each sequence.
 */
#include "backends/cpu/columns.h"

static void mean_rows(const struct cpu_operand *x, uint32_t begin, uint32_t end, float *y)
{
    for (uint32_t c = 0; c < x->width; c += VEC_LANES) {
        const uint32_t n = x->width - c;
        vec_store_some(y + c, sum_rows(x, begin, end, c, n) / (float)(end - begin), n);
    }
}

void CPU_NAME(segment_mean)(const struct cpu_call *call)
{
    const struct cpu_operand *x = &call->in[PLN_SEGMENT_MEAN_INPUT_X];
    const struct cpu_operand *starts = &call->in[PLN_SEGMENT_MEAN_INPUT_STARTS];
    const struct cpu_operand *y = &call->out[PLN_SEGMENT_MEAN_OUTPUT_Y];
    for (uint32_t b = call->member; b < y->rows; b += call->members)
        mean_rows(x, (uint32_t)cpu_index(starts, b), (uint32_t)cpu_index(starts, b + 1), cpu_vector(y, b));
}

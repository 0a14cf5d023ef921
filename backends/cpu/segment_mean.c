/* SPDX-License-Identifier: Apache-2.0
 *
 * segment_mean: the mean of the rows of each sequence.
 */
#include "backends/cpu/kernel.h"
#include "backends/cpu/vec.h"

enum { ROWS_TOGETHER = 32 }; /* summed by themselves first: long sums in f32 lose digits */

/* Sum of n <= VEC_LANES columns over rows begin .. end-1. */
static vec sum_rows(const struct cpu_operand *x, uint32_t begin, uint32_t end, uint32_t column, uint32_t n)
{
    vec total = {0};
    for (uint32_t first = begin; first < end; first += ROWS_TOGETHER) {
        const uint32_t last = end - first < ROWS_TOGETHER ? end : first + ROWS_TOGETHER;
        vec sum = {0};
        for (uint32_t r = first; r < last; r++) {
            const float *row = cpu_vector(x, r) + column;
            sum += n == VEC_LANES ? vec_load(row) : vec_load_part(row, n);
        }
        total += sum;
    }
    return total;
}

static void mean_rows(const struct cpu_operand *x, uint32_t begin, uint32_t end, float *y)
{
    for (uint32_t c = 0; c < x->width; c += VEC_LANES) {
        const uint32_t n = x->width - c < VEC_LANES ? x->width - c : VEC_LANES;
        const vec mean = sum_rows(x, begin, end, c, n) / (float)(end - begin);
        if (n == VEC_LANES)
            vec_store(y + c, mean);
        else
            vec_store_part(y + c, mean, n);
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

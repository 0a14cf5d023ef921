/* SPDX-License-Identifier: Apache-2.0
 *
 * segment_mean_backward: each row of a sequence takes its part of the gradient by the mean.
 */
#include "backends/cpu/kernel.h"

void CPU_NAME(segment_mean_backward)(const struct cpu_call *call)
{
    const struct cpu_operand *d_y = &call->in[PLN_SEGMENT_MEAN_BACKWARD_INPUT_D_Y];
    const struct cpu_operand *starts = &call->in[PLN_SEGMENT_MEAN_BACKWARD_INPUT_STARTS];
    const struct cpu_operand *d_x = &call->out[PLN_SEGMENT_MEAN_BACKWARD_OUTPUT_D_X];
    for (uint32_t b = call->member; b < d_y->rows; b += call->members) {
        const uint32_t begin = (uint32_t)cpu_index(starts, b), end = (uint32_t)cpu_index(starts, b + 1);
        const float *from = cpu_vector(d_y, b);
        for (uint32_t r = begin; r < end; r++)
            for (uint32_t c = 0; c < d_x->width; c++)
                cpu_vector(d_x, r)[c] = from[c] / (float)(end - begin);
    }
}

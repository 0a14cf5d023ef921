/* SPDX-License-Identifier: Apache-2.0
 *
 * segment_mean_backward: each row of a sequence takes its part of the gradient by the mean.
 */
#include "backends/reference/kernel.h"

void REF_NAME(segment_mean_backward)(const struct ref_call *call)
{
    const struct ref_operand *d_y = &call->in[PLN_SEGMENT_MEAN_BACKWARD_INPUT_D_Y];
    const struct ref_operand *starts = &call->in[PLN_SEGMENT_MEAN_BACKWARD_INPUT_STARTS];
    const struct ref_operand *d_x = &call->out[PLN_SEGMENT_MEAN_BACKWARD_OUTPUT_D_X];
    for (uint32_t b = call->member; b < d_y->rows; b += call->members) {
        const uint32_t begin = (uint32_t)ref_index(starts, b), end = (uint32_t)ref_index(starts, b + 1);
        for (uint32_t r = begin; r < end; r++)
            for (uint32_t c = 0; c < d_x->width; c++)
                ref_row(d_x, r)[c] = (real)((double)ref_row(d_y, b)[c] / (end - begin));
    }
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * segment_mean: the mean of the rows of each sequence.
 */
#include "backends/reference/kernel.h"

void REF_NAME(segment_mean)(const struct ref_call *call)
{
    const struct ref_operand *x = &call->in[PLN_SEGMENT_MEAN_INPUT_X],
                             *starts = &call->in[PLN_SEGMENT_MEAN_INPUT_STARTS];
    const struct ref_operand *y = &call->out[0];
    for (uint32_t b = call->member; b < y->rows; b += call->members) {
        const uint32_t begin = (uint32_t)ref_index(starts, b), end = (uint32_t)ref_index(starts, b + 1);
        for (uint32_t c = 0; c < x->width; c++) {
            double sum = 0;
            for (uint32_t r = begin; r < end; r++)
                sum += (double)ref_row(x, r)[c];
            ref_row(y, b)[c] = (real)(sum / (end - begin));
        }
    }
}

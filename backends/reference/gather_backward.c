/* SPDX-License-Identifier: Apache-2.0
 *
 * gather_backward: each row of d_x is the sum of the rows of d_y that were gathered from it.
 */
#include "backends/reference/kernel.h"

void REF_NAME(gather_backward)(const struct ref_call *call)
{
    const struct ref_operand *d_y = &call->in[PLN_GATHER_BACKWARD_INPUT_D_Y];
    const struct ref_operand *index = &call->in[PLN_GATHER_BACKWARD_INPUT_INDEX];
    const struct ref_operand *d_x = &call->out[PLN_GATHER_BACKWARD_OUTPUT_D_X];
    for (uint32_t j = call->member; j < d_x->rows; j += call->members) {
        for (uint32_t c = 0; c < d_x->width; c++)
            call->scratch[c] = 0;
        for (uint32_t i = 0; i < d_y->rows; i++)
            for (uint32_t c = 0; (uint32_t)ref_index(index, i) == j && c < d_x->width; c++)
                call->scratch[c] += (double)ref_row(d_y, i)[c];
        for (uint32_t c = 0; c < d_x->width; c++)
            ref_row(d_x, j)[c] = (real)call->scratch[c];
    }
}

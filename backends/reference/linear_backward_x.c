/* SPDX-License-Identifier: Apache-2.0
 *
 * linear_backward_x: d_x = d_y weight + residual.
 */
#include "backends/reference/kernel.h"

void REF_NAME(linear_backward_x)(const struct ref_call *call)
{
    const struct ref_operand *d_y = &call->in[PLN_LINEAR_BACKWARD_X_INPUT_D_Y];
    const struct ref_operand *weight = &call->in[PLN_LINEAR_BACKWARD_X_INPUT_WEIGHT];
    const struct ref_operand *residual = &call->in[PLN_LINEAR_BACKWARD_X_INPUT_RESIDUAL];
    const struct ref_operand *d_x = &call->out[PLN_LINEAR_BACKWARD_X_OUTPUT_D_X];
    for (uint32_t r = call->member; r < d_x->rows; r += call->members) {
        for (uint32_t k = 0; k < d_x->width; k++)
            call->scratch[k] = residual->data ? (double)ref_row(residual, r)[k] : 0;
        for (uint32_t n = 0; n < d_y->width; n++)
            for (uint32_t k = 0; k < d_x->width; k++)
                call->scratch[k] += (double)ref_row(d_y, r)[n] * (double)ref_row(weight, n)[k];
        for (uint32_t k = 0; k < d_x->width; k++)
            ref_row(d_x, r)[k] = (real)call->scratch[k];
    }
}

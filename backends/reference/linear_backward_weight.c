/* SPDX-License-Identifier: Apache-2.0
 *
 * linear_backward_weight: d_weight += d_y^T x, d_bias += column sums of d_y. Members take rows of d_weight.
 */
#include "backends/reference/kernel.h"

void REF_NAME(linear_backward_weight)(const struct ref_call *call)
{
    const struct ref_operand *d_y = &call->in[PLN_LINEAR_BACKWARD_WEIGHT_INPUT_D_Y];
    const struct ref_operand *x = &call->in[PLN_LINEAR_BACKWARD_WEIGHT_INPUT_X];
    const struct ref_operand *d_weight = &call->out[PLN_LINEAR_BACKWARD_WEIGHT_OUTPUT_D_WEIGHT];
    real *d_bias = call->out[PLN_LINEAR_BACKWARD_WEIGHT_OUTPUT_D_BIAS].data;
    for (uint32_t n = call->member; n < d_weight->rows; n += call->members) {
        double bias = 0;
        for (uint32_t k = 0; k < x->width; k++)
            call->scratch[k] = 0;
        for (uint32_t r = 0; r < x->rows; r++) {
            const double d = (double)ref_row(d_y, r)[n];
            bias += d;
            for (uint32_t k = 0; k < x->width; k++)
                call->scratch[k] += d * (double)ref_row(x, r)[k];
        }
        for (uint32_t k = 0; k < x->width; k++)
            ref_row(d_weight, n)[k] = (real)((double)ref_row(d_weight, n)[k] + call->scratch[k]);
        if (d_bias)
            d_bias[n] = (real)((double)d_bias[n] + bias);
    }
}

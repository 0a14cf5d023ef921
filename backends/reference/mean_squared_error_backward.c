/* SPDX-License-Identifier: Apache-2.0
 *
 * mean_squared_error_backward: twice the difference over count. d_x may be x.
 */
#include "backends/reference/kernel.h"

void REF_NAME(mean_squared_error_backward)(const struct ref_call *call)
{
    const pln_mean_squared_error_backward_params *params = call->params;
    const struct ref_operand *x = &call->in[PLN_MEAN_SQUARED_ERROR_BACKWARD_INPUT_X];
    const struct ref_operand *labels = &call->in[PLN_MEAN_SQUARED_ERROR_BACKWARD_INPUT_LABELS];
    const struct ref_operand *d_x = &call->out[PLN_MEAN_SQUARED_ERROR_BACKWARD_OUTPUT_D_X];
    const double count = (double)*ref_row(&call->in[PLN_MEAN_SQUARED_ERROR_BACKWARD_INPUT_COUNT], 0);
    for (uint32_t r = call->member; r < x->rows; r += call->members)
        for (uint32_t c = 0; c < x->width; c++)
            ref_row(d_x, r)[c] =
                (real)(2 * (double)params->scale / count * ((double)ref_row(x, r)[c] - (double)ref_row(labels, r)[c]));
}

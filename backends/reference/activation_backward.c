/* SPDX-License-Identifier: Apache-2.0
 *
 * activation_backward: element by element, d_x = activation'(x) dropout(d_y). d_x may be d_y.
 */
#include "backends/reference/dropout.h"

void REF_NAME(activation_backward)(const struct ref_call *call)
{
    const pln_activation_backward_params *params = call->params;
    const struct ref_operand *d_y = &call->in[PLN_ACTIVATION_BACKWARD_INPUT_D_Y];
    const struct ref_operand *x = &call->in[PLN_ACTIVATION_BACKWARD_INPUT_X];
    const struct ref_operand *d_x = &call->out[PLN_ACTIVATION_BACKWARD_OUTPUT_D_X];
    const struct dropout dropout = {&call->in[PLN_ACTIVATION_BACKWARD_INPUT_ORIGIN],
                                    &call->in[PLN_ACTIVATION_BACKWARD_INPUT_RANDOM], params->site, params->drop_below,
                                    (double)params->keep_scale};
    for (uint32_t r = call->member; r < d_y->rows; r += call->members)
        for (uint32_t c = 0; c < d_y->width; c++) {
            const double slope = x->data ? ref_activation_slope(params->activation, (double)ref_row(x, r)[c]) : 1;
            ref_row(d_x, r)[c] =
                (real)(slope * dropout_of_element(&dropout, r, c, d_y->width) * (double)ref_row(d_y, r)[c]);
        }
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * activation: element by element, y = dropout(activation(x)) + residual. y may be x.
 */
#include "backends/reference/dropout.h"

void REF_NAME(activation)(const struct ref_call *call)
{
    const pln_activation_params *params = call->params;
    const struct ref_operand *x = &call->in[PLN_ACTIVATION_INPUT_X], *y = &call->out[PLN_ACTIVATION_OUTPUT_Y];
    const struct ref_operand *residual = &call->in[PLN_ACTIVATION_INPUT_RESIDUAL];
    const struct dropout dropout = {&call->in[PLN_ACTIVATION_INPUT_ORIGIN], &call->in[PLN_ACTIVATION_INPUT_RANDOM],
                                    params->site, params->drop_below, (double)params->keep_scale};
    for (uint32_t r = call->member; r < x->rows; r += call->members)
        for (uint32_t c = 0; c < x->width; c++)
            ref_row(y, r)[c] = (real)(ref_activate(params->activation, (double)ref_row(x, r)[c]) *
                                          dropout_of_element(&dropout, r, c, x->width) +
                                      (residual->data ? (double)ref_row(residual, r)[c] : 0));
}

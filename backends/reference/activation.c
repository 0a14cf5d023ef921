/* SPDX-License-Identifier: Apache-2.0
 *
 * activation: element by element. y may be x.
 */
#include "backends/reference/kernel.h"

void REF_NAME(activation)(const struct ref_call *call)
{
    const pln_activation_params *params = call->params;
    const struct ref_operand *x = &call->in[0], *y = &call->out[0];
    for (uint32_t r = call->member; r < x->rows; r += call->members)
        for (uint32_t c = 0; c < x->width; c++)
            ref_row(y, r)[c] = (real)ref_activate(params->activation, (double)ref_row(x, r)[c]);
}

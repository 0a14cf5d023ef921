/* SPDX-License-Identifier: Apache-2.0
 *
 * accumulate: state += scale * x.
 */
#include "backends/reference/kernel.h"

void REF_NAME(accumulate)(const struct ref_call *call)
{
    const pln_accumulate_params *params = call->params;
    const struct ref_operand *state = &call->in[PLN_ACCUMULATE_INPUT_STATE], *x = &call->in[PLN_ACCUMULATE_INPUT_X];
    for (uint32_t r = call->member; r < state->rows; r += call->members)
        for (uint32_t c = 0; c < state->width; c++)
            ref_row(state, r)[c] =
                (real)((double)ref_row(state, r)[c] + (double)params->scale * (double)ref_row(x, r)[c]);
}

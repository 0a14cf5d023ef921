/* SPDX-License-Identifier: Apache-2.0
 *
 * scatter_add: state[index[i]] += x[i], in the order of i. Members take columns.
 */
#include "backends/reference/kernel.h"

void REF_NAME(scatter_add)(const struct ref_call *call)
{
    const pln_scatter_add_params *params = call->params;
    const struct ref_operand *x = &call->in[PLN_SCATTER_ADD_INPUT_X], *index = &call->in[PLN_SCATTER_ADD_INPUT_INDEX];
    const struct ref_operand *state = &call->out[PLN_SCATTER_ADD_OUTPUT_Y];
    for (uint32_t i = 0; i < x->rows; i++) {
        if (ref_index(index, i) == params->ignored)
            continue;
        real *to = ref_row(state, (uint32_t)ref_index(index, i));
        for (uint32_t c = call->member; c < x->width; c += call->members)
            to[c] = (real)((double)to[c] + (double)ref_row(x, i)[c]);
    }
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * scatter_add: state[index[i]] += x[i], in the order of i. Members take columns, so that no two add to one element.
 */
#include "backends/cpu/columns.h"

void CPU_NAME(scatter_add)(const struct cpu_call *call)
{
    const pln_scatter_add_params *params = call->params;
    const struct cpu_operand *x = &call->in[PLN_SCATTER_ADD_INPUT_X], *index = &call->in[PLN_SCATTER_ADD_INPUT_INDEX];
    const struct cpu_operand *state = &call->out[PLN_SCATTER_ADD_OUTPUT_Y];
    const struct cpu_share share = cpu_share_vectors(x->width, call->member, call->members);
    for (uint32_t i = 0; i < x->rows; i++) {
        if (cpu_index(index, i) == params->ignored)
            continue;
        float *to = cpu_vector(state, (uint32_t)cpu_index(index, i));
        const float *from = cpu_vector(x, i);
        for (uint32_t c = share.first; c < share.last; c++)
            to[c] += from[c];
    }
}

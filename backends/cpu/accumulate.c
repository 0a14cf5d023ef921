/* SPDX-License-Identifier: Apache-2.0
 *
 * accumulate: state += scale * x.
 */
#include "backends/cpu/kernel.h"

void CPU_NAME(accumulate)(const struct cpu_call *call)
{
    const pln_accumulate_params *params = call->params;
    const struct cpu_operand *state = &call->in[PLN_ACCUMULATE_INPUT_STATE], *x = &call->in[PLN_ACCUMULATE_INPUT_X];
    const struct cpu_share share = cpu_share(state->rows, call->member, call->members);
    for (uint32_t r = share.first; r < share.last; r++) {
        float *to = cpu_vector(state, r);
        const float *from = cpu_vector(x, r);
        for (uint32_t c = 0; c < state->width; c++)
            to[c] += params->scale * from[c];
    }
}

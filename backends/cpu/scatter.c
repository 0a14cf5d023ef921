/* SPDX-License-Identifier: Apache-2.0
 *
 * scatter: rows to where an index says. Members take neighbouring rows of x.
 */
#include <string.h>

#include "backends/cpu/kernel.h"

void CPU_NAME(scatter)(const struct cpu_call *call)
{
    const struct cpu_operand *x = &call->in[PLN_SCATTER_INPUT_X], *index = &call->in[PLN_SCATTER_INPUT_INDEX];
    const struct cpu_operand *state = &call->out[PLN_SCATTER_OUTPUT_Y];
    const struct cpu_share share = cpu_share(x->rows, call->member, call->members);
    for (uint32_t r = share.first; r < share.last; r++)
        memcpy(cpu_vector(state, (uint32_t)cpu_index(index, r)), cpu_vector(x, r), x->width * sizeof(float));
}

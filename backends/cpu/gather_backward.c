/* SPDX-License-Identifier: Apache-2.0
 *
 * gather_backward: rows of zeros, to which the rows of d_y are added in order. Members take columns.
 */
#include <string.h>

#include "backends/cpu/columns.h"

void CPU_NAME(gather_backward)(const struct cpu_call *call)
{
    const struct cpu_operand *d_y = &call->in[PLN_GATHER_BACKWARD_INPUT_D_Y];
    const struct cpu_operand *index = &call->in[PLN_GATHER_BACKWARD_INPUT_INDEX];
    const struct cpu_operand *d_x = &call->out[PLN_GATHER_BACKWARD_OUTPUT_D_X];
    const struct cpu_share share = cpu_share_vectors(d_x->width, call->member, call->members);
    if (share.first == share.last)
        return;
    for (uint32_t r = 0; r < d_x->rows; r++)
        memset(cpu_vector(d_x, r) + share.first, 0, (share.last - share.first) * sizeof(float));
    for (uint32_t i = 0; i < d_y->rows; i++) {
        float *to = cpu_vector(d_x, (uint32_t)cpu_index(index, i));
        const float *from = cpu_vector(d_y, i);
        for (uint32_t c = share.first; c < share.last; c++)
            to[c] += from[c];
    }
}

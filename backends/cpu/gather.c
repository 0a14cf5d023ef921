/* SPDX-License-Identifier: Apache-2.0
 *
 * gather: rows by index.
 */
#include <string.h>

#include "backends/cpu/kernel.h"

void CPU_NAME(gather)(const struct cpu_call *call)
{
    const struct cpu_operand *x = &call->in[PLN_GATHER_INPUT_X], *index = &call->in[PLN_GATHER_INPUT_INDEX];
    const struct cpu_operand *y = &call->out[PLN_GATHER_OUTPUT_Y];
    const struct cpu_share share = cpu_share(y->rows, call->member, call->members);
    for (uint32_t r = share.first; r < share.last; r++)
        memcpy(cpu_vector(y, r), cpu_vector(x, (uint32_t)cpu_index(index, r)), y->width * sizeof(float));
}

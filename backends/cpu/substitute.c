/* SPDX-License-Identifier: Apache-2.0
 *
 * substitute: ids with some rows replaced, and which of them changed. Member 0 does it all: it is little.
 */
#include "backends/cpu/kernel.h"

static void put(const struct cpu_call *call, uint32_t row, int32_t id)
{
    const struct cpu_operand *y = &call->out[PLN_SUBSTITUTE_OUTPUT_Y];
    ((int32_t *)y->data)[(size_t)row * y->stride] = id;
    *cpu_vector(&call->out[PLN_SUBSTITUTE_OUTPUT_LABELS], row) =
        id != cpu_index(&call->in[PLN_SUBSTITUTE_INPUT_IDS], row);
}

void CPU_NAME(substitute)(const struct cpu_call *call)
{
    const struct cpu_operand *ids = &call->in[PLN_SUBSTITUTE_INPUT_IDS];
    const struct cpu_operand *index = &call->in[PLN_SUBSTITUTE_INPUT_INDEX];
    for (uint32_t r = 0; !call->member && r < ids->rows; r++)
        put(call, r, cpu_index(ids, r));
    for (uint32_t i = 0; !call->member && i < index->rows; i++)
        put(call, (uint32_t)cpu_index(index, i), cpu_index(&call->in[PLN_SUBSTITUTE_INPUT_REPLACED], i));
}

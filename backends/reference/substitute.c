/* SPDX-License-Identifier: Apache-2.0
 *
 * substitute: ids with some rows replaced, and which of them changed. Member 0 does it all: it is little.
 */
#include "backends/reference/kernel.h"

static void put(const struct ref_call *call, uint32_t row, int32_t id)
{
    const struct ref_operand *y = &call->out[PLN_SUBSTITUTE_OUTPUT_Y];
    ((int32_t *)y->data)[(size_t)row * y->stride] = id;
    *ref_row(&call->out[PLN_SUBSTITUTE_OUTPUT_LABELS], row) = id != ref_index(&call->in[PLN_SUBSTITUTE_INPUT_IDS], row);
}

void REF_NAME(substitute)(const struct ref_call *call)
{
    const struct ref_operand *ids = &call->in[PLN_SUBSTITUTE_INPUT_IDS];
    const struct ref_operand *index = &call->in[PLN_SUBSTITUTE_INPUT_INDEX];
    for (uint32_t r = 0; !call->member && r < ids->rows; r++)
        put(call, r, ref_index(ids, r));
    for (uint32_t i = 0; !call->member && i < index->rows; i++)
        put(call, (uint32_t)ref_index(index, i), ref_index(&call->in[PLN_SUBSTITUTE_INPUT_REPLACED], i));
}

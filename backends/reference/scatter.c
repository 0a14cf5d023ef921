/* SPDX-License-Identifier: Apache-2.0
 *
 * scatter: rows to where an index says.
 */
#include <string.h>

#include "backends/reference/kernel.h"

void REF_NAME(scatter)(const struct ref_call *call)
{
    const struct ref_operand *x = &call->in[PLN_SCATTER_INPUT_X], *index = &call->in[PLN_SCATTER_INPUT_INDEX];
    const struct ref_operand *state = &call->out[PLN_SCATTER_OUTPUT_Y];
    for (uint32_t r = call->member; r < x->rows; r += call->members)
        memcpy(ref_row(state, (uint32_t)ref_index(index, r)), ref_row(x, r), x->width * sizeof(real));
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * gather: rows by index.
 */
#include <string.h>

#include "backends/reference/kernel.h"

void REF_NAME(gather)(const struct ref_call *call)
{
    const struct ref_operand *x = &call->in[PLN_GATHER_INPUT_X], *index = &call->in[PLN_GATHER_INPUT_INDEX];
    const struct ref_operand *y = &call->out[0];
    for (uint32_t r = call->member; r < y->rows; r += call->members)
        memcpy(ref_row(y, r), ref_row(x, (uint32_t)ref_index(index, r)), y->width * sizeof(real));
}

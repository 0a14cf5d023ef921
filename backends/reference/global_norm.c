/* SPDX-License-Identifier: Apache-2.0
 *
 * global_norm: the root of the sum of all squares. A scalar: member 0 alone computes it.
 */
#include <math.h>

#include "backends/reference/kernel.h"

void REF_NAME(global_norm)(const struct ref_call *call)
{
    const struct ref_operand *x = &call->in[PLN_GLOBAL_NORM_INPUT_X];
    if (call->member)
        return;
    double sum = 0;
    for (uint32_t r = 0; r < x->rows; r++)
        for (uint32_t c = 0; c < x->width; c++)
            sum += (double)ref_row(x, r)[c] * (double)ref_row(x, r)[c];
    *ref_row(&call->out[PLN_GLOBAL_NORM_OUTPUT_NORM], 0) = (real)sqrt(sum);
}

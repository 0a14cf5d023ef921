/* SPDX-License-Identifier: Apache-2.0
 *
 * mean_squared_error: over all elements, divided by their number or by total.
 */
#include "backends/reference/loss.h"

void REF_NAME(mean_squared_error)(const struct ref_call *call)
{
    const struct ref_operand *x = &call->in[PLN_MEAN_SQUARED_ERROR_INPUT_X];
    const struct ref_operand *labels = &call->in[PLN_MEAN_SQUARED_ERROR_INPUT_LABELS];
    if (call->member)
        return;
    double sum = 0;
    for (uint32_t r = 0; r < x->rows; r++)
        for (uint32_t c = 0; c < x->width; c++) {
            const double d = (double)ref_row(x, r)[c] - (double)ref_row(labels, r)[c];
            sum += d * d;
        }
    const double count = divisor(&call->in[PLN_MEAN_SQUARED_ERROR_INPUT_TOTAL], 0, (double)x->rows * x->width);
    write_scalar(&call->out[PLN_MEAN_SQUARED_ERROR_OUTPUT_LOSS], 0, sum / count);
    write_scalar(&call->out[PLN_MEAN_SQUARED_ERROR_OUTPUT_COUNT], 0, count);
}

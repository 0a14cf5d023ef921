/* SPDX-License-Identifier: Apache-2.0
 *
 * binary_cross_entropy: with logits, weighted by row, divided by the weight of all elements or by total.
 */
#include "backends/reference/loss.h"

void REF_NAME(binary_cross_entropy)(const struct ref_call *call)
{
    const struct ref_operand *logits = &call->in[PLN_BINARY_CROSS_ENTROPY_INPUT_LOGITS];
    const struct ref_operand *labels = &call->in[PLN_BINARY_CROSS_ENTROPY_INPUT_LABELS];
    const struct ref_operand *weights = &call->in[PLN_BINARY_CROSS_ENTROPY_INPUT_WEIGHTS];
    if (call->member)
        return;
    double sum = 0, count = 0;
    for (uint32_t r = 0; r < logits->rows; r++) {
        const double weight = weights->data ? (double)*ref_row(weights, r) : 1;
        count += weight * logits->width;
        for (uint32_t c = 0; c < logits->width && weight != 0; c++) {
            const double x = (double)ref_row(logits, r)[c], y = (double)ref_row(labels, r)[c];
            sum += weight * (fmax(x, 0) - x * y + log1p(exp(-fabs(x))));
        }
    }
    count = divisor(&call->in[PLN_BINARY_CROSS_ENTROPY_INPUT_TOTAL], 0, count);
    write_scalar(&call->out[PLN_BINARY_CROSS_ENTROPY_OUTPUT_LOSS], 0, sum / count);
    write_scalar(&call->out[PLN_BINARY_CROSS_ENTROPY_OUTPUT_COUNT], 0, count);
}

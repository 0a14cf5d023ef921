/* SPDX-License-Identifier: Apache-2.0
 *
 * cross_entropy: over the rows that have a label, divided by their number or by total.
 */
#include "backends/reference/loss.h"

void REF_NAME(cross_entropy)(const struct ref_call *call)
{
    const pln_cross_entropy_params *params = call->params;
    const struct ref_operand *logits = &call->in[PLN_CROSS_ENTROPY_INPUT_LOGITS];
    const struct ref_operand *labels = &call->in[PLN_CROSS_ENTROPY_INPUT_LABELS];
    const struct ref_operand *lse = &call->out[PLN_CROSS_ENTROPY_OUTPUT_LSE];
    if (call->member)
        return;
    double sum = 0, count = 0;
    for (uint32_t r = 0; r < logits->rows; r++) {
        const double log_sum = log_sum_exp(ref_row(logits, r), logits->width, 1);
        const int32_t label = ref_index(labels, r);
        if (lse->data)
            *ref_row(lse, r) = (real)log_sum;
        if (label == params->ignore_index)
            continue;
        sum += log_sum - (double)ref_row(logits, r)[label];
        count++;
    }
    count = divisor(&call->in[PLN_CROSS_ENTROPY_INPUT_TOTAL], 0, count);
    write_scalar(&call->out[PLN_CROSS_ENTROPY_OUTPUT_LOSS], 0, sum / count);
    write_scalar(&call->out[PLN_CROSS_ENTROPY_OUTPUT_COUNT], 0, count);
}

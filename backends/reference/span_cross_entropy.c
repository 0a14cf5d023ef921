/* SPDX-License-Identifier: Apache-2.0
 *
 * span_cross_entropy: where an answer begins and ends, over the rows of each sequence.
 */
#include "backends/reference/loss.h"
#include "backends/reference/spans.h"

/* Half the mean over the sequences whose position lies inside. */
static double loss_of_column(const struct ref_call *call, uint32_t column)
{
    const struct ref_operand *logits = &call->in[PLN_SPAN_CROSS_ENTROPY_INPUT_LOGITS];
    const struct ref_operand *starts = &call->in[PLN_SPAN_CROSS_ENTROPY_INPUT_STARTS];
    const struct ref_operand *lse = &call->out[PLN_SPAN_CROSS_ENTROPY_OUTPUT_LSE];
    double sum = 0, count = 0;
    for (uint32_t b = 0; b + 1 < starts->rows; b++) {
        const struct answer answer = answer_of(call->in, b, column);
        const real *x = ref_row(logits, answer.begin) + column;
        const double log_sum = log_sum_exp(x, answer.rows, logits->stride);
        if (lse->data)
            ref_row(lse, b)[column] = (real)log_sum;
        if (answer.position >= answer.rows)
            continue;
        sum += log_sum - (double)x[(size_t)answer.position * logits->stride];
        count++;
    }
    count = divisor(&call->in[PLN_SPAN_CROSS_ENTROPY_INPUT_TOTAL], column, count);
    write_scalar(&call->out[PLN_SPAN_CROSS_ENTROPY_OUTPUT_COUNT], column, count);
    return sum / count / 2;
}

void REF_NAME(span_cross_entropy)(const struct ref_call *call)
{
    if (call->member)
        return;
    write_scalar(&call->out[PLN_SPAN_CROSS_ENTROPY_OUTPUT_LOSS], 0, loss_of_column(call, 0) + loss_of_column(call, 1));
}

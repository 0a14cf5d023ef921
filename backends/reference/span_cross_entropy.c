/* SPDX-License-Identifier: Apache-2.0
 *
 * span_cross_entropy: where an answer begins and ends, over the rows of each sequence.
 */
#include "backends/reference/loss.h"

/* Mean over the sequences whose position lies inside; column 0 is first, column 1 last. */
static double mean_of_column(const struct ref_call *call, uint32_t column, uint32_t positions)
{
    const struct ref_operand *logits = &call->in[PLN_SPAN_CROSS_ENTROPY_INPUT_LOGITS];
    const struct ref_operand *starts = &call->in[PLN_SPAN_CROSS_ENTROPY_INPUT_STARTS];
    double sum = 0, count = 0;
    for (uint32_t b = 0; b + 1 < starts->rows; b++) {
        const uint32_t begin = (uint32_t)ref_index(starts, b), n = (uint32_t)ref_index(starts, b + 1) - begin;
        const int32_t given = ref_index(&call->in[positions], b), position = given < 0 ? 0 : given;
        if ((uint32_t)position >= n)
            continue;
        const real *x = ref_row(logits, begin) + column;
        sum += log_sum_exp(x, n, logits->stride) - (double)x[(size_t)position * logits->stride];
        count++;
    }
    return sum / count;
}

void REF_NAME(span_cross_entropy)(const struct ref_call *call)
{
    if (call->member)
        return;
    const double first = mean_of_column(call, 0, PLN_SPAN_CROSS_ENTROPY_INPUT_FIRST);
    const double last = mean_of_column(call, 1, PLN_SPAN_CROSS_ENTROPY_INPUT_LAST);
    *ref_row(&call->out[0], 0) = (real)((first + last) / 2);
}

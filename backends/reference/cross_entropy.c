/* SPDX-License-Identifier: Apache-2.0
 *
 * cross_entropy: over the rows that have a label, divided by what they count for or by total.
 */
#include <math.h>

#include "backends/reference/loss.h"

static double weight_of(const struct ref_operand *weights, uint32_t class)
{
    return weights->data ? (double)ref_row(weights, 0)[class] : 1;
}

/* What all classes of a row have alike: the mean of their terms. */
static double mean_term(const real *x, uint32_t n, double log_sum, const struct ref_operand *weights)
{
    double sum = 0;
    for (uint32_t c = 0; c < n; c++)
        sum += weight_of(weights, c) * (log_sum - (double)x[c]);
    return sum / n;
}

void REF_NAME(cross_entropy)(const struct ref_call *call)
{
    const pln_cross_entropy_params *params = call->params;
    const struct ref_operand *logits = &call->in[PLN_CROSS_ENTROPY_INPUT_LOGITS];
    const struct ref_operand *labels = &call->in[PLN_CROSS_ENTROPY_INPUT_LABELS];
    const struct ref_operand *weights = &call->in[PLN_CROSS_ENTROPY_INPUT_WEIGHTS];
    const struct ref_operand *lse = &call->out[PLN_CROSS_ENTROPY_OUTPUT_LSE];
    const double smoothing = (double)params->smoothing;
    if (call->member)
        return;
    double sum = 0, count = 0;
    for (uint32_t r = 0; r < logits->rows; r++) {
        const real *x = ref_row(logits, r);
        const double log_sum = log_sum_exp(x, logits->width, 1);
        const int32_t label = ref_index(labels, r);
        if (lse->data)
            *ref_row(lse, r) = (real)log_sum;
        if (label == params->ignore_index)
            continue;
        const double weight = weight_of(weights, (uint32_t)label);
        sum += (1 - smoothing) * weight * (log_sum - (double)x[label]);
        if (params->smoothing > 0)
            sum += smoothing * mean_term(x, logits->width, log_sum, weights);
        count += weight;
    }
    count = divisor(&call->in[PLN_CROSS_ENTROPY_INPUT_TOTAL], 0, count);
    write_scalar(&call->out[PLN_CROSS_ENTROPY_OUTPUT_LOSS], 0, count != 0 ? sum / count : (double)NAN);
    write_scalar(&call->out[PLN_CROSS_ENTROPY_OUTPUT_COUNT], 0, count);
}

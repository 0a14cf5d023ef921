/* SPDX-License-Identifier: Apache-2.0
 *
 * binary_cross_entropy: with logits, weighted by row, divided by the weight of all elements or by total. Rows are
 * shared; member 0 adds their terms in order.
 */
#include <math.h>

#include "backends/cpu/total.h"

static double weight_of(const struct cpu_call *call, uint32_t row)
{
    const struct cpu_operand *weights = &call->in[PLN_BINARY_CROSS_ENTROPY_INPUT_WEIGHTS];
    return weights->data ? (double)*cpu_vector(weights, row) : 1;
}

static double row_term(const float *logits, const float *labels, uint32_t width)
{
    double sum = 0;
    for (uint32_t c = 0; c < width; c++) {
        const double x = (double)logits[c];
        sum += (x < 0 ? 0 : x) - x * (double)labels[c] + log1p(exp(-fabs(x)));
    }
    return sum;
}

void CPU_NAME(binary_cross_entropy)(const struct cpu_call *call)
{
    const struct cpu_operand *logits = &call->in[PLN_BINARY_CROSS_ENTROPY_INPUT_LOGITS];
    const struct cpu_operand *labels = &call->in[PLN_BINARY_CROSS_ENTROPY_INPUT_LABELS];
    double *terms = call->shared;
    for (uint32_t r = call->member; r < logits->rows; r += call->members) {
        const double weight = weight_of(call, r);
        terms[r] = weight != 0 ? weight * row_term(cpu_vector(logits, r), cpu_vector(labels, r), logits->width) : 0;
    }
    cpu_barrier(call);
    if (call->member)
        return;
    double sum = 0, count = 0;
    for (uint32_t r = 0; r < logits->rows; r++) {
        sum += terms[r];
        count += weight_of(call, r) * logits->width;
    }
    count = divisor(&call->in[PLN_BINARY_CROSS_ENTROPY_INPUT_TOTAL], &call->out[PLN_BINARY_CROSS_ENTROPY_OUTPUT_COUNT],
                    0, count);
    *cpu_vector(&call->out[PLN_BINARY_CROSS_ENTROPY_OUTPUT_LOSS], 0) = (float)(sum / count);
}

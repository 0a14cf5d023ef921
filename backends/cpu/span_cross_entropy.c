/* SPDX-License-Identifier: Apache-2.0
 *
 * span_cross_entropy: where an answer begins and ends, over the rows of each sequence. Sequences are shared; member 0
 * adds their terms in order.
 */
#include <math.h>

#include "backends/cpu/spans.h"
#include "backends/cpu/total.h"

/* Over n elements that lie `stride` apart. */
static double log_sum_exp(const float *x, uint32_t n, size_t stride)
{
    double top = -INFINITY, sum = 0;
    for (uint32_t i = 0; i < n; i++)
        top = (double)x[i * stride] > top ? (double)x[i * stride] : top;
    for (uint32_t i = 0; i < n; i++)
        sum += exp((double)x[i * stride] - top);
    return top + log(sum);
}

/* The term of a sequence and column, if its position lies inside. */
static void make_term(const struct cpu_call *call, uint32_t sequence, uint32_t column, double *term)
{
    const struct cpu_operand *logits = &call->in[PLN_SPAN_CROSS_ENTROPY_INPUT_LOGITS];
    const struct cpu_operand *lse = &call->out[PLN_SPAN_CROSS_ENTROPY_OUTPUT_LSE];
    const struct answer answer = answer_of(call->in, sequence, column);
    const float *x = cpu_vector(logits, answer.begin) + column;
    const double log_sum = log_sum_exp(x, answer.rows, logits->stride);
    if (lse->data)
        cpu_vector(lse, sequence)[column] = (float)log_sum;
    if (answer.position < answer.rows)
        *term = log_sum - (double)x[(size_t)answer.position * logits->stride];
}

static double loss_of_column(const struct cpu_call *call, uint32_t column, const double *terms)
{
    double sum = 0, count = 0;
    for (uint32_t b = 0; b < span_sequences(call->in); b++) {
        const struct answer answer = answer_of(call->in, b, column);
        if (answer.position < answer.rows) {
            sum += terms[SPAN_COLUMNS * b + column];
            count++;
        }
    }
    return sum / divisor(&call->in[PLN_SPAN_CROSS_ENTROPY_INPUT_TOTAL], &call->out[PLN_SPAN_CROSS_ENTROPY_OUTPUT_COUNT],
                         column, count);
}

void CPU_NAME(span_cross_entropy)(const struct cpu_call *call)
{
    double *terms = call->shared;
    for (uint32_t i = call->member; i < SPAN_COLUMNS * span_sequences(call->in); i += call->members)
        make_term(call, i / SPAN_COLUMNS, i % SPAN_COLUMNS, &terms[i]);
    cpu_barrier(call);
    if (!call->member)
        *cpu_vector(&call->out[PLN_SPAN_CROSS_ENTROPY_OUTPUT_LOSS], 0) =
            (float)((loss_of_column(call, 0, terms) + loss_of_column(call, 1, terms)) / 2);
}

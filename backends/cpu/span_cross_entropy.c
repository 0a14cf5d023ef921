/* SPDX-License-Identifier: Apache-2.0
 *
 * span_cross_entropy: where an answer begins and ends, over the rows of each sequence. Sequences are shared; member 0
 * adds their terms in order.
 */
#include <math.h>

#include "backends/cpu/kernel.h"

enum { COLUMNS = 2 };

static uint32_t rows_of(const struct cpu_call *call, uint32_t sequence)
{
    const struct cpu_operand *starts = &call->in[PLN_SPAN_CROSS_ENTROPY_INPUT_STARTS];
    return (uint32_t)(cpu_index(starts, sequence + 1) - cpu_index(starts, sequence));
}

/* The wanted row of a sequence; past its end it counts for nothing. Column 0 has first, column 1 last. */
static uint32_t position_of(const struct cpu_call *call, uint32_t sequence, uint32_t column)
{
    const int32_t position = cpu_index(&call->in[PLN_SPAN_CROSS_ENTROPY_INPUT_FIRST + column], sequence);
    return position < 0 ? 0 : (uint32_t)position;
}

/* -log softmax(x)[position] over n elements that lie `stride` apart. */
static double term(const float *x, uint32_t n, size_t stride, uint32_t position)
{
    double top = -INFINITY, sum = 0;
    for (uint32_t i = 0; i < n; i++)
        top = (double)x[i * stride] > top ? (double)x[i * stride] : top;
    for (uint32_t i = 0; i < n; i++)
        sum += exp((double)x[i * stride] - top);
    return top + log(sum) - (double)x[position * stride];
}

static double mean_of_column(const struct cpu_call *call, uint32_t column, const double *terms, uint32_t batch)
{
    double sum = 0, count = 0;
    for (uint32_t b = 0; b < batch; b++)
        if (position_of(call, b, column) < rows_of(call, b)) {
            sum += terms[COLUMNS * b + column];
            count++;
        }
    return sum / count;
}

void CPU_NAME(span_cross_entropy)(const struct cpu_call *call)
{
    const struct cpu_operand *logits = &call->in[PLN_SPAN_CROSS_ENTROPY_INPUT_LOGITS];
    const struct cpu_operand *starts = &call->in[PLN_SPAN_CROSS_ENTROPY_INPUT_STARTS];
    const uint32_t batch = starts->rows ? starts->rows - 1 : 0;
    double *terms = call->shared;
    for (uint32_t i = call->member; i < COLUMNS * batch; i += call->members) {
        const uint32_t b = i / COLUMNS, column = i % COLUMNS, n = rows_of(call, b);
        const uint32_t position = position_of(call, b, column);
        if (position < n)
            terms[i] = term(cpu_vector(logits, (uint32_t)cpu_index(starts, b)) + column, n, logits->stride, position);
    }
    cpu_barrier(call);
    if (!call->member)
        *cpu_vector(&call->out[PLN_SPAN_CROSS_ENTROPY_OUTPUT_LOSS], 0) =
            (float)((mean_of_column(call, 0, terms, batch) + mean_of_column(call, 1, terms, batch)) / 2);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * span_cross_entropy_backward: softmax over the rows of a sequence less the position. d_logits may be logits.
 */
#include <math.h>

#include "backends/cpu/spans.h"

static void write_column(const struct cpu_call *call, uint32_t sequence, uint32_t column)
{
    const pln_span_cross_entropy_backward_params *params = call->params;
    const struct cpu_operand *logits = &call->in[PLN_SPAN_CROSS_ENTROPY_BACKWARD_INPUT_LOGITS];
    const struct cpu_operand *d_logits = &call->out[PLN_SPAN_CROSS_ENTROPY_BACKWARD_OUTPUT_D_LOGITS];
    const float lse = cpu_vector(&call->in[PLN_SPAN_CROSS_ENTROPY_BACKWARD_INPUT_LSE], sequence)[column];
    const float count = cpu_vector(&call->in[PLN_SPAN_CROSS_ENTROPY_BACKWARD_INPUT_COUNT], 0)[column];
    const struct answer answer = answer_of(call->in, sequence, column);
    const bool counts = answer.position < answer.rows;
    for (uint32_t i = 0; i < answer.rows; i++) {
        const float p = expf(cpu_vector(logits, answer.begin + i)[column] - lse);
        const float d = params->scale / (2 * count) * (i == answer.position ? p - 1 : p);
        cpu_vector(d_logits, answer.begin + i)[column] = counts ? d : 0;
    }
}

void CPU_NAME(span_cross_entropy_backward)(const struct cpu_call *call)
{
    const struct cpu_operand *starts = &call->in[PLN_SPAN_CROSS_ENTROPY_BACKWARD_INPUT_STARTS];
    const struct cpu_operand *d_logits = &call->out[PLN_SPAN_CROSS_ENTROPY_BACKWARD_OUTPUT_D_LOGITS];
    const uint32_t batch = span_sequences(call->in), end = (uint32_t)cpu_index(starts, batch);
    for (uint32_t i = call->member; i < SPAN_COLUMNS * batch; i += call->members)
        write_column(call, i / SPAN_COLUMNS, i % SPAN_COLUMNS);
    for (uint32_t r = end + call->member; r < d_logits->rows; r += call->members) /* of no sequence */
        for (uint32_t column = 0; column < SPAN_COLUMNS; column++)
            cpu_vector(d_logits, r)[column] = 0;
}

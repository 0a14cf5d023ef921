/* SPDX-License-Identifier: Apache-2.0
 *
 * span_cross_entropy_backward: softmax over the rows of a sequence less the position. d_logits may be logits.
 */
#include <math.h>

#include "backends/reference/spans.h"

static void write_sequence(const struct ref_call *call, uint32_t b, uint32_t column)
{
    const pln_span_cross_entropy_backward_params *params = call->params;
    const struct ref_operand *logits = &call->in[PLN_SPAN_CROSS_ENTROPY_BACKWARD_INPUT_LOGITS];
    const double lse = (double)ref_row(&call->in[PLN_SPAN_CROSS_ENTROPY_BACKWARD_INPUT_LSE], b)[column];
    const double count = (double)ref_row(&call->in[PLN_SPAN_CROSS_ENTROPY_BACKWARD_INPUT_COUNT], 0)[column];
    const struct answer answer = answer_of(call->in, b, column);
    for (uint32_t i = 0; i < answer.rows; i++) {
        const double p = exp((double)ref_row(logits, answer.begin + i)[column] - lse);
        const double d =
            answer.position < answer.rows ? (double)params->scale / (2 * count) * (p - (i == answer.position)) : 0;
        ref_row(&call->out[PLN_SPAN_CROSS_ENTROPY_BACKWARD_OUTPUT_D_LOGITS], answer.begin + i)[column] = (real)d;
    }
}

void REF_NAME(span_cross_entropy_backward)(const struct ref_call *call)
{
    const struct ref_operand *starts = &call->in[PLN_SPAN_CROSS_ENTROPY_BACKWARD_INPUT_STARTS];
    const struct ref_operand *d_logits = &call->out[PLN_SPAN_CROSS_ENTROPY_BACKWARD_OUTPUT_D_LOGITS];
    const uint32_t batch = starts->rows - 1, end = (uint32_t)ref_index(starts, batch);
    for (uint32_t b = call->member; b < batch; b += call->members)
        for (uint32_t column = 0; column < d_logits->width; column++)
            write_sequence(call, b, column);
    for (uint32_t r = end + call->member; r < d_logits->rows; r += call->members) /* of no sequence */
        for (uint32_t column = 0; column < d_logits->width; column++)
            ref_row(d_logits, r)[column] = 0;
}

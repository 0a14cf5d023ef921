/* SPDX-License-Identifier: Apache-2.0
 *
 * binary_cross_entropy_backward: sigmoid less the label, 0 in a row of no weight. d_logits may be logits.
 */
#include <math.h>

#include "backends/reference/kernel.h"

void REF_NAME(binary_cross_entropy_backward)(const struct ref_call *call)
{
    const pln_binary_cross_entropy_backward_params *params = call->params;
    const struct ref_operand *logits = &call->in[PLN_BINARY_CROSS_ENTROPY_BACKWARD_INPUT_LOGITS];
    const struct ref_operand *labels = &call->in[PLN_BINARY_CROSS_ENTROPY_BACKWARD_INPUT_LABELS];
    const struct ref_operand *weights = &call->in[PLN_BINARY_CROSS_ENTROPY_BACKWARD_INPUT_WEIGHTS];
    const struct ref_operand *d_logits = &call->out[PLN_BINARY_CROSS_ENTROPY_BACKWARD_OUTPUT_D_LOGITS];
    const double count = (double)*ref_row(&call->in[PLN_BINARY_CROSS_ENTROPY_BACKWARD_INPUT_COUNT], 0);
    for (uint32_t r = call->member; r < logits->rows; r += call->members) {
        const double weight = weights->data ? (double)*ref_row(weights, r) : 1;
        for (uint32_t c = 0; c < logits->width; c++) {
            const double sigmoid = 1 / (1 + exp(-(double)ref_row(logits, r)[c]));
            const double d = (double)params->scale * weight / count * (sigmoid - (double)ref_row(labels, r)[c]);
            ref_row(d_logits, r)[c] = (real)(weight != 0 ? d : 0);
        }
    }
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * cross_entropy_backward: softmax less the label, 0 in a row without one. d_logits may be logits.
 */
#include <math.h>

#include "backends/reference/kernel.h"

void REF_NAME(cross_entropy_backward)(const struct ref_call *call)
{
    const pln_cross_entropy_backward_params *params = call->params;
    const struct ref_operand *logits = &call->in[PLN_CROSS_ENTROPY_BACKWARD_INPUT_LOGITS];
    const struct ref_operand *lse = &call->in[PLN_CROSS_ENTROPY_BACKWARD_INPUT_LSE];
    const struct ref_operand *d_logits = &call->out[PLN_CROSS_ENTROPY_BACKWARD_OUTPUT_D_LOGITS];
    const double scale = (double)params->scale / (double)*ref_row(&call->in[PLN_CROSS_ENTROPY_BACKWARD_INPUT_COUNT], 0);
    for (uint32_t r = call->member; r < logits->rows; r += call->members) {
        const int32_t label = ref_index(&call->in[PLN_CROSS_ENTROPY_BACKWARD_INPUT_LABELS], r);
        for (uint32_t c = 0; c < logits->width; c++) {
            const double p = exp((double)ref_row(logits, r)[c] - (double)*ref_row(lse, r));
            const double d = label == params->ignore_index ? 0 : scale * (p - (c == (uint32_t)label));
            ref_row(d_logits, r)[c] = (real)d;
        }
    }
}

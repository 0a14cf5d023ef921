/* SPDX-License-Identifier: Apache-2.0
 *
 * cross_entropy_backward: softmax less what was wanted, 0 in a row without a label. d_logits may be logits.
 */
#include <math.h>

#include "backends/reference/kernel.h"

void REF_NAME(cross_entropy_backward)(const struct ref_call *call)
{
    const pln_cross_entropy_backward_params *params = call->params;
    const struct ref_operand *logits = &call->in[PLN_CROSS_ENTROPY_BACKWARD_INPUT_LOGITS];
    const struct ref_operand *lse = &call->in[PLN_CROSS_ENTROPY_BACKWARD_INPUT_LSE];
    const struct ref_operand *weights = &call->in[PLN_CROSS_ENTROPY_BACKWARD_INPUT_WEIGHTS];
    const struct ref_operand *d_logits = &call->out[PLN_CROSS_ENTROPY_BACKWARD_OUTPUT_D_LOGITS];
    const double scale = (double)params->scale / (double)*ref_row(&call->in[PLN_CROSS_ENTROPY_BACKWARD_INPUT_COUNT], 0);
    const double each = (double)params->smoothing / logits->width;
    const real *w = weights->data ? ref_row(weights, 0) : NULL;
    double all = w ? 0 : logits->width;
    for (uint32_t c = 0; w && c < logits->width; c++)
        all += (double)w[c];
    for (uint32_t r = call->member; r < logits->rows; r += call->members) {
        const int32_t label = ref_index(&call->in[PLN_CROSS_ENTROPY_BACKWARD_INPUT_LABELS], r);
        const bool counts = label != params->ignore_index;
        const double own = counts ? (1 - (double)params->smoothing) * (w ? (double)w[label] : 1) : 0;
        for (uint32_t c = 0; c < logits->width; c++) {
            const double p = exp((double)ref_row(logits, r)[c] - (double)*ref_row(lse, r));
            const double wanted = (c == (uint32_t)label ? own : 0) + each * (w ? (double)w[c] : 1);
            ref_row(d_logits, r)[c] = (real)(counts ? scale * ((own + each * all) * p - wanted) : 0);
        }
    }
}

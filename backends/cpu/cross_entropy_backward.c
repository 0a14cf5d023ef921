/* SPDX-License-Identifier: Apache-2.0
 *
 * cross_entropy_backward: softmax less the label, 0 in a row without one. d_logits may be logits.
 */
#include <string.h>

#include "backends/cpu/elementary.h"
#include "backends/cpu/kernel.h"

void CPU_NAME(cross_entropy_backward)(const struct cpu_call *call)
{
    const pln_cross_entropy_backward_params *params = call->params;
    const struct cpu_operand *logits = &call->in[PLN_CROSS_ENTROPY_BACKWARD_INPUT_LOGITS];
    const struct cpu_operand *lse = &call->in[PLN_CROSS_ENTROPY_BACKWARD_INPUT_LSE];
    const struct cpu_operand *d_logits = &call->out[PLN_CROSS_ENTROPY_BACKWARD_OUTPUT_D_LOGITS];
    const float scale = params->scale / *cpu_vector(&call->in[PLN_CROSS_ENTROPY_BACKWARD_INPUT_COUNT], 0);
    const uint32_t width = logits->width;
    for (uint32_t r = call->member; r < logits->rows; r += call->members) {
        const int32_t label = cpu_index(&call->in[PLN_CROSS_ENTROPY_BACKWARD_INPUT_LABELS], r);
        const float *x = cpu_vector(logits, r), log_sum = *cpu_vector(lse, r);
        float *d = cpu_vector(d_logits, r);
        if (label == params->ignore_index) {
            memset(d, 0, width * sizeof *d);
            continue;
        }
        const float p = vec_exp(vec_all(x[label] - log_sum))[0];
        for (uint32_t c = 0; c < width; c += VEC_LANES)
            vec_store_some(d + c, scale * vec_exp(vec_load_some(x + c, width - c) - log_sum), width - c);
        d[label] = scale * (p - 1);
    }
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * binary_cross_entropy_backward: sigmoid less the label, 0 in a row of no weight. d_logits may be logits.
 */
#include "backends/cpu/activations.h"
#include "backends/cpu/kernel.h"

void CPU_NAME(binary_cross_entropy_backward)(const struct cpu_call *call)
{
    const pln_binary_cross_entropy_backward_params *params = call->params;
    const struct cpu_operand *logits = &call->in[PLN_BINARY_CROSS_ENTROPY_BACKWARD_INPUT_LOGITS];
    const struct cpu_operand *labels = &call->in[PLN_BINARY_CROSS_ENTROPY_BACKWARD_INPUT_LABELS];
    const struct cpu_operand *weights = &call->in[PLN_BINARY_CROSS_ENTROPY_BACKWARD_INPUT_WEIGHTS];
    const struct cpu_operand *d_logits = &call->out[PLN_BINARY_CROSS_ENTROPY_BACKWARD_OUTPUT_D_LOGITS];
    const float scale = params->scale / *cpu_vector(&call->in[PLN_BINARY_CROSS_ENTROPY_BACKWARD_INPUT_COUNT], 0);
    const struct cpu_share share = cpu_share(logits->rows, call->member, call->members);
    for (uint32_t r = share.first; r < share.last; r++) {
        const float weight = weights->data ? *cpu_vector(weights, r) : 1;
        const float *x = cpu_vector(logits, r), *y = cpu_vector(labels, r);
        float *d = cpu_vector(d_logits, r);
        for (uint32_t c = 0; c < logits->width; c += VEC_LANES) {
            const uint32_t n = logits->width - c;
            const vec error = activation_SIGMOID(vec_load_some(x + c, n)) - vec_load_some(y + c, n);
            vec_store_some(d + c, weight != 0 ? weight * scale * error : vec_all(0), n);
        }
    }
}

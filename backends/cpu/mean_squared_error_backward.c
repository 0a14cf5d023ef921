/* SPDX-License-Identifier: Apache-2.0
 *
 * mean_squared_error_backward: twice the difference over count. d_x may be x.
 */
#include "backends/cpu/kernel.h"

void CPU_NAME(mean_squared_error_backward)(const struct cpu_call *call)
{
    const pln_mean_squared_error_backward_params *params = call->params;
    const struct cpu_operand *x = &call->in[PLN_MEAN_SQUARED_ERROR_BACKWARD_INPUT_X];
    const struct cpu_operand *labels = &call->in[PLN_MEAN_SQUARED_ERROR_BACKWARD_INPUT_LABELS];
    const struct cpu_operand *d_x = &call->out[PLN_MEAN_SQUARED_ERROR_BACKWARD_OUTPUT_D_X];
    const float scale = 2 * params->scale / *cpu_vector(&call->in[PLN_MEAN_SQUARED_ERROR_BACKWARD_INPUT_COUNT], 0);
    const struct cpu_share share = cpu_share(x->rows, call->member, call->members);
    for (uint32_t r = share.first; r < share.last; r++)
        for (uint32_t c = 0; c < x->width; c++)
            cpu_vector(d_x, r)[c] = scale * (cpu_vector(x, r)[c] - cpu_vector(labels, r)[c]);
}

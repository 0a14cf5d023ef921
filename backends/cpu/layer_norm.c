/* SPDX-License-Identifier: Apache-2.0
 *
 * layer_norm: each row to mean 0 and variance 1, then gamma and beta. y may be x.
 */
#include "backends/cpu/normalize.h"

void CPU_NAME(layer_norm)(const struct cpu_call *call)
{
    const pln_layer_norm_params *params = call->params;
    const struct cpu_operand *x = &call->in[PLN_LAYER_NORM_INPUT_X];
    const struct cpu_share share = cpu_share(x->rows, call->member, call->members);
    for (uint32_t r = share.first; r < share.last; r++)
        normalize_row(cpu_vector(x, r), x->width, params->eps, call->in[PLN_LAYER_NORM_INPUT_GAMMA].data,
                      call->in[PLN_LAYER_NORM_INPUT_BETA].data, call->out, r);
}

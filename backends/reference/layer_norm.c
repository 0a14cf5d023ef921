/* SPDX-License-Identifier: Apache-2.0
 *
 * layer_norm: each row to mean 0 and variance 1, then gamma and beta. y may be x.
 */
#include "backends/reference/normalize.h"

void REF_NAME(layer_norm)(const struct ref_call *call)
{
    const pln_layer_norm_params *params = call->params;
    const struct ref_operand *x = &call->in[PLN_LAYER_NORM_INPUT_X];
    for (uint32_t r = call->member; r < x->rows; r += call->members) {
        const real *row = ref_row(x, r);
        for (uint32_t c = 0; c < x->width; c++)
            call->scratch[c] = (double)row[c];
        normalize_row(call->scratch, x->width, params->eps, &call->in[PLN_LAYER_NORM_INPUT_GAMMA],
                      &call->in[PLN_LAYER_NORM_INPUT_BETA], call->out, r);
    }
}

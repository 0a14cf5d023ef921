/* SPDX-License-Identifier: Apache-2.0
 *
 * layer_norm_backward: gradients by x, gamma and beta.
 */
#include "backends/cpu/normalize_backward.h"

static void row_of(const struct cpu_call *call, uint32_t r, const float **x, const float **d_y)
{
    *x = cpu_vector(&call->in[PLN_LAYER_NORM_BACKWARD_INPUT_X], r);
    *d_y = cpu_vector(&call->in[PLN_LAYER_NORM_BACKWARD_INPUT_D_Y], r);
}

void CPU_NAME(layer_norm_backward)(const struct cpu_call *call)
{
    normalize_backward(&(struct norm){.call = call,
                                      .row = row_of,
                                      .gamma = &call->in[PLN_LAYER_NORM_BACKWARD_INPUT_GAMMA],
                                      .mean = &call->in[PLN_LAYER_NORM_BACKWARD_INPUT_MEAN],
                                      .rstd = &call->in[PLN_LAYER_NORM_BACKWARD_INPUT_RSTD],
                                      .d_gamma = &call->out[PLN_LAYER_NORM_BACKWARD_OUTPUT_D_GAMMA],
                                      .d_beta = &call->out[PLN_LAYER_NORM_BACKWARD_OUTPUT_D_BETA],
                                      .d_x = &call->out[PLN_LAYER_NORM_BACKWARD_OUTPUT_D_X]});
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * layer_norm_backward: d_x by row, d_gamma and d_beta by column.
 */
#include "backends/reference/normalize_backward.h"

static double x_of(const struct ref_call *call, uint32_t r, uint32_t c)
{
    return (double)ref_row(&call->in[PLN_LAYER_NORM_BACKWARD_INPUT_X], r)[c];
}

static double d_y_of(const struct ref_call *call, uint32_t r, uint32_t c)
{
    return (double)ref_row(&call->in[PLN_LAYER_NORM_BACKWARD_INPUT_D_Y], r)[c];
}

void REF_NAME(layer_norm_backward)(const struct ref_call *call)
{
    normalize_backward(&(struct norm){.call = call,
                                      .x = x_of,
                                      .d_y = d_y_of,
                                      .gamma = &call->in[PLN_LAYER_NORM_BACKWARD_INPUT_GAMMA],
                                      .mean = &call->in[PLN_LAYER_NORM_BACKWARD_INPUT_MEAN],
                                      .rstd = &call->in[PLN_LAYER_NORM_BACKWARD_INPUT_RSTD],
                                      .d_gamma = &call->out[PLN_LAYER_NORM_BACKWARD_OUTPUT_D_GAMMA],
                                      .d_beta = &call->out[PLN_LAYER_NORM_BACKWARD_OUTPUT_D_BETA],
                                      .d_x = &call->out[PLN_LAYER_NORM_BACKWARD_OUTPUT_D_X]});
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * embed_backward: the gradient by the sum of rows, which is made again, through dropout and LayerNorm.
 */
#include "backends/reference/dropout.h"
#include "backends/reference/embedding.h"
#include "backends/reference/normalize_backward.h"

/* Rounded as the mean was, so that equal numbers lie on it. */
static double sum_of(const struct ref_call *call, uint32_t r, uint32_t c)
{
    return (double)(real)embedding(&call->in[PLN_EMBED_BACKWARD_INPUT_IDS], r, c);
}

static double dropped(const struct ref_call *call, uint32_t r, uint32_t c)
{
    const pln_embed_backward_params *params = call->params;
    const struct ref_operand *d_y = &call->in[PLN_EMBED_BACKWARD_INPUT_D_Y];
    const struct dropout dropout = {&call->in[PLN_EMBED_BACKWARD_INPUT_ORIGIN],
                                    &call->in[PLN_EMBED_BACKWARD_INPUT_RANDOM], params->site, params->drop_below,
                                    (double)params->keep_scale};
    return (double)ref_row(d_y, r)[c] * dropout_of_element(&dropout, r, c, d_y->width);
}

void REF_NAME(embed_backward)(const struct ref_call *call)
{
    normalize_backward(&(struct norm){.call = call,
                                      .x = sum_of,
                                      .d_y = dropped,
                                      .gamma = &call->in[PLN_EMBED_BACKWARD_INPUT_GAMMA],
                                      .mean = &call->in[PLN_EMBED_BACKWARD_INPUT_MEAN],
                                      .rstd = &call->in[PLN_EMBED_BACKWARD_INPUT_RSTD],
                                      .d_gamma = &call->out[PLN_EMBED_BACKWARD_OUTPUT_D_GAMMA],
                                      .d_beta = &call->out[PLN_EMBED_BACKWARD_OUTPUT_D_BETA],
                                      .d_x = &call->out[PLN_EMBED_BACKWARD_OUTPUT_D_X]});
}

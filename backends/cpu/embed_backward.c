/* SPDX-License-Identifier: Apache-2.0
 *
 * embed_backward: the gradient by the sum of rows, which is made again, through dropout and LayerNorm.
 */
#include "backends/cpu/dropout.h"
#include "backends/cpu/embedding.h"
#include "backends/cpu/normalize_backward.h"

/* Both rows are made in scratch [2, width]. */
static void make_row(const struct cpu_call *call, uint32_t r, const float **x, const float **d_y)
{
    const pln_embed_backward_params *params = call->params;
    const struct cpu_operand *in = call->in, *from = &in[PLN_EMBED_BACKWARD_INPUT_D_Y];
    const struct dropout dropout =
        DROPOUT_OF(&in[PLN_EMBED_BACKWARD_INPUT_ORIGIN], &in[PLN_EMBED_BACKWARD_INPUT_RANDOM], params);
    float *sum = call->scratch, *dropped = sum + from->width;
    embedding_row(&in[PLN_EMBED_BACKWARD_INPUT_IDS], r, from->width, sum);
    memcpy(dropped, cpu_vector(from, r), from->width * sizeof *dropped);
    dropout_row(&dropout, r, from->width, dropped);
    *x = sum;
    *d_y = dropped;
}

void CPU_NAME(embed_backward)(const struct cpu_call *call)
{
    normalize_backward(&(struct norm){.call = call,
                                      .row = make_row,
                                      .gamma = &call->in[PLN_EMBED_BACKWARD_INPUT_GAMMA],
                                      .mean = &call->in[PLN_EMBED_BACKWARD_INPUT_MEAN],
                                      .rstd = &call->in[PLN_EMBED_BACKWARD_INPUT_RSTD],
                                      .d_gamma = &call->out[PLN_EMBED_BACKWARD_OUTPUT_D_GAMMA],
                                      .d_beta = &call->out[PLN_EMBED_BACKWARD_OUTPUT_D_BETA],
                                      .d_x = &call->out[PLN_EMBED_BACKWARD_OUTPUT_D_X]});
}

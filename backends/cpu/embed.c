/* SPDX-License-Identifier: Apache-2.0
 *
 * embed: word, type and position rows summed and normalised, then dropout.
 */
#include "backends/cpu/dropout.h"
#include "backends/cpu/embedding.h"
#include "backends/cpu/normalize.h"

void CPU_NAME(embed)(const struct cpu_call *call)
{
    const pln_embed_params *params = call->params;
    const struct cpu_operand *in = call->in, *y = &call->out[PLN_EMBED_OUTPUT_Y];
    const struct dropout dropout = DROPOUT_OF(&in[PLN_EMBED_INPUT_ORIGIN], &in[PLN_EMBED_INPUT_RANDOM], params);
    const struct cpu_share share = cpu_share(y->rows, call->member, call->members);
    for (uint32_t t = share.first; t < share.last; t++) {
        float *row = cpu_vector(y, t);
        embedding_row(in, t, y->width, row);
        normalize_row(row, y->width, params->eps, in[PLN_EMBED_INPUT_GAMMA].data, in[PLN_EMBED_INPUT_BETA].data,
                      call->out, t);
        dropout_row(&dropout, t, y->width, row);
    }
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * embed: word, type and position rows summed and normalised, then dropout.
 */
#include "backends/reference/dropout.h"
#include "backends/reference/embedding.h"
#include "backends/reference/normalize.h"

void REF_NAME(embed)(const struct ref_call *call)
{
    const pln_embed_params *params = call->params;
    const struct ref_operand *in = call->in, *out = call->out, *y = &out[PLN_EMBED_OUTPUT_Y];
    const struct dropout dropout = {&in[PLN_EMBED_INPUT_ORIGIN], &in[PLN_EMBED_INPUT_RANDOM], params->site,
                                    params->drop_below, (double)params->keep_scale};
    for (uint32_t t = call->member; t < y->rows; t += call->members) {
        for (uint32_t c = 0; c < y->width; c++)
            call->scratch[c] = embedding(in, t, c);
        normalize_row(call->scratch, y->width, params->eps, &in[PLN_EMBED_INPUT_GAMMA], &in[PLN_EMBED_INPUT_BETA], out,
                      t);
        for (uint32_t c = 0; c < y->width; c++)
            ref_row(y, t)[c] = (real)((double)ref_row(y, t)[c] * dropout_of_element(&dropout, t, c, y->width));
    }
}

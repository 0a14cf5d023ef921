/* SPDX-License-Identifier: Apache-2.0
 *
 * embed: word, type and position rows summed and normalised.
 */
#include "backends/reference/normalize.h"

void REF_NAME(embed)(const struct ref_call *call)
{
    const pln_embed_params *params = call->params;
    const struct ref_operand *in = call->in, *out = call->out;
    const struct ref_operand *y = &out[PLN_EMBED_OUTPUT_Y];
    for (uint32_t t = call->member; t < y->rows; t += call->members) {
        const real *type = ref_row(&in[PLN_EMBED_INPUT_TYPE], (uint32_t)ref_index(&in[PLN_EMBED_INPUT_TOKEN_TYPES], t));
        const real *word = in[PLN_EMBED_INPUT_IDS].data
                               ? ref_row(&in[PLN_EMBED_INPUT_WORD], (uint32_t)ref_index(&in[PLN_EMBED_INPUT_IDS], t))
                               : ref_row(&in[PLN_EMBED_INPUT_EMBEDDINGS], t);
        const real *position =
            in[PLN_EMBED_INPUT_POSITION].data
                ? ref_row(&in[PLN_EMBED_INPUT_POSITION], (uint32_t)ref_index(&in[PLN_EMBED_INPUT_POSITIONS], t))
                : NULL;
        for (uint32_t c = 0; c < y->width; c++)
            call->scratch[c] = (double)word[c] + (double)type[c] + (position ? (double)position[c] : 0);
        normalize_row(call->scratch, y->width, params->eps, &in[PLN_EMBED_INPUT_GAMMA], &in[PLN_EMBED_INPUT_BETA], out,
                      t);
    }
}

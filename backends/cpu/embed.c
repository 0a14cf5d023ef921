/* SPDX-License-Identifier: Apache-2.0
 *
 * embed: word, type and position rows summed and normalised.
 */
#include "backends/cpu/normalize.h"

static void add_rows(float *y, const float *word, const float *type, const float *position, uint32_t width)
{
    for (uint32_t c = 0; c < width; c++)
        y[c] = word[c] + type[c];
    for (uint32_t c = 0; position && c < width; c++)
        y[c] += position[c];
}

void CPU_NAME(embed)(const struct cpu_call *call)
{
    const pln_embed_params *params = call->params;
    const struct cpu_operand *in = call->in, *y = &call->out[PLN_EMBED_OUTPUT_Y];
    const struct cpu_operand *ids = &in[PLN_EMBED_INPUT_IDS], *types = &in[PLN_EMBED_INPUT_TOKEN_TYPES];
    const struct cpu_operand *positions = &in[PLN_EMBED_INPUT_POSITIONS];
    const struct cpu_share share = cpu_share(y->rows, call->member, call->members);
    for (uint32_t t = share.first; t < share.last; t++) {
        const float *word = ids->data ? cpu_vector(&in[PLN_EMBED_INPUT_WORD], (uint32_t)cpu_index(ids, t))
                                      : cpu_vector(&in[PLN_EMBED_INPUT_EMBEDDINGS], t);
        const float *type = cpu_vector(&in[PLN_EMBED_INPUT_TYPE], (uint32_t)cpu_index(types, t));
        const float *position = in[PLN_EMBED_INPUT_POSITION].data
                                    ? cpu_vector(&in[PLN_EMBED_INPUT_POSITION], (uint32_t)cpu_index(positions, t))
                                    : NULL;
        float *row = cpu_vector(y, t);
        add_rows(row, word, type, position, y->width);
        normalize_row(row, y->width, params->eps, in[PLN_EMBED_INPUT_GAMMA].data, in[PLN_EMBED_INPUT_BETA].data,
                      call->out, t);
    }
}

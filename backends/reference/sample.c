/* SPDX-License-Identifier: Apache-2.0
 *
 * sample: a token for each row by its softmax, as the largest of logits with Gumbel noise.
 */
#include <math.h>

#include "backends/reference/dropout.h"

static double noise(const struct ref_call *call, uint32_t row, uint32_t column, uint32_t width)
{
    const pln_sample_params *p = call->params;
    const int32_t *random = call->in[PLN_SAMPLE_INPUT_RANDOM].data;
    const struct ref_operand *origin = &call->in[PLN_SAMPLE_INPUT_ORIGIN];
    const int32_t *place = (const int32_t *)origin->data + (size_t)row * origin->stride;
    const uint32_t key[2] = {(uint32_t)random[PLN_RANDOM_SEED_LOW], (uint32_t)random[PLN_RANDOM_SEED_HIGH]};
    const uint32_t word = (uint32_t)place[PLN_ORIGIN_POSITION] * width + column;
    uint32_t words[4] = {(uint32_t)random[PLN_RANDOM_STEP], p->site, (uint32_t)place[PLN_ORIGIN_SEQUENCE], word / 4};
    philox(key, words, words);
    return -log(-log1p(-((words[word % 4] >> 8) + 0.5) * 0x1p-24));
}

void REF_NAME(sample)(const struct ref_call *call)
{
    const pln_sample_params *p = call->params;
    const struct ref_operand *logits = &call->in[PLN_SAMPLE_INPUT_LOGITS];
    const struct ref_operand *barred = &call->in[PLN_SAMPLE_INPUT_BARRED];
    const struct ref_operand *ids = &call->out[PLN_SAMPLE_OUTPUT_IDS], *best = &call->out[PLN_SAMPLE_OUTPUT_BEST];
    for (uint32_t r = call->member; r < logits->rows; r += call->members) {
        double top = -INFINITY, most = -INFINITY;
        uint32_t drawn = 0, likeliest = 0;
        for (uint32_t c = 0; c < logits->width; c++) {
            const double x = (double)ref_row(logits, r)[c];
            const double shift = barred->data && ref_index(barred, r) == (int32_t)c ? 1000 : 0;
            const double score = x / (double)p->temperature - shift + noise(call, r, c, logits->width);
            drawn = score > top ? c : drawn;
            top = score > top ? score : top;
            likeliest = x > most ? c : likeliest;
            most = x > most ? x : most;
        }
        ((int32_t *)ids->data)[(size_t)r * ids->stride] = (int32_t)drawn;
        if (best->data)
            ((int32_t *)best->data)[(size_t)r * best->stride] = (int32_t)likeliest;
    }
}

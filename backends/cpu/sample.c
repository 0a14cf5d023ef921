/* SPDX-License-Identifier: Apache-2.0
 *
 * sample: a token for each row by its softmax, as the largest of logits with Gumbel noise. Two logarithms an element
 * would cost more than the product that made the logits. But -log(-log(1 - v)) is below -log(v), so a column can only
 * be the largest if v < exp(score without noise - largest so far): a vector of these says for nearly all that they
 * are not, and what is left, a handful in a row, is looked at in double.
 */
#include <math.h>

#include "backends/cpu/dropout.h"
#include "backends/cpu/elementary.h"

struct draw {
    struct dropout words;
    uint32_t width;
    const float *logits;
    double temperature;
    int32_t barred; /* -1: none */
    double top;
    uint32_t drawn;
};

static double without_noise(const struct draw *d, uint32_t column)
{
    return (double)d->logits[column] / d->temperature - ((int32_t)column == d->barred ? 1000 : 0);
}

static void look_at(struct draw *d, uint32_t column, uint32_t word)
{
    const double score = without_noise(d, column) - log(-log1p(-((word >> 8) + 0.5) * 0x1p-24));
    if (score > d->top) {
        d->top = score;
        d->drawn = column;
    }
}

/* Lanes of columns that may be larger than the largest so far; a little is left for the rounding of exp. */
static vec_int may_be_larger(const struct draw *d, uint32_t column, vec_words words)
{
    const vec x = vec_load_some(d->logits + column, d->width - column);
    const vec v = __builtin_convertvector((vec_int)(words >> 8), vec) * 0x1p-24f;
    return (vec_int)(v < vec_exp(x * (float)(1 / d->temperature) - (float)d->top) * 1.01f);
}

static bool is_any(vec_int mask)
{
    int32_t any = 0;
    for (uint32_t i = 0; i < VEC_LANES; i++)
        any |= mask[i];
    return any != 0;
}

static void look_at_some(struct draw *d, uint32_t column, vec_words words)
{
    if (column >= d->width || !is_any(may_be_larger(d, column, words)))
        return;
    for (uint32_t i = 0; i < VEC_LANES && column + i < d->width; i++)
        look_at(d, column + i, words[i]);
}

/* Words come in fours; those before the row's first belong to the row before. */
static void draw_row(struct draw *d, uint32_t sequence, uint32_t element)
{
    const uint32_t skip = element % 4, first = skip ? 4 - skip : 0;
    vec_words words[2];
    dropout_words(&d->words, d->words.site, sequence, element / 4, words);
    for (uint32_t c = 0; c < first && c < d->width; c++)
        look_at(d, c, words[0][c + skip]);
    for (uint32_t c = first; c < d->width; c += 2 * VEC_LANES) {
        dropout_words(&d->words, d->words.site, sequence, (element + c) / 4, words);
        look_at_some(d, c, words[0]);
        look_at_some(d, c + VEC_LANES, words[1]);
    }
}

static uint32_t find_largest(const float *x, uint32_t n)
{
    uint32_t at = 0;
    float top = -INFINITY;
    for (uint32_t i = 0; i < n; i++)
        if (x[i] > top) {
            top = x[i];
            at = i;
        }
    return at;
}

void CPU_NAME(sample)(const struct cpu_call *call)
{
    const pln_sample_params *p = call->params;
    const struct cpu_operand *logits = &call->in[PLN_SAMPLE_INPUT_LOGITS];
    const struct cpu_operand *barred = &call->in[PLN_SAMPLE_INPUT_BARRED];
    const struct cpu_operand *origin = &call->in[PLN_SAMPLE_INPUT_ORIGIN];
    const struct cpu_operand *ids = &call->out[PLN_SAMPLE_OUTPUT_IDS], *best = &call->out[PLN_SAMPLE_OUTPUT_BEST];
    const struct dropout words = dropout_of(origin, &call->in[PLN_SAMPLE_INPUT_RANDOM], p->site, 1, 1);
    for (uint32_t r = call->member; r < logits->rows; r += call->members) {
        struct draw d = {.words = words,
                         .width = logits->width,
                         .logits = cpu_vector(logits, r),
                         .temperature = (double)p->temperature,
                         .barred = barred->data ? cpu_index(barred, r) : -1,
                         .top = -INFINITY};
        const int32_t *place = (const int32_t *)origin->data + (size_t)r * origin->stride;
        draw_row(&d, (uint32_t)place[PLN_ORIGIN_SEQUENCE], (uint32_t)place[PLN_ORIGIN_POSITION] * logits->width);
        ((int32_t *)ids->data)[(size_t)r * ids->stride] = (int32_t)d.drawn;
        if (best->data)
            ((int32_t *)best->data)[(size_t)r * best->stride] = (int32_t)find_largest(d.logits, d.width);
    }
}

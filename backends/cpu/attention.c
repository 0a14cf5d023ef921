/* SPDX-License-Identifier: Apache-2.0
 *
 * attention: softmax of scaled dot products over packed sequences. A piece of work is a head of a sequence, or some of
 * its queries: keys and values go into panels, then blocks of queries are scored, normalised and mixed while the scores
 * are in cache.
 */
#include "backends/cpu/attention_scores.h"
#include "backends/cpu/dropout.h"

/* What attention holds beside the span. */
struct forward {
    const struct cpu_call *call;
    struct span span;
    struct dropout dropout;
    float *keys, *values, *scores, *mixed, *factors;
};

/* Scores become probabilities times `factor`; gives the log of the sum of the exponentials. Vectors past the last
 * source hold -infinity. A row of -infinity becomes NaN. */
static float softmax_row(float *row, uint32_t n, float factor)
{
    vec top = vec_all(-INFINITY), sum = {0};
    for (uint32_t j = 0; j < n; j += VEC_LANES)
        top = vec_larger(vec_load(row + j), top);
    const float most = vec_top(top);
    for (uint32_t j = 0; j < n; j += VEC_LANES) {
        const vec e = vec_exp(vec_load(row + j) - most);
        vec_store(row + j, e);
        sum += e;
    }
    const float total = vec_sum(sum), scale = factor / total;
    for (uint32_t j = 0; j < n; j += VEC_LANES)
        vec_store(row + j, vec_load(row + j) * scale);
    return most + logf(total);
}

static void drop_row(const struct forward *f, uint32_t i, float *row)
{
    const struct span *s = &f->span;
    const float *factors = dropout_of_query(&f->dropout, s->query + i, s->head, i, s->sources, f->factors);
    for (uint32_t j = 0; factors && j < s->sources; j += VEC_LANES)
        vec_store(row + j, vec_load(row + j) * vec_load(factors + j));
}

static void write_probabilities(const struct forward *f, uint32_t i, const float *row)
{
    const struct cpu_operand *probabilities = &f->call->out[PLN_ATTENTION_OUTPUT_PROBABILITIES];
    if (!probabilities->data)
        return;
    float *to = pair_row(&f->span, probabilities, f->span.params->heads, f->span.head, i);
    for (uint32_t j = 0; j < f->span.sources; j++)
        to[(size_t)j * probabilities->stride] = row[j];
}

static void score_block(const struct forward *f, uint32_t first, uint32_t rows)
{
    const struct span *s = &f->span;
    const struct cpu_operand *lse = &f->call->out[PLN_ATTENTION_OUTPUT_LSE];
    const float factor = head_factor(s);
    multiply_transposed(s, input(s, PLN_ATTENTION_INPUT_QUERY), s->query + first, rows, f->keys, f->scores);
    for (uint32_t i = first; i < first + rows; i++) {
        float *row = f->scores + (i - first) * s->score_stride;
        finish_scores(s, i, row);
        const float log_sum = softmax_row(row, s->sources, factor);
        if (lse->data)
            cpu_vector(lse, s->query + i)[s->head] = log_sum;
        drop_row(f, i, row);
        write_probabilities(f, i, row);
    }
}

static void mix_block(const struct forward *f, uint32_t first, uint32_t rows)
{
    const struct span *s = &f->span;
    const uint32_t n = s->params->head_size, stride = (uint32_t)cpu_round_up(n, VEC_LANES);
    panel_product(&(struct panel_product){.a = f->scores,
                                          .a_stride = s->score_stride,
                                          .a_step = 1,
                                          .panels = f->values,
                                          .depth = s->sources,
                                          .n_panels = stride / VEC_LANES,
                                          .out = f->mixed,
                                          .out_stride = stride},
                  rows);
    for (uint32_t i = 0; i < rows; i++)
        memcpy(head_row(s, &f->call->out[PLN_ATTENTION_OUTPUT_Y], s->query + first + i), f->mixed + (size_t)i * stride,
               n * sizeof(float));
}

/* Queries first .. last-1 of the span. */
static void attend(struct forward *f, uint32_t first, uint32_t last)
{
    struct span *s = &f->span;
    const struct cpu_attention_room room = cpu_attention_room(s->sources, s->params->head_size);
    float *scratch = f->call->scratch;
    f->keys = scratch + room.keys;
    f->values = scratch + room.values;
    s->hidden = scratch + room.hidden;
    f->factors = scratch + room.factors;
    f->scores = scratch + room.scores;
    f->mixed = scratch + room.mixed;
    pack_transposed(s, input(s, PLN_ATTENTION_INPUT_KEY), f->keys);
    pack_rows(s, input(s, PLN_ATTENTION_INPUT_VALUE), s->source, s->sources, f->values);
    mark_hidden(s);
    for (uint32_t i = first; i < last; i += CPU_ATTENTION_QUERIES) {
        const uint32_t rows = last - i < CPU_ATTENTION_QUERIES ? last - i : CPU_ATTENTION_QUERIES;
        score_block(f, i, rows);
        mix_block(f, i, rows);
    }
}

void CPU_NAME(attention)(const struct cpu_call *call)
{
    const pln_attention_params *params = call->params;
    struct forward f = {
        .call = call,
        .span = {.in = call->in, .params = params},
        .dropout = DROPOUT_OF(&call->in[PLN_ATTENTION_INPUT_ORIGIN], &call->in[PLN_ATTENTION_INPUT_RANDOM], params)};
    const uint32_t heads = sequences_of(&f.span) * params->heads;
    if (!heads)
        return;
    /* Few heads are parted by queries, though each part packs the keys again. */
    const uint32_t parts = (2 * call->members + heads - 1) / heads;
    for (uint32_t i = call->member; i < heads * parts; i += call->members) {
        enter_head(&f.span, i / parts / params->heads, i / parts % params->heads);
        const struct cpu_share share = cpu_share(f.span.queries, i % parts, parts);
        if (share.first < share.last)
            attend(&f, share.first, share.last);
    }
}

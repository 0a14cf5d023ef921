/* SPDX-License-Identifier: Apache-2.0
 *
 * attention: softmax of scaled dot products over packed sequences. A piece of work is a head of a sequence, or some of
 * its queries: keys and values go into panels, then blocks of queries are scored, normalised and mixed while the scores
 * are in cache.
 */
#include <float.h>
#include <math.h>

#include "backends/cpu/attention.h"
#include "backends/cpu/elementary.h"
#include "backends/cpu/panels.h"

/* One head of one sequence: where its rows begin, and how many there are. */
struct span {
    const struct cpu_call *call;
    const pln_attention_params *params;
    uint32_t sequence, head;
    uint32_t query, queries; /* first row, number */
    uint32_t source, sources;
    float *keys, *values, *hidden, *scores, *mixed;
    size_t score_stride, mixed_stride;
};

static const struct cpu_operand *input(const struct span *s, uint32_t i)
{
    return &s->call->in[i];
}

static float *head_row(const struct span *s, const struct cpu_operand *operand, uint32_t row)
{
    return cpu_vector(operand, row) + (size_t)s->head * s->params->head_size;
}

/* Element (i, 0) of a plane of bias or probabilities: [planes, pairs], rows of the sequence from pair_starts. */
static float *pair_row(const struct span *s, const struct cpu_operand *operand, uint32_t planes, uint32_t plane,
                       uint32_t i)
{
    const size_t pairs = operand->rows / planes;
    const size_t start = (size_t)cpu_index(input(s, PLN_ATTENTION_INPUT_PAIR_STARTS), s->sequence);
    return cpu_vector(operand, 0) + (plane * pairs + start + (size_t)i * s->sources) * operand->stride;
}

/* ---- panels of a head */

static void pack_keys(const struct span *s)
{
    const uint32_t n = s->params->head_size;
    for (uint32_t j = 0; j < cpu_round_up(s->sources, VEC_LANES); j++) {
        float *to = s->keys + (size_t)(j / VEC_LANES) * n * VEC_LANES + j % VEC_LANES;
        const float *from = j < s->sources ? head_row(s, input(s, PLN_ATTENTION_INPUT_KEY), s->source + j) : NULL;
        for (uint32_t c = 0; c < n; c++)
            to[(size_t)c * VEC_LANES] = from ? from[c] : 0;
    }
}

static void pack_values(const struct span *s)
{
    const uint32_t n = s->params->head_size;
    for (uint32_t j = 0; j < s->sources; j++) {
        const float *from = head_row(s, input(s, PLN_ATTENTION_INPUT_VALUE), s->source + j);
        float *to = s->values + (size_t)j * VEC_LANES;
        for (uint32_t c = 0; c < n; c += VEC_LANES, to += (size_t)s->sources * VEC_LANES)
            vec_store(to, n - c < VEC_LANES ? vec_load_part(from + c, n - c) : vec_load(from + c));
    }
}

/* What replaces a score: nothing (0), -FLT_MAX of a masked key, -infinity past the last key, where panels are padded.
 */
static void mark_hidden(const struct span *s)
{
    const struct cpu_operand *mask = input(s, PLN_ATTENTION_INPUT_KEY_MASK);
    for (uint32_t j = 0; j < cpu_round_up(s->sources, VEC_LANES); j++) {
        const bool hides = j < s->sources && mask->data && cpu_index(mask, s->source + j) == 0;
        s->hidden[j] = j >= s->sources ? -INFINITY : hides ? -FLT_MAX : 0;
    }
}

/* ---- scores */

/* (q + k).d, or q.d without k, over n elements */
static float relative_dot(const float *q, const float *k, const float *d, uint32_t n)
{
    vec sum = {0};
    uint32_t c = 0;
    for (; c + VEC_LANES <= n; c += VEC_LANES)
        sum += (k ? vec_load(q + c) + vec_load(k + c) : vec_load(q + c)) * vec_load(d + c);
    float total = vec_sum(sum);
    for (; c < n; c++)
        total += (k ? q[c] + k[c] : q[c]) * d[c];
    return total;
}

static void add_relative(const struct span *s, uint32_t i, float *row)
{
    const pln_attention_params *p = s->params;
    const float *q = head_row(s, input(s, PLN_ATTENTION_INPUT_QUERY), s->query + i);
    for (uint32_t j = 0; j < s->sources; j++) {
        const float *d = cpu_vector(input(s, PLN_ATTENTION_INPUT_DISTANCE), i + p->max_positions - 1 - j);
        const float *k = p->relative == 2 ? head_row(s, input(s, PLN_ATTENTION_INPUT_KEY), s->source + j) : NULL;
        row[j] += relative_dot(q, k, d, p->head_size);
    }
}

static void scale_row(const struct span *s, uint32_t i, float *row)
{
    const struct cpu_operand *bias = input(s, PLN_ATTENTION_INPUT_BIAS);
    const uint32_t n = s->sources, planes = s->params->bias_heads;
    for (uint32_t j = 0; j < n; j += VEC_LANES)
        vec_store(row + j, vec_load(row + j) * s->params->scale);
    if (bias->data) {
        const float *add = pair_row(s, bias, planes, planes == 1 ? 0 : s->head, i);
        for (uint32_t j = 0; j < n; j++)
            row[j] += add[(size_t)j * bias->stride];
    }
    for (uint32_t j = 0; j < n; j += VEC_LANES) {
        const vec hidden = vec_load(s->hidden + j);
        vec_store(row + j, vec_select(hidden == 0.0f, vec_load(row + j), hidden));
    }
    for (uint32_t j = i + 1; s->params->causal && j < n; j++)
        row[j] = -FLT_MAX;
}

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

/* ---- results */

static void write_probabilities(const struct span *s, uint32_t i, const float *row)
{
    const struct cpu_operand *probabilities = &s->call->out[PLN_ATTENTION_OUTPUT_PROBABILITIES];
    if (!probabilities->data)
        return;
    float *to = pair_row(s, probabilities, s->params->heads, s->head, i);
    for (uint32_t j = 0; j < s->sources; j++)
        to[(size_t)j * probabilities->stride] = row[j];
}

static void score_block(const struct span *s, uint32_t first, uint32_t rows)
{
    const struct cpu_operand *query = input(s, PLN_ATTENTION_INPUT_QUERY);
    const struct cpu_operand *head_mask = input(s, PLN_ATTENTION_INPUT_HEAD_MASK);
    const struct cpu_operand *lse = &s->call->out[PLN_ATTENTION_OUTPUT_LSE];
    const float factor = head_mask->data ? cpu_vector(head_mask, 0)[s->head] : 1;
    panel_product(&(struct panel_product){.a = head_row(s, query, s->query + first),
                                          .a_stride = query->stride,
                                          .panels = s->keys,
                                          .depth = s->params->head_size,
                                          .n_panels = (s->sources + VEC_LANES - 1) / VEC_LANES,
                                          .out = s->scores,
                                          .out_stride = s->score_stride},
                  rows);
    for (uint32_t i = 0; i < rows; i++) {
        float *row = s->scores + i * s->score_stride;
        if (s->params->relative)
            add_relative(s, first + i, row);
        scale_row(s, first + i, row);
        const float log_sum = softmax_row(row, s->sources, factor);
        if (lse->data)
            cpu_vector(lse, s->query + first + i)[s->head] = log_sum;
        write_probabilities(s, first + i, row);
    }
}

static void mix_block(const struct span *s, uint32_t first, uint32_t rows)
{
    const uint32_t n = s->params->head_size;
    panel_product(&(struct panel_product){.a = s->scores,
                                          .a_stride = s->score_stride,
                                          .panels = s->values,
                                          .depth = s->sources,
                                          .n_panels = (n + VEC_LANES - 1) / VEC_LANES,
                                          .out = s->mixed,
                                          .out_stride = s->mixed_stride},
                  rows);
    for (uint32_t i = 0; i < rows; i++)
        memcpy(head_row(s, &s->call->out[PLN_ATTENTION_OUTPUT_Y], s->query + first + i), s->mixed + i * s->mixed_stride,
               n * sizeof(float));
}

/* Queries first .. last-1 of the span. */
static void attend(struct span *s, uint32_t first, uint32_t last)
{
    const struct cpu_attention_room room = cpu_attention_room(s->sources, s->params->head_size);
    float *scratch = s->call->scratch;
    s->keys = scratch + room.keys;
    s->values = scratch + room.values;
    s->hidden = scratch + room.hidden;
    s->scores = scratch + room.scores;
    s->mixed = scratch + room.mixed;
    s->score_stride = (size_t)cpu_round_up(s->sources, VEC_LANES);
    s->mixed_stride = (size_t)cpu_round_up(s->params->head_size, VEC_LANES);
    pack_keys(s);
    pack_values(s);
    mark_hidden(s);
    for (uint32_t i = first; i < last; i += CPU_ATTENTION_QUERIES) {
        const uint32_t rows = last - i < CPU_ATTENTION_QUERIES ? last - i : CPU_ATTENTION_QUERIES;
        score_block(s, i, rows);
        mix_block(s, i, rows);
    }
}

void CPU_NAME(attention)(const struct cpu_call *call)
{
    const struct cpu_operand *starts = &call->in[PLN_ATTENTION_INPUT_STARTS];
    const struct cpu_operand *sources = &call->in[PLN_ATTENTION_INPUT_SOURCE_STARTS];
    if (!sources->data)
        sources = starts;
    struct span s = {.call = call, .params = call->params};
    const uint32_t batch = starts->rows ? starts->rows - 1 : 0, heads = batch * s.params->heads;
    if (!heads)
        return;
    /* Few heads are parted by queries, though each part packs the keys again. */
    const uint32_t parts = (2 * call->members + heads - 1) / heads;
    for (uint32_t i = call->member; i < heads * parts; i += call->members) {
        s.sequence = i / parts / s.params->heads;
        s.head = i / parts % s.params->heads;
        s.query = (uint32_t)cpu_index(starts, s.sequence);
        s.queries = (uint32_t)cpu_index(starts, s.sequence + 1) - s.query;
        s.source = (uint32_t)cpu_index(sources, s.sequence);
        s.sources = (uint32_t)cpu_index(sources, s.sequence + 1) - s.source;
        const struct cpu_share share = cpu_share(s.queries, i % parts, parts);
        if (share.first < share.last)
            attend(&s, share.first, share.last);
    }
}

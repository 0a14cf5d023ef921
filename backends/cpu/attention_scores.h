/* SPDX-License-Identifier: Apache-2.0
 *
 * Scores of attention, which its gradients make again. The three ops have the operands query .. random and the params
 * in common, in one order; the list of keys is that of attention alone.
 */
#ifndef BACKENDS_CPU_ATTENTION_SCORES_H
#define BACKENDS_CPU_ATTENTION_SCORES_H

#include <float.h>
#include <math.h>

#include "backends/cpu/attention.h"
#include "backends/cpu/elementary.h"

/* One head of one sequence: where its rows begin, and how many there are. */
struct span {
    const struct cpu_operand *in; /* from query on: PLN_ATTENTION_INPUT_* */
    const pln_attention_params *params;
    const struct cpu_operand *key_rows; /* NULL: keys are the rows from `source` on */
    uint32_t sequence, head;
    uint32_t query, queries;  /* first row, number */
    uint32_t source, sources; /* the same of the keys, in their list if there is one */
    uint32_t past;            /* keys of the list before the first query */
    size_t score_stride;      /* of rows of scores: whole vectors */
    float *hidden; /* what replaces a score: nothing (0), -FLT_MAX of a masked key, -infinity past the last key */
};

static inline const struct cpu_operand *input(const struct span *s, uint32_t i)
{
    return &s->in[i];
}

static inline uint32_t sequences_of(const struct span *s)
{
    const struct cpu_operand *starts = input(s, PLN_ATTENTION_INPUT_STARTS);
    return starts->rows ? starts->rows - 1 : 0;
}

static inline void enter_head(struct span *s, uint32_t sequence, uint32_t head)
{
    const struct cpu_operand *starts = input(s, PLN_ATTENTION_INPUT_STARTS);
    const struct cpu_operand *sources = input(s, PLN_ATTENTION_INPUT_SOURCE_STARTS);
    if (!sources->data)
        sources = starts;
    s->sequence = sequence;
    s->head = head;
    s->query = (uint32_t)cpu_index(starts, sequence);
    s->queries = (uint32_t)cpu_index(starts, sequence + 1) - s->query;
    s->source = (uint32_t)cpu_index(sources, sequence);
    s->sources = (uint32_t)cpu_index(sources, sequence + 1) - s->source;
    s->past = s->key_rows && s->sources > s->queries ? s->sources - s->queries : 0;
    s->score_stride = (size_t)round_up(s->sources, VEC_LANES);
}

static inline uint32_t row_of_key(const struct span *s, uint32_t j)
{
    return s->key_rows ? (uint32_t)cpu_index(s->key_rows, s->source + j) : s->source + j;
}

/* The columns of the head in a row of query, key, value or of their like. */
static inline float *head_row(const struct span *s, const struct cpu_operand *operand, uint32_t row)
{
    return cpu_vector(operand, row) + (size_t)s->head * s->params->head_size;
}

/* Element (i, 0) of a plane of bias or probabilities: [planes, pairs], rows of the sequence from pair_starts. */
static inline float *pair_row(const struct span *s, const struct cpu_operand *operand, uint32_t planes, uint32_t plane,
                              uint32_t i)
{
    const size_t pairs = operand->rows / planes;
    const size_t start = (size_t)cpu_index(input(s, PLN_ATTENTION_INPUT_PAIR_STARTS), s->sequence);
    return cpu_vector(operand, 0) + (plane * pairs + start + (size_t)i * s->sources) * operand->stride;
}

static inline float head_factor(const struct span *s)
{
    const struct cpu_operand *head_mask = input(s, PLN_ATTENTION_INPUT_HEAD_MASK);
    return head_mask->data ? cpu_vector(head_mask, 0)[s->head] : 1;
}

/* ---- scores */

static inline void mark_hidden(const struct span *s)
{
    const struct cpu_operand *mask = input(s, PLN_ATTENTION_INPUT_KEY_MASK);
    for (uint32_t j = 0; j < s->score_stride; j++) {
        const bool hides = j < s->sources && mask->data && cpu_index(mask, s->source + j) == 0;
        s->hidden[j] = hides ? -FLT_MAX : 0;
        if (j >= s->sources)
            s->hidden[j] = -INFINITY;
    }
}

/* (q + k).d, or q.d without k, over n elements */
static inline float relative_dot(const float *q, const float *k, const float *d, uint32_t n)
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

/* The row of the table of distances that belongs to query i and key j. */
static inline uint32_t distance_of(const struct span *s, uint32_t i, uint32_t j)
{
    return s->past + i + s->params->max_positions - 1 - j;
}

static inline const float *distance_row(const struct span *s, uint32_t i, uint32_t j)
{
    return cpu_vector(input(s, PLN_ATTENTION_INPUT_DISTANCE), distance_of(s, i, j));
}

static inline void add_relative(const struct span *s, uint32_t i, float *row)
{
    const pln_attention_params *p = s->params;
    const float *q = head_row(s, input(s, PLN_ATTENTION_INPUT_QUERY), s->query + i);
    for (uint32_t j = 0; j < s->sources; j++) {
        const float *k = p->relative == 2 ? head_row(s, input(s, PLN_ATTENTION_INPUT_KEY), row_of_key(s, j)) : NULL;
        row[j] += relative_dot(q, k, distance_row(s, i, j), p->head_size);
    }
}

/* Products q_i.k_j become s(i,j) of ops.def, -infinity past the last key. */
static inline void finish_scores(const struct span *s, uint32_t i, float *row)
{
    const struct cpu_operand *bias = input(s, PLN_ATTENTION_INPUT_BIAS);
    const uint32_t n = s->sources, planes = s->params->bias_heads;
    if (s->params->relative)
        add_relative(s, i, row);
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
    for (uint32_t j = s->past + i + 1; s->params->causal && j < n; j++)
        row[j] = -FLT_MAX;
}
#endif

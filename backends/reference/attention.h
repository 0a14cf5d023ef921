/* SPDX-License-Identifier: Apache-2.0
 *
 * Scores of attention, which its gradients make again. The three ops have the operands query .. random and the params
 * in common, in one order; the list of keys is that of attention alone.
 */
#ifndef BACKENDS_REFERENCE_ATTENTION_H
#define BACKENDS_REFERENCE_ATTENTION_H

#include <float.h>
#include <math.h>

#include "backends/reference/dropout.h"

/* One sequence and one head: where its rows begin, and how many there are. */
struct span {
    const struct ref_operand *in; /* from query on: PLN_ATTENTION_INPUT_* */
    const pln_attention_params *params;
    const struct ref_operand *key_rows; /* NULL: keys are the rows from `source` on */
    uint32_t sequence, head;
    uint32_t query, queries;  /* first row, number */
    uint32_t source, sources; /* the same of the keys, in their list if there is one */
    uint32_t past;            /* keys of the list before the first query */
};

static inline const struct ref_operand *input(const struct span *s, uint32_t i)
{
    return &s->in[i];
}

static inline uint32_t sequences_of(const struct span *s)
{
    return input(s, PLN_ATTENTION_INPUT_STARTS)->rows - 1;
}

static inline void enter_sequence(struct span *s, uint32_t sequence)
{
    const struct ref_operand *starts = input(s, PLN_ATTENTION_INPUT_STARTS);
    const struct ref_operand *sources = input(s, PLN_ATTENTION_INPUT_SOURCE_STARTS);
    if (!sources->data)
        sources = starts;
    s->sequence = sequence;
    s->query = (uint32_t)ref_index(starts, sequence);
    s->queries = (uint32_t)ref_index(starts, sequence + 1) - s->query;
    s->source = (uint32_t)ref_index(sources, sequence);
    s->sources = (uint32_t)ref_index(sources, sequence + 1) - s->source;
    s->past = s->key_rows && s->sources > s->queries ? s->sources - s->queries : 0;
}

static inline uint32_t row_of_key(const struct span *s, uint32_t j)
{
    return s->key_rows ? (uint32_t)ref_index(s->key_rows, s->source + j) : s->source + j;
}

/* The columns of the head in a row of query, key, value or of their like. */
static inline real *head_row(const struct span *s, const struct ref_operand *operand, uint32_t row)
{
    return ref_row(operand, row) + s->head * s->params->head_size;
}

static inline const real *query_row(const struct span *s, uint32_t i)
{
    return head_row(s, input(s, PLN_ATTENTION_INPUT_QUERY), s->query + i);
}

static inline const real *key_row(const struct span *s, uint32_t j)
{
    return head_row(s, input(s, PLN_ATTENTION_INPUT_KEY), row_of_key(s, j));
}

static inline const real *value_row(const struct span *s, uint32_t j)
{
    return head_row(s, input(s, PLN_ATTENTION_INPUT_VALUE), row_of_key(s, j));
}

/* The row of distance that belongs to query i and key j. */
static inline uint32_t distance_of(const struct span *s, uint32_t i, uint32_t j)
{
    return s->past + i + s->params->max_positions - 1 - j;
}

static inline const real *distance_row(const struct span *s, uint32_t i, uint32_t j)
{
    return ref_row(input(s, PLN_ATTENTION_INPUT_DISTANCE), distance_of(s, i, j));
}

static inline double dot(const real *a, const real *b, uint32_t n)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

static inline bool visible(const struct span *s, uint32_t i, uint32_t j)
{
    const struct ref_operand *mask = input(s, PLN_ATTENTION_INPUT_KEY_MASK);
    return !(s->params->causal && j > s->past + i) && (!mask->data || ref_index(mask, s->source + j) != 0);
}

/* Element (i, j) of a plane of bias or probabilities: [planes, pairs], rows of the sequence from pair_starts. */
static inline real *pair(const struct span *s, const struct ref_operand *operand, uint32_t planes, uint32_t plane,
                         uint32_t i, uint32_t j)
{
    const size_t pairs = operand->rows / planes;
    const size_t start = (size_t)ref_index(input(s, PLN_ATTENTION_INPUT_PAIR_STARTS), s->sequence);
    return ref_row(operand, 0) + (plane * pairs + start + (size_t)i * s->sources + j) * operand->stride;
}

/* s(i,j) of ops.def */
static inline double score(const struct span *s, uint32_t i, uint32_t j)
{
    const pln_attention_params *p = s->params;
    const struct ref_operand *bias = input(s, PLN_ATTENTION_INPUT_BIAS);
    if (!visible(s, i, j))
        return -(double)FLT_MAX;
    double sum = dot(query_row(s, i), key_row(s, j), p->head_size);
    if (p->relative)
        sum += dot(query_row(s, i), distance_row(s, i, j), p->head_size);
    if (p->relative == 2)
        sum += dot(key_row(s, j), distance_row(s, i, j), p->head_size);
    sum *= (double)p->scale;
    if (bias->data)
        sum += (double)*pair(s, bias, p->bias_heads, p->bias_heads == 1 ? 0 : s->head, i, j);
    return sum;
}

/* What the probability of a pair is multiplied with: dropout, then head_mask. */
static inline double pair_factor(const struct span *s, uint32_t i, uint32_t j)
{
    const pln_attention_params *p = s->params;
    const struct ref_operand *head_mask = input(s, PLN_ATTENTION_INPUT_HEAD_MASK);
    const struct dropout dropout = {input(s, PLN_ATTENTION_INPUT_ORIGIN), input(s, PLN_ATTENTION_INPUT_RANDOM), p->site,
                                    p->drop_below, (double)p->keep_scale};
    return dropout_of_pair(&dropout, s->query + i, s->head, i, j) *
           (head_mask->data ? (double)ref_row(head_mask, 0)[s->head] : 1);
}
#endif

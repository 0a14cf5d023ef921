/* SPDX-License-Identifier: Apache-2.0
 *
 * attention: softmax of scaled dot products over packed sequences, one row of scores at a time.
 */
#include <float.h>
#include <math.h>

#include "backends/reference/kernel.h"

/* One sequence and one head: where its rows begin, and how many there are. */
struct span {
    const struct ref_call *call;
    const pln_attention_params *params;
    uint32_t sequence, head;
    uint32_t query, queries; /* first row, number */
    uint32_t source, sources;
};

static const struct ref_operand *input(const struct span *s, uint32_t i)
{
    return &s->call->in[i];
}

static const real *head_row(const struct span *s, const struct ref_operand *operand, uint32_t row)
{
    return ref_row(operand, row) + s->head * s->params->head_size;
}

static double dot(const real *a, const real *b, uint32_t n)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

/* q_i.D and, for relative 2, k_j.D of the row that belongs to the distance i - j. */
static double relative_score(const struct span *s, const real *q, const real *k, uint32_t i, uint32_t j)
{
    const uint32_t row = i + s->params->max_positions - 1 - j;
    const real *d = ref_row(input(s, PLN_ATTENTION_INPUT_DISTANCE), row);
    const double from_query = dot(q, d, s->params->head_size);
    return s->params->relative == 2 ? from_query + dot(k, d, s->params->head_size) : from_query;
}

static bool visible(const struct span *s, uint32_t i, uint32_t j)
{
    const struct ref_operand *mask = input(s, PLN_ATTENTION_INPUT_KEY_MASK);
    return !(s->params->causal && j > i) && (!mask->data || ref_index(mask, s->source + j) != 0);
}

/* Element (i, j) of a plane of bias or probabilities: [planes, pairs], rows of the sequence from pair_starts. */
static real *pair(const struct span *s, const struct ref_operand *operand, uint32_t planes, uint32_t plane, uint32_t i,
                  uint32_t j)
{
    const size_t pairs = operand->rows / planes;
    const size_t start = (size_t)ref_index(input(s, PLN_ATTENTION_INPUT_PAIR_STARTS), s->sequence);
    return ref_row(operand, 0) + (plane * pairs + start + (size_t)i * s->sources + j) * operand->stride;
}

static void score_row(const struct span *s, uint32_t i, double *scores)
{
    const pln_attention_params *p = s->params;
    const struct ref_operand *bias = input(s, PLN_ATTENTION_INPUT_BIAS);
    const real *q = head_row(s, input(s, PLN_ATTENTION_INPUT_QUERY), s->query + i);
    for (uint32_t j = 0; j < s->sources; j++) {
        const real *k = head_row(s, input(s, PLN_ATTENTION_INPUT_KEY), s->source + j);
        double score = dot(q, k, p->head_size);
        if (p->relative)
            score += relative_score(s, q, k, i, j);
        score *= (double)p->scale;
        if (bias->data)
            score += (double)*pair(s, bias, p->bias_heads, p->bias_heads == 1 ? 0 : s->head, i, j);
        scores[j] = visible(s, i, j) ? score : -(double)FLT_MAX;
    }
}

/* Scores become probabilities; gives the log of the sum of the exponentials. A row of -inf becomes NaN. */
static double softmax_row(double *scores, uint32_t n)
{
    double top = -INFINITY, sum = 0;
    for (uint32_t j = 0; j < n; j++)
        top = scores[j] > top ? scores[j] : top;
    for (uint32_t j = 0; j < n; j++) {
        scores[j] = exp(scores[j] - top);
        sum += scores[j];
    }
    for (uint32_t j = 0; j < n; j++)
        scores[j] /= sum;
    return top + log(sum);
}

static void mix_values(const struct span *s, uint32_t i, const double *probabilities)
{
    const struct ref_operand *value = input(s, PLN_ATTENTION_INPUT_VALUE);
    real *y = ref_row(&s->call->out[PLN_ATTENTION_OUTPUT_Y], s->query + i) + s->head * s->params->head_size;
    for (uint32_t c = 0; c < s->params->head_size; c++) {
        double sum = 0;
        for (uint32_t j = 0; j < s->sources; j++)
            sum += probabilities[j] * (double)head_row(s, value, s->source + j)[c];
        y[c] = (real)sum;
    }
}

static void attend(const struct span *s, uint32_t i)
{
    double *row = s->call->scratch;
    const struct ref_operand *lse = &s->call->out[PLN_ATTENTION_OUTPUT_LSE];
    const struct ref_operand *probabilities = &s->call->out[PLN_ATTENTION_OUTPUT_PROBABILITIES];
    const struct ref_operand *head_mask = input(s, PLN_ATTENTION_INPUT_HEAD_MASK);
    score_row(s, i, row);
    const double log_sum = softmax_row(row, s->sources);
    for (uint32_t j = 0; head_mask->data && j < s->sources; j++)
        row[j] *= (double)ref_row(head_mask, 0)[s->head];
    mix_values(s, i, row);
    if (lse->data)
        ref_row(lse, s->query + i)[s->head] = (real)log_sum;
    for (uint32_t j = 0; probabilities->data && j < s->sources; j++)
        *pair(s, probabilities, s->params->heads, s->head, i, j) = (real)row[j];
}

void REF_NAME(attention)(const struct ref_call *call)
{
    const struct ref_operand *starts = &call->in[PLN_ATTENTION_INPUT_STARTS];
    const struct ref_operand *sources = &call->in[PLN_ATTENTION_INPUT_SOURCE_STARTS];
    if (!sources->data)
        sources = starts;
    struct span s = {.call = call, .params = call->params};
    for (s.sequence = 0; s.sequence + 1 < starts->rows; s.sequence++) {
        s.query = (uint32_t)ref_index(starts, s.sequence);
        s.queries = (uint32_t)ref_index(starts, s.sequence + 1) - s.query;
        s.source = (uint32_t)ref_index(sources, s.sequence);
        s.sources = (uint32_t)ref_index(sources, s.sequence + 1) - s.source;
        for (s.head = 0; s.head < s.params->heads; s.head++)
            for (uint32_t i = call->member; i < s.queries; i += call->members)
                attend(&s, i);
    }
}

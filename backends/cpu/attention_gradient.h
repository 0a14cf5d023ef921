/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient by a row of scores of attention, for attention_backward and attention_backward_distance.
 */
#ifndef BACKENDS_CPU_ATTENTION_GRADIENT_H
#define BACKENDS_CPU_ATTENTION_GRADIENT_H

#include "backends/cpu/attention_panels.h"
#include "backends/cpu/dropout.h"

struct gradient {
    struct span span;
    struct dropout dropout;
    const struct cpu_operand *lse, *d_y;
    float *keys, *values;     /* both transposed, in panels */
    float *scores, *d_scores; /* of a block [CPU_ATTENTION_QUERIES, score_stride] */
    float *factors;           /* [sources] of dropout, with its slack */
};

static inline struct gradient gradient_of(const struct cpu_operand *in, const pln_attention_params *params,
                                          const struct cpu_operand *lse, const struct cpu_operand *d_y)
{
    return (struct gradient){
        .span = {.in = in, .params = params},
        .dropout = DROPOUT_OF(&in[PLN_ATTENTION_INPUT_ORIGIN], &in[PLN_ATTENTION_INPUT_RANDOM], params),
        .lse = lse,
        .d_y = d_y,
    };
}

/* Scores of a row without a visible key become probabilities: its keys share evenly, but those at -infinity. Their log
 * of the sum of exponentials does not tell how many they are. */
static inline void share_evenly(float *scores, uint32_t n)
{
    uint32_t count = 0;
    for (uint32_t j = 0; j < n; j++)
        count += scores[j] >= -FLT_MAX;
    for (uint32_t j = 0; j < n; j++)
        scores[j] = scores[j] >= -FLT_MAX ? 1 / (float)count : 0;
}

/* Of a row: scores s become m p, and d_scores, the products d_y.v, become the gradient by q.k. */
static inline void differentiate_row(const struct gradient *g, uint32_t i, float delta, float *scores, float *d_scores)
{
    const struct span *s = &g->span;
    const uint32_t n = s->sources, row = s->query + i;
    const float lse = cpu_vector(g->lse, row)[s->head], head = head_factor(s);
    const float *factors = dropout_of_query(&g->dropout, row, s->head, i, n, g->factors);
    const bool blind = lse <= -FLT_MAX;
    if (blind)
        share_evenly(scores, n);
    for (uint32_t j = 0; j < n; j += VEC_LANES) {
        const vec p = blind ? vec_load(scores + j) : vec_exp(vec_load(scores + j) - lse);
        const vec m = factors ? vec_load(factors + j) * head : vec_all(head);
        vec_store(d_scores + j, p * (m * vec_load(d_scores + j) - delta) * s->params->scale);
        vec_store(scores + j, p * m);
    }
    for (uint32_t j = 0; blind && j < n; j++) /* elsewhere what is not visible has no probability */
        if (s->hidden[j] != 0 || (s->params->causal && j > i))
            d_scores[j] = 0;
}
/* Takes the head of a sequence: its panels go into scratch, which is laid out as `room` says. */
static inline void prepare_head(struct gradient *g, uint32_t item, float *scratch,
                                struct cpu_attention_backward_room *room)
{
    struct span *s = &g->span;
    enter_head(s, item / s->params->heads, item % s->params->heads);
    *room = cpu_attention_backward_room(s->sources, s->params->head_size);
    g->keys = scratch + room->keys;
    g->values = scratch + room->values;
    g->scores = scratch + room->scores;
    g->d_scores = scratch + room->d_scores;
    g->factors = scratch + room->factors;
    s->hidden = scratch + room->hidden;
    pack_transposed(s, input(s, PLN_ATTENTION_INPUT_KEY), g->keys);
    pack_transposed(s, input(s, PLN_ATTENTION_INPUT_VALUE), g->values);
    mark_hidden(s);
}

/* Fills scores with m p and d_scores with the gradient by q.k, for a block of queries with their deltas. */
static inline void differentiate_scores(const struct gradient *g, uint32_t first, uint32_t rows, const float *deltas)
{
    const struct span *s = &g->span;
    multiply_transposed(s, input(s, PLN_ATTENTION_INPUT_QUERY), s->query + first, rows, g->keys, g->scores);
    multiply_transposed(s, g->d_y, s->query + first, rows, g->values, g->d_scores);
    for (uint32_t i = 0; i < rows; i++) {
        float *scores = g->scores + i * s->score_stride;
        finish_scores(s, first + i, scores);
        differentiate_row(g, first + i, deltas[i], scores, g->d_scores + i * s->score_stride);
    }
}
#endif

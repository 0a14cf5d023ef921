/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient by a row of scores of attention, for attention_backward and attention_backward_distance.
 */
#ifndef BACKENDS_CPU_ATTENTION_GRADIENT_H
#define BACKENDS_CPU_ATTENTION_GRADIENT_H

#include "backends/cpu/attention_scores.h"
#include "backends/cpu/dropout.h"
#include "backends/cpu/gemm.h"
#include "backends/cpu/step.h"

#if STEPS == CPU_STEPS_halves
#include "backends/cpu/attention_panels.h"
#else
#include "backends/cpu/panels.h"
#endif

/* Queries of a block: sums over them are long enough for the micro-kernel, or their scores stay in the first level of
 * cache. */
enum { BLOCK = STEPS == CPU_STEPS_halves ? CPU_ATTENTION_QUERIES : 24 };

struct gradient {
    const struct cpu_micro_kernel *kernel;
    uint32_t *shape; /* of its tiles, 0 at first */
    struct span span;
    struct dropout dropout;
    const struct cpu_operand *lse, *d_y;
    step *keys, *values;      /* packed [sources, head_size] */
    step *rows;               /* packed tile */
    float *scores, *d_scores; /* of a block [CPU_ATTENTION_QUERIES, score_stride] */
    float *factors;           /* [sources] of dropout, with its slack */
};

/* in: from the query on. */
static inline struct gradient gradient_of(const struct cpu_call *call, const struct cpu_operand *in,
                                          const struct cpu_operand *lse, const struct cpu_operand *d_y, uint32_t *shape)
{
    const pln_attention_params *params = call->params;
    return (struct gradient){
        .kernel = &call->gemm->attention,
        .shape = shape,
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

/* ---- products */

/* Rows of the head of an operand, from row `first` on. */
static inline struct cpu_matrix head_matrix(const struct span *s, const struct cpu_operand *operand, uint32_t first)
{
    return (struct cpu_matrix){head_row(s, operand, first), operand->stride, 1};
}

static inline struct cpu_matrix turned(struct cpu_matrix m)
{
    return (struct cpu_matrix){m.data, m.column_step, m.row_step};
}

/* A matrix [n, depth] as the right side of a product. */
static inline void pack_right(const struct gradient *g, const struct cpu_matrix *matrix, uint32_t n, uint32_t depth,
                              step *panels)
{
#if STEPS == CPU_STEPS_halves
    pack_panels(g->kernel, matrix, n, depth, panels);
#else
    (void)g;
    pack_lanes(matrix, n, depth, panels);
#endif
}

/* out [rows, n] = x panels^T, or += where it adds; rows are as many as there are. In bf16 they are packed, and thereby
 * rounded, a tile at a time. */
static inline void multiply_rows(const struct gradient *g, const struct cpu_matrix *x, uint32_t rows,
                                 const step *panels, uint32_t n, uint32_t depth, float *out, size_t out_stride,
                                 bool adds)
{
#if STEPS == CPU_STEPS_halves
    const uint32_t tiles = ceil_div32(rows, g->kernel->rows);
    for (uint32_t t = 0; t < tiles; t++) {
        const struct cpu_share share = cpu_share(rows, t, tiles);
        const struct cpu_matrix part = {x->data + share.first * x->row_step, x->row_step, x->column_step};
        g->kernel->pack_x(g->kernel, &part, share.last - share.first, depth, g->rows);
        multiply_panels(&(struct packed_product){.kernel = g->kernel,
                                                 .shape = g->shape,
                                                 .x = g->rows,
                                                 .panels = panels,
                                                 .rows = share.last - share.first,
                                                 .n = n,
                                                 .depth = depth,
                                                 .out = out + share.first * out_stride,
                                                 .out_stride = out_stride,
                                                 .adds = adds});
    }
#else
    (void)g;
    panel_product(&(struct panel_product){.a = x->data,
                                          .a_stride = x->row_step,
                                          .a_step = x->column_step,
                                          .panels = panels,
                                          .depth = depth,
                                          .n_panels = ceil_div32(n, VEC_LANES),
                                          .out = out,
                                          .out_stride = out_stride,
                                          .accumulate = adds},
                  rows);
#endif
}

/* Takes the head of a sequence: its panels go into scratch, which is laid out as `room` says. */
static inline void prepare_head(struct gradient *g, uint32_t item, float *scratch,
                                struct cpu_attention_backward_room *room)
{
    struct span *s = &g->span;
    enter_head(s, item / s->params->heads, item % s->params->heads);
    *room = cpu_attention_backward_room(s->sources, s->params->head_size);
    g->keys = (step *)(scratch + room->keys);
    g->values = (step *)(scratch + room->values);
    g->rows = (step *)(scratch + room->rows);
    g->scores = scratch + room->scores;
    g->d_scores = scratch + room->d_scores;
    g->factors = scratch + room->factors;
    s->hidden = scratch + room->hidden;
    const struct cpu_matrix keys = head_matrix(s, input(s, PLN_ATTENTION_INPUT_KEY), s->source);
    const struct cpu_matrix values = head_matrix(s, input(s, PLN_ATTENTION_INPUT_VALUE), s->source);
    pack_right(g, &keys, s->sources, s->params->head_size, g->keys);
    pack_right(g, &values, s->sources, s->params->head_size, g->values);
    mark_hidden(s);
}

/* Fills scores with m p and d_scores with the gradient by q.k, for a block of queries with their deltas. */
static inline void differentiate_scores(const struct gradient *g, uint32_t first, uint32_t rows, const float *deltas)
{
    const struct span *s = &g->span;
    const struct cpu_matrix queries = head_matrix(s, input(s, PLN_ATTENTION_INPUT_QUERY), s->query + first);
    const struct cpu_matrix d_y = head_matrix(s, g->d_y, s->query + first);
    const uint32_t n = s->sources, depth = s->params->head_size;
    multiply_rows(g, &queries, rows, g->keys, n, depth, g->scores, s->score_stride, false);
    multiply_rows(g, &d_y, rows, g->values, n, depth, g->d_scores, s->score_stride, false);
    for (uint32_t i = 0; i < rows; i++) {
        float *scores = g->scores + i * s->score_stride;
        finish_scores(s, first + i, scores);
        differentiate_row(g, first + i, deltas[i], scores, g->d_scores + i * s->score_stride);
    }
}
#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * attention_backward: gradients by query, key and value. A piece of work is a head of a sequence: blocks of queries are
 * scored again, and what they add to the gradients by key and value stays in scratch until the last block.
 */
#include "backends/cpu/attention_gradient.h"

struct backward {
    const struct cpu_call *call;
    struct gradient gradient;
    step *key_columns;                  /* packed [head_size, sources] */
    step *query_columns, *d_y_columns;  /* packed [head_size, queries of a block] */
    float *d_query, *d_keys, *d_values; /* [rows, width] */
    uint32_t width;                     /* of a head, in whole vectors */
};

static void make_deltas(const struct backward *b, uint32_t first, uint32_t rows, float *deltas)
{
    const struct span *s = &b->gradient.span;
    const struct cpu_operand *y = &b->call->in[PLN_ATTENTION_BACKWARD_INPUT_Y];
    const struct cpu_operand *kept = &b->call->out[PLN_ATTENTION_BACKWARD_OUTPUT_DELTA];
    for (uint32_t i = 0; i < rows; i++) {
        const uint32_t row = s->query + first + i;
        deltas[i] = relative_dot(head_row(s, b->gradient.d_y, row), NULL, head_row(s, y, row), s->params->head_size);
        if (kept->data)
            cpu_vector(kept, row)[s->head] = deltas[i];
    }
}

/* Rows of the head, by its columns. */
static void pack_columns(const struct backward *b, const struct cpu_operand *operand, uint32_t first, uint32_t rows,
                         step *to)
{
    const struct span *s = &b->gradient.span;
    const struct cpu_matrix columns = turned(head_matrix(s, operand, first));
    pack_right(&b->gradient, &columns, s->params->head_size, rows, to);
}

/* sums [sources, width] += scores^T columns^T, over the queries of a block. */
static void add_turned(const struct backward *b, const float *scores, const step *columns, uint32_t rows, float *sums)
{
    const struct span *s = &b->gradient.span;
    const struct cpu_matrix upright = {scores, 1, s->score_stride};
    multiply_rows(&b->gradient, &upright, s->sources, columns, s->params->head_size, rows, sums, b->width, true);
}

static void multiply_keys(const struct backward *b, uint32_t rows)
{
    const struct span *s = &b->gradient.span;
    const struct cpu_matrix d_scores = {b->gradient.d_scores, s->score_stride, 1};
    multiply_rows(&b->gradient, &d_scores, rows, b->key_columns, s->params->head_size, s->sources, b->d_query, b->width,
                  false);
}

static void add_scaled(float *to, float factor, const float *from, uint32_t n)
{
    for (uint32_t c = 0; c < n; c++)
        to[c] += factor * from[c];
}

/* What relative positions add to the gradients by a query and, for relative 2, by the keys. */
static void add_distances(const struct backward *b, uint32_t i, const float *d_scores, float *d_query)
{
    const struct span *s = &b->gradient.span;
    for (uint32_t j = 0; j < s->sources; j++) {
        add_scaled(d_query, d_scores[j], distance_row(s, i, j), s->params->head_size);
        if (s->params->relative == 2)
            add_scaled(b->d_keys + (size_t)j * b->width, d_scores[j], distance_row(s, i, j), s->params->head_size);
    }
}

static void write_rows(const struct backward *b, uint32_t output, uint32_t first, uint32_t rows, const float *from)
{
    const struct span *s = &b->gradient.span;
    for (uint32_t r = 0; r < rows; r++)
        memcpy(head_row(s, &b->call->out[output], first + r), from + (size_t)r * b->width,
               s->params->head_size * sizeof *from);
}

static void differentiate_block(const struct backward *b, uint32_t first, uint32_t rows)
{
    const struct gradient *g = &b->gradient;
    const struct span *s = &g->span;
    float deltas[BLOCK];
    make_deltas(b, first, rows, deltas);
    differentiate_scores(g, first, rows, deltas);
    pack_columns(b, input(s, PLN_ATTENTION_INPUT_QUERY), s->query + first, rows, b->query_columns);
    pack_columns(b, g->d_y, s->query + first, rows, b->d_y_columns);
    add_turned(b, g->scores, b->d_y_columns, rows, b->d_values);
    add_turned(b, g->d_scores, b->query_columns, rows, b->d_keys);
    multiply_keys(b, rows);
    for (uint32_t i = 0; s->params->relative && i < rows; i++)
        add_distances(b, first + i, g->d_scores + i * s->score_stride, b->d_query + (size_t)i * b->width);
    write_rows(b, PLN_ATTENTION_BACKWARD_OUTPUT_D_QUERY, s->query + first, rows, b->d_query);
}

static void differentiate(struct backward *b, uint32_t item)
{
    const struct span *s = &b->gradient.span;
    struct cpu_attention_backward_room room;
    float *scratch = b->call->scratch;
    prepare_head(&b->gradient, item, scratch, &room);
    b->width = (uint32_t)round_up(s->params->head_size, VEC_LANES);
    b->key_columns = (step *)(scratch + room.key_columns);
    b->query_columns = (step *)(scratch + room.query_columns);
    b->d_y_columns = (step *)(scratch + room.d_y_columns);
    b->d_query = scratch + room.d_query;
    b->d_keys = scratch + room.d_keys;
    b->d_values = scratch + room.d_values;
    pack_columns(b, input(s, PLN_ATTENTION_INPUT_KEY), s->source, s->sources, b->key_columns);
    memset(b->d_keys, 0, (size_t)s->sources * b->width * sizeof *b->d_keys);
    memset(b->d_values, 0, (size_t)s->sources * b->width * sizeof *b->d_values);
    for (uint32_t i = 0; i < s->queries; i += BLOCK)
        differentiate_block(b, i, s->queries - i < BLOCK ? s->queries - i : BLOCK);
    write_rows(b, PLN_ATTENTION_BACKWARD_OUTPUT_D_KEY, s->source, s->sources, b->d_keys);
    write_rows(b, PLN_ATTENTION_BACKWARD_OUTPUT_D_VALUE, s->source, s->sources, b->d_values);
}

void CPU_NAME(attention_backward)(const struct cpu_call *call)
{
    const pln_attention_params *params = call->params;
    uint32_t shape = 0;
    struct backward b = {.call = call,
                         .gradient = gradient_of(call, call->in, &call->in[PLN_ATTENTION_BACKWARD_INPUT_LSE],
                                                 &call->in[PLN_ATTENTION_BACKWARD_INPUT_D_Y], &shape)};
    for (uint32_t i = call->member; i < sequences_of(&b.gradient.span) * params->heads; i += call->members)
        differentiate(&b, i);
    if (shape)
        b.gradient.kernel->release();
}

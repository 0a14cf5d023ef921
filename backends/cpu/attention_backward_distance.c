/* SPDX-License-Identifier: Apache-2.0
 *
 * attention_backward_distance: the gradient by the table of relative positions. Members take columns of it and each
 * scores all pairs again: the table is small, hardly any model has it, and so no sum depends on the size of the team.
 */
#include "backends/cpu/attention_gradient.h"
#include "backends/cpu/columns.h"

/* Columns of one query. */
static void add_query(const struct gradient *g, uint32_t i, const float *d_scores, const struct cpu_operand *d_distance,
                      struct cpu_share columns)
{
    const struct span *s = &g->span;
    const float *q = head_row(s, input(s, PLN_ATTENTION_INPUT_QUERY), s->query + i);
    for (uint32_t j = 0; j < s->sources; j++) {
        const float *k = head_row(s, input(s, PLN_ATTENTION_INPUT_KEY), s->source + j);
        float *to = cpu_vector(d_distance, distance_of(s, i, j));
        for (uint32_t c = columns.first; c < columns.last; c++)
            to[c] += d_scores[j] * (s->params->relative == 2 ? q[c] + k[c] : q[c]);
    }
}

static void add_block(const struct gradient *g, uint32_t first, uint32_t rows, const struct cpu_call *call,
                      struct cpu_share columns)
{
    const struct span *s = &g->span;
    const struct cpu_operand *delta = &call->in[PLN_ATTENTION_BACKWARD_DISTANCE_INPUT_DELTA];
    float deltas[BLOCK];
    for (uint32_t i = 0; i < rows; i++)
        deltas[i] = cpu_vector(delta, s->query + first + i)[s->head];
    differentiate_scores(g, first, rows, deltas);
    for (uint32_t i = 0; i < rows; i++)
        add_query(g, first + i, g->d_scores + i * s->score_stride,
                  &call->out[PLN_ATTENTION_BACKWARD_DISTANCE_OUTPUT_D_DISTANCE], columns);
}

void CPU_NAME(attention_backward_distance)(const struct cpu_call *call)
{
    const pln_attention_params *params = call->params;
    const struct cpu_share columns = cpu_share_vectors(params->head_size, call->member, call->members);
    uint32_t shape = 0;
    struct gradient g = gradient_of(call, &call->in[PLN_ATTENTION_BACKWARD_DISTANCE_INPUT_QUERY],
                                    &call->in[PLN_ATTENTION_BACKWARD_DISTANCE_INPUT_LSE],
                                    &call->in[PLN_ATTENTION_BACKWARD_DISTANCE_INPUT_D_Y], &shape);
    if (columns.first == columns.last)
        return;
    for (uint32_t item = 0; item < sequences_of(&g.span) * params->heads; item++) {
        struct cpu_attention_backward_room room;
        prepare_head(&g, item, call->scratch, &room);
        for (uint32_t i = 0; i < g.span.queries; i += BLOCK) {
            const uint32_t left = g.span.queries - i;
            add_block(&g, i, left < BLOCK ? left : BLOCK, call, columns);
        }
    }
    if (shape)
        g.kernel->release();
}

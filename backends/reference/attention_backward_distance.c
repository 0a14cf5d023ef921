/* SPDX-License-Identifier: Apache-2.0
 *
 * attention_backward_distance: the gradient by the table of relative positions. Members take rows of it.
 */
#include "backends/reference/attention_gradient.h"

static void add_pair(const struct span *s, const struct ref_call *call, uint32_t i, uint32_t j)
{
    const real *d_y = head_row(s, &call->in[PLN_ATTENTION_BACKWARD_DISTANCE_INPUT_D_Y], s->query + i);
    const real *lse = ref_row(&call->in[PLN_ATTENTION_BACKWARD_DISTANCE_INPUT_LSE], s->query + i);
    const real *delta = ref_row(&call->in[PLN_ATTENTION_BACKWARD_DISTANCE_INPUT_DELTA], s->query + i);
    const double p = probability(s, i, j, (double)lse[s->head]);
    const double d_s = score_gradient(s, i, j, p, d_y, (double)delta[s->head]);
    for (uint32_t c = 0; c < s->params->head_size; c++) {
        const double k = s->params->relative == 2 ? (double)key_row(s, j)[c] : 0;
        call->scratch[c] += d_s * ((double)query_row(s, i)[c] + k);
    }
}

/* All pairs of the span that lie that far from each other. */
static void add_pairs(const struct span *s, const struct ref_call *call, uint32_t row)
{
    for (uint32_t i = 0; i < s->queries; i++) {
        const uint32_t reach = i + s->params->max_positions - 1; /* the row of j = 0 */
        if (reach >= row && reach - row < s->sources)
            add_pair(s, call, i, reach - row);
    }
}

void REF_NAME(attention_backward_distance)(const struct ref_call *call)
{
    const struct ref_operand *d_distance = &call->out[PLN_ATTENTION_BACKWARD_DISTANCE_OUTPUT_D_DISTANCE];
    struct span s = {.in = &call->in[PLN_ATTENTION_BACKWARD_DISTANCE_INPUT_QUERY], .params = call->params};
    for (uint32_t row = call->member; row < d_distance->rows; row += call->members) {
        for (uint32_t c = 0; c < d_distance->width; c++)
            call->scratch[c] = 0;
        for (uint32_t b = 0; b < sequences_of(&s); b++) {
            enter_sequence(&s, b);
            for (s.head = 0; s.head < s.params->heads; s.head++)
                add_pairs(&s, call, row);
        }
        for (uint32_t c = 0; c < d_distance->width; c++)
            ref_row(d_distance, row)[c] = (real)((double)ref_row(d_distance, row)[c] + call->scratch[c]);
    }
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * activation: element by element, y = dropout(activation(x)) + residual. y may be x.
 */
#include "backends/cpu/activations.h"
#include "backends/cpu/dropout.h"
#include "backends/cpu/kernel.h"

struct map {
    const struct cpu_operand *x, *residual, *y;
    struct dropout dropout;
};

/* Columns c .. c+n-1 of a row. */
CPU_INLINE void map_part(vec (*f)(vec), const struct map *m, uint32_t r, uint32_t c, uint32_t n)
{
    float room[DROPOUT_TOGETHER + DROPOUT_SLACK], *to = cpu_vector(m->y, r) + c;
    const float *factors = dropout_of_row(&m->dropout, r, c, n, m->x->width, room);
    const float *from = cpu_vector(m->x, r) + c;
    const float *residual = m->residual->data ? cpu_vector(m->residual, r) + c : NULL;
    for (uint32_t i = 0; i < n; i += VEC_LANES) {
        vec v = f(vec_load_some(from + i, n - i));
        if (factors)
            v *= vec_load(factors + i);
        if (residual)
            v += vec_load_some(residual + i, n - i);
        vec_store_some(to + i, v, n - i);
    }
}

CPU_INLINE void map_rows(vec (*f)(vec), const struct map *m, struct cpu_share rows)
{
    for (uint32_t r = rows.first; r < rows.last; r++)
        for (uint32_t c = 0; c < m->x->width; c += DROPOUT_TOGETHER)
            map_part(f, m, r, c, m->x->width - c < DROPOUT_TOGETHER ? m->x->width - c : DROPOUT_TOGETHER);
}

void CPU_NAME(activation)(const struct cpu_call *call)
{
    const pln_activation_params *params = call->params;
    const struct map map = {
        .x = &call->in[PLN_ACTIVATION_INPUT_X],
        .residual = &call->in[PLN_ACTIVATION_INPUT_RESIDUAL],
        .y = &call->out[PLN_ACTIVATION_OUTPUT_Y],
        .dropout = DROPOUT_OF(&call->in[PLN_ACTIVATION_INPUT_ORIGIN], &call->in[PLN_ACTIVATION_INPUT_RANDOM], params),
    };
    const struct cpu_share rows = cpu_share(map.x->rows, call->member, call->members);
    switch (params->activation) {
#define PLN_ACTIVATION(number, NAME, names, formula)                                                                   \
    case number:                                                                                                       \
        map_rows(activation_##NAME, &map, rows);                                                                       \
        break;
#include "graph/activations.def"
#undef PLN_ACTIVATION
    }
}

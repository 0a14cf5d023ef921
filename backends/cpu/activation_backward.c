/* SPDX-License-Identifier: Apache-2.0
 *
 * activation_backward: element by element, d_x = activation'(x) dropout(d_y). d_x may be d_y.
 */
#include "backends/cpu/dropout.h"
#include "backends/cpu/kernel.h"
#include "backends/cpu/activations.h"

struct map {
    const struct cpu_operand *d_y, *x, *d_x;
    struct dropout dropout;
};

/* Columns c .. c+n-1 of a row. */
CPU_INLINE void map_part(vec (*slope)(vec), const struct map *m, uint32_t r, uint32_t c, uint32_t n)
{
    float room[DROPOUT_TOGETHER + DROPOUT_SLACK], *to = cpu_vector(m->d_x, r) + c;
    const float *factors = dropout_of_row(&m->dropout, r, c, n, m->d_y->width, room);
    const float *from = cpu_vector(m->d_y, r) + c, *x = m->x->data ? cpu_vector(m->x, r) + c : NULL;
    for (uint32_t i = 0; i < n; i += VEC_LANES) {
        vec v = vec_load_some(from + i, n - i);
        if (factors)
            v *= vec_load(factors + i);
        if (x)
            v *= slope(vec_load_some(x + i, n - i));
        vec_store_some(to + i, v, n - i);
    }
}

CPU_INLINE void map_rows(vec (*slope)(vec), const struct map *m, struct cpu_share rows)
{
    for (uint32_t r = rows.first; r < rows.last; r++)
        for (uint32_t c = 0; c < m->d_y->width; c += DROPOUT_TOGETHER)
            map_part(slope, m, r, c, m->d_y->width - c < DROPOUT_TOGETHER ? m->d_y->width - c : DROPOUT_TOGETHER);
}

void CPU_NAME(activation_backward)(const struct cpu_call *call)
{
    const pln_activation_backward_params *params = call->params;
    const struct map map = {
        .d_y = &call->in[PLN_ACTIVATION_BACKWARD_INPUT_D_Y],
        .x = &call->in[PLN_ACTIVATION_BACKWARD_INPUT_X],
        .d_x = &call->out[PLN_ACTIVATION_BACKWARD_OUTPUT_D_X],
        .dropout = DROPOUT_OF(&call->in[PLN_ACTIVATION_BACKWARD_INPUT_ORIGIN],
                              &call->in[PLN_ACTIVATION_BACKWARD_INPUT_RANDOM], params),
    };
    const struct cpu_share rows = cpu_share(map.d_y->rows, call->member, call->members);
    switch (params->activation) {
#define PLN_ACTIVATION(number, NAME, names, formula)                                                                   \
    case number:                                                                                                       \
        map_rows(slope_##NAME, &map, rows);                                                                            \
        break;
#include "graph/activations.def"
#undef PLN_ACTIVATION
    }
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * activation: element by element. y may be x.
 */
#include "backends/cpu/activations.h"
#include "backends/cpu/kernel.h"

CPU_INLINE void map(vec (*f)(vec), const struct cpu_operand *x, const struct cpu_operand *y, struct cpu_share rows)
{
    for (uint32_t r = rows.first; r < rows.last; r++) {
        const float *from = cpu_vector(x, r);
        float *to = cpu_vector(y, r);
        uint32_t c = 0;
        for (; c + VEC_LANES <= x->width; c += VEC_LANES)
            vec_store(to + c, f(vec_load(from + c)));
        if (c < x->width)
            vec_store_part(to + c, f(vec_load_part(from + c, x->width - c)), x->width - c);
    }
}

void CPU_NAME(activation)(const struct cpu_call *call)
{
    const pln_activation_params *params = call->params;
    const struct cpu_operand *x = &call->in[PLN_ACTIVATION_INPUT_X], *y = &call->out[PLN_ACTIVATION_OUTPUT_Y];
    const struct cpu_share rows = cpu_share(x->rows, call->member, call->members);
    switch (params->activation) {
#define PLN_ACTIVATION(number, NAME, names, formula)                                                                   \
    case number:                                                                                                       \
        map(activation_##NAME, x, y, rows);                                                                            \
        break;
#include "graph/activations.def"
#undef PLN_ACTIVATION
    }
}

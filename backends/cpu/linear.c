/* SPDX-License-Identifier: Apache-2.0
 *
 * linear: y = activation(x weight^T + bias) + residual. Each tile of the product is finished while it is in cache.
 */
#include "backends/cpu/activations.h"
#include "backends/cpu/gemm.h"
#include "backends/cpu/kernel.h"

/* Where a tile of the product gets its bias and residual from and goes to. bias, residual and preactivation may be
 * absent. */
struct epilogue {
    uint32_t activation;
    const float *bias;
    const struct cpu_operand *preactivation, *residual, *y;
};

struct epilogue_row {
    const float *sums, *bias, *residual; /* the last two may be NULL */
    float *preactivation, *y;            /* the first may be NULL */
};

static struct epilogue_row row_of(const struct epilogue *e, const struct cpu_tile *tile, uint32_t i)
{
    const uint32_t row = tile->row + i, column = tile->column;
    return (struct epilogue_row){
        .sums = tile->sums + i * tile->stride,
        .y = cpu_vector(e->y, row) + column,
        .bias = e->bias ? e->bias + column : NULL,
        .residual = e->residual->data ? cpu_vector(e->residual, row) + column : NULL,
        .preactivation = e->preactivation->data ? cpu_vector(e->preactivation, row) + column : NULL,
    };
}

CPU_INLINE void finish_part(vec (*f)(vec), const struct epilogue_row *row, uint32_t c, uint32_t n)
{
    vec v = vec_load_part(row->sums + c, n);
    if (row->bias)
        v += vec_load_part(row->bias + c, n);
    if (row->preactivation)
        vec_store_part(row->preactivation + c, v, n);
    v = f(v);
    if (row->residual)
        v += vec_load_part(row->residual + c, n);
    vec_store_part(row->y + c, v, n);
}

CPU_INLINE void finish_tile(vec (*f)(vec), const struct epilogue *e, const struct cpu_tile *tile)
{
    for (uint32_t i = 0; i < tile->rows; i++) {
        const struct epilogue_row row = row_of(e, tile, i);
        uint32_t c = 0;
        for (; c + VEC_LANES <= tile->columns; c += VEC_LANES) {
            vec v = vec_load(row.sums + c);
            if (row.bias)
                v += vec_load(row.bias + c);
            if (row.preactivation)
                vec_store(row.preactivation + c, v);
            v = f(v);
            if (row.residual)
                v += vec_load(row.residual + c);
            vec_store(row.y + c, v);
        }
        if (c < tile->columns)
            finish_part(f, &row, c, tile->columns - c);
    }
}

static void finish(const void *argument, const struct cpu_tile *tile)
{
    const struct epilogue *e = argument;
    switch (e->activation) {
#define PLN_ACTIVATION(number, NAME, names, formula)                                                                   \
    case number:                                                                                                       \
        finish_tile(activation_##NAME, e, tile);                                                                       \
        break;
#include "graph/activations.def"
#undef PLN_ACTIVATION
    }
}

void CPU_NAME(linear)(const struct cpu_call *call)
{
    const pln_linear_params *params = call->params;
    const struct cpu_operand *x = &call->in[PLN_LINEAR_INPUT_X], *weight = &call->in[PLN_LINEAR_INPUT_WEIGHT];
    const struct cpu_operand *y = &call->out[PLN_LINEAR_OUTPUT_Y];
    const struct cpu_operand *preactivation = &call->out[PLN_LINEAR_OUTPUT_PREACTIVATION];
    const struct epilogue epilogue = {
        .activation = params->activation,
        .bias = call->in[PLN_LINEAR_INPUT_BIAS].data,
        .preactivation = preactivation,
        .residual = &call->in[PLN_LINEAR_INPUT_RESIDUAL],
        .y = y,
    };
    const struct cpu_operand *sums = preactivation->data ? preactivation : y;
    const struct cpu_product product = {
        .x = {x->data, x->stride, 1},
        .weight = {weight->data, weight->stride, 1},
        .packed = weight->panels,
        .out = sums->data,
        .out_stride = sums->stride,
        .rows = x->rows,
        .n = weight->rows,
        .depth = x->width,
        .finish = finish,
        .argument = &epilogue,
    };
    cpu_gemm_run(call->gemm, &product, call->member, call->members, call->scratch);
}

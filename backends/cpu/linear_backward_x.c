/* SPDX-License-Identifier: Apache-2.0
 *
 * linear_backward_x: d_x = d_y weight + residual. The product with the weight's columns, packed in each run.
 */
#include "backends/cpu/product.h"
#include "backends/cpu/vec.h"

struct epilogue {
    const struct cpu_operand *residual, *d_x;
};

static void add_residual(const void *argument, const struct cpu_tile *tile)
{
    const struct epilogue *e = argument;
    for (uint32_t i = 0; i < tile->rows; i++) {
        const float *sums = tile->sums + i * tile->stride;
        const float *residual = cpu_vector(e->residual, tile->row + i) + tile->column;
        float *d_x = cpu_vector(e->d_x, tile->row + i) + tile->column;
        for (uint32_t c = 0; c < tile->columns; c += VEC_LANES) {
            const uint32_t n = tile->columns - c;
            vec_store_some(d_x + c, vec_load_some(sums + c, n) + vec_load_some(residual + c, n), n);
        }
    }
}

void CPU_NAME(linear_backward_x)(const struct cpu_call *call)
{
    const struct cpu_operand *d_y = &call->in[PLN_LINEAR_BACKWARD_X_INPUT_D_Y];
    const struct cpu_operand *weight = &call->in[PLN_LINEAR_BACKWARD_X_INPUT_WEIGHT];
    const struct epilogue epilogue = {.residual = &call->in[PLN_LINEAR_BACKWARD_X_INPUT_RESIDUAL],
                                      .d_x = &call->out[PLN_LINEAR_BACKWARD_X_OUTPUT_D_X]};
    struct cpu_product product = {
        .x = {d_y->data, d_y->stride, 1},
        .weight = {weight->data, 1, weight->stride},
        .out = epilogue.d_x->data,
        .out_stride = epilogue.d_x->stride,
        .rows = d_y->rows,
        .n = weight->width,
        .depth = weight->rows,
        .finish = epilogue.residual->data ? add_residual : NULL,
        .argument = &epilogue,
    };
    product.packed = cpu_pack_in_run(call, &product.weight, product.n, product.depth);
    cpu_gemm_run(call->gemm, &product, call->member, call->members, call->scratch);
}

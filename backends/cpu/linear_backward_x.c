/* SPDX-License-Identifier: Apache-2.0
 *
 * linear_backward_x: d_x = d_y weight + residual. The product with the weight's columns, packed in each run.
 */
#include "backends/cpu/product.h"

void CPU_NAME(linear_backward_x)(const struct cpu_call *call)
{
    const struct cpu_operand *d_y = &call->in[PLN_LINEAR_BACKWARD_X_INPUT_D_Y];
    const struct cpu_operand *weight = &call->in[PLN_LINEAR_BACKWARD_X_INPUT_WEIGHT];
    const struct cpu_operand *residual = &call->in[PLN_LINEAR_BACKWARD_X_INPUT_RESIDUAL];
    const struct cpu_operand *d_x = &call->out[PLN_LINEAR_BACKWARD_X_OUTPUT_D_X];
    struct cpu_product product = {
        .x = {d_y->data, d_y->stride, 1},
        .weight = {weight->data, 1, weight->stride},
        .out = d_x->data,
        .out_stride = d_x->stride,
        .all_rows = call->run_rows,
        .rows = d_y->rows,
        .n = weight->width,
        .depth = weight->rows,
        .residual = {residual->data, residual->stride},
    };
    product.packed = cpu_pack_in_run(call, &product.weight, product.n, product.depth);
    cpu_gemm_run(call->gemm, &product, call->member, call->members, call->scratch);
}

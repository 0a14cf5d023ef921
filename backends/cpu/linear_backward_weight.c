/* SPDX-License-Identifier: Apache-2.0
 *
 * linear_backward_weight: d_weight += d_y^T x, the product of columns of d_y with columns of x; d_bias += column sums
 * of d_y.
 */
#include "backends/cpu/columns.h"
#include "backends/cpu/product.h"

void CPU_NAME(linear_backward_weight)(const struct cpu_call *call)
{
    const struct cpu_operand *d_y = &call->in[PLN_LINEAR_BACKWARD_WEIGHT_INPUT_D_Y];
    const struct cpu_operand *x = &call->in[PLN_LINEAR_BACKWARD_WEIGHT_INPUT_X];
    const struct cpu_operand *d_weight = &call->out[PLN_LINEAR_BACKWARD_WEIGHT_OUTPUT_D_WEIGHT];
    float *d_bias = call->out[PLN_LINEAR_BACKWARD_WEIGHT_OUTPUT_D_BIAS].data;
    struct cpu_product product = {
        .x = {d_y->data, 1, d_y->stride},
        .weight = {x->data, 1, x->stride},
        .out = d_weight->data,
        .out_stride = d_weight->stride,
        .rows = d_weight->rows,
        .n = d_weight->width,
        .depth = x->rows,
        .residual = {d_weight->data, d_weight->stride},
    };
    product.packed = cpu_pack_in_run(call, &product.weight, product.n, product.depth);
    cpu_gemm_run(call->gemm, &product, call->member, call->members, call->scratch);
    if (d_bias)
        add_column_sums(d_y, cpu_share_vectors(d_y->width, call->member, call->members), d_bias);
}

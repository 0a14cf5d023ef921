/* SPDX-License-Identifier: Apache-2.0
 *
 * linear_backward_x: d_y times the weight, which is the transposed weight's `linear`.
 */
#include "backends/gpu/ops/passes.h"

static struct gpu_slot transposed_weight(const struct gpu_view *node)
{
    const struct gpu_slot *weight = INPUT(node, LINEAR_BACKWARD_X, WEIGHT);
    return gpu_arranged_weight(node, 0, weight->width, weight->rows);
}

static void derive_weight(const struct gpu_view *node, struct gpu_view *view)
{
    gpu_derive_arrange(view, *INPUT(node, LINEAR_BACKWARD_X, WEIGHT), transposed_weight(node), true);
}

static void derive_product(const struct gpu_view *node, struct gpu_view *view)
{
    const struct gpu_slot weight = transposed_weight(node);
    gpu_derive_product(view, &(struct gpu_product){.x = *INPUT(node, LINEAR_BACKWARD_X, D_Y),
                                                   .weight = weight,
                                                   .residual = *INPUT(node, LINEAR_BACKWARD_X, RESIDUAL),
                                                   .y = *OUTPUT(node, LINEAR_BACKWARD_X, D_X),
                                                   .slices = gpu_arranged_bytes(&weight)});
}

static uint64_t slices_bytes(const struct gpu_view *node)
{
    struct gpu_view product = *node;
    derive_product(node, &product);
    return gpu_slices_bytes(&product);
}

static uint64_t scratch_bytes(const struct gpu_view *node)
{
    const struct gpu_slot weight = transposed_weight(node);
    return gpu_arranged_bytes(&weight) + slices_bytes(node);
}

static bool has_one_slice(const struct gpu_view *node)
{
    return slices_bytes(node) == 0;
}

static const struct gpu_row processor = {
    .trains = true,
    .scratch_bytes = scratch_bytes,
    .passes = {{.kernel = &gpu_kernel_arrange, .derive = derive_weight},
               {.kernel = &gpu_kernel_linear_cpu, .derive = derive_product}},
};
const struct gpu_row gpu_row_linear_backward_x = {
    .trains = true,
    .scratch_bytes = scratch_bytes,
    .passes = {{.kernel = &gpu_kernel_arrange, .derive = derive_weight},
               {.kernel = &gpu_kernel_linear, .derive = derive_product},
               {.kernel = &gpu_kernel_linear_sum, .derive = derive_product, .skip = has_one_slice}},
    .processor = &processor,
};

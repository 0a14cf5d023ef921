/* SPDX-License-Identifier: Apache-2.0
 *
 * linear_backward_weight: rows of d_y^T times rows of x^T, real rows of both beside zeros, as a `linear` whose residual
 * is its y; and the sums of d_y over rows, which the bias takes.
 */
#include "backends/gpu/ops/passes.h"
#include "backends/gpu/slots.h"

static uint32_t depth_of(const struct gpu_view *node)
{
    return round_up32(INPUT(node, LINEAR_BACKWARD_WEIGHT, X)->rows, 4);
}

static struct gpu_slot transposed_d_y(const struct gpu_view *node)
{
    return gpu_scratch(0, INPUT(node, LINEAR_BACKWARD_WEIGHT, D_Y)->width, depth_of(node), NULL);
}

static struct gpu_slot transposed_x(const struct gpu_view *node)
{
    const struct gpu_slot d_y = transposed_d_y(node);
    return gpu_arranged_weight(node, gpu_area(d_y.rows, d_y.stride), INPUT(node, LINEAR_BACKWARD_WEIGHT, X)->width,
                               depth_of(node));
}

/* Where the sums of slices begin. */
static uint64_t operands_end(const struct gpu_view *node)
{
    const struct gpu_slot x = transposed_x(node);
    return x.offset + gpu_arranged_bytes(&x);
}

static void derive_d_y(const struct gpu_view *node, struct gpu_view *view)
{
    gpu_derive_arrange(view, *INPUT(node, LINEAR_BACKWARD_WEIGHT, D_Y), transposed_d_y(node), true);
}

static void derive_x(const struct gpu_view *node, struct gpu_view *view)
{
    gpu_derive_arrange(view, *INPUT(node, LINEAR_BACKWARD_WEIGHT, X), transposed_x(node), true);
}

static void derive_product(const struct gpu_view *node, struct gpu_view *view)
{
    const struct gpu_slot *d_weight = OUTPUT(node, LINEAR_BACKWARD_WEIGHT, D_WEIGHT);
    gpu_derive_product(view, &(struct gpu_product){.x = transposed_d_y(node),
                                                   .weight = transposed_x(node),
                                                   .residual = *d_weight,
                                                   .y = *d_weight,
                                                   .slices = operands_end(node)});
}

static void derive_bias(const struct gpu_view *node, struct gpu_view *view)
{
    SET_SLOTS(view, SLOTS_OF(COLUMN_SUMS), [SLOT(COLUMN_SUMS, D_Y)] = *INPUT(node, LINEAR_BACKWARD_WEIGHT, D_Y),
              [SLOT(COLUMN_SUMS, D_GAMMA)] = gpu_written(gpu_absent()),
              [SLOT(COLUMN_SUMS, D_BETA)] = *OUTPUT(node, LINEAR_BACKWARD_WEIGHT, D_BIAS));
}

static uint64_t slices_bytes(const struct gpu_view *node)
{
    struct gpu_view product = *node;
    derive_product(node, &product);
    return gpu_slices_bytes(&product);
}

static uint64_t scratch_bytes(const struct gpu_view *node)
{
    return operands_end(node) + slices_bytes(node);
}

static bool has_one_slice(const struct gpu_view *node)
{
    return slices_bytes(node) == 0;
}

static bool has_no_bias(const struct gpu_view *node)
{
    return !gpu_slot_here(OUTPUT(node, LINEAR_BACKWARD_WEIGHT, D_BIAS));
}

static const struct gpu_row processor = {
    .trains = true,
    .scratch_bytes = scratch_bytes,
    .passes = {{.kernel = &gpu_kernel_arrange, .derive = derive_d_y},
               {.kernel = &gpu_kernel_column_sums, .derive = derive_bias, .skip = has_no_bias},
               {.kernel = &gpu_kernel_arrange, .derive = derive_x},
               {.kernel = &gpu_kernel_linear_cpu, .derive = derive_product}},
};
const struct gpu_row gpu_row_linear_backward_weight = {
    .trains = true,
    .scratch_bytes = scratch_bytes,
    .passes = {{.kernel = &gpu_kernel_arrange, .derive = derive_d_y},
               {.kernel = &gpu_kernel_column_sums, .derive = derive_bias, .skip = has_no_bias},
               {.kernel = &gpu_kernel_arrange, .derive = derive_x},
               {.kernel = &gpu_kernel_linear, .derive = derive_product},
               {.kernel = &gpu_kernel_linear_sum, .derive = derive_product, .skip = has_one_slice}},
    .processor = &processor,
};

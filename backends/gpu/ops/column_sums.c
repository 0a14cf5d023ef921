/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums over all rows, column by column: gradients of biases, gamma and beta.
 */
#include "backends/gpu/ops/passes.h"

/* S1 = flags. A work-group has eight groups of four columns, and all rows. */
static const char *tile_column_sums(const struct gpu_view *view, struct gpu_launch *launch)
{
    enum { THREADS = 256, FEW_THREADS = 64, QUADS = 8 };
    const struct gpu_limits *limits = view->limits;
    const uint32_t threads = limits->max_workgroup < THREADS ? FEW_THREADS : THREADS;
    if (threads > limits->max_workgroup || 2 * threads * 4 * sizeof(float) > limits->shared_bytes)
        return "the device has too small work-groups";
    SPECS(launch, threads,
          WHOLE(view, SUMS_D_Y, SUMS_X) | flag(gpu_slot_here(&view->slots[SUMS_D_GAMMA]), GPU_COLUMN_SUMS_GAMMA) |
              flag(gpu_slot_here(&view->slots[SUMS_D_BETA]), GPU_COLUMN_SUMS_BETA));
    launch->rows_per_group = 1;
    launch->columns = ceil_div(quads_of(view->slots[SUMS_D_Y].width), QUADS);
    return NULL;
}

const struct gpu_kernel gpu_kernel_column_sums = {
    .name = "column_sums",
    .access = {[SUMS_D_Y] = GPU_ALL,
               [SUMS_X] = GPU_ALL,
               [SUMS_MEAN] = GPU_ALL,
               [SUMS_RSTD] = GPU_ALL,
               [SUMS_D_GAMMA] = GPU_ALL,
               [SUMS_D_BETA] = GPU_ALL},
    .rows = SUMS_D_Y,
    .count = SUMS_D_Y,
    .single = true,
    .tile = tile_column_sums,
};

void gpu_derive_norm_sums(const struct gpu_view *norm, struct gpu_view *view)
{
    SET_SLOTS(view, SUMS_OPERANDS, [SUMS_D_Y] = *INPUT(norm, LAYER_NORM_BACKWARD, D_Y),
              [SUMS_X] = *INPUT(norm, LAYER_NORM_BACKWARD, X), [SUMS_MEAN] = *INPUT(norm, LAYER_NORM_BACKWARD, MEAN),
              [SUMS_RSTD] = *INPUT(norm, LAYER_NORM_BACKWARD, RSTD),
              [SUMS_D_GAMMA] = *OUTPUT(norm, LAYER_NORM_BACKWARD, D_GAMMA),
              [SUMS_D_BETA] = *OUTPUT(norm, LAYER_NORM_BACKWARD, D_BETA));
}

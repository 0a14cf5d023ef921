/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums over all rows, column by column: gradients of biases, gamma and beta.
 */
#include "backends/gpu/ops/passes.h"
#include "backends/gpu/slots.h"

/* S1 = flags. A work-group has eight groups of four columns, and all rows. */
static const char *tile_column_sums(const struct gpu_view *view, struct gpu_launch *launch)
{
    enum { THREADS = 256, FEW_THREADS = 64, QUADS = 8 };
    const struct gpu_limits *limits = view->limits;
    const uint32_t threads = limits->max_workgroup < THREADS ? FEW_THREADS : THREADS;
    if (threads > limits->max_workgroup || 2 * threads * 4 * sizeof(float) > limits->shared_bytes)
        return "the device has too small work-groups";
    SPECS(launch, threads,
          WHOLE(view, SLOT(COLUMN_SUMS, D_Y), SLOT(COLUMN_SUMS, X)) |
              flag(gpu_slot_here(&view->slots[SLOT(COLUMN_SUMS, D_GAMMA)]), GPU_COLUMN_SUMS_GAMMA) |
              flag(gpu_slot_here(&view->slots[SLOT(COLUMN_SUMS, D_BETA)]), GPU_COLUMN_SUMS_BETA));
    launch->rows_per_group = 1;
    launch->columns = ceil_div32(quads_of(view->slots[SLOT(COLUMN_SUMS, D_Y)].width), QUADS);
    return NULL;
}

const struct gpu_kernel gpu_kernel_column_sums = {
    .name = "column_sums",
    .slots = {BIND(COLUMN_SUMS, D_Y, GPU_ALL), BIND(COLUMN_SUMS, X, GPU_ALL), BIND(COLUMN_SUMS, MEAN, GPU_ALL),
              BIND(COLUMN_SUMS, RSTD, GPU_ALL), BIND(COLUMN_SUMS, D_GAMMA, GPU_ALL),
              BIND(COLUMN_SUMS, D_BETA, GPU_ALL)},
    .rows = SLOT(COLUMN_SUMS, D_Y),
    .count = SLOT(COLUMN_SUMS, D_Y),
    .single = true,
    .tile = tile_column_sums,
};

void gpu_derive_norm_sums(const struct gpu_view *norm, struct gpu_view *view)
{
    SET_SLOTS(view, SLOTS_OF(COLUMN_SUMS), [SLOT(COLUMN_SUMS, D_Y)] = *INPUT(norm, LAYER_NORM_BACKWARD, D_Y),
              [SLOT(COLUMN_SUMS, X)] = *INPUT(norm, LAYER_NORM_BACKWARD, X),
              [SLOT(COLUMN_SUMS, MEAN)] = *INPUT(norm, LAYER_NORM_BACKWARD, MEAN),
              [SLOT(COLUMN_SUMS, RSTD)] = *INPUT(norm, LAYER_NORM_BACKWARD, RSTD),
              [SLOT(COLUMN_SUMS, D_GAMMA)] = *OUTPUT(norm, LAYER_NORM_BACKWARD, D_GAMMA),
              [SLOT(COLUMN_SUMS, D_BETA)] = *OUTPUT(norm, LAYER_NORM_BACKWARD, D_BETA));
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * layer_norm_backward: d_x row by row, then the sums over rows that gamma and beta take.
 */
#include "backends/gpu/ops/passes.h"
#include "backends/gpu/slots.h"

static const char *tile_backward(const struct gpu_view *view, struct gpu_launch *launch)
{
    const uint32_t whole = WHOLE(view, IN(LAYER_NORM_BACKWARD, D_Y), IN(LAYER_NORM_BACKWARD, X),
                                 IN(LAYER_NORM_BACKWARD, GAMMA), OUT(LAYER_NORM_BACKWARD, D_X));
    return gpu_tile_row(view, launch, INPUT(view, LAYER_NORM_BACKWARD, X)->width, whole);
}

static bool has_no_d_x(const struct gpu_view *node)
{
    return !gpu_slot_here(OUTPUT(node, LAYER_NORM_BACKWARD, D_X));
}

static bool has_no_sums(const struct gpu_view *node)
{
    return !gpu_slot_here(OUTPUT(node, LAYER_NORM_BACKWARD, D_GAMMA)) &&
           !gpu_slot_here(OUTPUT(node, LAYER_NORM_BACKWARD, D_BETA));
}

const struct gpu_kernel gpu_kernel_layer_norm_backward = {
    .name = "layer_norm_backward",
    .slots = {BIND_INPUT(LAYER_NORM_BACKWARD, LAYER_NORM_BACKWARD, D_Y, GPU_ROWS),
              BIND_INPUT(LAYER_NORM_BACKWARD, LAYER_NORM_BACKWARD, X, GPU_ROWS),
              BIND_INPUT(LAYER_NORM_BACKWARD, LAYER_NORM_BACKWARD, GAMMA, GPU_ALL),
              BIND_INPUT(LAYER_NORM_BACKWARD, LAYER_NORM_BACKWARD, MEAN, GPU_ROWS),
              BIND_INPUT(LAYER_NORM_BACKWARD, LAYER_NORM_BACKWARD, RSTD, GPU_ROWS),
              BIND_OUTPUT(LAYER_NORM_BACKWARD, LAYER_NORM_BACKWARD, D_X, GPU_ROWS)},
    .rows = IN(LAYER_NORM_BACKWARD, D_Y),
    .count = IN(LAYER_NORM_BACKWARD, D_Y),
    .tile = tile_backward,
};
const struct gpu_row gpu_row_layer_norm_backward = {
    .trains = true,
    .passes = {{.kernel = &gpu_kernel_layer_norm_backward, .skip = has_no_d_x},
               {.kernel = &gpu_kernel_column_sums, .derive = gpu_derive_norm_sums, .skip = has_no_sums}},
};

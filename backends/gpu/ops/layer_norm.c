/* SPDX-License-Identifier: Apache-2.0
 *
 * layer_norm: a work-group a row, which its threads hold.
 */
#include "backends/gpu/slots.h"
#include "backends/gpu/tiles.h"

static const char *tile_layer_norm(const struct gpu_view *view, struct gpu_launch *launch)
{
    const uint32_t whole =
        WHOLE(view, IN(LAYER_NORM, X), IN(LAYER_NORM, GAMMA), IN(LAYER_NORM, BETA), OUT(LAYER_NORM, Y));
    return gpu_tile_row(view, launch, INPUT(view, LAYER_NORM, X)->width,
                        whole | flag(gpu_slot_here(OUTPUT(view, LAYER_NORM, MEAN)), GPU_LAYER_NORM_MEAN) |
                            flag(gpu_slot_here(OUTPUT(view, LAYER_NORM, RSTD)), GPU_LAYER_NORM_RSTD));
}

static const struct gpu_kernel layer_norm = {
    .name = "layer_norm",
    .slots = {BIND_INPUT(LAYER_NORM, LAYER_NORM, X, GPU_ROWS), BIND_INPUT(LAYER_NORM, LAYER_NORM, GAMMA, GPU_ALL),
              BIND_INPUT(LAYER_NORM, LAYER_NORM, BETA, GPU_ALL), BIND_OUTPUT(LAYER_NORM, LAYER_NORM, Y, GPU_ROWS),
              BIND_OUTPUT(LAYER_NORM, LAYER_NORM, MEAN, GPU_ROWS), BIND_OUTPUT(LAYER_NORM, LAYER_NORM, RSTD, GPU_ROWS)},
    .rows = IN(LAYER_NORM, X),
    .count = IN(LAYER_NORM, X),
    .tile = tile_layer_norm,
};
const struct gpu_row gpu_row_layer_norm = {.trains = true, .passes = {{.kernel = &layer_norm}}};

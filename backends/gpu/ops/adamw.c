/* SPDX-License-Identifier: Apache-2.0
 *
 * adamw, element by element; the states are bound once, as what is written.
 */
#include "backends/gpu/slots.h"
#include "backends/gpu/tiles.h"

static const char *tile_adamw(const struct gpu_view *view, struct gpu_launch *launch)
{
    gpu_tile_elements(view, launch, OUTPUT(view, ADAMW, PARAMETER)->width);
    SPECS(launch, WHOLE(view, OUT(ADAMW, PARAMETER), OUT(ADAMW, FIRST_MOMENT), OUT(ADAMW, SECOND_MOMENT),
                        OUT(ADAMW, GRADIENT)));
    return NULL;
}

static const struct gpu_kernel adamw = {
    .name = "adamw",
    .slots = {BIND_INPUT(ADAMW, ADAMW, SETTINGS, GPU_ALL), BIND_INPUT(ADAMW, ADAMW, FACTORS, GPU_ROWS),
              BIND_INPUT(ADAMW, ADAMW, NORM, GPU_ALL), BIND_OUTPUT(ADAMW, ADAMW, PARAMETER, GPU_ROWS),
              BIND_OUTPUT(ADAMW, ADAMW, FIRST_MOMENT, GPU_ROWS), BIND_OUTPUT(ADAMW, ADAMW, SECOND_MOMENT, GPU_ROWS),
              BIND_OUTPUT(ADAMW, ADAMW, GRADIENT, GPU_ROWS)},
    .rows = OUT(ADAMW, PARAMETER),
    .count = OUT(ADAMW, PARAMETER),
    .tile = tile_adamw,
};
const struct gpu_row gpu_row_adamw = {.trains = true, .passes = {{.kernel = &adamw}}};

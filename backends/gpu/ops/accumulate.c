/* SPDX-License-Identifier: Apache-2.0
 *
 * accumulate, element by element.
 */
#include "backends/gpu/slots.h"
#include "backends/gpu/tiles.h"

static const char *tile_accumulate(const struct gpu_view *view, struct gpu_launch *launch)
{
    gpu_tile_elements(view, launch, INPUT(view, ACCUMULATE, STATE)->width);
    SPECS(launch, WHOLE(view, IN(ACCUMULATE, STATE), IN(ACCUMULATE, X)));
    return NULL;
}

static const struct gpu_kernel accumulate = {
    .name = "accumulate",
    .slots = {BIND_INPUT(ACCUMULATE, ACCUMULATE, STATE, GPU_ROWS), BIND_INPUT(ACCUMULATE, ACCUMULATE, X, GPU_ROWS),
              BIND_OUTPUT(ACCUMULATE, ACCUMULATE, Y, GPU_ROWS)},
    .rows = IN(ACCUMULATE, STATE),
    .count = IN(ACCUMULATE, STATE),
    .tile = tile_accumulate,
};
const struct gpu_row gpu_row_accumulate = {.trains = true, .passes = {{.kernel = &accumulate}}};

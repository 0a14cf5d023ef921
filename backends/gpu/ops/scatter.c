/* SPDX-License-Identifier: Apache-2.0
 *
 * scatter: a launch moves the rows whose places lie in its window of the state.
 */
#include "backends/gpu/derive.h"
#include "backends/gpu/slots.h"

static const char *tile_scatter(const struct gpu_view *view, struct gpu_launch *launch)
{
    gpu_tile_elements(view, launch, INPUT(view, SCATTER, X)->width);
    SPECS(launch, WHOLE(view, IN(SCATTER, X), OUT(SCATTER, Y)));
    return NULL;
}

static const struct gpu_kernel scatter = {
    .name = "scatter",
    .slots = {BIND_INPUT(SCATTER, SCATTER, INDEX, GPU_ROWS), BIND_INPUT(SCATTER, SCATTER, X, GPU_ROWS),
              BIND_OUTPUT(SCATTER, SCATTER, Y, GPU_TABLE)},
    .rows = IN(SCATTER, INDEX),
    .count = IN(SCATTER, INDEX),
    .tile = tile_scatter,
};
const struct gpu_row gpu_row_scatter = {.trains = true, .passes = {{.kernel = &scatter}}};

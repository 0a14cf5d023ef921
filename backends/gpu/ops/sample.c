/* SPDX-License-Identifier: Apache-2.0
 *
 * sample: a work-group a row of logits.
 */
#include "backends/gpu/slots.h"
#include "backends/gpu/tiles.h"

static const char *tile_sample(const struct gpu_view *view, struct gpu_launch *launch)
{
    const char *reason = gpu_tile_reduce(view, launch);
    if (!reason)
        SPECS(launch, flag(gpu_slot_here(INPUT(view, SAMPLE, BARRED)), GPU_SAMPLE_BARRED) |
                          flag(gpu_slot_here(OUTPUT(view, SAMPLE, BEST)), GPU_SAMPLE_BEST));
    return reason;
}

static const struct gpu_kernel sample = {
    .name = "sample",
    .slots = {BIND_INPUT(SAMPLE, SAMPLE, LOGITS, GPU_ROWS), BIND_INPUT(SAMPLE, SAMPLE, BARRED, GPU_ROWS),
              BIND_INPUT(SAMPLE, SAMPLE, ORIGIN, GPU_ROWS), BIND_INPUT(SAMPLE, SAMPLE, RANDOM, GPU_ALL),
              BIND_OUTPUT(SAMPLE, SAMPLE, IDS, GPU_ROWS), BIND_OUTPUT(SAMPLE, SAMPLE, BEST, GPU_ROWS)},
    .rows = IN(SAMPLE, LOGITS),
    .count = IN(SAMPLE, LOGITS),
    .tile = tile_sample,
};
const struct gpu_row gpu_row_sample = {.passes = {{.kernel = &sample}}};

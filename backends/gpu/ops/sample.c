/* SPDX-License-Identifier: Apache-2.0
 *
 * sample: a work-group a row of logits.
 */
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
    .access = {[IN(SAMPLE, LOGITS)] = GPU_ROWS,
               [IN(SAMPLE, BARRED)] = GPU_ROWS,
               [IN(SAMPLE, ORIGIN)] = GPU_ROWS,
               [IN(SAMPLE, RANDOM)] = GPU_ALL,
               [OUT(SAMPLE, IDS)] = GPU_ROWS,
               [OUT(SAMPLE, BEST)] = GPU_ROWS},
    .rows = IN(SAMPLE, LOGITS),
    .count = IN(SAMPLE, LOGITS),
    .tile = tile_sample,
};
const struct gpu_row gpu_row_sample = {.passes = {{.kernel = &sample}}};

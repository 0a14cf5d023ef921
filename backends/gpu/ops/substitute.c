/* SPDX-License-Identifier: Apache-2.0
 *
 * substitute: a thread a token, which looks through the rows that are replaced.
 */
#include "backends/gpu/derive.h"
#include "backends/gpu/slots.h"

static void derive(const struct gpu_view *node, struct gpu_view *view)
{
    SET_SLOTS(view, SCRATCH(SUBSTITUTE), [IN(SUBSTITUTE, IDS)] = *INPUT(node, SUBSTITUTE, IDS),
              [IN(SUBSTITUTE, INDEX)] = *INPUT(node, SUBSTITUTE, INDEX),
              [IN(SUBSTITUTE, REPLACED)] = *INPUT(node, SUBSTITUTE, REPLACED),
              [OUT(SUBSTITUTE, Y)] = *OUTPUT(node, SUBSTITUTE, Y),
              [OUT(SUBSTITUTE, LABELS)] = *OUTPUT(node, SUBSTITUTE, LABELS));
    gpu_set_other_count(view, INPUT(node, SUBSTITUTE, INDEX)->dim);
}

static const struct gpu_kernel substitute = {
    .name = "substitute",
    .slots = {BIND_INPUT(SUBSTITUTE, SUBSTITUTE, IDS, GPU_ROWS), BIND_INPUT(SUBSTITUTE, SUBSTITUTE, INDEX, GPU_ALL),
              BIND_INPUT(SUBSTITUTE, SUBSTITUTE, REPLACED, GPU_ALL), BIND_OUTPUT(SUBSTITUTE, SUBSTITUTE, Y, GPU_ROWS),
              BIND_OUTPUT(SUBSTITUTE, SUBSTITUTE, LABELS, GPU_ROWS)},
    .rows = IN(SUBSTITUTE, IDS),
    .count = IN(SUBSTITUTE, IDS),
    .tile = gpu_tile_threads,
};
const struct gpu_row gpu_row_substitute = {.passes = {{.kernel = &substitute, .derive = derive}}};

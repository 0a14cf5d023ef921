/* SPDX-License-Identifier: Apache-2.0
 *
 * What the constants of a segment will take, from the uses that the segment shows: nothing is made yet.
 */
#include "backends/gpu/gpu.h"
#include "common/uses.h"

pln_status gpu_constants_bytes(const struct gpu_limits *limits, const pln_host *host, const pln_segment *segment,
                               uint64_t (*round)(uint64_t bytes), uint64_t *total, pln_failure *error)
{
    struct uses *uses = uses_create(host, segment);
    *total = 0;
    if (!uses)
        return pln_failed(error, PLN_NO_MEMORY, -1, "no host memory for the uses of constants");
    for (uint32_t i = 0; i < segment->n_values; i++) {
        const pln_value_info *constant = pln_segment_value(segment, (int32_t)i);
        const pln_constant_info info = {
            .size = sizeof info,
            .rows = pln_dim_rows(constant->rows, segment->capacity),
            .width = constant->width,
            .n_uses = uses[i].n,
            .use_stride = sizeof *uses[i].list,
            .uses = uses[i].list,
            .name = constant->name,
        };
        if (constant->kind != PLN_VALUE_CONSTANT)
            continue;
        const struct gpu_constant_layout layout = gpu_constant_layout(limits, &info);
        const uint64_t bytes = gpu_constant_bytes(&layout);
        *total += round ? round(bytes) : bytes;
    }
    uses_release(host, uses);
    return PLN_OK;
}

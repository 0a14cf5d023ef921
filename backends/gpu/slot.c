/* SPDX-License-Identifier: Apache-2.0
 *
 * One operand: whether its rows are groups of four, and which of them a binding can span.
 */
#include "backends/gpu/table.h"
#include "common/round.h"

bool gpu_slot_whole(const struct gpu_slot *slot)
{
    return !gpu_slot_here(slot) || (slot->offset % GPU_ALIGNMENT == 0 && slot->stride % 4 == 0 && slot->width % 4 == 0);
}

uint64_t gpu_slot_element(const struct gpu_slot *slot)
{
    return slot->offset / slot->element;
}

static uint64_t alignment_of(const struct gpu_limits *limits)
{
    return limits->offset_alignment > GPU_ALIGNMENT ? limits->offset_alignment : GPU_ALIGNMENT;
}

struct gpu_binding gpu_slot_bind(const struct gpu_limits *limits, const struct gpu_slot *slot, uint32_t first,
                                 uint32_t n)
{
    if (!gpu_slot_here(slot))
        return (struct gpu_binding){.value = GPU_BIND_NONE};
    const uint64_t begin = (gpu_slot_element(slot) + (uint64_t)first * slot->stride) * slot->element;
    const uint64_t offset = begin - begin % alignment_of(limits);
    const uint32_t last = slot->element < sizeof(float) ? slot->stride : slot->width; /* whole words */
    const uint64_t panel = slot->panel ? slot->panel : 1, whole = round_up(n, panel);
    uint64_t elements = slot->panel ? whole * slot->stride : 0;
    if (!slot->panel && n)
        elements = (n - 1) * (uint64_t)slot->stride + last;
    return (struct gpu_binding){.value = slot->value,
                                .offset = offset,
                                .bytes = begin - offset + elements * slot->element,
                                .written = slot->output,
                                .element = slot->element};
}

bool gpu_slot_fits(const struct gpu_limits *limits, const struct gpu_slot *slot)
{
    return gpu_slot_bind(limits, slot, 0, slot->rows).bytes <= limits->max_range;
}

uint32_t gpu_slot_window(const struct gpu_limits *limits, const struct gpu_slot *slot)
{
    if (gpu_slot_fits(limits, slot))
        return slot->rows;
    const uint64_t fixed = alignment_of(limits) + (uint64_t)slot->width * slot->element;
    if (limits->max_range < fixed || !slot->stride)
        return 0;
    const uint64_t n = (limits->max_range - fixed) / (slot->stride * slot->element) + 1;
    const uint32_t rows = n < slot->rows ? (uint32_t)n : slot->rows;
    return slot->panel ? rows / slot->panel * slot->panel : rows;
}

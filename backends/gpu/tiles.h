/* SPDX-License-Identifier: Apache-2.0
 *
 * How work is cut into work-groups: specialization constants, flags, and the tiles that several kernels share.
 */
#ifndef BACKENDS_GPU_TILES_H
#define BACKENDS_GPU_TILES_H

#include "backends/gpu/table.h"
#include "common/round.h"

/* Groups of four of a row. */
static inline uint32_t quads_of(uint32_t width)
{
    return ceil_div32(width, 4);
}

static inline uint32_t flag(bool set, uint32_t bit)
{
    return set ? bit : 0;
}

/* GPU_WHOLE if rows of all these operands can be moved by groups of four, absent ones left out. */
#define WHOLE(view, ...) gpu_whole(view, sizeof((const uint8_t[]){__VA_ARGS__}), (const uint8_t[]){__VA_ARGS__})
uint32_t gpu_whole(const struct gpu_view *view, size_t n, const uint8_t *slots);

/* Adds these specialization constants behind those that are there. The first of all is the size of the work-group. */
#define SPECS(launch, ...)                                                                                             \
    gpu_add_specs(launch, sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), (uint32_t[]){__VA_ARGS__})
void gpu_add_specs(struct gpu_launch *launch, size_t n, const uint32_t *values);

static inline uint32_t lanes_of(const struct gpu_limits *limits)
{
    return limits->lanes ? limits->lanes : 1;
}

/* Two work-groups for each compute unit: fewer leave the device idle. */
static inline uint64_t groups_to_fill(const struct gpu_limits *limits)
{
    enum { UNKNOWN_UNITS = 16, GROUPS_PER_UNIT = 2 };
    return (uint64_t)GROUPS_PER_UNIT * (limits->compute_units ? limits->compute_units : UNKNOWN_UNITS);
}

/* NULL, or why kernels do not know the activation. */
const char *gpu_check_activation(uint32_t activation);

/* A work-group for a row that its threads hold: S1 = groups of four of a thread, S2 = flags. */
const char *gpu_tile_row(const struct gpu_view *view, struct gpu_launch *launch, uint32_t width, uint32_t flags);
/* Element by element: S1 = rows of a work-group, S2 = groups of four of a row; the kernel adds what it asks for. */
void gpu_tile_elements(const struct gpu_view *view, struct gpu_launch *launch, uint32_t width);
uint32_t gpu_element_rows(uint32_t width); /* of such a work-group */
/* A work-group for a row of which its threads make one number. */
const char *gpu_tile_reduce(const struct gpu_view *view, struct gpu_launch *launch);
/* A thread a row. */
const char *gpu_tile_threads(const struct gpu_view *view, struct gpu_launch *launch);
#endif

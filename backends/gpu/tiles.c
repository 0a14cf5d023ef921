/* SPDX-License-Identifier: Apache-2.0
 *
 * Tiles of `linear`: the largest that fits the device and does not waste the shape.
 */
#include "backends/gpu/table.h"

/* ---- linear. 8 x 8 of y a thread is the best of all GPUs looked at: 112 registers, half a byte of shared memory a
 * flop. */

struct linear_tile {
    char name;
    uint32_t threads, bm, bn, bk, tm, tn;
};
static const struct linear_tile linear_tiles[] = {
    {'L', 256, 128, 128, 16, 8, 8},
    {'M', 64, 64, 64, 16, 8, 8},
    {'S', 64, 32, 32, 32, 4, 4},
};
enum { LINEAR_TILES = sizeof linear_tiles / sizeof *linear_tiles };

static bool linear_fits(const struct gpu_limits *limits, const struct linear_tile *t)
{
    return t->threads <= limits->max_workgroup &&
           t->bk * (t->bm + 4 + t->bn + 4) * sizeof(float) <= limits->shared_bytes;
}

/* Most of the tile is used, and there are tiles enough to fill the device. */
static bool linear_suits(const struct gpu_limits *limits, const struct linear_tile *t, uint32_t rows, uint32_t columns)
{
    return rows > t->bm / 2 && columns > t->bn / 2 &&
           (uint64_t)ceil_div(rows, t->bm) * ceil_div(columns, t->bn) >= groups_to_fill(limits);
}

static const struct linear_tile *linear_choose(const struct gpu_limits *limits, uint32_t rows, uint32_t columns)
{
    const struct linear_tile *chosen = NULL;
    for (uint32_t i = 0; i < LINEAR_TILES; i++) {
        const struct linear_tile *t = &linear_tiles[i];
        if (!linear_fits(limits, t))
            continue;
        if (limits->tile ? limits->tile == t->name : linear_suits(limits, t, rows, columns))
            return t;
        chosen = t;
    }
    return chosen;
}

/* Bits that the texts of `linear` and `linear_cpu` share. */
static uint32_t linear_flags(const struct gpu_view *view)
{
    const struct gpu_slot *residual = INPUT(view, LINEAR, RESIDUAL), *y = OUTPUT(view, LINEAR, Y);
    const struct gpu_slot *preactivation = OUTPUT(view, LINEAR, PREACTIVATION);
    const bool y_whole = gpu_slot_whole(residual) && gpu_slot_whole(y) && gpu_slot_whole(preactivation);
    return flag(gpu_slot_whole(INPUT(view, LINEAR, X)), 1) | flag(y_whole, 2) |
           flag(gpu_slot_here(INPUT(view, LINEAR, BIAS)), 8) | flag(gpu_slot_here(residual), 16) |
           flag(gpu_slot_here(preactivation), 32);
}

const char *gpu_tile_linear(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    const pln_linear_params *p = view->params;
    const struct gpu_slot *x = INPUT(view, LINEAR, X), *weight = INPUT(view, LINEAR, WEIGHT);
    if (weight->panel || weight->stride % 4 || weight->offset % GPU_ALIGNMENT)
        return "the weight does not lie in aligned rows";
    if (p->activation > PLN_ACTIVATION_SQRT_SOFTPLUS)
        return "unknown activation";
    const struct linear_tile *t = linear_choose(view->limits, x->rows, weight->rows);
    if (!t)
        return "no tile fits the work-groups of the device";
    const uint32_t flags =
        linear_flags(view) | flag(x->width % t->bk != 0, 4) | flag(view->limits->vendor_id == GPU_VENDOR_AMD, 64);
    set_specs(launch, 8, (uint32_t[]){t->threads, t->bm, t->bn, t->bk, t->tm, t->tn, p->activation, flags});
    launch->rows_per_group = t->bm;
    *table_per_group = t->bn;
    return NULL;
}

/* A thread alone makes ROWS rows of one panel of columns, one of several lanes LANE_ROWS rows (two groups for 64
 * tokens, since lavapipe deals out groups in equal parts) of its own LANE_COLUMNS: S1 = rows, S2 = rows of a panel, S3
 * = activation, S4 = flags. */
const char *gpu_tile_linear_cpu(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    enum { ROWS = 48, LANE_ROWS = 32, LANE_COLUMNS = 8 };
    const pln_linear_params *p = view->params;
    const uint32_t panel = INPUT(view, LINEAR, WEIGHT)->panel, lanes = lanes_of(view->limits);
    if (!panel)
        return "the weight does not lie in panels";
    if (p->activation > PLN_ACTIVATION_SQRT_SOFTPLUS)
        return "unknown activation";
    launch->rows_per_group = lanes > 1 ? LANE_ROWS : ROWS;
    set_specs(launch, 5, (uint32_t[]){lanes, launch->rows_per_group, panel, p->activation, linear_flags(view)});
    *table_per_group = lanes > 1 ? lanes * LANE_COLUMNS : panel;
    return NULL;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * How `linear` is cut: its tiles, and slices of K where there are few tiles, whose sums a second pass adds. The reason
 * for each tile stands in docs/gpu-kernels.md. With cooperative matrices a tile is cut for subgroups instead of
 * threads.
 */
#include "backends/gpu/table.h"

/* ---- tiles. `ahead`: the next tile is loaded while one is multiplied, where the registers for it are there. */

enum { LARGE, MEDIUM, SMALL, SIZES };
enum { AMD, OTHERS, MATRICES };

struct linear_tile {
    uint32_t workers, bm, bn, bk, tm, tn; /* workers: threads, or subgroups, each with tm x tn sums */
    bool ahead;
};
static const struct linear_tile linear_tiles[][SIZES] = {
    [AMD] = {{256, 128, 128, 16, 8, 8, true}, {64, 64, 64, 8, 8, 8, true}, {64, 32, 32, 32, 4, 4, false}},
    [OTHERS] = {{256, 128, 128, 16, 8, 8, false}, {64, 64, 64, 8, 8, 8, false}, {64, 32, 32, 32, 4, 4, false}},
    [MATRICES] = {{4, 128, 128, 32, 64, 64, true}, {4, 64, 64, 32, 32, 32, true}, {4, 32, 32, 32, 16, 16, true}},
};

const char gpu_matrix_kernel[] = "linear_matrix";

/* The smallest tile is made of whole matrices, and each of its threads loads as many groups of four. */
bool gpu_matrix_fits(const struct gpu_matrix *matrix)
{
    const struct linear_tile *t = &linear_tiles[MATRICES][SMALL];
    const uint32_t threads = t->workers * matrix->lanes, quads = t->bk / 4;
    return matrix->m && matrix->n && matrix->k && threads && t->tm % matrix->m == 0 && t->tn % matrix->n == 0 &&
           t->bk % matrix->k == 0 && matrix->n % 4 == 0 && threads % quads == 0 && t->bm * quads % threads == 0;
}

/* Weights that are trained, and gradients, which f16 is too narrow for, lie in f32. */
static bool uses_matrices(const struct gpu_view *view)
{
    return view->limits->matrix.lanes && INPUT(view, LINEAR, WEIGHT)->element == sizeof(uint16_t);
}

static const struct linear_tile *tiles_of(const struct gpu_view *view)
{
    return linear_tiles[uses_matrices(view) ? MATRICES : view->limits->vendor_id == GPU_VENDOR_AMD ? AMD : OTHERS];
}

static uint32_t threads_of(const struct gpu_view *view, const struct linear_tile *t)
{
    return t->workers * (uses_matrices(view) ? view->limits->matrix.lanes : 1);
}

/* As the texts declare it: both tiles padded by the row, f32; or f16, and a matrix of sums for each subgroup. */
static uint64_t shared_bytes_of(const struct gpu_view *view, const struct linear_tile *t)
{
    const struct gpu_matrix *matrix = &view->limits->matrix;
    if (!uses_matrices(view))
        return t->bk * (t->bm + 4 + t->bn + 4) * sizeof(float);
    return (t->bk + 8) * (t->bm + t->bn) * sizeof(uint16_t) + t->workers * matrix->m * matrix->n * sizeof(float);
}

/* Bits that the texts of `linear`, `linear_sum` and `linear_cpu` share. */
enum { X_WHOLE = 1, Y_WHOLE = 2, K_EDGE = 4, BIAS = 8, RESIDUAL = 16, PREACTIVATION = 32, AHEAD = 64, HALF = 128 };

static uint32_t linear_flags(const struct gpu_view *view)
{
    const struct gpu_slot *residual = INPUT(view, LINEAR, RESIDUAL), *y = OUTPUT(view, LINEAR, Y);
    const struct gpu_slot *preactivation = OUTPUT(view, LINEAR, PREACTIVATION);
    const bool y_whole = gpu_slot_whole(residual) && gpu_slot_whole(y) && gpu_slot_whole(preactivation);
    return flag(gpu_slot_whole(INPUT(view, LINEAR, X)), X_WHOLE) | flag(y_whole, Y_WHOLE) |
           flag(gpu_slot_here(INPUT(view, LINEAR, BIAS)), BIAS) | flag(gpu_slot_here(residual), RESIDUAL) |
           flag(gpu_slot_here(preactivation), PREACTIVATION);
}

/* ---- choosing */

enum { LEAST_SLICE = 128, MOST_SLICES = 8 }; /* elements of K; the sums of a slice go through memory */

/* A power of two: each number of slices is a kernel to compile. */
static uint32_t slices_of(uint64_t wanted, uint32_t depth)
{
    uint32_t slices = 1;
    while (slices < MOST_SLICES && slices * 2 <= wanted && slices * 2 * LEAST_SLICE <= depth)
        slices *= 2;
    return slices;
}

struct choice {
    const struct linear_tile *tile; /* NULL: none fits */
    uint32_t slices;
};

static bool fits(const struct gpu_view *view, const struct linear_tile *t)
{
    return threads_of(view, t) <= view->limits->max_workgroup && shared_bytes_of(view, t) <= view->limits->shared_bytes;
}

/* Intel's compiler keeps a large tile in memory when its epilogue reads or writes rows of more than one tensor in
 * parts. */
static bool must_be_small(const struct gpu_view *view)
{
    const uint32_t flags = linear_flags(view);
    return view->limits->vendor_id == GPU_VENDOR_INTEL && !(flags & Y_WHOLE) && (flags & (RESIDUAL | PREACTIVATION));
}

/* The largest tile of which most is used, and of which there are enough to fill the device, slices counted; else the
 * smallest that fits. Large tiles are not sliced: medium ones are as good. */
static struct choice choose(const struct gpu_view *view)
{
    const struct gpu_limits *limits = view->limits;
    const struct gpu_slot *x = INPUT(view, LINEAR, X), *weight = INPUT(view, LINEAR, WEIGHT);
    const uint64_t enough = groups_to_fill(limits);
    const uint32_t wanted = gpu_tiles_wanted(limits, PLN_OP_LINEAR);
    struct choice chosen = {NULL, 1};
    for (uint32_t size = must_be_small(view) ? SMALL : LARGE; size < SIZES; size++) {
        const struct linear_tile *t = &tiles_of(view)[size];
        if (!fits(view, t))
            continue;
        const uint64_t groups = (uint64_t)ceil_div(x->rows, t->bm) * ceil_div(weight->rows, t->bn);
        const uint32_t depth = size == LARGE ? 0 : x->width, most = slices_of(UINT64_MAX, depth);
        chosen = (struct choice){t, slices_of(groups ? enough / groups : 0, depth)};
        const bool used = x->rows > t->bm / 2 && weight->rows > t->bn / 2;
        if (wanted ? wanted & 1u << size : used && groups * most >= enough)
            break;
    }
    return chosen;
}

/* ---- what the table asks */

uint32_t gpu_linear_slices_width(const struct gpu_view *view)
{
    const struct choice chosen = choose(view);
    return chosen.slices > 1 ? chosen.slices * ceil_div(INPUT(view, LINEAR, WEIGHT)->rows, 4) * 4 : 0;
}

bool gpu_skip_linear_sum(const struct gpu_view *view, uint32_t pass)
{
    return pass == 1 && choose(view).slices <= 1;
}

const char *gpu_tile_linear(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    const pln_linear_params *p = (const void *)view->params;
    const struct gpu_slot *x = INPUT(view, LINEAR, X), *weight = INPUT(view, LINEAR, WEIGHT);
    const uint32_t alignment = 4 * weight->element;
    if (weight->panel || weight->stride % 4 || weight->offset % alignment)
        return "the weight does not lie in aligned rows";
    if (p->activation > PLN_ACTIVATION_SQRT_SOFTPLUS)
        return "unknown activation";
    const struct choice chosen = choose(view);
    const struct linear_tile *t = chosen.tile;
    if (!t)
        return "no tile fits the work-groups of the device";
    const bool sliced = chosen.slices > 1;
    const uint32_t flags = (sliced ? linear_flags(view) & X_WHOLE : linear_flags(view)) |
                           flag(x->width % t->bk != 0, K_EDGE) | flag(t->ahead, AHEAD) |
                           flag(weight->element == 2, HALF);
    const struct gpu_matrix *matrix = &view->limits->matrix;
    set_specs(launch, uses_matrices(view) ? 12 : 9,
              (uint32_t[]){threads_of(view, t), t->bm, t->bn, t->bk, t->tm, t->tn,
                           sliced ? PLN_ACTIVATION_NONE : p->activation, flags, chosen.slices, matrix->m, matrix->n,
                           matrix->k});
    if (uses_matrices(view))
        launch->kernel = gpu_matrix_kernel;
    launch->tile_rows = launch->rows_per_group = t->bm;
    launch->tile_columns = *table_per_group = t->bn;
    launch->columns = chosen.slices;
    return NULL;
}

/* A thread takes groups of four of y: S1 = rows of a work-group, S2 = groups of four of a row, S3 = slices, S4 =
 * activation, S5 = flags. */
const char *gpu_tile_linear_sum(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    enum { THREADS = 64, QUADS = 256 };
    (void)table_per_group;
    const pln_linear_params *p = (const void *)view->params;
    const uint32_t quads = ceil_div(OUTPUT(view, LINEAR, Y)->width, 4), rows = quads < QUADS ? QUADS / quads : 1;
    set_specs(launch, 6, (uint32_t[]){THREADS, rows, quads, choose(view).slices, p->activation, linear_flags(view)});
    launch->rows_per_group = rows;
    launch->columns = 1;
    return NULL;
}

/* A thread alone makes ROWS rows of one panel of columns, one of several lanes LANE_ROWS rows (two groups for 64
 * tokens, since lavapipe deals out groups in equal parts) of its own LANE_COLUMNS: S1 = rows, S2 = rows of a panel, S3
 * = activation, S4 = flags. */
const char *gpu_tile_linear_cpu(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    enum { ROWS = 48, LANE_ROWS = 32, LANE_COLUMNS = 8 };
    const pln_linear_params *p = (const void *)view->params;
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

/* SPDX-License-Identifier: Apache-2.0
 *
 * linear: its tiles, and slices of K where there are few tiles, whose sums a second pass adds. The reason for each tile
 * stands in docs/gpu-kernels.md. With cooperative matrices a tile is cut for subgroups instead of threads. Dropout is
 * one more pass, and so is bringing a weight that is trained into panels.
 */
#include "backends/gpu/ops/passes.h"
#include "backends/gpu/slots.h"

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
    if (uses_matrices(view))
        return linear_tiles[MATRICES];
    return linear_tiles[view->limits->vendor_id == GPU_VENDOR_AMD ? AMD : OTHERS];
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

/* What the texts of `linear`, `linear_sum` and `linear_cpu` share. */
static uint32_t flags_of(const struct gpu_view *view)
{
    const uint32_t y_whole = WHOLE(view, IN(LINEAR, RESIDUAL), OUT(LINEAR, Y), OUT(LINEAR, PREACTIVATION));
    return WHOLE(view, IN(LINEAR, X)) | flag(y_whole, GPU_LINEAR_Y_WHOLE) |
           flag(gpu_slot_here(INPUT(view, LINEAR, BIAS)), GPU_LINEAR_BIAS) |
           flag(gpu_slot_here(INPUT(view, LINEAR, RESIDUAL)), GPU_LINEAR_RESIDUAL) |
           flag(gpu_slot_here(OUTPUT(view, LINEAR, PREACTIVATION)), GPU_LINEAR_PREACTIVATION);
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
    const uint32_t flags = flags_of(view);
    return view->limits->vendor_id == GPU_VENDOR_INTEL && !(flags & GPU_LINEAR_Y_WHOLE) &&
           (flags & (GPU_LINEAR_RESIDUAL | GPU_LINEAR_PREACTIVATION));
}

/* Tiles of every depth that divides K sum in its order. Other widths have one tile, and no sum is cut, where rows must
 * not change it. */
enum { DEEPEST = 32 };
static uint32_t largest_of(const struct gpu_view *view)
{
    const bool alike = !view->steady || uses_matrices(view) || INPUT(view, LINEAR, X)->width % DEEPEST == 0;
    return must_be_small(view) || !alike ? SMALL : LARGE;
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
    for (uint32_t size = largest_of(view); size < SIZES; size++) {
        const struct linear_tile *t = &tiles_of(view)[size];
        if (!fits(view, t))
            continue;
        const uint64_t groups = (uint64_t)ceil_div32(x->rows, t->bm) * ceil_div32(weight->rows, t->bn);
        const uint32_t depth = size == LARGE || view->steady ? 0 : x->width, most = slices_of(UINT64_MAX, depth);
        chosen = (struct choice){t, slices_of(groups ? enough / groups : 0, depth)};
        const bool used = x->rows > t->bm / 2 && weight->rows > t->bn / 2;
        if (wanted ? wanted & 1u << size : used && groups * most >= enough)
            break;
    }
    return chosen;
}

/* Floats of scratch for each row. */
static uint32_t slices_width(const struct gpu_view *view)
{
    const struct choice chosen = choose(view);
    return chosen.slices > 1 ? chosen.slices * round_up32(INPUT(view, LINEAR, WEIGHT)->rows, 4) : 0;
}

static bool has_one_slice(const struct gpu_view *node)
{
    return choose(node).slices <= 1;
}

/* ---- kernels */

static const char *tile_linear(const struct gpu_view *view, struct gpu_launch *launch)
{
    const pln_linear_params *p = (const void *)view->params;
    const struct gpu_slot *x = INPUT(view, LINEAR, X), *weight = INPUT(view, LINEAR, WEIGHT);
    const uint32_t alignment = 4 * weight->element;
    const struct choice chosen = choose(view);
    const struct linear_tile *t = chosen.tile;
    if (weight->panel || weight->stride % 4 || weight->offset % alignment)
        return "the weight does not lie in aligned rows";
    if (gpu_check_activation(p->activation))
        return gpu_check_activation(p->activation);
    if (!t)
        return "no tile fits the work-groups of the device";
    const bool sliced = chosen.slices > 1;
    const uint32_t flags = (sliced ? flags_of(view) & GPU_WHOLE : flags_of(view)) |
                           flag(x->width % t->bk != 0, GPU_LINEAR_K_EDGE) | flag(t->ahead, GPU_LINEAR_AHEAD) |
                           flag(weight->element == sizeof(uint16_t), GPU_LINEAR_HALF);
    SPECS(launch, threads_of(view, t), t->bm, t->bn, t->bk, t->tm, t->tn, sliced ? PLN_ACTIVATION_NONE : p->activation,
          flags, chosen.slices);
    if (uses_matrices(view)) {
        const struct gpu_matrix *matrix = &view->limits->matrix;
        SPECS(launch, matrix->m, matrix->n, matrix->k);
        launch->kernel = gpu_matrix_kernel;
    }
    launch->tile_rows = launch->rows_per_group = t->bm;
    launch->tile_columns = launch->table_per_group = t->bn;
    launch->columns = chosen.slices;
    return NULL;
}

const struct gpu_kernel gpu_kernel_linear = {
    .name = "linear",
    .slots = {BIND_INPUT(LINEAR, LINEAR, X, GPU_ROWS), BIND_INPUT(LINEAR, LINEAR, WEIGHT, GPU_TABLE),
              BIND_INPUT(LINEAR, LINEAR, BIAS, GPU_ALL), BIND_INPUT(LINEAR, LINEAR, RESIDUAL, GPU_ROWS),
              BIND_OUTPUT(LINEAR, LINEAR, Y, GPU_ROWS), BIND_OUTPUT(LINEAR, LINEAR, PREACTIVATION, GPU_ROWS),
              BIND_SCRATCH(LINEAR, SUMS, LINEAR, GPU_ROWS)},
    .rows = IN(LINEAR, X),
    .count = IN(LINEAR, X),
    .tile = tile_linear,
};

/* A thread takes groups of four of y: S1 = rows of a work-group, S2 = groups of four of a row, S3 = slices, S4 =
 * activation, S5 = flags. */
static const char *tile_sum(const struct gpu_view *view, struct gpu_launch *launch)
{
    enum { THREADS = 64, QUADS = 256 };
    const pln_linear_params *p = (const void *)view->params;
    const uint32_t quads = quads_of(OUTPUT(view, LINEAR, Y)->width), rows = quads < QUADS ? QUADS / quads : 1;
    SPECS(launch, THREADS, rows, quads, choose(view).slices, p->activation, flags_of(view));
    launch->rows_per_group = rows;
    launch->columns = 1;
    return NULL;
}

const struct gpu_kernel gpu_kernel_linear_sum = {
    .name = "linear_sum",
    .slots = {BIND_INPUT(LINEAR_SUM, LINEAR, BIAS, GPU_ALL), BIND_INPUT(LINEAR_SUM, LINEAR, RESIDUAL, GPU_ROWS),
              BIND_OUTPUT(LINEAR_SUM, LINEAR, Y, GPU_ROWS), BIND_OUTPUT(LINEAR_SUM, LINEAR, PREACTIVATION, GPU_ROWS),
              BIND_SCRATCH(LINEAR_SUM, SUMS, LINEAR, GPU_ROWS)},
    .rows = IN(LINEAR, X),
    .count = IN(LINEAR, X),
    .tile = tile_sum,
};

/* A thread alone makes ROWS rows of one panel of columns, one of several lanes LANE_ROWS rows (two groups for 64
 * tokens, since lavapipe deals out groups in equal parts) of its own LANE_COLUMNS: S1 = rows, S2 = rows of a panel, S3
 * = activation, S4 = flags. */
static const char *tile_cpu(const struct gpu_view *view, struct gpu_launch *launch)
{
    enum { ROWS = 48, LANE_ROWS = 32, LANE_COLUMNS = 8 };
    const pln_linear_params *p = (const void *)view->params;
    const uint32_t panel = INPUT(view, LINEAR, WEIGHT)->panel, lanes = lanes_of(view->limits);
    if (!panel)
        return "the weight does not lie in panels";
    launch->rows_per_group = lanes > 1 ? LANE_ROWS : ROWS;
    launch->table_per_group = lanes > 1 ? lanes * LANE_COLUMNS : panel;
    SPECS(launch, lanes, launch->rows_per_group, panel, p->activation, flags_of(view));
    return gpu_check_activation(p->activation);
}

const struct gpu_kernel gpu_kernel_linear_cpu = {
    .name = "linear_cpu",
    .slots = {BIND_INPUT(LINEAR_CPU, LINEAR, X, GPU_ROWS), BIND_INPUT(LINEAR_CPU, LINEAR, WEIGHT, GPU_TABLE),
              BIND_INPUT(LINEAR_CPU, LINEAR, BIAS, GPU_ALL), BIND_INPUT(LINEAR_CPU, LINEAR, RESIDUAL, GPU_ROWS),
              BIND_OUTPUT(LINEAR_CPU, LINEAR, Y, GPU_ROWS), BIND_OUTPUT(LINEAR_CPU, LINEAR, PREACTIVATION, GPU_ROWS)},
    .rows = IN(LINEAR, X),
    .count = IN(LINEAR, X),
    .tile = tile_cpu,
};

/* ---- dropout: the residual is added behind it */

static bool drops_nothing(const struct gpu_view *node)
{
    const pln_linear_params *p = (const void *)node->params;
    return !gpu_drops(p->drop_below, INPUT(node, LINEAR, ORIGIN), INPUT(node, LINEAR, RANDOM));
}

static void derive_dropout(const struct gpu_view *node, struct gpu_view *view)
{
    const pln_linear_params *p = (const void *)node->params;
    gpu_derive_dropout(view, &(struct gpu_dropout){.y = OUTPUT(node, LINEAR, Y),
                                                   .residual = INPUT(node, LINEAR, RESIDUAL),
                                                   .origin = INPUT(node, LINEAR, ORIGIN),
                                                   .random = INPUT(node, LINEAR, RANDOM),
                                                   .site = p->site,
                                                   .drop_below = p->drop_below,
                                                   .keep_scale = p->keep_scale});
}

static void derive_linear(const struct gpu_view *node, struct gpu_view *view)
{
    if (!drops_nothing(node))
        *INPUT(view, LINEAR, RESIDUAL) = gpu_absent();
}

/* ---- panels of a weight that is trained, which does not lie in them */

static bool has_panels(const struct gpu_view *node)
{
    return INPUT(node, LINEAR, WEIGHT)->panel != 0;
}

static struct gpu_slot trained_panels(const struct gpu_view *node)
{
    const struct gpu_slot *weight = INPUT(node, LINEAR, WEIGHT);
    return gpu_arranged_weight(node, 0, weight->rows, weight->width);
}

static uint64_t panels_bytes(const struct gpu_view *node)
{
    const struct gpu_slot panels = trained_panels(node);
    return has_panels(node) ? 0 : gpu_arranged_bytes(&panels);
}

static void derive_panels(const struct gpu_view *node, struct gpu_view *view)
{
    gpu_derive_arrange(view, *INPUT(node, LINEAR, WEIGHT), trained_panels(node), false);
}

static void derive_cpu(const struct gpu_view *node, struct gpu_view *view)
{
    derive_linear(node, view);
    if (!has_panels(node))
        *INPUT(view, LINEAR, WEIGHT) = trained_panels(node);
}

static const struct gpu_row processor = {
    .trains = true,
    .scratch_bytes = panels_bytes,
    .passes = {{.kernel = &gpu_kernel_arrange, .derive = derive_panels, .skip = has_panels},
               {.kernel = &gpu_kernel_linear_cpu, .derive = derive_cpu},
               {.kernel = &gpu_kernel_activation, .derive = derive_dropout, .skip = drops_nothing}},
};
const struct gpu_row gpu_row_linear = {
    .trains = true,
    .scratch_width = slices_width,
    .passes = {{.kernel = &gpu_kernel_linear, .derive = derive_linear},
               {.kernel = &gpu_kernel_linear_sum, .derive = derive_linear, .skip = has_one_slice},
               {.kernel = &gpu_kernel_activation, .derive = derive_dropout, .skip = drops_nothing}},
    .processor = &processor,
};

/* ---- a product of another op */

void gpu_derive_product(struct gpu_view *view, const struct gpu_product *product)
{
    const pln_linear_params params = {.activation = PLN_ACTIVATION_NONE};
    SET_SLOTS(view, SCRATCH(LINEAR), [IN(LINEAR, X)] = gpu_read(product->x),
              [IN(LINEAR, WEIGHT)] = gpu_read(product->weight), [IN(LINEAR, RESIDUAL)] = gpu_read(product->residual),
              [OUT(LINEAR, Y)] = gpu_written(product->y), [OUT(LINEAR, PREACTIVATION)] = gpu_written(gpu_absent()));
    gpu_set_params(view, &params, sizeof params);
    const uint32_t width = product->weight.panel ? 0 : slices_width(view);
    const struct gpu_slot sums = gpu_scratch(product->slices, product->x.rows, width, &product->x);
    view->slots[SCRATCH(LINEAR)] = gpu_written(width ? sums : gpu_absent());
    view->n_slots++; /* the sums are no scratch of the row's first pass */
}

uint64_t gpu_slices_bytes(const struct gpu_view *product)
{
    const struct gpu_slot *sums = &product->slots[SCRATCH(LINEAR)];
    return gpu_slot_here(sums) ? gpu_area(sums->rows, sums->stride) : 0;
}

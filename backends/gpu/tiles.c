/* SPDX-License-Identifier: Apache-2.0
 *
 * Tiles of the kernels that multiply: the largest that fits the device and does not waste the shape.
 */
#include "backends/gpu/table.h"

#define INPUT(view, OP, NAME) (&(view)->slots[PLN_##OP##_INPUT_##NAME])
#define OUTPUT(view, OP, NAME) (&(view)->slots[PLN_##OP##_INPUTS + PLN_##OP##_OUTPUT_##NAME])

enum { UNKNOWN_UNITS = 16, GROUPS_PER_UNIT = 2 };

static uint32_t ceil_div(uint32_t a, uint32_t b)
{
    return (a + b - 1) / b;
}

static uint32_t flag(bool set, uint32_t bit)
{
    return set ? bit : 0;
}

static void set_specs(struct gpu_launch *launch, uint32_t n, const uint32_t *values)
{
    for (uint32_t i = 0; i < n; i++)
        launch->specs[i] = values[i];
    launch->n_specs = n;
    launch->workgroup = values[0];
}

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
    const uint32_t units = limits->compute_units ? limits->compute_units : UNKNOWN_UNITS;
    return rows > t->bm / 2 && columns > t->bn / 2 &&
           (uint64_t)ceil_div(rows, t->bm) * ceil_div(columns, t->bn) >= (uint64_t)GROUPS_PER_UNIT * units;
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

static uint32_t lanes_of(const struct gpu_limits *limits)
{
    return limits->lanes ? limits->lanes : 1;
}

/* A thread alone makes ROWS rows of one panel of columns, one of several lanes its own LANE_COLUMNS: S1 = rows, S2 =
 * rows of a panel, S3 = activation, S4 = flags. */
const char *gpu_tile_linear_cpu(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    enum { ROWS = 48, LANE_COLUMNS = 8 };
    const pln_linear_params *p = view->params;
    const uint32_t panel = INPUT(view, LINEAR, WEIGHT)->panel, lanes = lanes_of(view->limits);
    if (!panel)
        return "the weight does not lie in panels";
    if (p->activation > PLN_ACTIVATION_SQRT_SOFTPLUS)
        return "unknown activation";
    set_specs(launch, 5, (uint32_t[]){lanes, ROWS, panel, p->activation, linear_flags(view)});
    launch->rows_per_group = ROWS;
    *table_per_group = lanes > 1 ? lanes * LANE_COLUMNS : panel;
    return NULL;
}

/* ---- attention. 8 * TR query rows and 32 keys; a head of up to 64 passes through shared memory in one piece. */

enum {
    ATTENTION_THREADS = 64,
    ATTENTION_KEYS = 32,
    MAX_QUADS_HELD = 16 /* of y a thread; Intel: a quarter */,
    QUAD_BYTES = 16
};

struct attention_tile {
    uint32_t tr, chunk, chunks;
};
static const struct attention_tile attention_tiles[] = {{4, 16, 0}, {2, 16, 0}, {2, 8, 0}, {1, 16, 0}, {1, 8, 0}};
enum { ATTENTION_TILES = sizeof attention_tiles / sizeof *attention_tiles };

/* The tile for heads of so many groups of four. */
static struct attention_tile attention_tile_of(uint32_t index, uint32_t quads)
{
    struct attention_tile t = attention_tiles[index];
    t.chunk = quads < t.chunk ? quads : t.chunk;
    t.chunks = ceil_div(quads, t.chunk);
    return t;
}

static uint64_t attention_shared(const struct attention_tile *t)
{
    const uint64_t rows = 8 * t->tr;
    return QUAD_BYTES * (rows * ((uint64_t)t->chunks * t->chunk + 1) + ATTENTION_KEYS * (t->chunk + 1) + rows * 9) +
           sizeof(float) * rows * 8;
}

static bool attention_fits(const struct gpu_limits *limits, const struct attention_tile *t, uint32_t held)
{
    return attention_shared(t) <= limits->shared_bytes && t->tr * t->chunks * ceil_div(t->chunk, 8) <= held;
}

/* The most rows a group such that y fits the registers and the device is filled, else the fewest that fit at all; no
 * rows if nothing does. */
static struct attention_tile attention_choose(const struct gpu_limits *limits, uint32_t quads, uint32_t rows,
                                              uint32_t heads)
{
    const uint64_t enough = (uint64_t)GROUPS_PER_UNIT * (limits->compute_units ? limits->compute_units : UNKNOWN_UNITS);
    const uint32_t held = limits->vendor_id == GPU_VENDOR_INTEL ? MAX_QUADS_HELD / 4 : MAX_QUADS_HELD;
    struct attention_tile chosen = {0};
    for (uint32_t i = 0; i < ATTENTION_TILES; i++) {
        const struct attention_tile t = attention_tile_of(i, quads);
        if (!attention_fits(limits, &t, t.tr == 1 ? UINT32_MAX : held) || t.tr == chosen.tr)
            continue;
        chosen = t;
        if ((uint64_t)ceil_div(rows, 8 * t.tr) * heads >= enough)
            break;
    }
    return chosen;
}

/* Bits that the texts of `attention` and `attention_cpu` share. */
static uint32_t attention_flags(const struct gpu_view *view)
{
    const pln_attention_params *p = view->params;
    const bool whole = gpu_slot_whole(INPUT(view, ATTENTION, QUERY)) && gpu_slot_whole(INPUT(view, ATTENTION, KEY)) &&
                       gpu_slot_whole(INPUT(view, ATTENTION, VALUE)) && gpu_slot_whole(OUTPUT(view, ATTENTION, Y)) &&
                       p->head_size % 4 == 0;
    return flag(whole, 1) | flag(gpu_slot_here(INPUT(view, ATTENTION, SOURCE_STARTS)), 2) |
           flag(gpu_slot_here(INPUT(view, ATTENTION, KEY_MASK)), 4) |
           flag(gpu_slot_here(INPUT(view, ATTENTION, BIAS)), 8) | flag(p->relative > 0, 16) |
           flag(p->relative > 1, 32) | flag(gpu_slot_here(INPUT(view, ATTENTION, HEAD_MASK)), 64) |
           flag(p->causal != 0, 128) | flag(gpu_slot_here(OUTPUT(view, ATTENTION, LSE)), 256) |
           flag(gpu_slot_here(OUTPUT(view, ATTENTION, PROBABILITIES)), 512);
}

static const char *tile_attention(const struct gpu_view *view, struct gpu_launch *launch, uint32_t more_flags)
{
    const pln_attention_params *p = view->params;
    if (ATTENTION_THREADS > view->limits->max_workgroup)
        return "the device has too small work-groups";
    const struct attention_tile t =
        attention_choose(view->limits, ceil_div(p->head_size, 4), INPUT(view, ATTENTION, QUERY)->rows, p->heads);
    if (!t.tr)
        return "such large heads need more shared memory than the device has";
    set_specs(launch, 5, (uint32_t[]){ATTENTION_THREADS, t.tr, t.chunk, t.chunks, attention_flags(view) | more_flags});
    launch->rows_per_group = 8 * t.tr;
    launch->columns = p->heads;
    return NULL;
}

const char *gpu_tile_attention(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    (void)table_per_group;
    return tile_attention(view, launch, 0);
}

const char *gpu_tile_probabilities(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    enum { SECOND_PASS = 1024 };
    (void)table_per_group;
    return tile_attention(view, launch, SECOND_PASS);
}

/* A group has ROWS query rows of a head: S1 = rows, S2 = head size, S3 = flags. */
const char *gpu_tile_attention_cpu(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    enum { ROWS = 48 };
    (void)table_per_group;
    const pln_attention_params *p = view->params;
    set_specs(launch, 4, (uint32_t[]){lanes_of(view->limits), ROWS, p->head_size, attention_flags(view)});
    launch->rows_per_group = ROWS;
    launch->columns = p->heads;
    return NULL;
}

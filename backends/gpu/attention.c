/* SPDX-License-Identifier: Apache-2.0
 *
 * How `attention` is cut: which operands it takes, its tiles, and its second pass, which writes the probabilities.
 */
#include "backends/gpu/derive.h"

const char *gpu_accepts_attention(const struct gpu_view *view)
{
    const struct gpu_slot *distance = INPUT(view, ATTENTION, DISTANCE);
    if (gpu_slot_here(distance) && (distance->panel || distance->stride % 4 || distance->offset % GPU_ALIGNMENT))
        return "the table of distances does not lie in aligned rows";
    if (gpu_slot_here(OUTPUT(view, ATTENTION, PROBABILITIES)) && !gpu_slot_here(INPUT(view, ATTENTION, PAIR_STARTS)))
        return "probabilities need pair_starts";
    return NULL;
}

uint32_t gpu_attention_statistics(const struct gpu_view *view)
{
    const pln_attention_params *p = (const void *)view->params;
    const bool windows =
        !gpu_slot_fits(view, INPUT(view, ATTENTION, KEY)) || !gpu_slot_fits(view, INPUT(view, ATTENTION, VALUE));
    return windows || gpu_slot_here(OUTPUT(view, ATTENTION, PROBABILITIES)) ? 2 * p->heads : 0;
}

bool gpu_skip_probabilities(const struct gpu_view *view, uint32_t pass)
{
    return pass == 1 && !gpu_slot_here(OUTPUT(view, ATTENTION, PROBABILITIES));
}

/* ---- tiles: 8 * TR query rows and 8 * HELD keys, of which a thread has TR by HELD */

enum {
    ATTENTION_THREADS = 64,
    CHUNK_QUADS = 8,    /* columns that 8 threads have of a row of y, in groups of four */
    MAX_QUADS_HELD = 8, /* of y a thread: more would not fit the registers */
    QUAD_BYTES = 16
};

struct attention_tile {
    uint32_t tr, held, chunks, value_keys;
};

/* Rows and keys of a thread, as in tile= (8 * tr by 8 * held). Four rows of Intel's spill; eight keys make up for one.
 */
enum { INTEL_ROWS = 3, INTEL_ROWS_OF_DROPOUT = 2, INTEL_ROWS_OF_DISTANCES = 1 };
static const struct {
    uint32_t tr, held;
    bool only_intel; /* unless it is asked for */
} attention_tiles[] = {{4, 4, false}, {3, 8, true}, {2, 4, false}, {1, 4, false}};
enum { ATTENTION_TILES = sizeof attention_tiles / sizeof *attention_tiles };

static struct attention_tile attention_tile_of(uint32_t index, uint32_t head_size)
{
    struct attention_tile t = {.tr = attention_tiles[index].tr,
                               .held = attention_tiles[index].held,
                               .chunks = ceil_div(head_size, 4 * CHUNK_QUADS)};
    t.value_keys = t.chunks > 4 ? 4 : 8;
    return t;
}

static uint64_t attention_shared(const struct attention_tile *t)
{
    const uint64_t rows = 8 * t->tr, quads = (uint64_t)t->chunks * CHUNK_QUADS;
    const uint64_t keys = 8 * 33; /* 256 groups of four, whatever `held`, and gaps against bank conflicts */
    const uint64_t values = 2 * t->held * (rows + 1) + t->value_keys * quads;
    return QUAD_BYTES * (rows * quads + (keys > values ? keys : values) + 8 * 9);
}

/* With distances, or dropout, eight keys a thread are too many registers on every GPU. */
static bool attention_fits(const struct gpu_limits *limits, const pln_attention_params *p,
                           const struct attention_tile *t)
{
    const bool intel = limits->vendor_id == GPU_VENDOR_INTEL, more = p->relative || p->drop_below;
    const uint32_t intel_rows = p->relative     ? INTEL_ROWS_OF_DISTANCES
                                : p->drop_below ? INTEL_ROWS_OF_DROPOUT
                                                : INTEL_ROWS;
    return attention_shared(t) <= limits->shared_bytes && (t->tr == 1 || t->tr * t->chunks <= MAX_QUADS_HELD) &&
           !(more && t->held > 4) && (!intel || t->tr <= intel_rows);
}

/* The most rows a group such that y fits the registers and the device is filled, or what tile= asks for, else the
 * fewest that fit at all; no rows if nothing does. */
static struct attention_tile attention_choose(const struct gpu_view *view)
{
    const pln_attention_params *p = (const void *)view->params;
    const struct gpu_limits *limits = view->limits;
    const uint32_t rows = INPUT(view, ATTENTION, QUERY)->rows;
    const uint32_t wanted = gpu_tiles_wanted(limits, PLN_OP_ATTENTION);
    const bool intel = limits->vendor_id == GPU_VENDOR_INTEL;
    struct attention_tile chosen = {0};
    for (uint32_t i = 0; i < ATTENTION_TILES; i++) {
        const struct attention_tile t = attention_tile_of(i, p->head_size);
        if (!attention_fits(limits, p, &t) || (!wanted && !intel && attention_tiles[i].only_intel))
            continue;
        chosen = t;
        if (wanted ? wanted & 1u << i : (uint64_t)ceil_div(rows, 8 * t.tr) * p->heads >= groups_to_fill(limits))
            break;
    }
    return chosen;
}

/* Bits that the texts of `attention` and `attention_cpu` share. */
static uint32_t attention_flags(const struct gpu_view *view)
{
    const pln_attention_params *p = (const void *)view->params;
    const bool whole = gpu_slot_whole(INPUT(view, ATTENTION, QUERY)) && gpu_slot_whole(INPUT(view, ATTENTION, KEY)) &&
                       gpu_slot_whole(INPUT(view, ATTENTION, VALUE)) && gpu_slot_whole(OUTPUT(view, ATTENTION, Y)) &&
                       p->head_size % 4 == 0;
    return flag(whole, 1) | flag(gpu_slot_here(INPUT(view, ATTENTION, SOURCE_STARTS)), 2) |
           flag(gpu_slot_here(INPUT(view, ATTENTION, KEY_MASK)), 4) |
           flag(gpu_slot_here(INPUT(view, ATTENTION, BIAS)), 8) | flag(p->relative > 0, 16) |
           flag(p->relative > 1, 32) | flag(gpu_slot_here(INPUT(view, ATTENTION, HEAD_MASK)), 64) |
           flag(p->causal != 0, 128) | flag(gpu_slot_here(OUTPUT(view, ATTENTION, LSE)), 256) |
           flag(gpu_slot_here(OUTPUT(view, ATTENTION, PROBABILITIES)), 512) |
           flag(p->drop_below && gpu_slot_here(INPUT(view, ATTENTION, ORIGIN)) &&
                    gpu_slot_here(INPUT(view, ATTENTION, RANDOM)),
                1024) |
           flag(view->limits->vendor_id != GPU_VENDOR_INTEL, 2048);
}

static const char *tile_attention(const struct gpu_view *view, struct gpu_launch *launch, struct attention_tile *t)
{
    const pln_attention_params *p = (const void *)view->params;
    if (ATTENTION_THREADS > view->limits->max_workgroup)
        return "the device has too small work-groups";
    *t = attention_choose(view);
    if (!t->tr)
        return "such large heads need more shared memory than the device has";
    launch->tile_rows = launch->rows_per_group = 8 * t->tr;
    launch->tile_columns = 8 * t->held;
    launch->columns = p->heads;
    return NULL;
}

const char *gpu_tile_attention(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    (void)table_per_group;
    const pln_attention_params *p = (const void *)view->params;
    struct attention_tile t = {0};
    const char *reason = tile_attention(view, launch, &t);
    set_specs(launch, 6,
              (uint32_t[]){ATTENTION_THREADS, t.tr, p->head_size, t.value_keys, t.held, attention_flags(view)});
    return reason;
}

/* The second pass has the rows of the first, and more keys a thread in no more shared memory. */
const char *gpu_tile_probabilities(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    (void)table_per_group;
    const pln_attention_params *p = (const void *)view->params;
    struct attention_tile t = {0};
    const char *reason = tile_attention(view, launch, &t);
    set_specs(launch, 4, (uint32_t[]){ATTENTION_THREADS, t.tr, p->head_size, attention_flags(view)});
    return reason;
}

/* A group has ROWS query rows of a head, LANE_ROWS if it has several lanes, as in `linear`: S1 = rows, S2 = head size,
 * S3 = flags. */
const char *gpu_tile_attention_cpu(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    enum { ROWS = 48, LANE_ROWS = 32 };
    (void)table_per_group;
    const pln_attention_params *p = (const void *)view->params;
    const uint32_t lanes = lanes_of(view->limits);
    launch->rows_per_group = lanes > 1 ? LANE_ROWS : ROWS;
    set_specs(launch, 4, (uint32_t[]){lanes, launch->rows_per_group, p->head_size, attention_flags(view)});
    launch->columns = p->heads;
    return NULL;
}

/* ---- backward: the operands of the node from slot 0 on, with delta in the place of y, then what is written */

enum { OWN_ROWS = 32, INTEL_OWN_ROWS = 16 /* of 32 it spills */, OTHER_ROWS = 16, BACKWARD_THREADS = 64 };

#define BACKWARD(NAME) PLN_ATTENTION_BACKWARD_INPUT_##NAME

static struct gpu_slot backward_delta(const struct gpu_view *node)
{
    const pln_attention_backward_params *p = (const void *)node->params;
    const struct gpu_slot *kept = OUTPUT(node, ATTENTION_BACKWARD, DELTA), *d_y = INPUT(node, ATTENTION_BACKWARD, D_Y);
    return gpu_slot_here(kept) ? *kept : gpu_scratch(0, d_y->rows, p->heads, d_y);
}

uint64_t gpu_attention_backward_bytes(const struct gpu_view *node)
{
    const pln_attention_backward_params *p = (const void *)node->params;
    return gpu_area(INPUT(node, ATTENTION_BACKWARD, D_Y)->rows, p->heads);
}

void gpu_derive_attention_delta(const struct gpu_view *node, struct gpu_view *view)
{
    gpu_set_slots(view, 3,
                  (struct gpu_slot[]){*INPUT(node, ATTENTION_BACKWARD, D_Y), *INPUT(node, ATTENTION_BACKWARD, Y),
                                      gpu_written(backward_delta(node))});
}

/* A thread a row and head; S1 = head size. */
const char *gpu_tile_attention_delta(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    (void)table_per_group;
    const pln_attention_backward_params *p = (const void *)view->params;
    set_specs(launch, 2, (uint32_t[]){BACKWARD_THREADS, p->head_size});
    launch->rows_per_group = BACKWARD_THREADS;
    launch->columns = p->heads;
    return NULL;
}

/* query ... random, lse, delta, d_y, then one or two outputs; rows of `own` are those of the launch. */
static void derive_backward(const struct gpu_view *node, struct gpu_view *view, struct gpu_slot first,
                            struct gpu_slot second)
{
    struct gpu_slot slots[BACKWARD(RANDOM) + 6];
    memcpy(slots, node->slots, (BACKWARD(RANDOM) + 1) * sizeof *slots);
    struct gpu_slot *more = slots + BACKWARD(RANDOM) + 1;
    more[0] = *INPUT(node, ATTENTION_BACKWARD, LSE);
    more[1] = backward_delta(node);
    more[1].output = false;
    more[2] = *INPUT(node, ATTENTION_BACKWARD, D_Y);
    more[3] = first;
    more[4] = second;
    gpu_set_slots(view, BACKWARD(RANDOM) + 6, slots);
    gpu_set_other_count(view, INPUT(node, ATTENTION_BACKWARD, STARTS)->dim);
}

void gpu_derive_backward_query(const struct gpu_view *node, struct gpu_view *view)
{
    derive_backward(node, view, *OUTPUT(node, ATTENTION_BACKWARD, D_QUERY), gpu_written(gpu_absent()));
}

void gpu_derive_backward_keys(const struct gpu_view *node, struct gpu_view *view)
{
    derive_backward(node, view, *OUTPUT(node, ATTENTION_BACKWARD, D_KEY), *OUTPUT(node, ATTENTION_BACKWARD, D_VALUE));
}

static uint32_t backward_flags(const struct gpu_view *view, uint32_t n_outputs)
{
    const pln_attention_backward_params *p = (const void *)view->params;
    const struct gpu_slot *slots = view->slots, *outputs = slots + BACKWARD(RANDOM) + 4;
    bool whole = p->head_size % 4 == 0 && gpu_slot_whole(&slots[BACKWARD(QUERY)]) &&
                 gpu_slot_whole(&slots[BACKWARD(KEY)]) && gpu_slot_whole(&slots[BACKWARD(VALUE)]) &&
                 gpu_slot_whole(&slots[BACKWARD(RANDOM) + 3]);
    for (uint32_t i = 0; i < n_outputs; i++)
        whole &= gpu_slot_whole(&outputs[i]);
    return flag(whole, 1) | flag(gpu_slot_here(&slots[BACKWARD(SOURCE_STARTS)]), 2) |
           flag(gpu_slot_here(&slots[BACKWARD(KEY_MASK)]), 4) | flag(gpu_slot_here(&slots[BACKWARD(BIAS)]), 8) |
           flag(p->relative > 0, 16) | flag(p->relative > 1, 32) |
           flag(gpu_slot_here(&slots[BACKWARD(HEAD_MASK)]), 64) | flag(p->causal != 0, 128) |
           flag(p->drop_below && gpu_slot_here(&slots[BACKWARD(ORIGIN)]) && gpu_slot_here(&slots[BACKWARD(RANDOM)]),
                256);
}

static const char *tile_backward(const struct gpu_view *view, struct gpu_launch *launch, uint32_t n_outputs,
                                 uint32_t more_flags)
{
    const pln_attention_backward_params *p = (const void *)view->params;
    const uint32_t quads = ceil_div(p->head_size, 4) + 1;
    uint32_t own = view->limits->vendor_id == GPU_VENDOR_INTEL ? INTEL_OWN_ROWS : OWN_ROWS;
    while (own > OTHER_ROWS / 2 &&
           (16 * 2 * (own + OTHER_ROWS) * quads + 8 * own * OTHER_ROWS > view->limits->shared_bytes ||
            own * quads > OWN_ROWS * 2 * OTHER_ROWS))
        own /= 2;
    if (BACKWARD_THREADS > view->limits->max_workgroup ||
        16 * 2 * (own + OTHER_ROWS) * quads + 8 * own * OTHER_ROWS > view->limits->shared_bytes)
        return "such large heads need more shared memory than the device has";
    set_specs(launch, 4,
              (uint32_t[]){BACKWARD_THREADS, p->head_size, own, backward_flags(view, n_outputs) | more_flags});
    launch->rows_per_group = own;
    launch->columns = p->heads;
    return NULL;
}

const char *gpu_tile_backward_query(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    (void)table_per_group;
    return tile_backward(view, launch, 1, 0);
}

const char *gpu_tile_backward_keys(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    enum { OF_KEYS = 512 };
    (void)table_per_group;
    return tile_backward(view, launch, 2, OF_KEYS);
}

/* attention_backward_distance has the state first, and delta as an operand. */
void gpu_derive_backward_distance(const struct gpu_view *node, struct gpu_view *view)
{
    gpu_set_slots(view, PLN_ATTENTION_BACKWARD_DISTANCE_INPUTS, &node->slots[1]);
    gpu_set_other_count(view, INPUT(node, ATTENTION_BACKWARD_DISTANCE, STARTS)->dim);
}

/* A work-group a row of the table: S1 = head size, S2 = flags. */
const char *gpu_tile_backward_distance(const struct gpu_view *view, struct gpu_launch *launch,
                                       uint32_t *table_per_group)
{
    (void)table_per_group;
    const pln_attention_backward_params *p = (const void *)view->params;
    if (BACKWARD_THREADS > view->limits->max_workgroup)
        return "the device has too small work-groups";
    set_specs(launch, 3, (uint32_t[]){BACKWARD_THREADS, p->head_size, backward_flags(view, 0)});
    launch->rows_per_group = launch->columns = 1;
    return NULL;
}

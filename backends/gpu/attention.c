/* SPDX-License-Identifier: Apache-2.0
 *
 * How `attention` is cut: which operands it takes, its tiles, and its second pass, which writes the probabilities.
 */
#include "backends/gpu/table.h"

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
    const pln_attention_params *p = view->params;
    return gpu_slot_here(OUTPUT(view, ATTENTION, PROBABILITIES)) ? 2 * p->heads : 0;
}

bool gpu_skip_probabilities(const struct gpu_view *view, uint32_t pass)
{
    return pass == 1 && !gpu_slot_here(OUTPUT(view, ATTENTION, PROBABILITIES));
}

/* ---- tiles. 8 * TR query rows and 32 keys; a head of up to 64 passes through shared memory in one piece. */

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
    const uint64_t enough = groups_to_fill(limits);
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

/* SPDX-License-Identifier: Apache-2.0
 *
 * attention: which operands it takes, its tiles, and its second pass, which writes the probabilities.
 */
#include "backends/gpu/slots.h"
#include "backends/gpu/tiles.h"

static const char *accepts_attention(const struct gpu_view *view)
{
    const struct gpu_slot *distance = INPUT(view, ATTENTION, DISTANCE);
    if (gpu_slot_here(distance) && (distance->panel || distance->stride % 4 || distance->offset % GPU_ALIGNMENT))
        return "the table of distances does not lie in aligned rows";
    if (gpu_slot_here(OUTPUT(view, ATTENTION, PROBABILITIES)) && !gpu_slot_here(INPUT(view, ATTENTION, PAIR_STARTS)))
        return "probabilities need pair_starts";
    if (gpu_slot_here(INPUT(view, ATTENTION, KEY_ROWS)) &&
        !(gpu_slot_fits(view->limits, INPUT(view, ATTENTION, KEY)) &&
          gpu_slot_fits(view->limits, INPUT(view, ATTENTION, VALUE))))
        return "a list of keys goes to more rows than one binding may span";
    return NULL;
}

/* Probabilities need a second pass, which needs the maximum and the sum of each row; so does a sequence that goes on in
 * the next window of keys. Floats for each row. */
static uint32_t statistics_width(const struct gpu_view *view)
{
    const pln_attention_params *p = (const void *)view->params;
    const bool fits = gpu_slot_fits(view->limits, INPUT(view, ATTENTION, KEY)) &&
                      gpu_slot_fits(view->limits, INPUT(view, ATTENTION, VALUE));
    return !fits || gpu_slot_here(OUTPUT(view, ATTENTION, PROBABILITIES)) ? 2 * p->heads : 0;
}

static bool has_no_probabilities(const struct gpu_view *node)
{
    return !gpu_slot_here(OUTPUT(node, ATTENTION, PROBABILITIES));
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
                               .chunks = ceil_div32(head_size, 4 * CHUNK_QUADS)};
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
    uint32_t intel_rows = p->drop_below ? INTEL_ROWS_OF_DROPOUT : INTEL_ROWS;
    if (p->relative)
        intel_rows = INTEL_ROWS_OF_DISTANCES;
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
        const bool other = attention_tiles[i].only_intel && (!intel || view->steady); /* as many keys in every tile */
        if (!attention_fits(limits, p, &t) || (!wanted && other))
            continue;
        chosen = t;
        if (wanted ? wanted & 1u << i : (uint64_t)ceil_div32(rows, 8 * t.tr) * p->heads >= groups_to_fill(limits))
            break;
    }
    return chosen;
}

/* What the texts of `attention`, `attention_probabilities` and `attention_cpu` share. */
static uint32_t flags_of(const struct gpu_view *view)
{
    const pln_attention_params *p = (const void *)view->params;
    const uint32_t whole =
        WHOLE(view, IN(ATTENTION, QUERY), IN(ATTENTION, KEY), IN(ATTENTION, VALUE), OUT(ATTENTION, Y));
    const bool drops =
        p->drop_below && gpu_slot_here(INPUT(view, ATTENTION, ORIGIN)) && gpu_slot_here(INPUT(view, ATTENTION, RANDOM));
    return (p->head_size % 4 == 0 ? whole : 0) |
           flag(gpu_slot_here(INPUT(view, ATTENTION, SOURCE_STARTS)), GPU_ATTENTION_SOURCE) |
           flag(gpu_slot_here(INPUT(view, ATTENTION, KEY_MASK)), GPU_ATTENTION_KEY_MASK) |
           flag(gpu_slot_here(INPUT(view, ATTENTION, BIAS)), GPU_ATTENTION_BIAS) |
           flag(p->relative > 0, GPU_ATTENTION_DISTANCE) | flag(p->relative > 1, GPU_ATTENTION_DISTANCE_KEY) |
           flag(gpu_slot_here(INPUT(view, ATTENTION, HEAD_MASK)), GPU_ATTENTION_HEAD_MASK) |
           flag(p->causal != 0, GPU_ATTENTION_CAUSAL) |
           flag(gpu_slot_here(OUTPUT(view, ATTENTION, LSE)), GPU_ATTENTION_LSE) |
           flag(gpu_slot_here(OUTPUT(view, ATTENTION, PROBABILITIES)), GPU_ATTENTION_KEEP) |
           flag(drops, GPU_ATTENTION_DROPOUT) |
           flag(gpu_slot_here(INPUT(view, ATTENTION, KEY_ROWS)), GPU_ATTENTION_LISTED) |
           flag(view->limits->vendor_id != GPU_VENDOR_INTEL, GPU_ATTENTION_AHEAD);
}

static const char *choose_tile(const struct gpu_view *view, struct gpu_launch *launch, struct attention_tile *t)
{
    const pln_attention_params *p = (const void *)view->params;
    *t = attention_choose(view);
    if (ATTENTION_THREADS > view->limits->max_workgroup)
        return "the device has too small work-groups";
    if (!t->tr)
        return "such large heads need more shared memory than the device has";
    launch->tile_rows = launch->rows_per_group = 8 * t->tr;
    launch->tile_columns = 8 * t->held;
    launch->columns = p->heads;
    return NULL;
}

static const char *tile_attention(const struct gpu_view *view, struct gpu_launch *launch)
{
    const pln_attention_params *p = (const void *)view->params;
    struct attention_tile t;
    const char *reason = choose_tile(view, launch, &t);
    SPECS(launch, ATTENTION_THREADS, t.tr, p->head_size, t.value_keys, t.held, flags_of(view));
    return reason;
}

/* The second pass has the rows of the first, and more keys a thread in no more shared memory. */
static const char *tile_probabilities(const struct gpu_view *view, struct gpu_launch *launch)
{
    const pln_attention_params *p = (const void *)view->params;
    struct attention_tile t;
    const char *reason = choose_tile(view, launch, &t);
    SPECS(launch, ATTENTION_THREADS, t.tr, p->head_size, flags_of(view));
    return reason;
}

/* A group has ROWS query rows of a head, LANE_ROWS if it has several lanes, as in `linear`: S1 = rows, S2 = head size,
 * S3 = flags. */
static const char *tile_cpu(const struct gpu_view *view, struct gpu_launch *launch)
{
    enum { ROWS = 48, LANE_ROWS = 32 };
    const pln_attention_params *p = (const void *)view->params;
    const uint32_t lanes = lanes_of(view->limits);
    launch->rows_per_group = lanes > 1 ? LANE_ROWS : ROWS;
    launch->columns = p->heads;
    SPECS(launch, lanes, launch->rows_per_group, p->head_size, flags_of(view));
    return NULL;
}

/* ---- kernels: all see the same operands */

#define OPERANDS(KERNEL)                                                                                               \
    .slots = {BIND_INPUT(KERNEL, ATTENTION, QUERY, GPU_ROWS),                                                          \
              BIND_INPUT(KERNEL, ATTENTION, KEY, GPU_TABLE),                                                           \
              BIND_INPUT(KERNEL, ATTENTION, VALUE, GPU_TABLE),                                                         \
              BIND_INPUT(KERNEL, ATTENTION, STARTS, GPU_ALL),                                                          \
              BIND_INPUT(KERNEL, ATTENTION, SOURCE_STARTS, GPU_ALL),                                                   \
              BIND_INPUT(KERNEL, ATTENTION, KEY_MASK, GPU_ALL),                                                        \
              BIND_INPUT(KERNEL, ATTENTION, BIAS, GPU_ALL),                                                            \
              BIND_INPUT(KERNEL, ATTENTION, PAIR_STARTS, GPU_ALL),                                                     \
              BIND_INPUT(KERNEL, ATTENTION, DISTANCE, GPU_ALL),                                                        \
              BIND_INPUT(KERNEL, ATTENTION, HEAD_MASK, GPU_ALL),                                                       \
              BIND_INPUT(KERNEL, ATTENTION, ORIGIN, GPU_ALL),                                                          \
              BIND_INPUT(KERNEL, ATTENTION, RANDOM, GPU_ALL),                                                          \
              BIND_INPUT(KERNEL, ATTENTION, KEY_ROWS, GPU_ALL),                                                        \
              BIND_OUTPUT(KERNEL, ATTENTION, Y, GPU_ROWS),                                                             \
              BIND_OUTPUT(KERNEL, ATTENTION, LSE, GPU_ROWS),                                                           \
              BIND_OUTPUT(KERNEL, ATTENTION, PROBABILITIES, GPU_ALL),                                                  \
              BIND_SCRATCH(KERNEL, STATISTICS, ATTENTION, GPU_ROWS)},                                                  \
    .rows = IN(ATTENTION, QUERY), .count = IN(ATTENTION, STARTS)

static const struct gpu_kernel attention = {.name = "attention", OPERANDS(ATTENTION), .tile = tile_attention};
static const struct gpu_kernel attention_cpu = {.name = "attention_cpu", OPERANDS(ATTENTION_CPU), .tile = tile_cpu};
static const struct gpu_kernel attention_probabilities = {
    .name = "attention_probabilities", OPERANDS(ATTENTION_PROBABILITIES), .tile = tile_probabilities};

static const struct gpu_row processor = {
    .trains = true,
    .accepts = accepts_attention,
    .scratch_width = statistics_width,
    .passes = {{.kernel = &attention_cpu}, {.kernel = &attention_probabilities, .skip = has_no_probabilities}},
};
const struct gpu_row gpu_row_attention = {
    .trains = true,
    .accepts = accepts_attention,
    .scratch_width = statistics_width,
    .passes = {{.kernel = &attention}, {.kernel = &attention_probabilities, .skip = has_no_probabilities}},
    .processor = &processor,
};

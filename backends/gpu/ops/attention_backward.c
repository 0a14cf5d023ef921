/* SPDX-License-Identifier: Apache-2.0
 *
 * attention_backward, by the queries and by keys and values, and attention_backward_distance: all of them differentiate
 * pairs of a query and a key.
 */
#include "backends/gpu/derive.h"
#include "backends/gpu/slots.h"

enum { THREADS = 64 };

/* ---- a view of pairs: query to random as the ops have them, then what is kept of the forward pass, d_y, and what is
 * written. */

#define PAIR(NAME) SLOT(ATTENTION_BACKWARD, NAME)

/* Whole in every launch. */
#define BIND_PAIR(KERNEL, NAME) [SLOT(KERNEL, NAME)] = {PAIR(NAME), GPU_ALL}
#define BIND_PAIRS(KERNEL)                                                                                             \
    BIND_PAIR(KERNEL, QUERY), BIND_PAIR(KERNEL, KEY), BIND_PAIR(KERNEL, VALUE), BIND_PAIR(KERNEL, STARTS),             \
        BIND_PAIR(KERNEL, SOURCE_STARTS), BIND_PAIR(KERNEL, KEY_MASK), BIND_PAIR(KERNEL, BIAS),                        \
        BIND_PAIR(KERNEL, PAIR_STARTS), BIND_PAIR(KERNEL, DISTANCE), BIND_PAIR(KERNEL, HEAD_MASK),                     \
        BIND_PAIR(KERNEL, ORIGIN), BIND_PAIR(KERNEL, RANDOM), BIND_PAIR(KERNEL, LSE), BIND_PAIR(KERNEL, DELTA),        \
        BIND_PAIR(KERNEL, D_Y)

static uint32_t flags_of(const struct gpu_view *view)
{
    const pln_attention_backward_params *p = (const void *)view->params;
    const struct gpu_slot *slots = view->slots;
    const bool drops = p->drop_below && gpu_slot_here(&slots[PAIR(ORIGIN)]) && gpu_slot_here(&slots[PAIR(RANDOM)]);
    return flag(gpu_slot_here(&slots[PAIR(SOURCE_STARTS)]), GPU_ATTENTION_SOURCE) |
           flag(gpu_slot_here(&slots[PAIR(KEY_MASK)]), GPU_ATTENTION_KEY_MASK) |
           flag(gpu_slot_here(&slots[PAIR(BIAS)]), GPU_ATTENTION_BIAS) | flag(p->relative > 0, GPU_ATTENTION_DISTANCE) |
           flag(p->relative > 1, GPU_ATTENTION_DISTANCE_KEY) |
           flag(gpu_slot_here(&slots[PAIR(HEAD_MASK)]), GPU_ATTENTION_HEAD_MASK) |
           flag(p->causal != 0, GPU_ATTENTION_CAUSAL) | flag(drops, GPU_ATTENTION_BACKWARD_DROPOUT);
}

/* Of the heads that are read. */
static uint32_t whole_heads(const struct gpu_view *view)
{
    const pln_attention_backward_params *p = (const void *)view->params;
    return p->head_size % 4 ? 0 : WHOLE(view, PAIR(QUERY), PAIR(KEY), PAIR(VALUE), PAIR(D_Y));
}

/* ---- delta: the sum of d_y * y over each head's columns of a row */

static struct gpu_slot delta_of(const struct gpu_view *node)
{
    const pln_attention_backward_params *p = (const void *)node->params;
    const struct gpu_slot *kept = OUTPUT(node, ATTENTION_BACKWARD, DELTA), *d_y = INPUT(node, ATTENTION_BACKWARD, D_Y);
    return gpu_slot_here(kept) ? *kept : gpu_scratch(0, d_y->rows, p->heads, d_y);
}

static uint64_t scratch_bytes(const struct gpu_view *node)
{
    const pln_attention_backward_params *p = (const void *)node->params;
    return gpu_area(INPUT(node, ATTENTION_BACKWARD, D_Y)->rows, p->heads);
}

static void derive_delta(const struct gpu_view *node, struct gpu_view *view)
{
    SET_SLOTS(view, SLOTS_OF(ATTENTION_DELTA), [SLOT(ATTENTION_DELTA, D_Y)] = *INPUT(node, ATTENTION_BACKWARD, D_Y),
              [SLOT(ATTENTION_DELTA, Y)] = *INPUT(node, ATTENTION_BACKWARD, Y),
              [SLOT(ATTENTION_DELTA, DELTA)] = gpu_written(delta_of(node)));
}

/* A thread a row and head; S1 = head size. */
static const char *tile_delta(const struct gpu_view *view, struct gpu_launch *launch)
{
    const pln_attention_backward_params *p = (const void *)view->params;
    launch->rows_per_group = THREADS;
    launch->columns = p->heads;
    SPECS(launch, THREADS, p->head_size);
    return NULL;
}

static const struct gpu_kernel attention_delta = {
    .name = "attention_delta",
    .slots = {BIND(ATTENTION_DELTA, D_Y, GPU_ROWS), BIND(ATTENTION_DELTA, Y, GPU_ROWS),
              BIND(ATTENTION_DELTA, DELTA, GPU_ROWS)},
    .rows = SLOT(ATTENTION_DELTA, D_Y),
    .count = SLOT(ATTENTION_DELTA, D_Y),
    .tile = tile_delta,
};

/* ---- by the queries, and by keys and values: one text, whose launch has the rows of that side */

static void derive_pairs(const struct gpu_view *node, struct gpu_view *view, struct gpu_slot written,
                         struct gpu_slot written_too)
{
    struct gpu_slot slots[SLOTS_OF(ATTENTION_BACKWARD)];
    memcpy(slots, node->slots, PAIR(LSE) * sizeof *slots);
    slots[PAIR(LSE)] = *INPUT(node, ATTENTION_BACKWARD, LSE);
    slots[PAIR(DELTA)] = gpu_read(delta_of(node));
    slots[PAIR(D_Y)] = *INPUT(node, ATTENTION_BACKWARD, D_Y);
    slots[PAIR(D_FIRST)] = written;
    slots[PAIR(D_SECOND)] = written_too;
    gpu_set_slots(view, SLOTS_OF(ATTENTION_BACKWARD), slots);
    gpu_set_other_count(view, INPUT(node, ATTENTION_BACKWARD, STARTS)->dim);
}

static void derive_query(const struct gpu_view *node, struct gpu_view *view)
{
    derive_pairs(node, view, *OUTPUT(node, ATTENTION_BACKWARD, D_QUERY), gpu_written(gpu_absent()));
}

static void derive_keys(const struct gpu_view *node, struct gpu_view *view)
{
    derive_pairs(node, view, *OUTPUT(node, ATTENTION_BACKWARD, D_KEY), *OUTPUT(node, ATTENTION_BACKWARD, D_VALUE));
}

/* Own rows of a group; of 32 Intel's compiler spills. Both sides lie in shared memory, and two sums of each pair. */
enum { OWN_ROWS = 32, INTEL_OWN_ROWS = 16, OTHER_ROWS = 16 };

static uint32_t shared_bytes_of(uint32_t own, uint32_t quads)
{
    enum { QUAD_BYTES = 16, PAIR_BYTES = 8 };
    return QUAD_BYTES * 2 * (own + OTHER_ROWS) * quads + PAIR_BYTES * own * OTHER_ROWS;
}

/* S1 = head size, S2 = own rows, S3 = flags. */
static const char *tile_pairs(const struct gpu_view *view, struct gpu_launch *launch, uint32_t more_flags)
{
    const pln_attention_backward_params *p = (const void *)view->params;
    const struct gpu_limits *limits = view->limits;
    const uint32_t quads = quads_of(p->head_size) + 1, most_quads = OWN_ROWS * 2 * OTHER_ROWS;
    uint32_t own = limits->vendor_id == GPU_VENDOR_INTEL ? INTEL_OWN_ROWS : OWN_ROWS;
    while (own > OTHER_ROWS / 2 && (shared_bytes_of(own, quads) > limits->shared_bytes || own * quads > most_quads))
        own /= 2;
    if (THREADS > limits->max_workgroup || shared_bytes_of(own, quads) > limits->shared_bytes)
        return "such large heads need more shared memory than the device has";
    const uint32_t whole = whole_heads(view) & WHOLE(view, PAIR(D_FIRST), PAIR(D_SECOND));
    launch->rows_per_group = own;
    launch->columns = p->heads;
    SPECS(launch, THREADS, p->head_size, own, whole | flags_of(view) | more_flags);
    return NULL;
}

static const char *tile_query(const struct gpu_view *view, struct gpu_launch *launch)
{
    return tile_pairs(view, launch, 0);
}

static const char *tile_keys(const struct gpu_view *view, struct gpu_launch *launch)
{
    return tile_pairs(view, launch, GPU_ATTENTION_BACKWARD_OF_KEYS);
}

static const struct gpu_kernel by_query = {
    .name = "attention_backward",
    .slots = {BIND_PAIRS(ATTENTION_BACKWARD), BIND(ATTENTION_BACKWARD, D_FIRST, GPU_ROWS),
              BIND(ATTENTION_BACKWARD, D_SECOND, GPU_ROWS)},
    .rows = PAIR(QUERY),
    .count = PAIR(QUERY),
    .tile = tile_query,
};
static const struct gpu_kernel by_keys = {
    .name = "attention_backward",
    .slots = {BIND_PAIRS(ATTENTION_BACKWARD), BIND(ATTENTION_BACKWARD, D_FIRST, GPU_ROWS),
              BIND(ATTENTION_BACKWARD, D_SECOND, GPU_ROWS)},
    .rows = PAIR(KEY),
    .count = PAIR(KEY),
    .tile = tile_keys,
};

const struct gpu_row gpu_row_attention_backward = {
    .trains = true,
    .scratch_bytes = scratch_bytes,
    .passes = {{.kernel = &attention_delta, .derive = derive_delta},
               {.kernel = &by_query, .derive = derive_query},
               {.kernel = &by_keys, .derive = derive_keys}},
};

/* ---- attention_backward_distance: the state comes first, and delta is an operand */

static void derive_distance(const struct gpu_view *node, struct gpu_view *view)
{
    struct gpu_slot slots[SLOTS_OF(ATTENTION_BACKWARD_DISTANCE)];
    memcpy(slots, INPUT(node, ATTENTION_BACKWARD_DISTANCE, QUERY), PAIR(LSE) * sizeof *slots);
    slots[PAIR(LSE)] = *INPUT(node, ATTENTION_BACKWARD_DISTANCE, LSE);
    slots[PAIR(DELTA)] = *INPUT(node, ATTENTION_BACKWARD_DISTANCE, DELTA);
    slots[PAIR(D_Y)] = *INPUT(node, ATTENTION_BACKWARD_DISTANCE, D_Y);
    slots[SLOT(ATTENTION_BACKWARD_DISTANCE, D_DISTANCE)] = *OUTPUT(node, ATTENTION_BACKWARD_DISTANCE, D_DISTANCE);
    gpu_set_slots(view, SLOTS_OF(ATTENTION_BACKWARD_DISTANCE), slots);
    gpu_set_other_count(view, INPUT(node, ATTENTION_BACKWARD_DISTANCE, STARTS)->dim);
}

/* A work-group a row of the table: S1 = head size, S2 = flags. */
static const char *tile_distance(const struct gpu_view *view, struct gpu_launch *launch)
{
    const pln_attention_backward_params *p = (const void *)view->params;
    if (THREADS > view->limits->max_workgroup)
        return "the device has too small work-groups";
    launch->rows_per_group = launch->columns = 1;
    SPECS(launch, THREADS, p->head_size, whole_heads(view) | flags_of(view));
    return NULL;
}

static const struct gpu_kernel attention_backward_distance = {
    .name = "attention_backward_distance",
    .slots = {BIND_PAIRS(ATTENTION_BACKWARD_DISTANCE), BIND(ATTENTION_BACKWARD_DISTANCE, D_DISTANCE, GPU_ROWS)},
    .rows = SLOT(ATTENTION_BACKWARD_DISTANCE, D_DISTANCE),
    .count = SLOT(ATTENTION_BACKWARD_DISTANCE, D_DISTANCE),
    .tile = tile_distance,
};

const struct gpu_row gpu_row_attention_backward_distance = {
    .trains = true,
    .passes = {{.kernel = &attention_backward_distance, .derive = derive_distance}},
};

/* SPDX-License-Identifier: Apache-2.0
 *
 * The kernel table: for each op the passes that make it up, how each pass reaches its operands, and which tile it
 * takes.
 */
#ifndef BACKENDS_GPU_TABLE_H
#define BACKENDS_GPU_TABLE_H

#include "backends/gpu/gpu.h"

enum {
    GPU_PASSES = 6,
    GPU_ALIGNMENT = 16 /* bytes of a group of four */,
    GPU_VENDOR_AMD = 0x1002,
    GPU_VENDOR_INTEL = 0x8086,
    GPU_VENDOR_NVIDIA = 0x10de
};

/* An operand: inputs of the op in order, then its outputs, then scratch. */
struct gpu_slot {
    int32_t value; /* as in gpu_binding */
    bool output, state;
    uint64_t offset; /* bytes of its first element in its memory */
    uint32_t rows, width, stride, panel;
    uint32_t element; /* bytes */
    pln_dim dim;
    const char *name;
};

/* A node, seen with what is needed to lower it. */
struct gpu_view {
    const struct gpu_limits *limits;
    const pln_node_info *node;
    uint32_t params[GPU_PARAMS]; /* of the op, absent tail zero */
    uint32_t n_slots;            /* without scratch */
    struct gpu_slot slots[GPU_SLOTS];
};

struct gpu_pass {
    const char *kernel;
    /* One letter a slot. r: row r of the launch uses row r, so windows of rows are windows of it. t: the table,
     * windowed by itself (several are windowed alike: K and V). w: whole in every launch. -: not bound. One more letter
     * for the scratch, if the op has any. */
    const char *access;
    uint32_t rows;  /* the slot whose rows the launch has */
    uint32_t count; /* the slot whose real rows the record tells: mostly the same */
    bool single;    /* one group sees all rows */
    /* Fills workgroup, specs, rows_per_group and columns, and may name another kernel of the same bindings: with
     * table_per_group that many (0: one) for each `table_per_group` rows of the table window. NULL, or why no tile will
     * do. */
    const char *(*tile)(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group);
    /* What the pass sees when it is not the node itself: the product of two operands that the passes before it brought
     * into scratch is a `linear`. view is the node's at first. NULL: the node. */
    void (*derive)(const struct gpu_view *node, struct gpu_view *view);
};

struct gpu_row {
    uint32_t op;
    bool cpu; /* variant */
    uint32_t n_inputs, n_outputs;
    uint32_t version;
    uint32_t params_size;
    uint32_t states; /* the first inputs that are the first outputs too, and are bound as those */
    bool trains; /* states among its operands: weights that are trained, gradients, moments */
    uint32_t (*scratch_width)(const struct gpu_view *view); /* floats for each row; NULL: no scratch */
    uint64_t (*scratch_bytes)(const struct gpu_view *view); /* of a row that derives: it parts them itself */
    const char *(*accepts)(const struct gpu_view *view);    /* NULL, or why not; NULL: everything */
    /* Passes up to the first without a kernel. `skip` leaves one out that the node does not need. */
    bool (*skip)(const struct gpu_view *view, uint32_t pass);
    struct gpu_pass passes[GPU_PASSES];
};

/* The row for an op under the limits, NULL if there is none. */
const struct gpu_row *gpu_row_find(const struct gpu_limits *limits, uint32_t op);

/* Rows are groups of four: aligned, and a multiple of four wide. True for an absent operand. */
bool gpu_slot_whole(const struct gpu_slot *slot);
/* Whether one binding may span all of its rows. */
bool gpu_slot_fits(const struct gpu_view *view, const struct gpu_slot *slot);
static inline bool gpu_slot_here(const struct gpu_slot *slot)
{
    return slot->value != GPU_BIND_NONE;
}

#define INPUT(view, OP, NAME) (&(view)->slots[PLN_##OP##_INPUT_##NAME])
#define OUTPUT(view, OP, NAME) (&(view)->slots[PLN_##OP##_INPUTS + PLN_##OP##_OUTPUT_##NAME])

static inline uint32_t ceil_div(uint32_t a, uint32_t b)
{
    return (a + b - 1) / b;
}

static inline uint32_t flag(bool set, uint32_t bit)
{
    return set ? bit : 0;
}

/* The first value is that of the work-group. */
static inline void set_specs(struct gpu_launch *launch, uint32_t n, const uint32_t *values)
{
    for (uint32_t i = 0; i < n; i++)
        launch->specs[i] = values[i];
    launch->n_specs = n;
    launch->workgroup = values[0];
}

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

/* Which of the op's tiles tile= asks for, a bit each from the largest on; 0: any. */
uint32_t gpu_tiles_wanted(const struct gpu_limits *limits, uint32_t op);

/* linear.c: with few tiles K is cut into slices, whose sums go through scratch to a second pass. */
uint32_t gpu_linear_slices_width(const struct gpu_view *view);
bool gpu_skip_linear_sum(const struct gpu_view *view, uint32_t pass);
const char *gpu_tile_linear_sum(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group);
/* A work-group for a row that its threads hold: S1 = groups of four of a thread, S2 = flags. */
const char *gpu_tile_row(const struct gpu_view *view, struct gpu_launch *launch, uint32_t width, uint32_t flags);

const char *gpu_tile_linear(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group);
const char *gpu_tile_linear_cpu(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group);

/* attention.c: probabilities need a second pass, which needs the maximum and the sum of each row; so does a sequence
 * that goes on in the next window of keys. */
const char *gpu_accepts_attention(const struct gpu_view *view);
uint32_t gpu_attention_statistics(const struct gpu_view *view); /* floats for each row */
bool gpu_skip_probabilities(const struct gpu_view *view, uint32_t pass);
const char *gpu_tile_attention(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group);
const char *gpu_tile_attention_cpu(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group);
const char *gpu_tile_probabilities(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group);

/* products.c, backward.c, dropout.c: ops whose passes see something else than the node. */
typedef const char *gpu_tile_fn(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group);
typedef void gpu_derive_fn(const struct gpu_view *node, struct gpu_view *view);
typedef uint64_t gpu_bytes_fn(const struct gpu_view *node);
typedef bool gpu_skip_fn(const struct gpu_view *node, uint32_t pass);
gpu_tile_fn gpu_tile_attention_delta, gpu_tile_backward_query, gpu_tile_backward_keys, gpu_tile_backward_distance;
gpu_derive_fn gpu_derive_attention_delta, gpu_derive_backward_query, gpu_derive_backward_keys,
    gpu_derive_backward_distance;
gpu_bytes_fn gpu_attention_backward_bytes;
gpu_tile_fn gpu_tile_activation_backward, gpu_tile_loss_backward, gpu_tile_adamw, gpu_tile_threads,
    gpu_tile_layer_norm_backward, gpu_tile_column_sums, gpu_tile_embed_sum, gpu_tile_scatter, gpu_tile_spread,
    gpu_tile_squares, gpu_tile_root, gpu_tile_arrange;
gpu_derive_fn gpu_derive_norm_sums, gpu_derive_embed_sum, gpu_derive_embed_dropout, gpu_derive_embed_norm,
    gpu_derive_embed_sums, gpu_derive_equal_rows, gpu_derive_scatter, gpu_derive_first_uses, gpu_derive_gather,
    gpu_derive_mean_backward, gpu_derive_span_backward, gpu_derive_squares, gpu_derive_root, gpu_derive_loss_mean,
    gpu_derive_panels, gpu_derive_linear, gpu_derive_transposed_weight, gpu_derive_backward_x,
    gpu_derive_transposed_d_y, gpu_derive_transposed_x, gpu_derive_backward_weight, gpu_derive_bias;
gpu_bytes_fn gpu_embed_backward_bytes, gpu_scatter_bytes, gpu_gather_bytes, gpu_norm_bytes, gpu_linear_cpu_bytes,
    gpu_backward_x_bytes, gpu_backward_weight_bytes;
gpu_skip_fn gpu_skip_norm_backward, gpu_skip_embed_backward, gpu_skip_linear_cpu, gpu_skip_linear, gpu_skip_backward_x,
    gpu_skip_backward_weight;
#endif

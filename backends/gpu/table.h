/* SPDX-License-Identifier: Apache-2.0
 *
 * What an op of ops/ is written with: operands as kernels see them, kernels, and a row that lists the passes of an op.
 * ops/NAME.c defines the row gpu_row_NAME; table.c asks for one of each op of graph/ops.def, so a forgotten row is a
 * link error. A row without passes is an op that no GPU takes.
 */
#ifndef BACKENDS_GPU_TABLE_H
#define BACKENDS_GPU_TABLE_H

#include "backends/gpu/gpu.h"

enum {
    GPU_PASSES = 6,
    GPU_ALIGNMENT = 16,  /* bytes of a group of four */
    GPU_PANEL_ROWS = 32, /* of weights that lie in panels */
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
    bool steady;                 /* PLN_SEGMENT_STEADY: what is chosen by a number of rows changes no sum */
    uint32_t params[GPU_PARAMS]; /* of the op, absent tail zero */
    uint32_t n_slots;            /* without scratch */
    struct gpu_slot slots[GPU_SLOTS];
};

/* The places of operands among the slots of a view. */
#define IN(OP, NAME) (PLN_##OP##_INPUT_##NAME)
#define OUT(OP, NAME) (PLN_##OP##_INPUTS + PLN_##OP##_OUTPUT_##NAME)
#define SCRATCH(OP) (PLN_##OP##_INPUTS + PLN_##OP##_OUTPUTS)
#define INPUT(view, OP, NAME) (&(view)->slots[IN(OP, NAME)])
#define OUTPUT(view, OP, NAME) (&(view)->slots[OUT(OP, NAME)])

/* How the launches of a kernel reach an operand. */
enum gpu_access {
    GPU_UNBOUND, /* behind the last slot */
    GPU_ROWS,    /* row r of the launch uses row r, so windows of rows are windows of it */
    GPU_TABLE,   /* windowed by itself; several are windowed alike: K and V */
    GPU_ALL      /* whole in every launch */
};

/* A slot of a kernel: which operand of the view it holds. */
struct gpu_bind {
    uint8_t operand, access; /* enum gpu_access */
};
/* Slots by the names that the kernel's text has for its operands (backends/gpu/slots.h, which the build makes of the
 * texts), and how many it has. */
#define SLOT(KERNEL, NAME) (GPU_SLOT_##KERNEL##_##NAME)
#define SLOTS_OF(KERNEL) (GPU_SLOTS_OF_##KERNEL)
/* The slot holds the input, or output, of the op that has its name; the scratch; the same place of a view that was
 * derived for this kernel. */
#define BIND_INPUT(KERNEL, OP, NAME, access) [SLOT(KERNEL, NAME)] = {IN(OP, NAME), access}
#define BIND_OUTPUT(KERNEL, OP, NAME, access) [SLOT(KERNEL, NAME)] = {OUT(OP, NAME), access}
#define BIND_SCRATCH(KERNEL, NAME, OP, access) [SLOT(KERNEL, NAME)] = {SCRATCH(OP), access}
#define BIND(KERNEL, NAME, access) [SLOT(KERNEL, NAME)] = {SLOT(KERNEL, NAME), access}

/* A kernel: a text, how it reaches the operands of a view, and how its work is cut. */
struct gpu_kernel {
    const char *name;
    struct gpu_bind slots[GPU_SLOTS]; /* all that the text has */
    uint32_t rows;                    /* the operand whose rows the launch has */
    uint32_t count;                   /* the operand whose real rows the record tells: mostly the same */
    bool single;                      /* one group sees all rows */
    /* Fills workgroup, specs, rows_per_group, columns and, of a kernel that has groups for parts of the table,
     * table_per_group; may name another text of the same bindings. NULL, or why no tile will do. */
    const char *(*tile)(const struct gpu_view *view, struct gpu_launch *launch);
};

struct gpu_pass {
    const struct gpu_kernel *kernel;
    /* What the kernel sees when it is not the node itself: the product of two operands that the passes before it
     * brought into scratch is a `linear`. view is the node's at first. NULL: the node. */
    void (*derive)(const struct gpu_view *node, struct gpu_view *view);
    bool (*skip)(const struct gpu_view *node); /* whether the node does not need the pass; NULL: it does */
};

struct gpu_row {
    bool trains; /* states among its operands: weights that are trained, gradients, moments */
    uint32_t (*scratch_width)(const struct gpu_view *view); /* floats for each row; NULL: no scratch */
    uint64_t (*scratch_bytes)(const struct gpu_view *view); /* of a row that derives: it parts them itself */
    const char *(*accepts)(const struct gpu_view *view);    /* NULL, or why not; NULL: everything */
    struct gpu_pass passes[GPU_PASSES];                     /* up to the first without a kernel */
    /* variant=cpu: taken instead where all of its texts are there (a text may exist for one API only); NULL: none. */
    const struct gpu_row *processor;
};

/* What graph/ops.def says of an op, and the row. */
struct gpu_op {
    uint32_t op, version, n_inputs, n_outputs, params_size;
    uint32_t states; /* the first inputs that are the first outputs too, and are bound as those */
    const struct gpu_row *row;
};

/* NULL if there is none, or none with passes. */
const struct gpu_op *gpu_op_find(uint32_t op);
/* The op's row, or the one for processors. */
const struct gpu_row *gpu_row_choose(const struct gpu_limits *limits, const struct gpu_op *op);

/* ---- slot.c: questions about one operand. */

static inline bool gpu_slot_here(const struct gpu_slot *slot)
{
    return slot->value != GPU_BIND_NONE;
}
/* Rows are groups of four: aligned, and a multiple of four wide. True for an absent operand. */
bool gpu_slot_whole(const struct gpu_slot *slot);
/* Whether one binding may span all of its rows. */
bool gpu_slot_fits(const struct gpu_limits *limits, const struct gpu_slot *slot);
/* The most rows of which any window can be bound; panels stay whole. */
uint32_t gpu_slot_window(const struct gpu_limits *limits, const struct gpu_slot *slot);
/* What a binding of rows [first, first + n) spans, from an aligned start to its end. */
struct gpu_binding gpu_slot_bind(const struct gpu_limits *limits, const struct gpu_slot *slot, uint32_t first,
                                 uint32_t n);
/* Its first element, in its memory. */
uint64_t gpu_slot_element(const struct gpu_slot *slot);

/* ---- constant.c: whether weights of products lie in panels, as the kernel `linear_cpu` wants them. */
bool gpu_panels(const struct gpu_limits *limits);

/* ---- options.c: which of the op's tiles tile= asks for, a bit each from the largest on; 0: any. */
uint32_t gpu_tiles_wanted(const struct gpu_limits *limits, uint32_t op);
#endif

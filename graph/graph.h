/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of a graph, for the folders that read it (scheduler, conformance): nodes in the order of their
 * description, which is a topological order, and values. Describing goes through pleione.h.
 */
#ifndef GRAPH_GRAPH_H
#define GRAPH_GRAPH_H

#include "api/pleione.h"
#include "api/pleione_backend.h"
#include "common/arena.h"

enum { GRAPH_SYMBOLS = 64, GRAPH_OPERANDS = 16, GRAPH_PARAM_WORDS = 24 };

struct graph_node;

struct pln_value {
    pln_graph *graph;
    uint32_t id; /* index in graph->values */
    pln_value_kind kind;
    pln_dtype dtype;
    pln_dim rows;
    uint32_t width;
    const char *name;
    uint32_t row_stride;         /* elements */
    pln_value *base;             /* whose memory it is: itself, or the value that it is a window of */
    uint64_t first;              /* elements after the start of the base */
    struct graph_node *producer; /* of the base; NULL for inputs, constants and states */
    bool windowed;               /* a window of it was taken */
    const pln_tensor *const *parts;
    uint32_t n_parts;
};

struct graph_node {
    uint32_t id;
    uint32_t op;
    const char *name;
    uint32_t params[GRAPH_PARAM_WORDS];
    uint32_t n_inputs, n_outputs; /* as many as ops.def lists; absent ones are NULL */
    pln_value *inputs[GRAPH_OPERANDS];
    pln_value *outputs[GRAPH_OPERANDS];
};

struct graph_output {
    const char *name;
    pln_value *value;
};

struct graph_scope;

struct pln_graph {
    struct arena arena;
    const char *name;
    bool finished;
    pln_error error; /* the first; status PLN_OK while all is well */
    uint32_t n_symbols;
    const char *symbols[GRAPH_SYMBOLS]; /* [0] is "" */
    uint32_t n_values, room_values;
    pln_value **values;
    uint32_t n_nodes, room_nodes;
    struct graph_node **nodes;
    uint32_t n_outputs, room_outputs;
    struct graph_output *outputs;
    struct graph_scope *scope;
};

struct graph_shape {
    pln_dim rows;
    uint32_t width;
};

/* A row of ops.def. */
struct graph_op {
    uint32_t number, version;
    const char *name;
    uint32_t params_size;
    const char *params; /* "Feps Uactivation ": a letter for the type, then the name, of each field */
    uint32_t n_inputs, n_outputs;
    const char *input_names[GRAPH_OPERANDS]; /* without the '?' */
    const char *output_names[GRAPH_OPERANDS];
    uint32_t optional_inputs, optional_outputs; /* bit i: operand i may be absent */
    int32_t in_place;                           /* input whose memory output 0 may take, -1: none */
    bool writes_input;                          /* output 0 is that input */
    /* Checks the inputs and fills the shapes of the outputs; a failed check is graph_fail. */
    void (*shape)(pln_graph *graph, const struct graph_node *node, struct graph_shape *outputs);
    uint64_t (*flops)(const struct graph_node *node, const uint32_t *dims);
};

/* The ops, in the order of ops.def. */
const struct graph_op *graph_ops(uint32_t *count);
const struct graph_op *graph_op(uint32_t number); /* NULL if there is none */

/* The first error of a graph is kept: the sentence begins with the graph's and the node's name. */
void graph_fail(pln_graph *graph, const char *node, pln_status status, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* A node to be added. Absent optional inputs are NULL; wanted[i] asks for optional output i. */
struct graph_call {
    uint32_t op;
    const char *name;
    pln_value *inputs[GRAPH_OPERANDS];
    const void *params;
    pln_value **wanted[GRAPH_OPERANDS];
};
/* Output 0, or NULL on a failed graph. */
pln_value *graph_add(pln_graph *graph, const struct graph_call *call);

/* Memory that an element of the type takes on a device with that size of f32. */
static inline uint32_t graph_element_bytes(pln_dtype dtype, uint32_t f32_bytes)
{
    return dtype == PLN_F32 ? f32_bytes : 4;
}

/* Elements of a whole value (not a window) at the given numbers, padding of rows included. */
static inline uint64_t graph_value_elements(const pln_value *value, const uint32_t *dims)
{
    return (uint64_t)pln_dim_rows(value->rows, dims) * value->row_stride;
}

/* Arithmetic of a node, and bytes of all its operands, at the given numbers. */
uint64_t graph_node_flops(const struct graph_node *node, const uint32_t *dims);
uint64_t graph_node_bytes(const struct graph_node *node, const uint32_t *dims);

/* ---- memory plan: items that live from node to node get places in blocks, those that never live together may share
 * ------- */

struct graph_memory_item {
    uint64_t bytes;
    uint32_t begin, end; /* first and last step in which it is needed, inclusive */
    uint32_t block;      /* out */
    uint64_t offset;     /* out, a multiple of the alignment */
};

/* Places the items; blocks are at most block_bytes large unless a single item is larger. *block_sizes is new, freed by
 * the caller. False if there is no memory. */
bool graph_memory_plan(struct graph_memory_item *items, uint32_t n, uint64_t alignment, uint64_t block_bytes,
                       uint64_t **block_sizes, uint32_t *n_blocks);
#endif

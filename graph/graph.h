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
#include "common/door.h"
#include "common/weight.h"

enum { GRAPH_SYMBOLS = 64, GRAPH_OPERANDS = 16, GRAPH_PARAM_WORDS = 24 };
/* A side of a value, and its elements in f64: what is larger is refused, so that sizes add up in 64 bits. */
enum { GRAPH_MOST_SIDE = INT32_MAX };
#define GRAPH_MOST_ELEMENTS (UINT64_C(1) << 44)

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
    const pln_value *outer;      /* that it was taken of as a window: the base or another window; NULL: it is whole */
    bool reshaped;               /* it is all of `outer` in another shape */
    uint64_t first;              /* elements after the start of the base */
    struct graph_node *producer; /* of the base; NULL for inputs, constants and states */
    bool windowed;               /* a window of it was taken */
    const struct weight *const *parts;
    uint32_t n_parts;
    /* Of a base, while pln_graph_gradients is at work: */
    bool differentiated; /* the loss's gradient by it is wanted, for its own sake or for what it is made of */
    pln_value *adjoint;  /* that gradient so far, NULL: zero */
    pln_value *copy;     /* of the value: what stands for it in nodes that are made again */
    pln_value *original; /* of the base of such a copy */
};

struct graph_node {
    uint32_t id;
    uint32_t op;
    const char *name;
    uint32_t params[GRAPH_PARAM_WORDS];
    uint32_t n_inputs, n_outputs; /* as many as ops.def lists; absent ones are NULL */
    struct graph_node *copy;      /* that makes the same again in the backward pass, NULL: none */
    pln_value *inputs[GRAPH_OPERANDS];
    pln_value *outputs[GRAPH_OPERANDS];
};

struct graph_output {
    const char *name;
    pln_value *value;
};

struct graph_scope;

/* Names of the flat states of a graph that is trained, as pleione_graph.h promises them. */
#define GRAPH_PARAMETERS "parameters"
#define GRAPH_GRADIENTS "gradients"

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
    uint32_t n_sites;                  /* of dropout; they are numbered from 1 */
    pln_value *parameters, *gradients; /* the flat states, NULL while there are none */
    const pln_loss *losses;            /* of the call of pln_graph_gradients that is under way */
    uint32_t n_losses;
    uint32_t n_weights, room_weights;
    pln_value **weights; /* windows of the parameters, by name */
    uint32_t n_table, room_table;
    pln_parameter *table; /* a line for each tensor */
    uint32_t room_table_weights;
    const struct weight **table_weights; /* [n_table]: its first values */
};

bool graph_same_rows(pln_dim a, pln_dim b);

struct graph_shape {
    pln_dim rows;
    uint32_t width;
    pln_dtype dtype;
};

typedef void graph_gradient_rule(pln_graph *graph, struct graph_node *node);

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
    uint32_t writes; /* the first so many inputs are states that it writes, and its outputs */
    /* Checks the inputs and fills the shapes of the outputs; a failed check is graph_fail. */
    void (*shape)(pln_graph *graph, const struct graph_node *node, struct graph_shape *outputs);
    uint64_t (*flops)(const struct graph_node *node, const uint32_t *dims);
    /* Adds the backward nodes; NULL: not differentiable. */
    graph_gradient_rule *gradient;
};

/* The ops, in the order of ops.def. */
const struct graph_op *graph_ops(uint32_t *count);
const struct graph_op *graph_op(uint32_t number); /* NULL if there is none */

/* A row of indices.def. */
enum graph_index_rule {
    GRAPH_INDEX_ANY,
    GRAPH_INDEX_ROWS,
    GRAPH_INDEX_DISTINCT,
    GRAPH_INDEX_CLASSES,
    GRAPH_INDEX_STARTS,
    GRAPH_INDEX_PAIRS
};
struct graph_index {
    uint32_t op, input;
    enum graph_index_rule rule;
    uint32_t other; /* input of the node */
    uint32_t param; /* 1 + word of the params; 0: none */
};
/* What counts for an operand of the node; NULL if there is none. */
const struct graph_index *graph_index(const struct graph_node *node, uint32_t input);

/* The first error of a graph is kept: the sentence begins with the graph's and the node's name. */
void graph_fail(pln_graph *graph, const char *node, pln_status status, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* A node to be added. Absent optional inputs are NULL; wanted[i] asks for optional output i, and gets any; into[i], if
 * it is not NULL, is a value without a producer that output i is written to. */
struct graph_call {
    uint32_t op;
    const char *name;
    pln_value *inputs[GRAPH_OPERANDS];
    const void *params;
    pln_value **wanted[GRAPH_OPERANDS];
    pln_value *into[GRAPH_OPERANDS];
};
/* NULL on a failed graph. graph_add gives output 0, which is NULL too if it is an absent state. */
struct graph_node *graph_add_node(pln_graph *graph, const struct graph_call *call);
pln_value *graph_add(pln_graph *graph, const struct graph_call *call);
/* An optional output of a node that is there, added if it was not asked for. */
pln_value *graph_late_output(pln_graph *graph, struct graph_node *node, uint32_t output);
/* The first output that is there. */
pln_value *graph_node_value(const struct graph_node *node);

/* For the files of the builder: whether calls still count, memory of the graph, arrays that grow, values. */
bool graph_usable(pln_graph *graph, const char *what);
/* Whether a value is there and of this graph, and a name is there; what they are for stands in the sentence. */
bool graph_owns(pln_graph *graph, const pln_value *value, const char *what);
bool graph_named(pln_graph *graph, const char *name, const char *what);
/* GRAPH_TAKE(graph, what, pln_linear_options, taken, options): what the caller set goes over the defaults in `taken`,
 * as TAKE of common/door.h. False: the graph is NULL or has failed. */
#define GRAPH_TAKE(graph, what, type, taken, options)                                                                  \
    graph_take(graph, what, #type, &(taken), sizeof(taken), door_least_##type, 1 ? (options) : &(taken))
bool graph_take(pln_graph *graph, const char *what, const char *type, void *taken, size_t size, size_t least,
                const void *options);
/* A shape that a value can have. */
bool graph_fits(const pln_graph *graph, pln_dim rows, uint32_t width);
void *graph_allocate(pln_graph *graph, size_t bytes);
void *graph_grow(pln_graph *graph, void *old, uint32_t n, uint32_t *room, size_t size);
pln_value *graph_add_value(pln_graph *graph, const pln_value *value); /* a copy; without a base it is its own */
uint32_t graph_row_stride(uint32_t width);                            /* of a whole value */
const char *graph_scoped_name(pln_graph *graph, const char *name);

/* Checks that weights fit together: a copy of the list, rows and width of all. */
const struct weight *const *graph_join_parts(pln_graph *graph, const char *name, const struct weight *const *parts,
                                             uint32_t n_parts, uint32_t *rows, uint32_t *width);
/* Tensors of a caller as weights that live as long as the graph; NULL after an error. */
const struct weight *const *graph_take_parts(pln_graph *graph, const char *name, const pln_tensor *const *parts,
                                             uint32_t n_parts);
/* pln_graph_constant and pln_graph_parameter of weights, which may lie transposed; keeps them. The tensor in the line of
 * such a parameter has no data. */
pln_value *graph_constant(pln_graph *graph, const char *name, const struct weight *const *parts, uint32_t n_parts);
pln_value *graph_parameter(pln_graph *graph, const char *name, const struct weight *const *parts, uint32_t n_parts,
                           const pln_parameter_options *options);
/* The first values of the tensor in a line of the segment table. */
const struct weight *graph_parameter_weight(const pln_graph *graph, uint32_t index);
/* A value with the memory of another: `first` elements after its start. */
pln_value *graph_add_window(pln_graph *graph, pln_value *of, uint64_t first, pln_dim rows, uint32_t width,
                            uint32_t stride);

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

/* Whether a window lies within what it was taken of at the given numbers; of a reshape, whether it has as many
 * elements.
 */
bool graph_window_holds(const pln_value *window, const uint32_t *dims);
/* The symbol for the number of pairs that the last element of pair_starts is; 0: there is none yet. */
uint32_t graph_pairs_symbol(const pln_graph *graph, const pln_value *pair_starts);
bool graph_activation_exists(uint32_t number);

/* Arithmetic of a node, and bytes of all its operands, at the given numbers. */
uint64_t graph_node_flops(const struct graph_node *node, const uint32_t *dims);
uint64_t graph_node_bytes(const struct graph_node *node, const uint32_t *dims);

/* ---- memory plan: items that live from node to node get places in blocks, those that never live together may share */

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

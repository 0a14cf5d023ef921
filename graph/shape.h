/* SPDX-License-Identifier: Apache-2.0
 *
 * What shape rules are written with. A check that fails makes the graph's error: "node: query is [tokens, 12], expected
 * ...".
 */
#ifndef GRAPH_SHAPE_H
#define GRAPH_SHAPE_H

#include "graph/graph.h"

struct graph_rule {
    pln_graph *graph;
    const struct graph_node *node;
    const struct graph_op *op;
};

static inline struct graph_rule graph_rule_of(pln_graph *graph, const struct graph_node *node)
{
    return (struct graph_rule){graph, node, graph_op(node->op)};
}

/* Input i, if it is there, must be of that type and shape; width 0: any, rows NULL: any. */
void graph_want(const struct graph_rule *r, uint32_t i, pln_dtype dtype, const pln_dim *rows, uint32_t width);
/* f32 [1, width]. */
void graph_want_vector(const struct graph_rule *r, uint32_t i, uint32_t width);
/* A constant, or a state. */
void graph_want_weight(const struct graph_rule *r, uint32_t i);
/* i32 [batch + 1, 1]: the dimension of the batch. */
pln_dim graph_want_starts(const struct graph_rule *r, uint32_t i);
/* The words that dropout takes from Philox: i32 [rows, 2] and i32 [1, 3], both or neither. */
void graph_want_dropout(const struct graph_rule *r, uint32_t origin, uint32_t random, pln_dim rows, uint32_t site);
/* A number of activations.def. */
void graph_want_activation(const struct graph_rule *r, uint32_t activation);
void graph_require(const struct graph_rule *r, bool holds, const char *sentence);

static inline struct graph_shape graph_floats(pln_dim rows, uint32_t width)
{
    return (struct graph_shape){.rows = rows, .width = width, .dtype = PLN_F32};
}

/* i32 [rows, 1] */
static inline struct graph_shape graph_integers(pln_dim rows)
{
    return (struct graph_shape){.rows = rows, .width = 1, .dtype = PLN_I32};
}

static inline struct graph_shape graph_shape_like(const pln_value *value)
{
    return graph_floats(value->rows, value->width);
}

static inline struct graph_shape graph_shape_scalar(void)
{
    return graph_floats((pln_dim){0, 0, 1}, 1);
}

#define INPUT(op, name) node->inputs[PLN_##op##_INPUT_##name]
#define WANT(op, name, dtype, rows, width) graph_want(&r, PLN_##op##_INPUT_##name, dtype, rows, width)
#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * What gradient rules are written with. A rule is called with a node whose output has a gradient; it adds backward
 * nodes and hands the gradients of the inputs on.
 *
 * The gradient of a base value is its adjoint: NULL (zero), or a value of the same shape, never changed once it is
 * made: sums are new values. A window shares the adjoint of its base, so a backward node writes gradients of windows
 * into windows of one new value (places).
 */
#ifndef GRAPH_GRADIENTS_H
#define GRAPH_GRADIENTS_H

#include "graph/graph.h"

/* Whether a gradient by the value is wanted. */
bool graph_needs(const pln_value *value);
/* The gradient of the loss by output 0 of the node. */
pln_value *graph_adjoint(const struct graph_node *node);
/* The window of the flat gradients for a parameter; NULL if the value is none. */
pln_value *graph_parameter_gradient(pln_graph *graph, const pln_value *value);
/* Fails if a gradient by this input is wanted: the op has none. */
void graph_refuse(pln_graph *graph, const struct graph_node *node, uint32_t input);

/* "NODE.SUFFIX", in the graph's memory; what a node of the forward pass is called in the backward one. */
const char *graph_backward_name(pln_graph *graph, const struct graph_node *node, const char *suffix);

/* Where a backward node writes its gradients by n values: places[i] is NULL if it needs no special place, else goes
 * into `into` of the call. Windows of a base must be disjoint and cover it. */
void graph_places(pln_graph *graph, const struct graph_node *node, pln_value *const *values, uint32_t n,
                  pln_value **places);
/* Adds the written gradients to the adjoints of the values. */
void graph_contribute(pln_graph *graph, const struct graph_node *node, pln_value *const *values, uint32_t n,
                      pln_value *const *written);
/* One value that has the gradient d, which belongs to another value too. */
void graph_pass_on(pln_graph *graph, const struct graph_node *node, pln_value *value, pln_value *d);
/* If the value is a base: its adjoint so far, which the caller's node adds to what it writes, and which is forgotten
 * here. */
pln_value *graph_take_adjoint(pln_value *value);

/* Describes the nodes of a scope again, so that the rules find what they need there. */
void graph_recompute(pln_graph *graph, const char *scope, uint32_t n_nodes);
bool graph_in_scope(const struct graph_node *node, const char *scope);
#endif

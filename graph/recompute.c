/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes of a scope once more, from the values that come into it: what they give need not be kept from the forward pass.
 */
#include "graph/gradients.h"

#include <stdio.h>
#include <string.h>

bool graph_in_scope(const struct graph_node *node, const char *scope)
{
    const size_t n = strlen(scope);
    return strncmp(node->name, scope, n) == 0 && node->name[n] == '.';
}

/* What stands for an input of a node: the copy of what its producer gave, or the value itself. */
static pln_value *copied(pln_graph *graph, pln_value *value)
{
    if (!value || !value->base->copy)
        return value;
    if (!value->copy)
        value->copy =
            graph_add_window(graph, value->base->copy, value->first, value->rows, value->width, value->row_stride);
    return value->copy;
}

static void copy_node(pln_graph *graph, struct graph_node *node)
{
    const struct graph_op *op = graph_op(node->op);
    struct graph_call call = {.op = node->op, .name = node->name, .params = node->params};
    pln_value *outputs[GRAPH_OPERANDS];
    if (op->writes)
        graph_fail(graph, node->name, PLN_UNSUPPORTED, "%s writes a state and cannot be computed again", op->name);
    for (uint32_t i = 0; i < node->n_inputs; i++)
        call.inputs[i] = copied(graph, node->inputs[i]);
    for (uint32_t i = 0; i < node->n_outputs; i++)
        call.wanted[i] = node->outputs[i] ? &outputs[i] : NULL;
    node->copy = graph->error.status == PLN_OK ? graph_add_node(graph, &call) : NULL;
    for (uint32_t i = 0; node->copy && i < node->n_outputs; i++)
        if (node->outputs[i]) {
            node->outputs[i]->copy = outputs[i];
            outputs[i]->original = node->outputs[i];
        }
}

void graph_recompute(pln_graph *graph, const char *scope, uint32_t n_nodes)
{
    pln_graph_begin(graph, "recompute");
    for (uint32_t i = 0; i < n_nodes && graph->error.status == PLN_OK; i++)
        if (graph_in_scope(graph->nodes[i], scope))
            copy_node(graph, graph->nodes[i]);
    pln_graph_end(graph);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * A node into a graph: operands are checked against ops.def, the shape rule gives the outputs, and outputs get values.
 */
#include <stdio.h>
#include <string.h>

#include "graph/graph.h"

static bool check_inputs(pln_graph *graph, const struct graph_op *op, const struct graph_node *node)
{
    for (uint32_t i = 0; i < op->n_inputs; i++) {
        const pln_value *value = node->inputs[i];
        if (!value && !(op->optional_inputs & 1u << i))
            graph_fail(graph, node->name, PLN_INVALID, "%s needs %s", op->name, op->input_names[i]);
        if (value && value->graph != graph)
            graph_fail(graph, node->name, PLN_INVALID, "%s is a value of another graph", op->input_names[i]);
        if (value && i < op->writes && value->kind != PLN_VALUE_STATE)
            graph_fail(graph, node->name, PLN_INVALID, "%s: only a value of kind state is written in place",
                       op->input_names[i]);
    }
    return graph->error.status == PLN_OK;
}

/* Output 0 has the name of its node, or of the state that it is. */
static const char *output_name(pln_graph *graph, const struct graph_op *op, const struct graph_node *node, uint32_t i)
{
    if (!i)
        return node->name;
    const size_t bytes = strlen(node->name) + strlen(op->output_names[i]) + 2;
    char *text = graph_allocate(graph, bytes);
    if (text)
        snprintf(text, bytes, "%s.%s", node->name, op->output_names[i]);
    return text;
}

static pln_value *add_output(pln_graph *graph, const struct graph_op *op, struct graph_node *node, uint32_t i,
                             const struct graph_shape *shape)
{
    pln_value value = {.kind = PLN_VALUE_TEMPORARY,
                       .dtype = shape->dtype,
                       .rows = shape->rows,
                       .width = shape->width,
                       .row_stride = graph_row_stride(shape->width)};
    if (!graph_fits(graph, shape->rows, shape->width))
        graph_fail(graph, node->name, PLN_INVALID, "%s would have %u rows of width %u: no such shape",
                   op->output_names[i], shape->rows.offset, shape->width);
    if (i < op->writes)
        value = *node->inputs[i];
    else
        value.name = output_name(graph, op, node, i);
    value.producer = node;
    return value.name && graph->error.status == PLN_OK ? graph_add_value(graph, &value) : NULL;
}

/* The output is written where the caller wants it: into a window of a value that has no producer yet. */
static pln_value *take_output(pln_graph *graph, struct graph_node *node, pln_value *into,
                              const struct graph_shape *shape)
{
    if (!graph_same_rows(into->rows, shape->rows) || into->width != shape->width)
        graph_fail(graph, node->name, PLN_FAILED, "an output does not fit into its place");
    into->producer = into->base->producer = node;
    return into;
}

static void add_outputs(pln_graph *graph, const struct graph_op *op, struct graph_node *node,
                        const struct graph_call *call, const struct graph_shape *shapes)
{
    for (uint32_t i = 0; i < op->n_outputs && graph->error.status == PLN_OK; i++) {
        if (i < op->writes ? !node->inputs[i] : (op->optional_outputs & 1u << i) && !call->wanted[i])
            continue;
        node->outputs[i] = call->into[i] ? take_output(graph, node, call->into[i], &shapes[i])
                                         : add_output(graph, op, node, i, &shapes[i]);
        if (call->wanted[i])
            *call->wanted[i] = node->outputs[i];
    }
}

static const char *find_name(pln_graph *graph, const struct graph_call *call)
{
    const char *name = graph_scoped_name(graph, call->name ? call->name : graph_op(call->op)->name);
    for (uint32_t i = 0; name && i < graph->n_nodes; i++)
        if (strcmp(graph->nodes[i]->name, name) == 0)
            graph_fail(graph, name, PLN_INVALID, "this name was given to a node already");
    return name;
}

struct graph_node *graph_add_node(pln_graph *graph, const struct graph_call *call)
{
    const struct graph_op *op = graph_op(call->op);
    if (!graph_usable(graph, op->name))
        return NULL;
    struct graph_node **nodes = graph_grow(graph, graph->nodes, graph->n_nodes, &graph->room_nodes, sizeof *nodes);
    struct graph_node *node = graph_allocate(graph, sizeof *node);
    const char *name = find_name(graph, call);
    if (!nodes || !node || !name)
        return NULL;
    *node = (struct graph_node){
        .id = graph->n_nodes, .op = call->op, .name = name, .n_inputs = op->n_inputs, .n_outputs = op->n_outputs};
    memcpy(node->inputs, call->inputs, sizeof node->inputs);
    if (op->params_size)
        memcpy(node->params, call->params, op->params_size);
    struct graph_shape shapes[GRAPH_OPERANDS] = {0};
    if (!check_inputs(graph, op, node))
        return NULL;
    op->shape(graph, node, shapes);
    add_outputs(graph, op, node, call, shapes);
    if (graph->error.status != PLN_OK)
        return NULL;
    graph->nodes = nodes;
    graph->nodes[graph->n_nodes++] = node;
    return node;
}

pln_value *graph_add(pln_graph *graph, const struct graph_call *call)
{
    const struct graph_node *node = graph_add_node(graph, call);
    return node ? node->outputs[0] : NULL;
}

pln_value *graph_late_output(pln_graph *graph, struct graph_node *node, uint32_t output)
{
    const struct graph_op *op = graph_op(node->op);
    struct graph_shape shapes[GRAPH_OPERANDS] = {0};
    if (node->outputs[output])
        return node->outputs[output];
    op->shape(graph, node, shapes);
    if (graph->error.status != PLN_OK)
        return NULL;
    return node->outputs[output] = add_output(graph, op, node, output, &shapes[output]);
}

pln_value *graph_node_value(const struct graph_node *node)
{
    uint32_t i = 0;
    while (i + 1 < node->n_outputs && !node->outputs[i])
        i++;
    return node->outputs[i];
}

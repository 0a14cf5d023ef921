/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradient rule of attention: probabilities are made again from the log-sum-exp.
 */
#include <string.h>

#include "graph/gradients.h"

/* The operands of attention up to those of dropout, in its order, then what the backward ops take besides. */
static void take_inputs(const struct graph_node *node, pln_value **inputs)
{
    memcpy(inputs, node->inputs, PLN_ATTENTION_INPUT_KEY_ROWS * sizeof *inputs);
}

static void distance(pln_graph *graph, const struct graph_node *node, pln_value *d_distance, pln_value *lse,
                     pln_value *delta)
{
    struct graph_call call = {.op = PLN_OP_ATTENTION_BACKWARD_DISTANCE,
                              .name = graph_backward_name(graph, node, "backward_distance"),
                              .params = node->params};
    call.inputs[PLN_ATTENTION_BACKWARD_DISTANCE_INPUT_D_DISTANCE] = d_distance;
    take_inputs(node, call.inputs + PLN_ATTENTION_BACKWARD_DISTANCE_INPUT_QUERY);
    call.inputs[PLN_ATTENTION_BACKWARD_DISTANCE_INPUT_LSE] = lse;
    call.inputs[PLN_ATTENTION_BACKWARD_DISTANCE_INPUT_DELTA] = delta;
    call.inputs[PLN_ATTENTION_BACKWARD_DISTANCE_INPUT_D_Y] = graph_adjoint(node);
    graph_add(graph, &call);
}

void graph_gradient_attention(pln_graph *graph, struct graph_node *node)
{
    pln_value *lse = graph_late_output(graph, node, PLN_ATTENTION_OUTPUT_LSE), *delta = NULL;
    pln_value *d_distance = graph_parameter_gradient(graph, node->inputs[PLN_ATTENTION_INPUT_DISTANCE]);
    pln_value *places[3], *d[3] = {NULL, NULL, NULL};
    struct graph_call call = {.op = PLN_OP_ATTENTION_BACKWARD,
                              .name = graph_backward_name(graph, node, "backward"),
                              .params = node->params,
                              .wanted = {&d[0], &d[1], &d[2], d_distance ? &delta : NULL}};
    graph_refuse(graph, node, PLN_ATTENTION_INPUT_BIAS);
    graph_refuse(graph, node, PLN_ATTENTION_INPUT_HEAD_MASK);
    if (!d_distance)
        graph_refuse(graph, node, PLN_ATTENTION_INPUT_DISTANCE);
    if (node->inputs[PLN_ATTENTION_INPUT_KEY_ROWS])
        graph_fail(graph, node->name, PLN_UNSUPPORTED, "attention to listed keys has no gradient");
    take_inputs(node, call.inputs);
    call.inputs[PLN_ATTENTION_BACKWARD_INPUT_Y] = node->outputs[PLN_ATTENTION_OUTPUT_Y];
    call.inputs[PLN_ATTENTION_BACKWARD_INPUT_LSE] = lse;
    call.inputs[PLN_ATTENTION_BACKWARD_INPUT_D_Y] = graph_adjoint(node);
    graph_places(graph, node, node->inputs + PLN_ATTENTION_INPUT_QUERY, 3, places);
    memcpy(call.into, places, sizeof places);
    graph_add_node(graph, &call);
    if (d_distance)
        distance(graph, node, d_distance, lse, delta);
    graph_contribute(graph, node, node->inputs + PLN_ATTENTION_INPUT_QUERY, 3, d);
}

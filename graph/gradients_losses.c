/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradient rules of the losses, where the backward pass begins.
 */
#include "graph/gradients.h"

static float scale_of(const pln_graph *graph, const struct graph_node *node)
{
    float scale = 0;
    for (uint32_t i = 0; i < graph->n_losses; i++)
        if (graph->losses[i].value == node->outputs[0])
            scale += graph->losses[i].scale;
    return scale;
}

/* The call is complete but for its name; input 0 of the forward op is what the gradient is by. Labels have none. */
static void add_loss(pln_graph *graph, struct graph_node *node, struct graph_call call)
{
    pln_value *logits = node->inputs[0], *place, *d_logits;
    if (graph_adjoint(node))
        graph_fail(graph, node->name, PLN_UNSUPPORTED, "a loss has no gradient in what follows it");
    for (uint32_t i = 1; i < node->n_inputs; i++)
        graph_refuse(graph, node, i);
    if (!graph_needs(logits))
        return;
    graph_places(graph, node, &logits, 1, &place);
    call.name = graph_backward_name(graph, node, "backward");
    call.inputs[0] = logits;
    call.into[0] = place;
    d_logits = graph_add(graph, &call);
    graph_contribute(graph, node, &logits, 1, &d_logits);
}

void graph_gradient_cross_entropy(pln_graph *graph, struct graph_node *node)
{
    const pln_cross_entropy_params *p = (const void *)node->params;
    const pln_cross_entropy_backward_params params = {
        .ignore_index = p->ignore_index, .scale = scale_of(graph, node), .smoothing = p->smoothing};
    add_loss(graph, node,
             (struct graph_call){
                 .op = PLN_OP_CROSS_ENTROPY_BACKWARD,
                 .inputs = {[PLN_CROSS_ENTROPY_BACKWARD_INPUT_LABELS] = node->inputs[PLN_CROSS_ENTROPY_INPUT_LABELS],
                            [PLN_CROSS_ENTROPY_BACKWARD_INPUT_LSE] =
                                graph_late_output(graph, node, PLN_CROSS_ENTROPY_OUTPUT_LSE),
                            [PLN_CROSS_ENTROPY_BACKWARD_INPUT_COUNT] =
                                graph_late_output(graph, node, PLN_CROSS_ENTROPY_OUTPUT_COUNT),
                            [PLN_CROSS_ENTROPY_BACKWARD_INPUT_WEIGHTS] = node->inputs[PLN_CROSS_ENTROPY_INPUT_WEIGHTS]},
                 .params = &params});
}

void graph_gradient_binary_cross_entropy(pln_graph *graph, struct graph_node *node)
{
    const pln_binary_cross_entropy_backward_params params = {.scale = scale_of(graph, node)};
    add_loss(graph, node,
             (struct graph_call){.op = PLN_OP_BINARY_CROSS_ENTROPY_BACKWARD,
                                 .inputs = {[PLN_BINARY_CROSS_ENTROPY_BACKWARD_INPUT_LABELS] =
                                                node->inputs[PLN_BINARY_CROSS_ENTROPY_INPUT_LABELS],
                                            [PLN_BINARY_CROSS_ENTROPY_BACKWARD_INPUT_WEIGHTS] =
                                                node->inputs[PLN_BINARY_CROSS_ENTROPY_INPUT_WEIGHTS],
                                            [PLN_BINARY_CROSS_ENTROPY_BACKWARD_INPUT_COUNT] =
                                                graph_late_output(graph, node, PLN_BINARY_CROSS_ENTROPY_OUTPUT_COUNT)},
                                 .params = &params});
}

void graph_gradient_mean_squared_error(pln_graph *graph, struct graph_node *node)
{
    const pln_mean_squared_error_backward_params params = {.scale = scale_of(graph, node)};
    add_loss(graph, node,
             (struct graph_call){.op = PLN_OP_MEAN_SQUARED_ERROR_BACKWARD,
                                 .inputs = {[PLN_MEAN_SQUARED_ERROR_BACKWARD_INPUT_LABELS] =
                                                node->inputs[PLN_MEAN_SQUARED_ERROR_INPUT_LABELS],
                                            [PLN_MEAN_SQUARED_ERROR_BACKWARD_INPUT_COUNT] =
                                                graph_late_output(graph, node, PLN_MEAN_SQUARED_ERROR_OUTPUT_COUNT)},
                                 .params = &params});
}

void graph_gradient_span_cross_entropy(pln_graph *graph, struct graph_node *node)
{
    const pln_span_cross_entropy_backward_params params = {.scale = scale_of(graph, node)};
    struct graph_call call = {.op = PLN_OP_SPAN_CROSS_ENTROPY_BACKWARD, .params = &params};
    for (uint32_t i = PLN_SPAN_CROSS_ENTROPY_INPUT_STARTS; i <= PLN_SPAN_CROSS_ENTROPY_INPUT_LAST; i++)
        call.inputs[i] = node->inputs[i]; /* the same places in both */
    call.inputs[PLN_SPAN_CROSS_ENTROPY_BACKWARD_INPUT_LSE] =
        graph_late_output(graph, node, PLN_SPAN_CROSS_ENTROPY_OUTPUT_LSE);
    call.inputs[PLN_SPAN_CROSS_ENTROPY_BACKWARD_INPUT_COUNT] =
        graph_late_output(graph, node, PLN_SPAN_CROSS_ENTROPY_OUTPUT_COUNT);
    add_loss(graph, node, call);
}

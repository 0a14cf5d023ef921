/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradient rules of the ops that work row by row, and of those that move rows.
 */
#include "graph/gradients.h"

#define INPUT(op, name) node->inputs[PLN_##op##_INPUT_##name]

/* Where the gradient by an input goes that is a parameter or a constant. */
static pln_value *parameter(pln_graph *graph, const struct graph_node *node, uint32_t input)
{
    pln_value *gradient = graph_parameter_gradient(graph, node->inputs[input]);
    if (!gradient)
        graph_refuse(graph, node, input);
    return gradient;
}

/* The gradient by what comes before activation and dropout. x is what the activation saw, NULL: there is none. */
static pln_value *before_activation(pln_graph *graph, const struct graph_node *node, pln_value *x, pln_value *origin,
                                    pln_value *random, pln_activation_backward_params params, pln_value *place)
{
    const char *suffix = node->op == PLN_OP_ACTIVATION ? "backward" : "backward_activation";
    return graph_add(graph, &(struct graph_call){.op = PLN_OP_ACTIVATION_BACKWARD,
                                                 .name = graph_backward_name(graph, node, suffix),
                                                 .inputs = {graph_adjoint(node), x, origin, random},
                                                 .params = &params,
                                                 .into = {place}});
}

void graph_gradient_activation(pln_graph *graph, struct graph_node *node)
{
    const pln_activation_params *p = (const void *)node->params;
    pln_value *x = INPUT(ACTIVATION, X), *place, *d_x;
    graph_pass_on(graph, node, INPUT(ACTIVATION, RESIDUAL), graph_adjoint(node));
    if (!graph_needs(x))
        return;
    if (!p->activation && !p->drop_below) {
        graph_pass_on(graph, node, x, graph_adjoint(node));
        return;
    }
    graph_places(graph, node, &x, 1, &place);
    d_x = before_activation(graph, node, p->activation ? x : NULL, INPUT(ACTIVATION, ORIGIN), INPUT(ACTIVATION, RANDOM),
                            (pln_activation_backward_params){p->activation, p->site, p->drop_below, p->keep_scale},
                            place);
    graph_contribute(graph, node, &x, 1, &d_x);
}

static void linear_weight(pln_graph *graph, const struct graph_node *node, pln_value *d_y)
{
    pln_value *d_weight = parameter(graph, node, PLN_LINEAR_INPUT_WEIGHT);
    pln_value *d_bias = d_weight ? parameter(graph, node, PLN_LINEAR_INPUT_BIAS) : NULL;
    if (!d_weight) /* the op has no other place for it */
        graph_refuse(graph, node, PLN_LINEAR_INPUT_BIAS);
    if (d_weight)
        graph_add(graph, &(struct graph_call){.op = PLN_OP_LINEAR_BACKWARD_WEIGHT,
                                              .name = graph_backward_name(graph, node, "backward_weight"),
                                              .inputs = {d_weight, d_bias, d_y, INPUT(LINEAR, X)}});
}

void graph_gradient_linear(pln_graph *graph, struct graph_node *node)
{
    const pln_linear_params *p = (const void *)node->params;
    pln_value *d_y = graph_adjoint(node), *x = INPUT(LINEAR, X), *place, *d_x;
    graph_pass_on(graph, node, INPUT(LINEAR, RESIDUAL), d_y);
    if (p->activation || p->drop_below) {
        pln_value *before = p->activation ? graph_late_output(graph, node, PLN_LINEAR_OUTPUT_PREACTIVATION) : NULL;
        d_y = before_activation(graph, node, before, INPUT(LINEAR, ORIGIN), INPUT(LINEAR, RANDOM),
                                (pln_activation_backward_params){p->activation, p->site, p->drop_below, p->keep_scale},
                                NULL);
    }
    linear_weight(graph, node, d_y);
    if (!graph_needs(x))
        return;
    graph_places(graph, node, &x, 1, &place);
    d_x = graph_add(graph, &(struct graph_call){.op = PLN_OP_LINEAR_BACKWARD_X,
                                                .name = graph_backward_name(graph, node, "backward"),
                                                .inputs = {d_y, INPUT(LINEAR, WEIGHT), graph_take_adjoint(x)},
                                                .into = {place}});
    graph_contribute(graph, node, &x, 1, &d_x);
}

void graph_gradient_layer_norm(pln_graph *graph, struct graph_node *node)
{
    pln_value *x = INPUT(LAYER_NORM, X), *place, *d_x = NULL;
    pln_value *d_gamma = parameter(graph, node, PLN_LAYER_NORM_INPUT_GAMMA);
    pln_value *d_beta = parameter(graph, node, PLN_LAYER_NORM_INPUT_BETA);
    graph_places(graph, node, &x, 1, &place);
    graph_add_node(graph,
                   &(struct graph_call){.op = PLN_OP_LAYER_NORM_BACKWARD,
                                        .name = graph_backward_name(graph, node, "backward"),
                                        .inputs = {d_gamma, d_beta, graph_adjoint(node), x, INPUT(LAYER_NORM, GAMMA),
                                                   graph_late_output(graph, node, PLN_LAYER_NORM_OUTPUT_MEAN),
                                                   graph_late_output(graph, node, PLN_LAYER_NORM_OUTPUT_RSTD)},
                                        .wanted = {[PLN_LAYER_NORM_BACKWARD_OUTPUT_D_X] = &d_x},
                                        .into = {[PLN_LAYER_NORM_BACKWARD_OUTPUT_D_X] = place}});
    graph_contribute(graph, node, &x, 1, &d_x);
}

/* The gradient by the sum of rows goes to each table that is trained. */
static void scatter(pln_graph *graph, const struct graph_node *node, const char *suffix, pln_value *table,
                    pln_value *index, pln_value *d_x, int32_t ignored)
{
    const pln_scatter_add_params params = {.ignored = ignored};
    pln_value *d_table = graph_parameter_gradient(graph, table);
    if (d_table)
        graph_add(graph, &(struct graph_call){.op = PLN_OP_SCATTER_ADD,
                                              .name = graph_backward_name(graph, node, suffix),
                                              .inputs = {d_table, index, d_x},
                                              .params = &params});
}

void graph_gradient_embed(pln_graph *graph, struct graph_node *node)
{
    const pln_embed_params *p = (const void *)node->params;
    const pln_embed_backward_params params = {
        .site = p->site, .drop_below = p->drop_below, .keep_scale = p->keep_scale};
    pln_value *embeddings = INPUT(EMBED, EMBEDDINGS), *place, *d_x = NULL;
    struct graph_call call = {.op = PLN_OP_EMBED_BACKWARD,
                              .name = graph_backward_name(graph, node, "backward"),
                              .params = &params,
                              .wanted = {[PLN_EMBED_BACKWARD_OUTPUT_D_X] = &d_x}};
    call.inputs[PLN_EMBED_BACKWARD_INPUT_D_GAMMA] = parameter(graph, node, PLN_EMBED_INPUT_GAMMA);
    call.inputs[PLN_EMBED_BACKWARD_INPUT_D_BETA] = parameter(graph, node, PLN_EMBED_INPUT_BETA);
    call.inputs[PLN_EMBED_BACKWARD_INPUT_D_Y] = graph_adjoint(node);
    for (uint32_t i = PLN_EMBED_INPUT_IDS; i <= PLN_EMBED_INPUT_GAMMA; i++)
        call.inputs[PLN_EMBED_BACKWARD_INPUT_IDS + i] = node->inputs[i];
    call.inputs[PLN_EMBED_BACKWARD_INPUT_MEAN] = graph_late_output(graph, node, PLN_EMBED_OUTPUT_MEAN);
    call.inputs[PLN_EMBED_BACKWARD_INPUT_RSTD] = graph_late_output(graph, node, PLN_EMBED_OUTPUT_RSTD);
    call.inputs[PLN_EMBED_BACKWARD_INPUT_ORIGIN] = INPUT(EMBED, ORIGIN);
    call.inputs[PLN_EMBED_BACKWARD_INPUT_RANDOM] = INPUT(EMBED, RANDOM);
    graph_places(graph, node, &embeddings, 1, &place);
    call.into[PLN_EMBED_BACKWARD_OUTPUT_D_X] = place;
    graph_add_node(graph, &call);
    scatter(graph, node, "backward_word", INPUT(EMBED, WORD), INPUT(EMBED, IDS), d_x, (int32_t)p->padding - 1);
    scatter(graph, node, "backward_type", INPUT(EMBED, TYPE), INPUT(EMBED, TOKEN_TYPES), d_x, -1);
    scatter(graph, node, "backward_position", INPUT(EMBED, POSITION), INPUT(EMBED, POSITIONS), d_x, -1);
    graph_contribute(graph, node, &embeddings, 1, &d_x);
}

void graph_gradient_gather(pln_graph *graph, struct graph_node *node)
{
    pln_value *x = INPUT(GATHER, X), *index = INPUT(GATHER, INDEX), *place, *d_x;
    if (graph_parameter_gradient(graph, x)) {
        scatter(graph, node, "backward", x, index, graph_adjoint(node), -1);
        return;
    }
    if (!graph_needs(x))
        return;
    graph_places(graph, node, &x, 1, &place);
    d_x = graph_add(graph, &(struct graph_call){.op = PLN_OP_GATHER_BACKWARD,
                                                .name = graph_backward_name(graph, node, "backward"),
                                                .inputs = {graph_adjoint(node), index, x},
                                                .into = {place}});
    graph_contribute(graph, node, &x, 1, &d_x);
}

void graph_gradient_segment_mean(pln_graph *graph, struct graph_node *node)
{
    pln_value *x = INPUT(SEGMENT_MEAN, X), *place, *d_x;
    if (!graph_needs(x))
        return;
    graph_places(graph, node, &x, 1, &place);
    d_x = graph_add(graph, &(struct graph_call){.op = PLN_OP_SEGMENT_MEAN_BACKWARD,
                                                .name = graph_backward_name(graph, node, "backward"),
                                                .inputs = {graph_adjoint(node), INPUT(SEGMENT_MEAN, STARTS), x},
                                                .into = {place}});
    graph_contribute(graph, node, &x, 1, &d_x);
}

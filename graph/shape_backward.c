/* SPDX-License-Identifier: Apache-2.0
 *
 * Shape rules of the backward ops, but for attention's, and of the update.
 */
#include "graph/shape.h"

void graph_shape_linear_backward_x(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct graph_rule r = graph_rule_of(graph, node);
    const pln_value *d_y = INPUT(LINEAR_BACKWARD_X, D_Y), *weight = INPUT(LINEAR_BACKWARD_X, WEIGHT);
    WANT(LINEAR_BACKWARD_X, D_Y, PLN_F32, NULL, weight->rows.offset);
    graph_want_weight(&r, PLN_LINEAR_BACKWARD_X_INPUT_WEIGHT);
    WANT(LINEAR_BACKWARD_X, RESIDUAL, PLN_F32, &d_y->rows, weight->width);
    out[0] = graph_floats(d_y->rows, weight->width);
}

void graph_shape_linear_backward_weight(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct graph_rule r = graph_rule_of(graph, node);
    const pln_value *d_y = INPUT(LINEAR_BACKWARD_WEIGHT, D_Y), *x = INPUT(LINEAR_BACKWARD_WEIGHT, X);
    const pln_dim width = pln_rows_fixed(d_y->width);
    WANT(LINEAR_BACKWARD_WEIGHT, D_WEIGHT, PLN_F32, &width, x->width);
    graph_want_vector(&r, PLN_LINEAR_BACKWARD_WEIGHT_INPUT_D_BIAS, d_y->width);
    WANT(LINEAR_BACKWARD_WEIGHT, D_Y, PLN_F32, NULL, 0);
    WANT(LINEAR_BACKWARD_WEIGHT, X, PLN_F32, &d_y->rows, 0);
    out[PLN_LINEAR_BACKWARD_WEIGHT_OUTPUT_D_WEIGHT] = graph_floats(width, x->width);
    out[PLN_LINEAR_BACKWARD_WEIGHT_OUTPUT_D_BIAS] = graph_floats((pln_dim){0, 0, 1}, d_y->width);
}

void graph_shape_activation_backward(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct graph_rule r = graph_rule_of(graph, node);
    const pln_activation_backward_params *p = (const void *)node->params;
    const pln_value *d_y = INPUT(ACTIVATION_BACKWARD, D_Y);
    WANT(ACTIVATION_BACKWARD, D_Y, PLN_F32, NULL, 0);
    WANT(ACTIVATION_BACKWARD, X, PLN_F32, &d_y->rows, d_y->width);
    graph_want_activation(&r, p->activation);
    graph_require(&r, !p->activation || INPUT(ACTIVATION_BACKWARD, X), "the gradient of an activation needs x");
    graph_want_dropout(&r, PLN_ACTIVATION_BACKWARD_INPUT_ORIGIN, PLN_ACTIVATION_BACKWARD_INPUT_RANDOM, d_y->rows,
                       p->site);
    out[0] = graph_shape_like(d_y);
}

void graph_shape_layer_norm_backward(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct graph_rule r = graph_rule_of(graph, node);
    const pln_value *x = INPUT(LAYER_NORM_BACKWARD, X);
    graph_want_vector(&r, PLN_LAYER_NORM_BACKWARD_INPUT_D_GAMMA, x->width);
    graph_want_vector(&r, PLN_LAYER_NORM_BACKWARD_INPUT_D_BETA, x->width);
    WANT(LAYER_NORM_BACKWARD, D_Y, PLN_F32, &x->rows, x->width);
    WANT(LAYER_NORM_BACKWARD, X, PLN_F32, NULL, 0);
    graph_want_vector(&r, PLN_LAYER_NORM_BACKWARD_INPUT_GAMMA, x->width);
    WANT(LAYER_NORM_BACKWARD, MEAN, PLN_F32, &x->rows, 1);
    WANT(LAYER_NORM_BACKWARD, RSTD, PLN_F32, &x->rows, 1);
    out[PLN_LAYER_NORM_BACKWARD_OUTPUT_D_GAMMA] = graph_floats((pln_dim){0, 0, 1}, x->width);
    out[PLN_LAYER_NORM_BACKWARD_OUTPUT_D_BETA] = graph_floats((pln_dim){0, 0, 1}, x->width);
    out[PLN_LAYER_NORM_BACKWARD_OUTPUT_D_X] = graph_shape_like(x);
}

void graph_shape_embed_backward(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct graph_rule r = graph_rule_of(graph, node);
    const pln_embed_backward_params *p = (const void *)node->params;
    const pln_value *d_y = INPUT(EMBED_BACKWARD, D_Y);
    const uint32_t width = INPUT(EMBED_BACKWARD, TYPE)->width;
    graph_want_vector(&r, PLN_EMBED_BACKWARD_INPUT_D_GAMMA, width);
    graph_want_vector(&r, PLN_EMBED_BACKWARD_INPUT_D_BETA, width);
    WANT(EMBED_BACKWARD, D_Y, PLN_F32, NULL, width);
    WANT(EMBED_BACKWARD, IDS, PLN_I32, &d_y->rows, 1);
    WANT(EMBED_BACKWARD, EMBEDDINGS, PLN_F32, &d_y->rows, width);
    WANT(EMBED_BACKWARD, TOKEN_TYPES, PLN_I32, &d_y->rows, 1);
    WANT(EMBED_BACKWARD, POSITIONS, PLN_I32, &d_y->rows, 1);
    const uint32_t tables[] = {PLN_EMBED_BACKWARD_INPUT_WORD, PLN_EMBED_BACKWARD_INPUT_TYPE,
                               PLN_EMBED_BACKWARD_INPUT_POSITION};
    for (uint32_t i = 0; i < 3; i++) {
        graph_want(&r, tables[i], PLN_F32, NULL, width);
        graph_want_weight(&r, tables[i]);
    }
    graph_want_vector(&r, PLN_EMBED_BACKWARD_INPUT_GAMMA, width);
    WANT(EMBED_BACKWARD, MEAN, PLN_F32, &d_y->rows, 1);
    WANT(EMBED_BACKWARD, RSTD, PLN_F32, &d_y->rows, 1);
    graph_want_dropout(&r, PLN_EMBED_BACKWARD_INPUT_ORIGIN, PLN_EMBED_BACKWARD_INPUT_RANDOM, d_y->rows, p->site);
    out[PLN_EMBED_BACKWARD_OUTPUT_D_GAMMA] = graph_floats((pln_dim){0, 0, 1}, width);
    out[PLN_EMBED_BACKWARD_OUTPUT_D_BETA] = graph_floats((pln_dim){0, 0, 1}, width);
    out[PLN_EMBED_BACKWARD_OUTPUT_D_X] = graph_shape_like(d_y);
}

void graph_shape_scatter_add(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct graph_rule r = graph_rule_of(graph, node);
    const pln_value *state = INPUT(SCATTER_ADD, STATE), *x = INPUT(SCATTER_ADD, X);
    WANT(SCATTER_ADD, INDEX, PLN_I32, &x->rows, 1);
    WANT(SCATTER_ADD, X, PLN_F32, NULL, state->width);
    out[0] = graph_shape_like(state);
}

void graph_shape_gather_backward(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct graph_rule r = graph_rule_of(graph, node);
    const pln_value *d_y = INPUT(GATHER_BACKWARD, D_Y), *x = INPUT(GATHER_BACKWARD, X);
    WANT(GATHER_BACKWARD, INDEX, PLN_I32, &d_y->rows, 1);
    WANT(GATHER_BACKWARD, X, PLN_F32, NULL, d_y->width);
    out[0] = graph_shape_like(x);
}

void graph_shape_segment_mean_backward(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct graph_rule r = graph_rule_of(graph, node);
    const pln_value *x = INPUT(SEGMENT_MEAN_BACKWARD, X);
    const pln_dim batch = graph_want_starts(&r, PLN_SEGMENT_MEAN_BACKWARD_INPUT_STARTS);
    WANT(SEGMENT_MEAN_BACKWARD, D_Y, PLN_F32, &batch, x->width);
    WANT(SEGMENT_MEAN_BACKWARD, X, PLN_F32, NULL, 0);
    out[0] = graph_shape_like(x);
}

void graph_shape_cross_entropy_backward(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct graph_rule r = graph_rule_of(graph, node);
    const pln_value *logits = INPUT(CROSS_ENTROPY_BACKWARD, LOGITS);
    WANT(CROSS_ENTROPY_BACKWARD, LOGITS, PLN_F32, NULL, 0);
    WANT(CROSS_ENTROPY_BACKWARD, LABELS, PLN_I32, &logits->rows, 1);
    WANT(CROSS_ENTROPY_BACKWARD, LSE, PLN_F32, &logits->rows, 1);
    graph_want_vector(&r, PLN_CROSS_ENTROPY_BACKWARD_INPUT_COUNT, 1);
    graph_want_vector(&r, PLN_CROSS_ENTROPY_BACKWARD_INPUT_WEIGHTS, logits->width);
    out[0] = graph_shape_like(logits);
}

void graph_shape_binary_cross_entropy_backward(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct graph_rule r = graph_rule_of(graph, node);
    const pln_value *logits = INPUT(BINARY_CROSS_ENTROPY_BACKWARD, LOGITS);
    WANT(BINARY_CROSS_ENTROPY_BACKWARD, LOGITS, PLN_F32, NULL, 0);
    WANT(BINARY_CROSS_ENTROPY_BACKWARD, LABELS, PLN_F32, &logits->rows, logits->width);
    WANT(BINARY_CROSS_ENTROPY_BACKWARD, WEIGHTS, PLN_F32, &logits->rows, 1);
    graph_want_vector(&r, PLN_BINARY_CROSS_ENTROPY_BACKWARD_INPUT_COUNT, 1);
    out[0] = graph_shape_like(logits);
}

void graph_shape_mean_squared_error_backward(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct graph_rule r = graph_rule_of(graph, node);
    const pln_value *x = INPUT(MEAN_SQUARED_ERROR_BACKWARD, X);
    WANT(MEAN_SQUARED_ERROR_BACKWARD, X, PLN_F32, NULL, 0);
    WANT(MEAN_SQUARED_ERROR_BACKWARD, LABELS, PLN_F32, &x->rows, x->width);
    graph_want_vector(&r, PLN_MEAN_SQUARED_ERROR_BACKWARD_INPUT_COUNT, 1);
    out[0] = graph_shape_like(x);
}

void graph_shape_span_cross_entropy_backward(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct graph_rule r = graph_rule_of(graph, node);
    const pln_dim batch = graph_want_starts(&r, PLN_SPAN_CROSS_ENTROPY_BACKWARD_INPUT_STARTS);
    WANT(SPAN_CROSS_ENTROPY_BACKWARD, LOGITS, PLN_F32, NULL, 2);
    WANT(SPAN_CROSS_ENTROPY_BACKWARD, FIRST, PLN_I32, &batch, 1);
    WANT(SPAN_CROSS_ENTROPY_BACKWARD, LAST, PLN_I32, &batch, 1);
    WANT(SPAN_CROSS_ENTROPY_BACKWARD, LSE, PLN_F32, &batch, 2);
    graph_want_vector(&r, PLN_SPAN_CROSS_ENTROPY_BACKWARD_INPUT_COUNT, 2);
    out[0] = graph_shape_like(INPUT(SPAN_CROSS_ENTROPY_BACKWARD, LOGITS));
}

void graph_shape_global_norm(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct graph_rule r = graph_rule_of(graph, node);
    WANT(GLOBAL_NORM, X, PLN_F32, NULL, 0);
    out[0] = graph_shape_scalar();
}

void graph_shape_adamw(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct graph_rule r = graph_rule_of(graph, node);
    const pln_value *parameter = INPUT(ADAMW, PARAMETER);
    for (uint32_t i = 0; i < 4; i++) {
        graph_want(&r, i, PLN_F32, &parameter->rows, parameter->width);
        out[i] = graph_shape_like(parameter);
    }
    graph_want_vector(&r, PLN_ADAMW_INPUT_SETTINGS, PLN_ADAMW_SETTING_COLUMNS);
    WANT(ADAMW, FACTORS, PLN_F32, &parameter->rows, PLN_ADAMW_FACTOR_COLUMNS);
    graph_want_vector(&r, PLN_ADAMW_INPUT_NORM, 1);
}

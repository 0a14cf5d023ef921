/* SPDX-License-Identifier: Apache-2.0
 *
 * Arithmetic and memory traffic of a node. Multiply and add are two; an exponential or an error function counts as a
 * handful.
 */
#include "graph/graph.h"

enum { TRANSCENDENTAL = 10 }; /* operations that exp, erf or tanh stand for */

static uint64_t elements(const pln_value *value, const uint32_t *dims)
{
    return value ? (uint64_t)pln_dim_rows(value->rows, dims) * value->width : 0;
}

static uint64_t rows_of(const pln_value *value, const uint32_t *dims)
{
    return pln_dim_rows(value->rows, dims);
}

uint64_t graph_flops_embed(const struct graph_node *node, const uint32_t *dims)
{
    return 10 * elements(node->outputs[0], dims);
}

uint64_t graph_flops_linear(const struct graph_node *node, const uint32_t *dims)
{
    return 2 * elements(node->outputs[0], dims) * node->inputs[PLN_LINEAR_INPUT_X]->width;
}

uint64_t graph_flops_layer_norm(const struct graph_node *node, const uint32_t *dims)
{
    return 8 * elements(node->outputs[0], dims);
}

/* Pairs of a query and a key, over all heads. The lengths of the sequences are not known here: as if all were equal.
 * Inputs of attention from `first` on. */
static uint64_t attention_pairs(const struct graph_node *node, uint32_t first, const uint32_t *dims)
{
    const pln_attention_params *p = (const void *)node->params;
    pln_value *const *in = node->inputs + first;
    const uint64_t sequences = rows_of(in[PLN_ATTENTION_INPUT_STARTS], dims) - 1;
    const uint64_t queries = rows_of(in[PLN_ATTENTION_INPUT_QUERY], dims);
    const bool listed = node->op == PLN_OP_ATTENTION && in[PLN_ATTENTION_INPUT_KEY_ROWS];
    const uint64_t keys = rows_of(in[listed ? PLN_ATTENTION_INPUT_KEY_ROWS : PLN_ATTENTION_INPUT_KEY], dims);
    return queries * keys / (sequences ? sequences : 1) * p->heads;
}

uint64_t graph_flops_attention(const struct graph_node *node, const uint32_t *dims)
{
    const pln_attention_params *p = (const void *)node->params;
    return attention_pairs(node, 0, dims) * (4 * p->head_size + TRANSCENDENTAL);
}

/* Five products: scores, d_y v, and one for each of the three gradients. */
uint64_t graph_flops_attention_backward(const struct graph_node *node, const uint32_t *dims)
{
    const pln_attention_params *p = (const void *)node->params;
    return attention_pairs(node, 0, dims) * (10 * p->head_size + TRANSCENDENTAL);
}

uint64_t graph_flops_attention_backward_distance(const struct graph_node *node, const uint32_t *dims)
{
    const pln_attention_params *p = (const void *)node->params;
    return attention_pairs(node, PLN_ATTENTION_BACKWARD_DISTANCE_INPUT_QUERY, dims) *
           (6 * p->head_size + TRANSCENDENTAL);
}

uint64_t graph_flops_activation(const struct graph_node *node, const uint32_t *dims)
{
    return TRANSCENDENTAL * elements(node->outputs[0], dims);
}

uint64_t graph_flops_gather(const struct graph_node *node, const uint32_t *dims)
{
    (void)node;
    (void)dims;
    return 0;
}

uint64_t graph_flops_scatter(const struct graph_node *node, const uint32_t *dims)
{
    return graph_flops_gather(node, dims);
}

uint64_t graph_flops_segment_mean(const struct graph_node *node, const uint32_t *dims)
{
    return elements(node->inputs[0], dims);
}

uint64_t graph_flops_cross_entropy(const struct graph_node *node, const uint32_t *dims)
{
    return TRANSCENDENTAL * elements(node->inputs[0], dims);
}

uint64_t graph_flops_binary_cross_entropy(const struct graph_node *node, const uint32_t *dims)
{
    return 2 * TRANSCENDENTAL * elements(node->inputs[0], dims);
}

uint64_t graph_flops_mean_squared_error(const struct graph_node *node, const uint32_t *dims)
{
    return 3 * elements(node->inputs[0], dims);
}

uint64_t graph_flops_span_cross_entropy(const struct graph_node *node, const uint32_t *dims)
{
    return TRANSCENDENTAL * elements(node->inputs[0], dims);
}

uint64_t graph_flops_accumulate(const struct graph_node *node, const uint32_t *dims)
{
    return 2 * elements(node->inputs[0], dims);
}

uint64_t graph_flops_linear_backward_x(const struct graph_node *node, const uint32_t *dims)
{
    return 2 * elements(node->outputs[0], dims) * node->inputs[PLN_LINEAR_BACKWARD_X_INPUT_D_Y]->width;
}

uint64_t graph_flops_linear_backward_weight(const struct graph_node *node, const uint32_t *dims)
{
    return 2 * elements(node->inputs[PLN_LINEAR_BACKWARD_WEIGHT_INPUT_D_Y], dims) *
           node->inputs[PLN_LINEAR_BACKWARD_WEIGHT_INPUT_X]->width;
}

uint64_t graph_flops_activation_backward(const struct graph_node *node, const uint32_t *dims)
{
    return 2 * TRANSCENDENTAL * elements(node->outputs[0], dims);
}

uint64_t graph_flops_layer_norm_backward(const struct graph_node *node, const uint32_t *dims)
{
    return 14 * elements(node->inputs[PLN_LAYER_NORM_BACKWARD_INPUT_X], dims);
}

uint64_t graph_flops_embed_backward(const struct graph_node *node, const uint32_t *dims)
{
    return 18 * elements(node->inputs[PLN_EMBED_BACKWARD_INPUT_D_Y], dims);
}

uint64_t graph_flops_scatter_add(const struct graph_node *node, const uint32_t *dims)
{
    return elements(node->inputs[PLN_SCATTER_ADD_INPUT_X], dims);
}

uint64_t graph_flops_gather_backward(const struct graph_node *node, const uint32_t *dims)
{
    return elements(node->inputs[PLN_GATHER_BACKWARD_INPUT_D_Y], dims);
}

uint64_t graph_flops_segment_mean_backward(const struct graph_node *node, const uint32_t *dims)
{
    return elements(node->outputs[0], dims);
}

uint64_t graph_flops_cross_entropy_backward(const struct graph_node *node, const uint32_t *dims)
{
    return TRANSCENDENTAL * elements(node->outputs[0], dims);
}

uint64_t graph_flops_binary_cross_entropy_backward(const struct graph_node *node, const uint32_t *dims)
{
    return TRANSCENDENTAL * elements(node->outputs[0], dims);
}

uint64_t graph_flops_mean_squared_error_backward(const struct graph_node *node, const uint32_t *dims)
{
    return 2 * elements(node->outputs[0], dims);
}

uint64_t graph_flops_span_cross_entropy_backward(const struct graph_node *node, const uint32_t *dims)
{
    return TRANSCENDENTAL * elements(node->outputs[0], dims);
}

uint64_t graph_flops_global_norm(const struct graph_node *node, const uint32_t *dims)
{
    return 2 * elements(node->inputs[0], dims);
}

uint64_t graph_flops_adamw(const struct graph_node *node, const uint32_t *dims)
{
    return 20 * elements(node->inputs[0], dims);
}

uint64_t graph_node_flops(const struct graph_node *node, const uint32_t *dims)
{
    return graph_op(node->op)->flops(node, dims);
}

/* Elements of an input that the node reads or writes: of states and listed keys the rows that are named. */
static uint64_t elements_met(const struct graph_node *node, uint32_t i, const uint32_t *dims)
{
    const pln_value *value = node->inputs[i], *list = NULL;
    if (node->op == PLN_OP_SCATTER && i == PLN_SCATTER_INPUT_STATE)
        list = node->inputs[PLN_SCATTER_INPUT_INDEX];
    if (node->op == PLN_OP_ATTENTION && (i == PLN_ATTENTION_INPUT_KEY || i == PLN_ATTENTION_INPUT_VALUE))
        list = node->inputs[PLN_ATTENTION_INPUT_KEY_ROWS];
    return list ? rows_of(list, dims) * value->width : elements(value, dims);
}

uint64_t graph_node_bytes(const struct graph_node *node, const uint32_t *dims)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < node->n_inputs; i++)
        n += elements_met(node, i, dims);
    for (uint32_t i = node->op == PLN_OP_SCATTER ? 1 : 0; i < node->n_outputs; i++)
        n += elements(node->outputs[i], dims);
    return 4 * n;
}

/* A random word and two logarithms an element. */
uint64_t graph_flops_sample(const struct graph_node *node, const uint32_t *dims)
{
    return 3 * TRANSCENDENTAL * elements(node->inputs[PLN_SAMPLE_INPUT_LOGITS], dims);
}

uint64_t graph_flops_substitute(const struct graph_node *node, const uint32_t *dims)
{
    return elements(node->outputs[0], dims);
}

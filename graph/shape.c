/* SPDX-License-Identifier: Apache-2.0
 *
 * Shape rules: what the operands of each op must look like, and what comes out. ops.def gives the shapes in words.
 */
#include <stdio.h>

#include "graph/graph.h"

/* A check that fails makes the graph's error: "node: query is f32 [tokens,12], expected ...". */
struct rule {
    pln_graph *graph;
    const struct graph_node *node;
    const struct graph_op *op;
};

static bool same_rows(pln_dim a, pln_dim b)
{
    return a.symbol == b.symbol && (a.symbol ? a.scale == b.scale : true) && a.offset == b.offset;
}

static void print_shape(char *text, size_t bytes, const pln_graph *graph, pln_dim rows, uint32_t width)
{
    if (!rows.symbol)
        snprintf(text, bytes, "[%u, %u]", rows.offset, width);
    else if (rows.scale == 1 && !rows.offset)
        snprintf(text, bytes, "[%s, %u]", graph->symbols[rows.symbol], width);
    else
        snprintf(text, bytes, "[%u %s + %u, %u]", rows.scale, graph->symbols[rows.symbol], rows.offset, width);
}

/* Input i, if it is there, must be of that type and shape; width 0: any, rows NULL: any. */
static void want(const struct rule *r, uint32_t i, pln_dtype dtype, const pln_dim *rows, uint32_t width)
{
    const pln_value *v = r->node->inputs[i];
    if (!v)
        return;
    char found[96], expected[96];
    print_shape(found, sizeof found, r->graph, v->rows, v->width);
    if (v->dtype != dtype)
        graph_fail(r->graph, r->node->name, PLN_INVALID, "%s is %s, expected %s", r->op->input_names[i],
                   pln_dtype_string(v->dtype), pln_dtype_string(dtype));
    if ((width && v->width != width) || (rows && !same_rows(v->rows, *rows))) {
        print_shape(expected, sizeof expected, r->graph, rows ? *rows : v->rows, width ? width : v->width);
        graph_fail(r->graph, r->node->name, PLN_INVALID, "%s is %s, expected %s", r->op->input_names[i], found,
                   expected);
    }
}

static void want_constant(const struct rule *r, uint32_t i)
{
    if (r->node->inputs[i] && r->node->inputs[i]->kind != PLN_VALUE_CONSTANT)
        graph_fail(r->graph, r->node->name, PLN_INVALID, "%s must be a constant", r->op->input_names[i]);
}

static void want_vector(const struct rule *r, uint32_t i, uint32_t width)
{
    want(r, i, PLN_F32, &(pln_dim){0, 0, 1}, width);
}

/* starts has a row more than there are sequences. */
static pln_dim batch_of_starts(const struct rule *r, uint32_t i)
{
    const pln_value *starts = r->node->inputs[i];
    pln_dim rows = starts->rows;
    want(r, i, PLN_I32, NULL, 1);
    if (rows.offset < 1)
        graph_fail(r->graph, r->node->name, PLN_INVALID, "%s needs a row more than there are sequences",
                   r->op->input_names[i]);
    else
        rows.offset--;
    return rows;
}

static void require(const struct rule *r, bool holds, const char *sentence)
{
    if (!holds)
        graph_fail(r->graph, r->node->name, PLN_INVALID, "%s", sentence);
}

static struct rule rule_of(pln_graph *graph, const struct graph_node *node)
{
    return (struct rule){graph, node, graph_op(node->op)};
}

#define INPUT(op, name) node->inputs[PLN_##op##_INPUT_##name]

void graph_shape_embed(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct rule r = rule_of(graph, node);
    const pln_dim tokens = INPUT(EMBED, TOKEN_TYPES)->rows;
    const uint32_t width = INPUT(EMBED, TYPE)->width;
    require(&r, !INPUT(EMBED, IDS) == !INPUT(EMBED, WORD), "ids and word go together");
    require(&r, !INPUT(EMBED, IDS) != !INPUT(EMBED, EMBEDDINGS), "either ids or embeddings, not both or neither");
    require(&r, !INPUT(EMBED, POSITIONS) == !INPUT(EMBED, POSITION), "positions and position go together");
    want(&r, PLN_EMBED_INPUT_IDS, PLN_I32, &tokens, 1);
    want(&r, PLN_EMBED_INPUT_EMBEDDINGS, PLN_F32, &tokens, width);
    want(&r, PLN_EMBED_INPUT_TOKEN_TYPES, PLN_I32, &tokens, 1);
    want(&r, PLN_EMBED_INPUT_POSITIONS, PLN_I32, &tokens, 1);
    const uint32_t tables[] = {PLN_EMBED_INPUT_WORD, PLN_EMBED_INPUT_TYPE, PLN_EMBED_INPUT_POSITION};
    for (uint32_t i = 0; i < 3; i++) {
        want(&r, tables[i], PLN_F32, NULL, width);
        want_constant(&r, tables[i]);
    }
    want_vector(&r, PLN_EMBED_INPUT_GAMMA, width);
    want_vector(&r, PLN_EMBED_INPUT_BETA, width);
    out[PLN_EMBED_OUTPUT_Y] = (struct graph_shape){tokens, width};
    out[PLN_EMBED_OUTPUT_MEAN] = out[PLN_EMBED_OUTPUT_RSTD] = (struct graph_shape){tokens, 1};
}

void graph_shape_linear(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct rule r = rule_of(graph, node);
    const pln_dim rows = INPUT(LINEAR, X)->rows;
    const uint32_t width = INPUT(LINEAR, WEIGHT)->rows.offset;
    want_constant(&r, PLN_LINEAR_INPUT_WEIGHT);
    want(&r, PLN_LINEAR_INPUT_X, PLN_F32, NULL, INPUT(LINEAR, WEIGHT)->width);
    want_vector(&r, PLN_LINEAR_INPUT_BIAS, width);
    want(&r, PLN_LINEAR_INPUT_RESIDUAL, PLN_F32, &rows, width);
    out[PLN_LINEAR_OUTPUT_Y] = out[PLN_LINEAR_OUTPUT_PREACTIVATION] = (struct graph_shape){rows, width};
}

void graph_shape_layer_norm(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct rule r = rule_of(graph, node);
    const pln_value *x = INPUT(LAYER_NORM, X);
    want(&r, PLN_LAYER_NORM_INPUT_X, PLN_F32, NULL, 0);
    want_vector(&r, PLN_LAYER_NORM_INPUT_GAMMA, x->width);
    want_vector(&r, PLN_LAYER_NORM_INPUT_BETA, x->width);
    out[PLN_LAYER_NORM_OUTPUT_Y] = (struct graph_shape){x->rows, x->width};
    out[PLN_LAYER_NORM_OUTPUT_MEAN] = out[PLN_LAYER_NORM_OUTPUT_RSTD] = (struct graph_shape){x->rows, 1};
}

/* [planes, pairs] as one column: its rows over the number of planes. */
static bool planes_of(pln_dim rows, uint32_t planes, pln_dim *pairs)
{
    if (!planes || rows.scale % planes || rows.offset % planes)
        return false;
    *pairs = (pln_dim){rows.symbol, rows.scale / planes, rows.offset / planes};
    return true;
}

/* The number of pairs is the last element of pair_starts; its symbol has that value's name and ".total". */
static pln_dim graph_pairs(pln_graph *graph, const pln_value *pair_starts)
{
    char name[96];
    snprintf(name, sizeof name, "%s.total", pair_starts->name);
    return pln_rows_of(pln_graph_symbol(graph, name));
}

static void want_relative(const struct rule *r, const pln_attention_params *p)
{
    const pln_value *distance = r->node->inputs[PLN_ATTENTION_INPUT_DISTANCE];
    require(r, p->relative <= 2, "relative is 0, 1 or 2");
    require(r, !p->relative == !distance, "relative and distance go together");
    want_constant(r, PLN_ATTENTION_INPUT_DISTANCE);
    want(r, PLN_ATTENTION_INPUT_DISTANCE, PLN_F32, NULL, p->head_size);
    require(r, !distance || distance->rows.offset % 2 == 1, "distance has 2 * max_positions - 1 rows");
}

void graph_shape_attention(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct rule r = rule_of(graph, node);
    const pln_attention_params *p = (const void *)node->params;
    const pln_value *q = INPUT(ATTENTION, QUERY), *k = INPUT(ATTENTION, KEY);
    const pln_value *pair_starts = INPUT(ATTENTION, PAIR_STARTS), *bias = INPUT(ATTENTION, BIAS);
    require(&r, p->heads && p->head_size, "the width of query is a multiple of the heads");
    want(&r, PLN_ATTENTION_INPUT_QUERY, PLN_F32, NULL, p->heads * p->head_size);
    want(&r, PLN_ATTENTION_INPUT_KEY, PLN_F32, NULL, q->width);
    want(&r, PLN_ATTENTION_INPUT_VALUE, PLN_F32, &k->rows, q->width);
    const pln_dim batch = batch_of_starts(&r, PLN_ATTENTION_INPUT_STARTS);
    const pln_dim starts = {batch.symbol, batch.scale, batch.offset + 1};
    want(&r, PLN_ATTENTION_INPUT_SOURCE_STARTS, PLN_I32, &starts, 1);
    require(&r, INPUT(ATTENTION, SOURCE_STARTS) || same_rows(q->rows, k->rows),
            "keys that are not the queries need source_starts");
    want(&r, PLN_ATTENTION_INPUT_KEY_MASK, PLN_I32, &k->rows, 1);
    want(&r, PLN_ATTENTION_INPUT_PAIR_STARTS, PLN_I32, &starts, 1);
    want(&r, PLN_ATTENTION_INPUT_BIAS, PLN_F32, NULL, 1);
    want_vector(&r, PLN_ATTENTION_INPUT_HEAD_MASK, p->heads);
    require(&r, !bias || pair_starts, "bias needs pair_starts");
    require(&r, p->bias_heads == 1 || p->bias_heads == p->heads, "bias_heads is 1 or heads");
    want_relative(&r, p);
    pln_dim pairs = {0}; /* without pair_starts nothing has pairs */
    if (pair_starts)
        pairs = graph_pairs(graph, pair_starts);
    pln_dim plane;
    if (bias && (!planes_of(bias->rows, p->bias_heads, &plane) || !same_rows(plane, pairs)))
        require(&r, false, "bias has bias_heads times as many rows as pair_starts has pairs");
    out[PLN_ATTENTION_OUTPUT_Y] = (struct graph_shape){q->rows, q->width};
    out[PLN_ATTENTION_OUTPUT_LSE] = (struct graph_shape){q->rows, p->heads};
    out[PLN_ATTENTION_OUTPUT_PROBABILITIES] =
        (struct graph_shape){{pairs.symbol, pairs.scale * p->heads, pairs.offset * p->heads}, 1};
}

void graph_shape_activation(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct rule r = rule_of(graph, node);
    want(&r, PLN_ACTIVATION_INPUT_X, PLN_F32, NULL, 0);
    out[0] = (struct graph_shape){INPUT(ACTIVATION, X)->rows, INPUT(ACTIVATION, X)->width};
}

void graph_shape_gather(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct rule r = rule_of(graph, node);
    want(&r, PLN_GATHER_INPUT_X, PLN_F32, NULL, 0);
    want(&r, PLN_GATHER_INPUT_INDEX, PLN_I32, NULL, 1);
    out[0] = (struct graph_shape){INPUT(GATHER, INDEX)->rows, INPUT(GATHER, X)->width};
}

void graph_shape_segment_mean(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct rule r = rule_of(graph, node);
    want(&r, PLN_SEGMENT_MEAN_INPUT_X, PLN_F32, NULL, 0);
    out[0] = (struct graph_shape){batch_of_starts(&r, PLN_SEGMENT_MEAN_INPUT_STARTS), INPUT(SEGMENT_MEAN, X)->width};
}

void graph_shape_cross_entropy(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct rule r = rule_of(graph, node);
    const pln_dim rows = INPUT(CROSS_ENTROPY, LOGITS)->rows;
    want(&r, PLN_CROSS_ENTROPY_INPUT_LOGITS, PLN_F32, NULL, 0);
    want(&r, PLN_CROSS_ENTROPY_INPUT_LABELS, PLN_I32, &rows, 1);
    out[PLN_CROSS_ENTROPY_OUTPUT_LOSS] = (struct graph_shape){{0, 0, 1}, 1};
    out[PLN_CROSS_ENTROPY_OUTPUT_LSE] = (struct graph_shape){rows, 1};
}

void graph_shape_binary_cross_entropy(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct rule r = rule_of(graph, node);
    const pln_value *logits = INPUT(BINARY_CROSS_ENTROPY, LOGITS);
    want(&r, PLN_BINARY_CROSS_ENTROPY_INPUT_LABELS, PLN_F32, &logits->rows, logits->width);
    want(&r, PLN_BINARY_CROSS_ENTROPY_INPUT_WEIGHTS, PLN_F32, &logits->rows, 1);
    out[0] = (struct graph_shape){{0, 0, 1}, 1};
}

void graph_shape_mean_squared_error(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct rule r = rule_of(graph, node);
    const pln_value *x = INPUT(MEAN_SQUARED_ERROR, X);
    want(&r, PLN_MEAN_SQUARED_ERROR_INPUT_LABELS, PLN_F32, &x->rows, x->width);
    out[0] = (struct graph_shape){{0, 0, 1}, 1};
}

void graph_shape_span_cross_entropy(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct rule r = rule_of(graph, node);
    const pln_dim batch = batch_of_starts(&r, PLN_SPAN_CROSS_ENTROPY_INPUT_STARTS);
    want(&r, PLN_SPAN_CROSS_ENTROPY_INPUT_LOGITS, PLN_F32, NULL, 2);
    want(&r, PLN_SPAN_CROSS_ENTROPY_INPUT_FIRST, PLN_I32, &batch, 1);
    want(&r, PLN_SPAN_CROSS_ENTROPY_INPUT_LAST, PLN_I32, &batch, 1);
    out[0] = (struct graph_shape){{0, 0, 1}, 1};
}

void graph_shape_accumulate(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct rule r = rule_of(graph, node);
    const pln_value *state = INPUT(ACCUMULATE, STATE);
    require(&r, state->kind == PLN_VALUE_STATE, "only a value of kind state is written in place");
    want(&r, PLN_ACCUMULATE_INPUT_X, PLN_F32, &state->rows, state->width);
    out[0] = (struct graph_shape){state->rows, state->width};
}

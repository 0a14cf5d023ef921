/* SPDX-License-Identifier: Apache-2.0
 *
 * Shape rules of the forward ops and of attention's backward ones: what the operands must look like, and what comes
 * out. ops.def gives the shapes in words.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "graph/shape.h"

bool graph_same_rows(pln_dim a, pln_dim b)
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

void graph_want(const struct graph_rule *r, uint32_t i, pln_dtype dtype, const pln_dim *rows, uint32_t width)
{
    const pln_value *v = r->node->inputs[i];
    if (!v)
        return;
    char found[96], expected[96];
    print_shape(found, sizeof found, r->graph, v->rows, v->width);
    if (v->dtype != dtype)
        graph_fail(r->graph, r->node->name, PLN_INVALID, "%s is %s, expected %s", r->op->input_names[i],
                   pln_dtype_string(v->dtype), pln_dtype_string(dtype));
    if ((width && v->width != width) || (rows && !graph_same_rows(v->rows, *rows))) {
        const pln_dim wanted = rows ? *rows : v->rows;
        print_shape(expected, sizeof expected, r->graph, wanted, width ? width : v->width);
        graph_fail(r->graph, r->node->name, PLN_INVALID, "%s is %s, expected %s", r->op->input_names[i], found,
                   expected);
    }
}

void graph_want_weight(const struct graph_rule *r, uint32_t i)
{
    const pln_value *v = r->node->inputs[i];
    if (v && v->kind != PLN_VALUE_CONSTANT && v->kind != PLN_VALUE_STATE)
        graph_fail(r->graph, r->node->name, PLN_INVALID, "%s must be a constant or a parameter", r->op->input_names[i]);
}

void graph_want_vector(const struct graph_rule *r, uint32_t i, uint32_t width)
{
    graph_want(r, i, PLN_F32, &(pln_dim){0, 0, 1}, width);
}

void graph_want_dropout(const struct graph_rule *r, uint32_t origin, uint32_t random, pln_dim rows, uint32_t site)
{
    graph_require(r, !r->node->inputs[origin] == !r->node->inputs[random], "origin and random go together");
    graph_require(r, site < 65536, "there are more than 65535 places of dropout");
    graph_want(r, origin, PLN_I32, &rows, PLN_ORIGIN_COLUMNS);
    graph_want(r, random, PLN_I32, &(pln_dim){0, 0, 1}, PLN_RANDOM_COLUMNS);
}

pln_dim graph_want_starts(const struct graph_rule *r, uint32_t i)
{
    const pln_value *starts = r->node->inputs[i];
    pln_dim rows = starts->rows;
    graph_want(r, i, PLN_I32, NULL, 1);
    if (rows.offset < 1)
        graph_fail(r->graph, r->node->name, PLN_INVALID, "%s needs a row more than there are sequences",
                   r->op->input_names[i]);
    else
        rows.offset--;
    return rows;
}

void graph_want_activation(const struct graph_rule *r, uint32_t activation)
{
    if (!graph_activation_exists(activation))
        graph_fail(r->graph, r->node->name, PLN_INVALID, "there is no activation %u", activation);
}

void graph_require(const struct graph_rule *r, bool holds, const char *sentence)
{
    if (!holds)
        graph_fail(r->graph, r->node->name, PLN_INVALID, "%s", sentence);
}

void graph_shape_embed(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct graph_rule r = graph_rule_of(graph, node);
    const pln_dim tokens = INPUT(EMBED, TOKEN_TYPES)->rows;
    const uint32_t width = INPUT(EMBED, TYPE)->width;
    graph_require(&r, !INPUT(EMBED, IDS) == !INPUT(EMBED, WORD), "ids and word go together");
    graph_require(&r, !INPUT(EMBED, IDS) != !INPUT(EMBED, EMBEDDINGS), "either ids or embeddings, not both or neither");
    graph_require(&r, !INPUT(EMBED, POSITIONS) == !INPUT(EMBED, POSITION), "positions and position go together");
    graph_want(&r, PLN_EMBED_INPUT_IDS, PLN_I32, &tokens, 1);
    graph_want(&r, PLN_EMBED_INPUT_EMBEDDINGS, PLN_F32, &tokens, width);
    graph_want(&r, PLN_EMBED_INPUT_TOKEN_TYPES, PLN_I32, &tokens, 1);
    graph_want(&r, PLN_EMBED_INPUT_POSITIONS, PLN_I32, &tokens, 1);
    const uint32_t tables[] = {PLN_EMBED_INPUT_WORD, PLN_EMBED_INPUT_TYPE, PLN_EMBED_INPUT_POSITION};
    for (uint32_t i = 0; i < 3; i++) {
        graph_want(&r, tables[i], PLN_F32, NULL, width);
        graph_want_weight(&r, tables[i]);
    }
    graph_want_vector(&r, PLN_EMBED_INPUT_GAMMA, width);
    graph_want_vector(&r, PLN_EMBED_INPUT_BETA, width);
    const pln_embed_params *p = (const void *)node->params;
    graph_want_dropout(&r, PLN_EMBED_INPUT_ORIGIN, PLN_EMBED_INPUT_RANDOM, tokens, p->site);
    out[PLN_EMBED_OUTPUT_Y] = graph_floats(tokens, width);
    out[PLN_EMBED_OUTPUT_MEAN] = out[PLN_EMBED_OUTPUT_RSTD] = graph_floats(tokens, 1);
}

void graph_shape_linear(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct graph_rule r = graph_rule_of(graph, node);
    const pln_dim rows = INPUT(LINEAR, X)->rows;
    const uint32_t width = INPUT(LINEAR, WEIGHT)->rows.offset;
    graph_want_weight(&r, PLN_LINEAR_INPUT_WEIGHT);
    graph_want(&r, PLN_LINEAR_INPUT_X, PLN_F32, NULL, INPUT(LINEAR, WEIGHT)->width);
    graph_want_vector(&r, PLN_LINEAR_INPUT_BIAS, width);
    graph_want(&r, PLN_LINEAR_INPUT_RESIDUAL, PLN_F32, &rows, width);
    const pln_linear_params *p = (const void *)node->params;
    graph_want_activation(&r, p->activation);
    graph_want_dropout(&r, PLN_LINEAR_INPUT_ORIGIN, PLN_LINEAR_INPUT_RANDOM, rows, p->site);
    out[PLN_LINEAR_OUTPUT_Y] = out[PLN_LINEAR_OUTPUT_PREACTIVATION] = graph_floats(rows, width);
}

void graph_shape_layer_norm(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct graph_rule r = graph_rule_of(graph, node);
    const pln_value *x = INPUT(LAYER_NORM, X);
    graph_want(&r, PLN_LAYER_NORM_INPUT_X, PLN_F32, NULL, 0);
    graph_want_vector(&r, PLN_LAYER_NORM_INPUT_GAMMA, x->width);
    graph_want_vector(&r, PLN_LAYER_NORM_INPUT_BETA, x->width);
    out[PLN_LAYER_NORM_OUTPUT_Y] = graph_floats(x->rows, x->width);
    out[PLN_LAYER_NORM_OUTPUT_MEAN] = out[PLN_LAYER_NORM_OUTPUT_RSTD] = graph_floats(x->rows, 1);
}

/* [planes, pairs] as one column: its rows over the number of planes. */
static bool planes_of(pln_dim rows, uint32_t planes, pln_dim *pairs)
{
    if (!planes || rows.scale % planes || rows.offset % planes)
        return false;
    *pairs = (pln_dim){rows.symbol, rows.scale / planes, rows.offset / planes};
    return true;
}

/* The symbol has the name of the value and ".total". */
static void name_pairs(const pln_value *pair_starts, char *name, size_t bytes)
{
    snprintf(name, bytes, "%s.total", pair_starts->name);
}

uint32_t graph_pairs_symbol(const pln_graph *graph, const pln_value *pair_starts)
{
    char name[96];
    name_pairs(pair_starts, name, sizeof name);
    uint32_t i = graph->n_symbols - 1;
    while (i && strcmp(graph->symbols[i], name) != 0)
        i--;
    return i;
}

pln_dim pln_graph_pairs(pln_graph *graph, pln_value *pair_starts)
{
    char name[96];
    if (!graph_usable(graph, "pairs") || !graph_owns(graph, pair_starts, "pairs"))
        return (pln_dim){0};
    name_pairs(pair_starts, name, sizeof name);
    return pln_rows_of(pln_graph_symbol(graph, name));
}

static void want_relative(const struct graph_rule *r, const pln_attention_params *p, uint32_t at)
{
    const pln_value *distance = r->node->inputs[at];
    graph_require(r, p->relative <= 2, "relative is 0, 1 or 2");
    graph_require(r, !p->relative == !distance, "relative and distance go together");
    graph_want_weight(r, at);
    graph_want(r, at, PLN_F32, NULL, p->head_size);
    graph_require(r, !distance || distance->rows.offset % 2 == 1, "distance has 2 * max_positions - 1 rows");
}

static void want_bias(const struct graph_rule *r, const pln_attention_params *p, const pln_value *bias, pln_dim pairs)
{
    pln_dim plane;
    graph_require(r, p->bias_heads == 1 || p->bias_heads == p->heads, "bias_heads is 1 or heads");
    if (bias && (!planes_of(bias->rows, p->bias_heads, &plane) || !graph_same_rows(plane, pairs)))
        graph_require(r, false, "bias has bias_heads times as many rows as pair_starts has pairs");
}

/* The operands of attention lie one behind the other in the backward ops too, from input `first` on, but for the list of
 * keys (NULL: all of them, as they lie), which those have not. */
static pln_dim want_attention(const struct graph_rule *r, uint32_t first, const pln_value *key_rows)
{
    const pln_attention_params *p = (const void *)r->node->params;
    pln_value *const *in = r->node->inputs + first;
    const pln_value *q = in[PLN_ATTENTION_INPUT_QUERY], *k = in[PLN_ATTENTION_INPUT_KEY];
    pln_value *pair_starts = in[PLN_ATTENTION_INPUT_PAIR_STARTS];
    const pln_value *bias = in[PLN_ATTENTION_INPUT_BIAS], *source_starts = in[PLN_ATTENTION_INPUT_SOURCE_STARTS];
    const pln_dim keys = key_rows ? key_rows->rows : k->rows;
    graph_require(r, p->heads && p->head_size, "the width of query is a multiple of the heads");
    graph_want(r, first + PLN_ATTENTION_INPUT_QUERY, PLN_F32, NULL, p->heads * p->head_size);
    graph_want(r, first + PLN_ATTENTION_INPUT_KEY, PLN_F32, NULL, q->width);
    graph_want(r, first + PLN_ATTENTION_INPUT_VALUE, PLN_F32, &k->rows, q->width);
    const pln_dim batch = graph_want_starts(r, first + PLN_ATTENTION_INPUT_STARTS);
    const pln_dim starts = {batch.symbol, batch.scale, batch.offset + 1};
    graph_want(r, first + PLN_ATTENTION_INPUT_SOURCE_STARTS, PLN_I32, &starts, 1);
    graph_require(r, source_starts || (!key_rows && graph_same_rows(q->rows, k->rows)),
                  "keys that are not the queries need source_starts");
    graph_want(r, first + PLN_ATTENTION_INPUT_KEY_MASK, PLN_I32, &keys, 1);
    graph_want(r, first + PLN_ATTENTION_INPUT_PAIR_STARTS, PLN_I32, &starts, 1);
    graph_want(r, first + PLN_ATTENTION_INPUT_BIAS, PLN_F32, NULL, 1);
    graph_want_vector(r, first + PLN_ATTENTION_INPUT_HEAD_MASK, p->heads);
    graph_want_dropout(r, first + PLN_ATTENTION_INPUT_ORIGIN, first + PLN_ATTENTION_INPUT_RANDOM, q->rows, p->site);
    graph_require(r, !bias || pair_starts, "bias needs pair_starts");
    want_relative(r, p, first + PLN_ATTENTION_INPUT_DISTANCE);
    pln_dim pairs = {0}; /* without pair_starts nothing has pairs */
    if (pair_starts)
        pairs = pln_graph_pairs(r->graph, pair_starts);
    want_bias(r, p, bias, pairs);
    return pairs;
}

void graph_shape_attention(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct graph_rule r = graph_rule_of(graph, node);
    const pln_attention_params *p = (const void *)node->params;
    const pln_value *q = INPUT(ATTENTION, QUERY);
    WANT(ATTENTION, KEY_ROWS, PLN_I32, NULL, 1);
    const pln_dim pairs = want_attention(&r, 0, INPUT(ATTENTION, KEY_ROWS));
    out[PLN_ATTENTION_OUTPUT_Y] = graph_shape_like(q);
    out[PLN_ATTENTION_OUTPUT_LSE] = graph_floats(q->rows, p->heads);
    out[PLN_ATTENTION_OUTPUT_PROBABILITIES] =
        graph_floats((pln_dim){pairs.symbol, pairs.scale * p->heads, pairs.offset * p->heads}, 1);
}

void graph_shape_attention_backward(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct graph_rule r = graph_rule_of(graph, node);
    const pln_attention_params *p = (const void *)node->params;
    const pln_value *q = INPUT(ATTENTION_BACKWARD, QUERY), *k = INPUT(ATTENTION_BACKWARD, KEY);
    want_attention(&r, 0, NULL);
    WANT(ATTENTION_BACKWARD, Y, PLN_F32, &q->rows, q->width);
    WANT(ATTENTION_BACKWARD, LSE, PLN_F32, &q->rows, p->heads);
    WANT(ATTENTION_BACKWARD, D_Y, PLN_F32, &q->rows, q->width);
    out[PLN_ATTENTION_BACKWARD_OUTPUT_D_QUERY] = graph_shape_like(q);
    out[PLN_ATTENTION_BACKWARD_OUTPUT_D_KEY] = out[PLN_ATTENTION_BACKWARD_OUTPUT_D_VALUE] = graph_shape_like(k);
    out[PLN_ATTENTION_BACKWARD_OUTPUT_DELTA] = graph_floats(q->rows, p->heads);
}

void graph_shape_attention_backward_distance(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct graph_rule r = graph_rule_of(graph, node);
    const pln_attention_params *p = (const void *)node->params;
    const pln_value *q = INPUT(ATTENTION_BACKWARD_DISTANCE, QUERY);
    const pln_value *distance = INPUT(ATTENTION_BACKWARD_DISTANCE, DISTANCE);
    want_attention(&r, PLN_ATTENTION_BACKWARD_DISTANCE_INPUT_QUERY, NULL);
    WANT(ATTENTION_BACKWARD_DISTANCE, D_DISTANCE, PLN_F32, &distance->rows, distance->width);
    WANT(ATTENTION_BACKWARD_DISTANCE, LSE, PLN_F32, &q->rows, p->heads);
    WANT(ATTENTION_BACKWARD_DISTANCE, DELTA, PLN_F32, &q->rows, p->heads);
    WANT(ATTENTION_BACKWARD_DISTANCE, D_Y, PLN_F32, &q->rows, q->width);
    out[0] = graph_shape_like(distance);
}

void graph_shape_activation(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct graph_rule r = graph_rule_of(graph, node);
    const pln_value *x = INPUT(ACTIVATION, X);
    WANT(ACTIVATION, X, PLN_F32, NULL, 0);
    WANT(ACTIVATION, RESIDUAL, PLN_F32, &x->rows, x->width);
    const pln_activation_params *p = (const void *)node->params;
    graph_want_activation(&r, p->activation);
    graph_want_dropout(&r, PLN_ACTIVATION_INPUT_ORIGIN, PLN_ACTIVATION_INPUT_RANDOM, x->rows, p->site);
    out[0] = graph_shape_like(x);
}

void graph_shape_gather(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct graph_rule r = graph_rule_of(graph, node);
    graph_want(&r, PLN_GATHER_INPUT_X, PLN_F32, NULL, 0);
    graph_want(&r, PLN_GATHER_INPUT_INDEX, PLN_I32, NULL, 1);
    out[0] = graph_floats(INPUT(GATHER, INDEX)->rows, INPUT(GATHER, X)->width);
}

void graph_shape_segment_mean(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct graph_rule r = graph_rule_of(graph, node);
    graph_want(&r, PLN_SEGMENT_MEAN_INPUT_X, PLN_F32, NULL, 0);
    out[0] = graph_floats(graph_want_starts(&r, PLN_SEGMENT_MEAN_INPUT_STARTS), INPUT(SEGMENT_MEAN, X)->width);
}

void graph_shape_cross_entropy(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct graph_rule r = graph_rule_of(graph, node);
    const pln_dim rows = INPUT(CROSS_ENTROPY, LOGITS)->rows;
    graph_want(&r, PLN_CROSS_ENTROPY_INPUT_LOGITS, PLN_F32, NULL, 0);
    graph_want(&r, PLN_CROSS_ENTROPY_INPUT_LABELS, PLN_I32, &rows, 1);
    graph_want_vector(&r, PLN_CROSS_ENTROPY_INPUT_TOTAL, 1);
    graph_want_vector(&r, PLN_CROSS_ENTROPY_INPUT_WEIGHTS, INPUT(CROSS_ENTROPY, LOGITS)->width);
    const float smoothing = ((const pln_cross_entropy_params *)(const void *)node->params)->smoothing;
    graph_require(&r, smoothing >= 0 && smoothing <= 1, "smoothing is a share, from 0 to 1");
    out[PLN_CROSS_ENTROPY_OUTPUT_LOSS] = out[PLN_CROSS_ENTROPY_OUTPUT_COUNT] = graph_shape_scalar();
    out[PLN_CROSS_ENTROPY_OUTPUT_LSE] = graph_floats(rows, 1);
}

void graph_shape_binary_cross_entropy(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct graph_rule r = graph_rule_of(graph, node);
    const pln_value *logits = INPUT(BINARY_CROSS_ENTROPY, LOGITS);
    graph_want(&r, PLN_BINARY_CROSS_ENTROPY_INPUT_LABELS, PLN_F32, &logits->rows, logits->width);
    graph_want(&r, PLN_BINARY_CROSS_ENTROPY_INPUT_WEIGHTS, PLN_F32, &logits->rows, 1);
    graph_want_vector(&r, PLN_BINARY_CROSS_ENTROPY_INPUT_TOTAL, 1);
    out[PLN_BINARY_CROSS_ENTROPY_OUTPUT_LOSS] = out[PLN_BINARY_CROSS_ENTROPY_OUTPUT_COUNT] = graph_shape_scalar();
}

void graph_shape_mean_squared_error(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct graph_rule r = graph_rule_of(graph, node);
    const pln_value *x = INPUT(MEAN_SQUARED_ERROR, X);
    graph_want(&r, PLN_MEAN_SQUARED_ERROR_INPUT_LABELS, PLN_F32, &x->rows, x->width);
    graph_want_vector(&r, PLN_MEAN_SQUARED_ERROR_INPUT_TOTAL, 1);
    out[PLN_MEAN_SQUARED_ERROR_OUTPUT_LOSS] = out[PLN_MEAN_SQUARED_ERROR_OUTPUT_COUNT] = graph_shape_scalar();
}

void graph_shape_span_cross_entropy(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct graph_rule r = graph_rule_of(graph, node);
    const pln_dim batch = graph_want_starts(&r, PLN_SPAN_CROSS_ENTROPY_INPUT_STARTS);
    graph_want(&r, PLN_SPAN_CROSS_ENTROPY_INPUT_LOGITS, PLN_F32, NULL, 2);
    graph_want(&r, PLN_SPAN_CROSS_ENTROPY_INPUT_FIRST, PLN_I32, &batch, 1);
    graph_want(&r, PLN_SPAN_CROSS_ENTROPY_INPUT_LAST, PLN_I32, &batch, 1);
    graph_want_vector(&r, PLN_SPAN_CROSS_ENTROPY_INPUT_TOTAL, 2);
    out[PLN_SPAN_CROSS_ENTROPY_OUTPUT_LOSS] = graph_shape_scalar();
    out[PLN_SPAN_CROSS_ENTROPY_OUTPUT_LSE] = graph_floats(batch, 2);
    out[PLN_SPAN_CROSS_ENTROPY_OUTPUT_COUNT] = graph_floats((pln_dim){0, 0, 1}, 2);
}

void graph_shape_accumulate(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct graph_rule r = graph_rule_of(graph, node);
    const pln_value *state = INPUT(ACCUMULATE, STATE);
    graph_want(&r, PLN_ACCUMULATE_INPUT_X, PLN_F32, &state->rows, state->width);
    out[0] = graph_floats(state->rows, state->width);
}

void graph_shape_sample(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct graph_rule r = graph_rule_of(graph, node);
    const pln_sample_params *p = (const void *)node->params;
    const pln_dim rows = INPUT(SAMPLE, LOGITS)->rows;
    WANT(SAMPLE, LOGITS, PLN_F32, NULL, 0);
    WANT(SAMPLE, BARRED, PLN_I32, &rows, 1);
    graph_want_dropout(&r, PLN_SAMPLE_INPUT_ORIGIN, PLN_SAMPLE_INPUT_RANDOM, rows, p->site);
    graph_require(&r, p->temperature > 0 && p->temperature < INFINITY, "the temperature is no positive number");
    out[PLN_SAMPLE_OUTPUT_IDS] = out[PLN_SAMPLE_OUTPUT_BEST] = graph_integers(rows);
}

void graph_shape_substitute(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct graph_rule r = graph_rule_of(graph, node);
    const pln_dim tokens = INPUT(SUBSTITUTE, IDS)->rows;
    WANT(SUBSTITUTE, IDS, PLN_I32, NULL, 1);
    WANT(SUBSTITUTE, INDEX, PLN_I32, NULL, 1);
    WANT(SUBSTITUTE, REPLACED, PLN_I32, &INPUT(SUBSTITUTE, INDEX)->rows, 1);
    out[PLN_SUBSTITUTE_OUTPUT_Y] = graph_integers(tokens);
    out[PLN_SUBSTITUTE_OUTPUT_LABELS] = graph_floats(tokens, 1);
}

void graph_shape_scatter(pln_graph *graph, const struct graph_node *node, struct graph_shape *out)
{
    const struct graph_rule r = graph_rule_of(graph, node);
    const pln_value *state = INPUT(SCATTER, STATE), *x = INPUT(SCATTER, X);
    WANT(SCATTER, INDEX, PLN_I32, &x->rows, 1);
    WANT(SCATTER, X, PLN_F32, NULL, state->width);
    out[0] = graph_shape_like(state);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Cases of attention and its gradients.
 */
#include <math.h>
#include <stdio.h>

#include "conformance/harness.h"

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof *(array))

struct attention_form {
    const char *name;
    bool mask, hidden_row, causal, bias, planes, infinite, cross, head_mask, outputs, lse, probabilities, separate,
        dropout, listed;
    uint32_t relative;
};
static const struct attention_form attention_forms[] = {
    {"plain", .outputs = false},
    {"key mask", .mask = true},
    {"key mask, a hidden sequence, outputs", .mask = true, .hidden_row = true, .outputs = true},
    {"causal", .causal = true, .outputs = true},
    {"causal, key mask", .causal = true, .mask = true, .hidden_row = true},
    {"bias", .bias = true},
    {"bias of heads, outputs", .bias = true, .planes = true, .outputs = true},
    {"infinite bias", .bias = true, .infinite = true, .outputs = true},
    {"relative 1", .relative = 1},
    {"relative 2, key mask", .relative = 2, .mask = true, .outputs = true},
    {"cross", .cross = true, .mask = true},
    {"cross, bias, outputs", .cross = true, .bias = true, .outputs = true},
    {"head mask, outputs", .head_mask = true, .outputs = true},
    {"infinite bias of heads, lse", .bias = true, .planes = true, .infinite = true, .lse = true},
    {"infinite bias, key mask, outputs", .bias = true, .infinite = true, .mask = true, .outputs = true},
    {"cross, causal, probabilities", .cross = true, .causal = true, .probabilities = true},
    {"separate, lse", .separate = true, .lse = true},
    {"separate, relative 2, causal, head mask", .separate = true, .relative = 2, .causal = true, .head_mask = true},
    {"dropout", .dropout = true},
    {"dropout, key mask, head mask, outputs", .dropout = true, .mask = true, .head_mask = true, .outputs = true},
    {"cross, dropout, relative 1", .cross = true, .dropout = true, .relative = 1},
};
/* Keys and values that are rows of states: what has no gradient. */
static const struct attention_form listed_forms[] = {
    {"listed", .cross = true, .listed = true},
    {"listed, causal, key mask, outputs", .cross = true, .listed = true, .causal = true, .mask = true, .outputs = true},
    {"listed, causal, relative 1", .cross = true, .listed = true, .causal = true, .relative = 1},
    {"listed, causal, relative 2, lse", .cross = true, .listed = true, .causal = true, .relative = 2, .lse = true},
    {"listed, bias of heads, outputs", .cross = true, .listed = true, .bias = true, .planes = true, .outputs = true},
    {"listed, causal, dropout, head mask", .cross = true, .listed = true, .causal = true, .dropout = true,
     .head_mask = true},
};

struct attention_shape {
    uint32_t heads, head_size, n, lengths[CONF_SEQUENCES];
};
static const struct attention_shape attention_shapes[] = {
    {1, 4, 1, {1}},
    {3, 4, 3, {6, 4, 1}},
    {2, 5, 4, {3, 0, 7, 2}},
    {1, 8, 2, {33, 31}},
    {4, 16, 3, {17, 64, 5}},
    {2, 64, 2, {65, 40}},
    {12, 3, 5, {1, 2, 3, 5, 8}},
    {2, 32, 1, {129}},
    {1, 16, 2, {300, 2}},
    {17, 3, 2, {9, 4}},
    {1, 130, 2, {5, 7}},
    {2, 4, 12, {1, 9, 2, 8, 3, 0, 7, 4, 6, 5, 1, 17}},
};
/* More keys than blocks and tables hold, where relative positions have no table for them. */
static const struct attention_shape long_shape = {1, 4, 2, {1061, 40}};
static const struct attention_form long_forms[] = {
    {"long, lse", .lse = true},
    {"long, causal, key mask", .causal = true, .mask = true},
};
enum { POSITIONS = 310 };

static uint32_t pair_starts_of(const struct conf_packed *q, const struct conf_packed *k, int32_t *starts)
{
    starts[0] = 0;
    for (uint32_t i = 0; i < q->n; i++)
        starts[i + 1] = starts[i] + (q->starts[i + 1] - q->starts[i]) * (k->starts[i + 1] - k->starts[i]);
    return (uint32_t)starts[q->n];
}

static void add_key_mask(struct conf_case *c, struct conf_node *node, const struct conf_packed *k, bool hidden_row)
{
    const int32_t mask = conf_random_integers(c, k->rows, 3);
    for (uint32_t i = 0; i < conf_count(c, k->rows); i++)
        conf_ints(c, mask)[i]--; /* all but zero attend */
    for (int32_t i = k->starts[0]; hidden_row && i < k->starts[1]; i++)
        conf_ints(c, mask)[i] = 0;
    node->inputs[PLN_ATTENTION_INPUT_KEY_MASK] = mask;
}

/* Some pairs at minus infinity, and every key of the first query; else some whose exponential f32 does not hold. */
static void add_bias(struct conf_case *c, struct conf_node *node, const struct attention_form *form, pln_dim pairs,
                     uint32_t planes, const struct conf_packed *k)
{
    const int32_t bias = conf_input(c, (pln_dim){pairs.symbol, planes, 0}, 1, 0, 2);
    float *data = conf_floats(c, bias);
    const uint32_t n = conf_count(c, pairs) * planes;
    for (uint32_t i = 0; form->infinite && i < n; i++)
        if (i % 7 == 3 || i < (uint32_t)(k->starts[1] - k->starts[0]))
            data[i] = -INFINITY;
    for (uint32_t i = 3; !form->infinite && i < n; i += 11)
        data[i] += 100;
    node->inputs[PLN_ATTENTION_INPUT_BIAS] = bias;
}

/* Some sources are shorter than their queries, some longer. */
static uint32_t source_length(uint32_t length, uint32_t i)
{
    return i % 3 == 2 ? length + 7 : length / 2 + 3;
}

/* A constant, or in training a part of a flat state. */
static int32_t add_distance(struct conf_case *c, uint32_t width, bool state)
{
    enum { ROWS = 2 * POSITIONS - 1, FLAT_WIDTH = 64 };
    const uint32_t rows = (ROWS * ((width + 3) & ~3u) + FLAT_WIDTH - 1) / FLAT_WIDTH;
    return state ? conf_part(c, conf_state(c, rows + 2, FLAT_WIDTH, 1), 1, ROWS, width)
                 : conf_constant(c, ROWS, width, 1, true);
}

static void add_operands(struct conf_case *c, struct conf_node *node, const struct attention_form *form,
                         const struct attention_shape *shape, const struct conf_packed *q, const struct conf_packed *k)
{
    int32_t pair_starts[CONF_SEQUENCES + 1];
    uint32_t most = 0;
    for (uint32_t i = 0; i < shape->n; i++)
        most += shape->lengths[i] * (form->cross ? source_length(shape->lengths[i], i) : shape->lengths[i]);
    const uint32_t n_pairs = pair_starts_of(q, k, pair_starts);
    const pln_dim pairs = {conf_symbol(c, n_pairs, most + 8), 1, 0};
    if (form->bias || form->outputs || form->probabilities)
        node->inputs[PLN_ATTENTION_INPUT_PAIR_STARTS] = conf_integers(c, q->starts_rows, pair_starts);
    if (form->bias)
        add_bias(c, node, form, pairs, form->planes ? shape->heads : 1, k);
    if (form->mask)
        add_key_mask(c, node, k, form->hidden_row);
    if (form->relative)
        node->inputs[PLN_ATTENTION_INPUT_DISTANCE] = add_distance(c, shape->head_size, form->dropout);
    if (form->dropout) {
        node->inputs[PLN_ATTENTION_INPUT_ORIGIN] = conf_origin(c, q->rows, q);
        node->inputs[PLN_ATTENTION_INPUT_RANDOM] = conf_random(c);
    }
    if (form->head_mask)
        node->inputs[PLN_ATTENTION_INPUT_HEAD_MASK] = conf_input(c, conf_fixed(1), shape->heads, 0, 1);
    if (form->outputs || form->lse)
        node->outputs[PLN_ATTENTION_OUTPUT_LSE] = conf_output(c, q->rows, shape->heads);
    if (form->outputs || form->probabilities)
        node->outputs[PLN_ATTENTION_OUTPUT_PROBABILITIES] = conf_output(c, (pln_dim){pairs.symbol, shape->heads, 0}, 1);
}

static struct conf_packed pack_source(struct conf_case *c, const struct attention_shape *shape)
{
    uint32_t lengths[CONF_SEQUENCES];
    for (uint32_t i = 0; i < shape->n; i++)
        lengths[i] = source_length(shape->lengths[i], i);
    return conf_pack(c, lengths, shape->n, false);
}

/* Keys and values are rows of states, some of them several times; a row that is not listed is no number. */
static void add_listed(struct conf_case *c, struct conf_node *node, uint32_t width, const struct conf_packed *k)
{
    enum { STATE_ROWS = 90 };
    const int32_t list = conf_random_integers(c, k->rows, STATE_ROWS);
    bool listed[STATE_ROWS] = {false};
    for (uint32_t i = 0; conf_ints(c, list) && i < conf_count(c, k->rows); i++)
        listed[conf_ints(c, list)[i]] = true;
    for (uint32_t j = 1; j < 3; j++) {
        node->inputs[j] = conf_state(c, STATE_ROWS, width, 2);
        float *data = conf_floats(c, node->inputs[j]);
        for (uint32_t i = 0; data && i < STATE_ROWS * width; i++)
            data[i] = listed[i / width] ? data[i] : NAN;
    }
    node->inputs[PLN_ATTENTION_INPUT_KEY_ROWS] = list;
    node->inputs[PLN_ATTENTION_INPUT_SOURCE_STARTS] = conf_integers(c, k->starts_rows, k->starts);
}

/* Query, key and value: windows of one product, of two if keys have their own rows, or apart. */
static void add_rows(struct conf_case *c, struct conf_node *node, const struct attention_form *form, uint32_t width,
                     const struct conf_packed *q, const struct conf_packed *k)
{
    if (form->listed) {
        node->inputs[0] = conf_input(c, q->rows, width, 0, 2);
        add_listed(c, node, width, k);
    } else if (form->cross) {
        const int32_t kv = conf_input(c, k->rows, 2 * width, 0, 2);
        node->inputs[0] = conf_input(c, q->rows, width, 0, 2);
        node->inputs[1] = conf_window(c, kv, 0, width);
        node->inputs[2] = conf_window(c, kv, width, width);
        node->inputs[PLN_ATTENTION_INPUT_SOURCE_STARTS] = conf_integers(c, k->starts_rows, k->starts);
    } else if (form->separate) {
        for (uint32_t j = 0; j < 3; j++)
            node->inputs[j] = conf_input(c, q->rows, width, width + j, 2);
    } else {
        const int32_t qkv = conf_input(c, q->rows, 3 * width, 0, 2);
        for (uint32_t j = 0; j < 3; j++)
            node->inputs[j] = conf_window(c, qkv, j * width, width);
    }
}

static struct conf_node *add_attention(struct conf_case *c, const struct attention_shape *shape,
                                       const struct attention_form *form)
{
    const uint32_t width = shape->heads * shape->head_size;
    const struct conf_packed q = conf_pack(c, shape->lengths, shape->n, false),
                             k = form->cross ? pack_source(c, shape) : q;
    const pln_attention_params params = {.heads = shape->heads,
                                         .head_size = shape->head_size,
                                         .scale = (form->separate || form->relative ? 0.6f : 1) /
                                                  sqrtf((float)shape->head_size),
                                         .causal = form->causal,
                                         .relative = form->relative,
                                         .max_positions = form->relative ? POSITIONS : 0,
                                         .bias_heads = form->planes ? shape->heads : 1,
                                         .site = form->dropout ? CONF_SITE : 0,
                                         .drop_below = form->dropout ? CONF_DROP_BELOW : 0,
                                         .keep_scale = form->dropout ? CONF_KEEP_SCALE : 0};
    snprintf(c->name, sizeof c->name, "attention %ux%u, %u sequences, %s", shape->heads, shape->head_size, shape->n,
             form->name);
    struct conf_node *node =
        conf_node(c, PLN_OP_ATTENTION, &params, sizeof params, PLN_ATTENTION_INPUTS, PLN_ATTENTION_OUTPUTS);
    add_rows(c, node, form, width, &q, &k);
    node->inputs[PLN_ATTENTION_INPUT_STARTS] = conf_integers(c, q.starts_rows, q.starts);
    add_operands(c, node, form, shape, &q, &k);
    node->outputs[PLN_ATTENTION_OUTPUT_Y] = conf_output(c, q.rows, width);
    return node;
}

bool conf_attention(struct conf_case *c, uint32_t index)
{
    const uint32_t forms = COUNT(attention_forms) + COUNT(listed_forms), i = index / forms, form = index % forms;
    const uint32_t far = index - COUNT(attention_shapes) * forms;
    if (!conf_quick && i >= COUNT(attention_shapes) && far < COUNT(long_forms))
        return add_attention(c, &long_shape, &long_forms[far]);
    if (i >= (conf_quick ? 3 : COUNT(attention_shapes)))
        return false;
    return add_attention(c, &attention_shapes[i],
                         form < COUNT(attention_forms) ? &attention_forms[form]
                                                       : &listed_forms[form - COUNT(attention_forms)]);
}

/* The node whose gradient it is, which gives y and the log of the sum of exponentials, and the gradient: of query, key
 * and value, windows of one value if they are so themselves. */
static struct conf_node *add_gradient(struct conf_case *c, const struct attention_shape *shape,
                                      const struct attention_form *form)
{
    struct conf_node *forward = add_attention(c, shape, form);
    const uint32_t width = shape->heads * shape->head_size;
    conf_name_after(c, "attention_backward");
    const pln_dim rows = c->values[forward->inputs[0]].rows, sources = c->values[forward->inputs[1]].rows;
    struct conf_node *node = conf_node(c, PLN_OP_ATTENTION_BACKWARD, forward->params, forward->params_size,
                                       PLN_ATTENTION_BACKWARD_INPUTS, PLN_ATTENTION_BACKWARD_OUTPUTS);
    int32_t *lse = &forward->outputs[PLN_ATTENTION_OUTPUT_LSE];
    *lse = *lse == PLN_ABSENT ? conf_output(c, rows, shape->heads) : *lse;
    for (uint32_t i = 0; i < PLN_ATTENTION_INPUT_KEY_ROWS; i++)
        node->inputs[i] = forward->inputs[i];
    node->inputs[PLN_ATTENTION_BACKWARD_INPUT_Y] = forward->outputs[PLN_ATTENTION_OUTPUT_Y];
    node->inputs[PLN_ATTENTION_BACKWARD_INPUT_LSE] = *lse;
    node->inputs[PLN_ATTENTION_BACKWARD_INPUT_D_Y] = conf_input(c, rows, width, 0, 1);
    const int32_t all = form->cross || form->separate ? PLN_ABSENT : conf_output(c, rows, 3 * width);
    for (uint32_t j = 0; j < 3; j++)
        if (all == PLN_ABSENT)
            node->outputs[j] = conf_output(c, j ? sources : rows, width);
        else
            node->outputs[j] = conf_window(c, all, j * width, width);
    if (form->relative || form->lse)
        node->outputs[PLN_ATTENTION_BACKWARD_OUTPUT_DELTA] = conf_output(c, rows, shape->heads);
    return node;
}

bool conf_attention_backward(struct conf_case *c, uint32_t index)
{
    const uint32_t i = index / COUNT(attention_forms);
    const uint32_t far = index - COUNT(attention_shapes) * COUNT(attention_forms);
    if (!conf_quick && i >= COUNT(attention_shapes) && far < COUNT(long_forms))
        return add_gradient(c, &long_shape, &long_forms[far]);
    if (i >= (conf_quick ? 3 : COUNT(attention_shapes)))
        return false;
    return add_gradient(c, &attention_shapes[i], &attention_forms[index % COUNT(attention_forms)]);
}

bool conf_attention_backward_distance(struct conf_case *c, uint32_t index)
{
    static const struct attention_form forms[] = {
        {"relative 1", .relative = 1},
        {"relative 2, key mask, a hidden sequence", .relative = 2, .mask = true, .hidden_row = true},
        {"relative 1, cross, dropout, head mask", .relative = 1, .cross = true, .dropout = true, .head_mask = true},
        {"relative 2, causal, infinite bias", .relative = 2, .causal = true, .bias = true, .infinite = true},
    };
    const uint32_t i = index / COUNT(forms);
    if (i >= (conf_quick ? 3 : COUNT(attention_shapes)))
        return false;
    const struct conf_node *gradient = add_gradient(c, &attention_shapes[i], &forms[index % COUNT(forms)]);
    conf_name_after(c, "attention_backward_distance");
    struct conf_node *node = conf_node(c, PLN_OP_ATTENTION_BACKWARD_DISTANCE, gradient->params, gradient->params_size,
                                       PLN_ATTENTION_BACKWARD_DISTANCE_INPUTS, PLN_ATTENTION_BACKWARD_DISTANCE_OUTPUTS);
    for (uint32_t j = 0; j < PLN_ATTENTION_INPUT_KEY_ROWS; j++)
        node->inputs[PLN_ATTENTION_BACKWARD_DISTANCE_INPUT_QUERY + j] = gradient->inputs[j];
    node->inputs[PLN_ATTENTION_BACKWARD_DISTANCE_INPUT_D_DISTANCE] =
        conf_state(c, 2 * POSITIONS - 1, attention_shapes[i].head_size, 1);
    node->inputs[PLN_ATTENTION_BACKWARD_DISTANCE_INPUT_LSE] = gradient->inputs[PLN_ATTENTION_BACKWARD_INPUT_LSE];
    node->inputs[PLN_ATTENTION_BACKWARD_DISTANCE_INPUT_DELTA] = gradient->outputs[PLN_ATTENTION_BACKWARD_OUTPUT_DELTA];
    node->inputs[PLN_ATTENTION_BACKWARD_DISTANCE_INPUT_D_Y] = gradient->inputs[PLN_ATTENTION_BACKWARD_INPUT_D_Y];
    node->outputs[0] = conf_same(c, node->inputs[0]);
    return true;
}

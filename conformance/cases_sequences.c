/* SPDX-License-Identifier: Apache-2.0
 *
 * Cases of the ops that see sequences or all rows: attention, segment_mean, losses.
 */
#include <math.h>
#include <stdio.h>

#include "conformance/harness.h"

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof *(array))
enum { MOST_SEQUENCES = 12 };

/* Packed sequences: lengths of this round, their starts, symbols for rows and starts. */
struct packed {
    uint32_t n;
    int32_t starts[MOST_SEQUENCES + 1];
    pln_dim rows, starts_rows;
};

/* In the short round every second sequence is shortened and the last left out; a lone one is shortened. */
static struct packed pack(struct conf_case *c, const uint32_t *lengths, uint32_t n)
{
    struct packed p = {.n = n};
    uint32_t full = 0;
    for (uint32_t i = 0; i < n; i++)
        full += lengths[i];
    if (c->round == 1 && n > 1)
        p.n--;
    for (uint32_t i = 0; i < p.n; i++) {
        const bool shortened = c->round == 1 && (i % 2 || n == 1);
        const uint32_t length = shortened ? (lengths[i] + (n == 1)) / 2 : lengths[i];
        p.starts[i + 1] = p.starts[i] + (int32_t)length;
    }
    p.rows = (pln_dim){conf_symbol(c, (uint32_t)p.starts[p.n], full + 3), 1, 0};
    p.starts_rows = (pln_dim){conf_symbol(c, p.n, n + 2), 1, 1};
    return p;
}

struct attention_form {
    const char *name;
    bool mask, hidden_row, causal, bias, planes, infinite, cross, head_mask, outputs, lse, probabilities, separate;
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
};

struct attention_shape {
    uint32_t heads, head_size, n, lengths[MOST_SEQUENCES];
};
static const struct attention_shape attention_shapes[] = {
    {1, 4, 1, {1}},          {3, 4, 3, {6, 4, 1}}, {2, 5, 4, {3, 0, 7, 2}},     {1, 8, 2, {33, 31}},
    {4, 16, 3, {17, 64, 5}}, {2, 64, 2, {65, 40}}, {12, 3, 5, {1, 2, 3, 5, 8}}, {2, 32, 1, {129}},
    {1, 16, 2, {300, 2}},
};
enum { POSITIONS = 310 };

static uint32_t pair_starts_of(const struct packed *q, const struct packed *k, int32_t *starts)
{
    starts[0] = 0;
    for (uint32_t i = 0; i < q->n; i++)
        starts[i + 1] = starts[i] + (q->starts[i + 1] - q->starts[i]) * (k->starts[i + 1] - k->starts[i]);
    return (uint32_t)starts[q->n];
}

static void add_key_mask(struct conf_case *c, struct conf_node *node, const struct packed *k, bool hidden_row)
{
    const int32_t mask = conf_random_integers(c, k->rows, 3);
    for (uint32_t i = 0; i < conf_count(c, k->rows); i++)
        conf_ints(c, mask)[i]--; /* all but zero attend */
    for (int32_t i = k->starts[0]; hidden_row && i < k->starts[1]; i++)
        conf_ints(c, mask)[i] = 0;
    node->inputs[PLN_ATTENTION_INPUT_KEY_MASK] = mask;
}

/* Some pairs at minus infinity, and every key of the first query. */
static void add_bias(struct conf_case *c, struct conf_node *node, const struct attention_form *form, pln_dim pairs,
                     uint32_t planes, const struct packed *k)
{
    const int32_t bias = conf_input(c, (pln_dim){pairs.symbol, planes, 0}, 1, 0, 2);
    float *data = conf_floats(c, bias);
    const uint32_t n = conf_count(c, pairs) * planes;
    for (uint32_t i = 0; form->infinite && i < n; i++)
        if (i % 7 == 3 || i < (uint32_t)(k->starts[1] - k->starts[0]))
            data[i] = -INFINITY;
    node->inputs[PLN_ATTENTION_INPUT_BIAS] = bias;
}

static void add_operands(struct conf_case *c, struct conf_node *node, const struct attention_form *form,
                         const struct attention_shape *shape, const struct packed *q, const struct packed *k)
{
    int32_t pair_starts[MOST_SEQUENCES + 1];
    uint32_t most = 0;
    for (uint32_t i = 0; i < shape->n; i++)
        most += shape->lengths[i] * (form->cross ? shape->lengths[i] / 2 + 3 : shape->lengths[i]);
    const uint32_t n_pairs = pair_starts_of(q, k, pair_starts);
    const pln_dim pairs = {conf_symbol(c, n_pairs, most + 8), 1, 0};
    if (form->bias || form->outputs || form->probabilities)
        node->inputs[PLN_ATTENTION_INPUT_PAIR_STARTS] = conf_integers(c, q->starts_rows, pair_starts);
    if (form->bias)
        add_bias(c, node, form, pairs, form->planes ? shape->heads : 1, k);
    if (form->mask)
        add_key_mask(c, node, k, form->hidden_row);
    if (form->relative)
        node->inputs[PLN_ATTENTION_INPUT_DISTANCE] = conf_constant(c, 2 * POSITIONS - 1, shape->head_size, 1, true);
    if (form->head_mask)
        node->inputs[PLN_ATTENTION_INPUT_HEAD_MASK] = conf_input(c, conf_fixed(1), shape->heads, 0, 1);
    if (form->outputs || form->lse)
        node->outputs[PLN_ATTENTION_OUTPUT_LSE] = conf_output(c, q->rows, shape->heads);
    if (form->outputs || form->probabilities)
        node->outputs[PLN_ATTENTION_OUTPUT_PROBABILITIES] = conf_output(c, (pln_dim){pairs.symbol, shape->heads, 0}, 1);
}

static struct packed pack_source(struct conf_case *c, const struct attention_shape *shape)
{
    uint32_t lengths[MOST_SEQUENCES];
    for (uint32_t i = 0; i < shape->n; i++)
        lengths[i] = shape->lengths[i] / 2 + 3;
    return pack(c, lengths, shape->n);
}

bool conf_attention(struct conf_case *c, uint32_t index)
{
    const uint32_t i = index / COUNT(attention_forms);
    if (i >= (conf_quick ? 3 : COUNT(attention_shapes)))
        return false;
    const struct attention_shape *shape = &attention_shapes[i];
    const struct attention_form *form = &attention_forms[index % COUNT(attention_forms)];
    const uint32_t width = shape->heads * shape->head_size;
    const struct packed q = pack(c, shape->lengths, shape->n), k = form->cross ? pack_source(c, shape) : q;
    const pln_attention_params params = {.heads = shape->heads,
                                         .head_size = shape->head_size,
                                         .scale = 1 / sqrtf((float)shape->head_size),
                                         .causal = form->causal,
                                         .relative = form->relative,
                                         .max_positions = form->relative ? POSITIONS : 0,
                                         .bias_heads = form->planes ? shape->heads : 1};
    snprintf(c->name, sizeof c->name, "attention %ux%u, %u sequences, %s", shape->heads, shape->head_size, shape->n,
             form->name);
    struct conf_node *node =
        conf_node(c, PLN_OP_ATTENTION, &params, sizeof params, PLN_ATTENTION_INPUTS, PLN_ATTENTION_OUTPUTS);
    if (form->cross) {
        const int32_t kv = conf_input(c, k.rows, 2 * width, 0, 2);
        node->inputs[0] = conf_input(c, q.rows, width, 0, 2);
        node->inputs[1] = conf_window(c, kv, 0, width);
        node->inputs[2] = conf_window(c, kv, width, width);
        node->inputs[PLN_ATTENTION_INPUT_SOURCE_STARTS] = conf_integers(c, k.starts_rows, k.starts);
    } else if (form->separate) {
        for (uint32_t j = 0; j < 3; j++)
            node->inputs[j] = conf_input(c, q.rows, width, width + j, 2);
    } else {
        const int32_t qkv = conf_input(c, q.rows, 3 * width, 0, 2);
        for (uint32_t j = 0; j < 3; j++)
            node->inputs[j] = conf_window(c, qkv, j * width, width);
    }
    node->inputs[PLN_ATTENTION_INPUT_STARTS] = conf_integers(c, q.starts_rows, q.starts);
    add_operands(c, node, form, shape, &q, &k);
    node->outputs[PLN_ATTENTION_OUTPUT_Y] = conf_output(c, q.rows, width);
    return true;
}

static const uint32_t some_lengths[][MOST_SEQUENCES] = {
    {1}, {5, 2, 9}, {33, 1, 64, 3}, {7, 7, 7, 7, 7, 7, 7}, {129, 40}};
static const uint32_t some_counts[] = {1, 3, 4, 7, 2};

bool conf_segment_mean(struct conf_case *c, uint32_t index)
{
    static const uint32_t widths[] = {1, 12, 33, 64, 130};
    if (index >= COUNT(widths))
        return false;
    const struct packed p = pack(c, some_lengths[index], some_counts[index]);
    snprintf(c->name, sizeof c->name, "segment_mean, %u sequences x %u", some_counts[index], widths[index]);
    struct conf_node *node = conf_node(c, PLN_OP_SEGMENT_MEAN, NULL, 0, 2, 1);
    node->inputs[0] = conf_input(c, p.rows, widths[index], 0, 1);
    node->inputs[1] = conf_integers(c, p.starts_rows, p.starts);
    node->outputs[0] = conf_output(c, (pln_dim){p.starts_rows.symbol, 1, 0}, widths[index]);
    return true;
}

static const uint32_t loss_shapes[][2] = {{1, 1}, {1, 2}, {3, 5}, {33, 3}, {64, 50}, {7, 129}, {130, 33}, {5, 4096}};

bool conf_cross_entropy(struct conf_case *c, uint32_t index)
{
    const uint32_t form = index % 3, i = index / 3;
    if (i >= (conf_quick ? 4 : COUNT(loss_shapes)))
        return false;
    const uint32_t classes = loss_shapes[i][1];
    const pln_dim rows = conf_rows(c, loss_shapes[i][0]);
    const pln_cross_entropy_params params = {.ignore_index = i % 2 ? 0 : -100};
    snprintf(c->name, sizeof c->name, "cross_entropy %ux%u, %s", loss_shapes[i][0], classes,
             (const char *const[]){"all labels", "some labels, lse", "no label"}[form]);
    struct conf_node *node = conf_node(c, PLN_OP_CROSS_ENTROPY, &params, sizeof params, 2, 2);
    node->inputs[0] = conf_input(c, rows, form ? classes + 20 : classes, 0, 3);
    if (form)
        node->inputs[0] = conf_window(c, node->inputs[0], 15, classes);
    node->inputs[1] = conf_random_integers(c, rows, classes);
    for (uint32_t j = 0; j < conf_count(c, rows); j++)
        if (form == 2 || (form == 1 && j % 3 == 1))
            conf_ints(c, node->inputs[1])[j] = params.ignore_index;
    node->outputs[0] = conf_output(c, conf_fixed(1), 1);
    if (form == 1)
        node->outputs[1] = conf_output(c, rows, 1);
    return true;
}

bool conf_binary_cross_entropy(struct conf_case *c, uint32_t index)
{
    const uint32_t form = index % 3, i = index / 3;
    if (i >= (conf_quick ? 4 : COUNT(loss_shapes)))
        return false;
    const uint32_t classes = loss_shapes[i][1];
    const pln_dim rows = conf_rows(c, loss_shapes[i][0]);
    snprintf(c->name, sizeof c->name, "binary_cross_entropy %ux%u, %s", loss_shapes[i][0], classes,
             (const char *const[]){"no weights", "weights", "weights of zero"}[form]);
    struct conf_node *node = conf_node(c, PLN_OP_BINARY_CROSS_ENTROPY, NULL, 0, 3, 1);
    node->inputs[0] = conf_input(c, rows, classes, 0, 5);
    node->inputs[1] = conf_input(c, rows, classes, 0, 1);
    if (form) {
        node->inputs[2] = conf_input(c, rows, 1, 0, 1);
        for (uint32_t j = 0; j < conf_count(c, rows); j++)
            conf_floats(c, node->inputs[2])[j] = form == 1 && j % 2 == 0 ? 0.25f * (float)(1 + j % 5) : 0;
    }
    node->outputs[0] = conf_output(c, conf_fixed(1), 1);
    return true;
}

bool conf_mean_squared_error(struct conf_case *c, uint32_t index)
{
    if (index >= (conf_quick ? 4 : COUNT(loss_shapes)))
        return false;
    const pln_dim rows = conf_rows(c, loss_shapes[index][0]);
    snprintf(c->name, sizeof c->name, "mean_squared_error %ux%u", loss_shapes[index][0], loss_shapes[index][1]);
    struct conf_node *node = conf_node(c, PLN_OP_MEAN_SQUARED_ERROR, NULL, 0, 2, 1);
    node->inputs[0] = conf_input(c, rows, loss_shapes[index][1], 0, 1);
    node->inputs[1] = conf_input(c, rows, loss_shapes[index][1], loss_shapes[index][1] + 2, 1);
    node->outputs[0] = conf_output(c, conf_fixed(1), 1);
    return true;
}

bool conf_span_cross_entropy(struct conf_case *c, uint32_t index)
{
    const uint32_t form = index % 2, i = index / 2;
    if (i >= COUNT(some_counts))
        return false;
    const struct packed p = pack(c, some_lengths[i], some_counts[i]);
    int32_t first[MOST_SEQUENCES], last[MOST_SEQUENCES];
    snprintf(c->name, sizeof c->name, "span_cross_entropy, %u sequences, %s", some_counts[i],
             form ? "all outside" : "inside");
    for (uint32_t b = 0; b < p.n; b++) {
        const int32_t length = p.starts[b + 1] - p.starts[b];
        first[b] = form ? length : b % 3 == 1 ? -3 : (int32_t)conf_below(c, (uint32_t)length);
        last[b] = b % 3 == 2 ? length + 3 : (int32_t)conf_below(c, (uint32_t)length);
    }
    struct conf_node *node = conf_node(c, PLN_OP_SPAN_CROSS_ENTROPY, NULL, 0, 4, 1);
    const pln_dim batch = {p.starts_rows.symbol, 1, 0};
    node->inputs[0] = conf_input(c, p.rows, 2, 0, 3);
    node->inputs[1] = conf_integers(c, p.starts_rows, p.starts);
    node->inputs[2] = conf_integers(c, batch, first);
    node->inputs[3] = conf_integers(c, batch, last);
    node->outputs[0] = conf_output(c, conf_fixed(1), 1);
    return true;
}

const struct conf_group conf_groups[] = {
#define PLN_OP(number, version, NAME, name, inputs, outputs, in_place, params) {PLN_OP_##NAME, #name, conf_##name},
#include "graph/ops.def"
#undef PLN_OP
    {0, "tied", conf_tied},
    {0, "chain", conf_chain},
    {0, "masked", conf_masked},
};
const uint32_t conf_n_groups = COUNT(conf_groups);

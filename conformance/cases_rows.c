/* SPDX-License-Identifier: Apache-2.0
 *
 * Cases of the ops that see rows: linear, layer_norm, activation, gather, embed; and of a chain of them.
 */
#include <math.h>
#include <stdio.h>

#include "conformance/harness.h"

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof *(array))

static void name_case(struct conf_case *c, const char *what, uint32_t rows, uint32_t width, uint32_t inner,
                      const char *more)
{
    snprintf(c->name, sizeof c->name, "%s %ux%ux%u%s%s", what, rows, width, inner, *more ? ", " : "", more);
}

/* rows, columns of y, columns of x: ones, primes, edges of tiles, real ones */
static const uint32_t linear_shapes[][3] = {
    {1, 1, 1},       {1, 3, 5},      {2, 2, 4},      {3, 1, 33},     {5, 7, 3},      {7, 15, 15},
    {4, 33, 31},     {31, 33, 50},   {33, 31, 64},   {32, 32, 32},   {64, 64, 64},   {63, 65, 127},
    {65, 63, 129},   {128, 128, 96}, {129, 127, 33}, {127, 130, 16}, {16, 768, 96},  {33, 128, 768},
    {130, 300, 257}, {20, 50, 8},    {3, 1000, 12},  {257, 40, 128}, {6, 256, 3072}, {1, 4096, 96},
    {2, 5, 2},       {5, 50, 15},    {31, 96, 63},   {65, 129, 50},  {127, 64, 256},
};

enum { BARE, BIAS, PREACTIVATION, WINDOWS, WIDE, DROPOUT, STATE, LINEAR_FORMS };
static const char *const linear_forms[] = {
    "bare",    "bias", "bias, residual, preactivation", "windows", "wide rows", "dropout, residual, preactivation",
    "a state",
};

/* The weight, a constant or a part of a flat state. */
static int32_t add_weight(struct conf_case *c, uint32_t n, uint32_t k, bool state, bool plain)
{
    enum { FLAT_WIDTH = 256 };
    const float scale = 1 / sqrtf((float)k);
    if (!state)
        return conf_constant(c, n, k, scale, plain);
    const uint32_t rows = (n * ((k + 3) & ~3u) + FLAT_WIDTH - 1) / FLAT_WIDTH;
    return conf_part(c, conf_state(c, rows + 2, FLAT_WIDTH, scale), 1, n, k);
}

static void add_linear_operands(struct conf_case *c, struct conf_node *node, uint32_t form, pln_dim rows, uint32_t n)
{
    if (form != BARE)
        node->inputs[PLN_LINEAR_INPUT_BIAS] = conf_constant(c, 1, n, 0.5f, true);
    if (form == PREACTIVATION || form == WIDE || form == DROPOUT)
        node->inputs[PLN_LINEAR_INPUT_RESIDUAL] = conf_input(c, rows, n, form == WIDE ? n + 9 : 0, 1);
    if (form == DROPOUT) {
        node->inputs[PLN_LINEAR_INPUT_ORIGIN] = conf_origin(c, rows, NULL);
        node->inputs[PLN_LINEAR_INPUT_RANDOM] = conf_random(c);
    }
    if (form == PREACTIVATION || form == DROPOUT)
        node->outputs[PLN_LINEAR_OUTPUT_PREACTIVATION] = conf_output(c, rows, n);
}

bool conf_linear(struct conf_case *c, uint32_t index)
{
    const uint32_t form = index % LINEAR_FORMS, i = index / LINEAR_FORMS;
    if (i >= (conf_quick ? 8 : COUNT(linear_shapes)))
        return false;
    const uint32_t n = linear_shapes[i][1], k = linear_shapes[i][2];
    const pln_dim rows = conf_rows(c, linear_shapes[i][0]);
    const bool drops = form == DROPOUT;
    uint32_t activation = form == PREACTIVATION || drops ? i % PLN_ACTIVATIONS : PLN_ACTIVATION_NONE;
    if (form == BIAS)
        activation = PLN_ACTIVATION_GELU;
    const pln_linear_params params = {.activation = activation,
                                      .site = drops ? CONF_SITE : 0,
                                      .drop_below = drops ? CONF_DROP_BELOW : 0,
                                      .keep_scale = drops ? CONF_KEEP_SCALE : 0};
    name_case(c, "linear", linear_shapes[i][0], n, k, linear_forms[form]);
    const uint32_t width = form == WINDOWS ? k + 17 : k;
    const uint32_t stride = form == WIDE ? k + 13 : 0;
    const int32_t x = conf_input(c, rows, width, stride, 1);
    struct conf_node *node = conf_node(c, PLN_OP_LINEAR, &params, sizeof params, PLN_LINEAR_INPUTS, PLN_LINEAR_OUTPUTS);
    const uint32_t first = i % 2 ? 5 : 15;
    node->inputs[PLN_LINEAR_INPUT_X] = form == WINDOWS ? conf_window(c, x, first, k) : x;
    node->inputs[PLN_LINEAR_INPUT_WEIGHT] = add_weight(c, n, k, form == STATE, index % 2);
    add_linear_operands(c, node, form, rows, n);
    const int32_t y = conf_output(c, rows, form == WINDOWS ? n + 6 : n);
    node->outputs[PLN_LINEAR_OUTPUT_Y] = form == WINDOWS ? conf_window(c, y, 3, n) : y;
    return true;
}

static const uint32_t row_shapes[][2] = {{1, 1},     {1, 7},   {2, 2},   {3, 3},   {5, 4},    {7, 5},
                                         {31, 33},   {33, 15}, {64, 64}, {65, 96}, {20, 127}, {9, 128},
                                         {129, 129}, {4, 256}, {3, 768}, {2, 3072}};

bool conf_layer_norm(struct conf_case *c, uint32_t index)
{
    const uint32_t form = index % 3, i = index / 3;
    static const char *const forms[] = {"", "in place, mean and rstd", "window"};
    if (i >= (conf_quick ? 7 : COUNT(row_shapes)))
        return false;
    const uint32_t width = row_shapes[i][1];
    const pln_dim rows = conf_rows(c, row_shapes[i][0]);
    const pln_layer_norm_params params = {.eps = width < 3 ? 1e-3f : 1e-12f}; /* two equal numbers have no variance */
    name_case(c, "layer_norm", row_shapes[i][0], width, 1, forms[form]);
    int32_t x = conf_input(c, rows, form == 2 ? width + 5 : width, 0, 3);
    float *data = conf_floats(c, x);
    for (uint32_t j = 0; j < conf_count(c, rows) * c->values[x].width; j++)
        data[j] += 10; /* a mean that is larger than the spread */
    if (form == 2)
        x = conf_window(c, x, 3, width);
    struct conf_node *node =
        conf_node(c, PLN_OP_LAYER_NORM, &params, sizeof params, PLN_LAYER_NORM_INPUTS, PLN_LAYER_NORM_OUTPUTS);
    node->inputs[PLN_LAYER_NORM_INPUT_X] = x;
    node->inputs[PLN_LAYER_NORM_INPUT_GAMMA] = conf_constant(c, 1, width, 1, true);
    node->inputs[PLN_LAYER_NORM_INPUT_BETA] = conf_constant(c, 1, width, 1, false);
    node->outputs[PLN_LAYER_NORM_OUTPUT_Y] = form == 1 ? conf_same(c, x) : conf_output(c, rows, width);
    if (form == 1) {
        node->outputs[PLN_LAYER_NORM_OUTPUT_MEAN] = conf_output(c, rows, 1);
        node->outputs[PLN_LAYER_NORM_OUTPUT_RSTD] = conf_output(c, rows, 1);
    }
    return true;
}

bool conf_activation(struct conf_case *c, uint32_t index)
{
    static const char *const forms[] = {"", "in place", "window", "residual", "in place, dropout, residual"};
    static const uint32_t widths[] = {33, 64, 5, 40, 70};
    const uint32_t form = index % COUNT(forms), activation = index / COUNT(forms);
    if (activation >= PLN_ACTIVATIONS)
        return false;
    const bool drops = form == 4;
    const pln_activation_params params = {.activation = activation,
                                          .site = drops ? CONF_SITE : 0,
                                          .drop_below = drops ? CONF_DROP_BELOW : 0,
                                          .keep_scale = drops ? CONF_KEEP_SCALE : 0};
    const pln_dim rows = conf_rows(c, 21);
    snprintf(c->name, sizeof c->name, "activation %u, %s", activation, forms[form]);
    int32_t x = conf_input(c, rows, form == 2 ? widths[form] + 17 : widths[form], 0, 6);
    const uint32_t first = form == 2 ? 15 : 0;
    conf_put_ends(c, x, first);
    if (form == 2)
        x = conf_window(c, x, first, widths[form]);
    struct conf_node *node = conf_node(c, PLN_OP_ACTIVATION, &params, sizeof params, PLN_ACTIVATION_INPUTS, 1);
    node->inputs[PLN_ACTIVATION_INPUT_X] = x;
    if (form >= 3)
        node->inputs[PLN_ACTIVATION_INPUT_RESIDUAL] = conf_input(c, rows, widths[form], widths[form] + 5, 1);
    if (drops) {
        node->inputs[PLN_ACTIVATION_INPUT_ORIGIN] = conf_origin(c, rows, NULL);
        node->inputs[PLN_ACTIVATION_INPUT_RANDOM] = conf_random(c);
    }
    node->outputs[0] = form == 1 || form == 4 ? conf_same(c, x) : conf_output(c, rows, widths[form]);
    return true;
}

bool conf_gather(struct conf_case *c, uint32_t index)
{
    static const uint32_t shapes[][3] = {{1, 1, 1}, {5, 3, 7}, {33, 9, 5}, {20, 40, 64}, {3, 65, 130}, {64, 1, 768}};
    if (index >= COUNT(shapes))
        return false;
    const pln_dim from = conf_rows(c, shapes[index][0]), to = conf_rows(c, shapes[index][1]);
    name_case(c, "gather", shapes[index][0], shapes[index][2], shapes[index][1], "");
    struct conf_node *node = conf_node(c, PLN_OP_GATHER, NULL, 0, 2, 1);
    int32_t x = conf_input(c, from, shapes[index][2] + 3, 0, 1);
    node->inputs[0] = index % 2 ? conf_window(c, x, 2, shapes[index][2]) : x;
    node->inputs[1] = conf_random_integers(c, to, conf_count(c, from));
    node->outputs[0] = conf_output(c, to, c->values[node->inputs[0]].width);
    return true;
}

/* rows, width, vocabulary */
static const uint32_t embed_shapes[][3] = {{1, 1, 1},   {3, 2, 5},     {7, 5, 50},    {33, 8, 40},
                                           {20, 33, 7}, {65, 96, 300}, {12, 128, 97}, {5, 768, 64}};

enum { IDS, NO_POSITIONS, EMBEDDINGS, STATISTICS, DROPPED, EMBED_FORMS };
static const char *const embed_forms[] = {"ids", "ids, no positions", "embeddings", "mean and rstd", "dropout"};

static void add_embed_operands(struct conf_case *c, struct conf_node *node, uint32_t form, pln_dim rows,
                               const uint32_t *shape)
{
    const uint32_t width = shape[1], vocab = shape[2];
    if (form == EMBEDDINGS) {
        node->inputs[PLN_EMBED_INPUT_EMBEDDINGS] = conf_input(c, rows, width, 0, 1);
    } else {
        node->inputs[PLN_EMBED_INPUT_IDS] = conf_random_integers(c, rows, vocab);
        node->inputs[PLN_EMBED_INPUT_WORD] = conf_constant(c, vocab, width, 1, width % 2);
    }
    node->inputs[PLN_EMBED_INPUT_TOKEN_TYPES] = conf_random_integers(c, rows, 2);
    node->inputs[PLN_EMBED_INPUT_TYPE] = conf_constant(c, 2, width, 1, false);
    if (form != NO_POSITIONS) {
        node->inputs[PLN_EMBED_INPUT_POSITIONS] = conf_random_integers(c, rows, 11);
        node->inputs[PLN_EMBED_INPUT_POSITION] = conf_constant(c, 11, width, 1, true);
    }
    node->inputs[PLN_EMBED_INPUT_GAMMA] = conf_constant(c, 1, width, 1, true);
    node->inputs[PLN_EMBED_INPUT_BETA] = conf_constant(c, 1, width, 1, true);
    if (form == DROPPED) {
        node->inputs[PLN_EMBED_INPUT_ORIGIN] = conf_origin(c, rows, NULL);
        node->inputs[PLN_EMBED_INPUT_RANDOM] = conf_random(c);
    }
}

bool conf_embed(struct conf_case *c, uint32_t index)
{
    const uint32_t form = index % EMBED_FORMS, i = index / EMBED_FORMS;
    if (i >= (conf_quick ? 4 : COUNT(embed_shapes)))
        return false;
    const uint32_t width = embed_shapes[i][1];
    const pln_dim rows = conf_rows(c, embed_shapes[i][0]);
    const bool drops = form == DROPPED;
    const pln_embed_params params = {.eps = width < 3 ? 1e-3f : 1e-12f,
                                     .site = drops ? CONF_SITE : 0,
                                     .drop_below = drops ? CONF_DROP_BELOW : 0,
                                     .keep_scale = drops ? CONF_KEEP_SCALE : 0};
    struct conf_node *node = conf_node(c, PLN_OP_EMBED, &params, sizeof params, PLN_EMBED_INPUTS, PLN_EMBED_OUTPUTS);
    name_case(c, "embed", embed_shapes[i][0], width, embed_shapes[i][2], embed_forms[form]);
    add_embed_operands(c, node, form, rows, embed_shapes[i]);
    node->outputs[PLN_EMBED_OUTPUT_Y] = form == NO_POSITIONS
                                            ? conf_window(c, conf_output(c, rows, width + 18), 15, width)
                                            : conf_output(c, rows, width);
    if (form == STATISTICS) {
        node->outputs[PLN_EMBED_OUTPUT_MEAN] = conf_output(c, rows, 1);
        node->outputs[PLN_EMBED_OUTPUT_RSTD] = conf_output(c, rows, 1);
    }
    return true;
}

/* One table under embed and under linear: a device packs it for both. */
bool conf_tied(struct conf_case *c, uint32_t index)
{
    static const uint32_t shapes[][3] = {{5, 8, 50}, {33, 15, 33}, {17, 96, 300}};
    if (index >= COUNT(shapes))
        return false;
    const uint32_t width = shapes[index][1], vocab = shapes[index][2];
    const pln_dim rows = conf_rows(c, shapes[index][0]);
    const pln_embed_params embed = {.eps = 1e-12f};
    const pln_linear_params linear = {0};
    name_case(c, "tied", shapes[index][0], width, vocab, "");
    const int32_t table = conf_constant(c, vocab, width, 1, index % 2), y = conf_output(c, rows, width);
    struct conf_node *node = conf_node(c, PLN_OP_EMBED, &embed, sizeof embed, PLN_EMBED_INPUTS, 1);
    node->inputs[PLN_EMBED_INPUT_IDS] = conf_random_integers(c, rows, vocab);
    node->inputs[PLN_EMBED_INPUT_WORD] = table;
    node->inputs[PLN_EMBED_INPUT_TOKEN_TYPES] = conf_random_integers(c, rows, 2);
    node->inputs[PLN_EMBED_INPUT_TYPE] = conf_constant(c, 2, width, 1, true);
    node->inputs[PLN_EMBED_INPUT_GAMMA] = conf_constant(c, 1, width, 0.3f, true);
    node->inputs[PLN_EMBED_INPUT_BETA] = conf_constant(c, 1, width, 0.3f, true);
    node->outputs[0] = y;
    node = conf_node(c, PLN_OP_LINEAR, &linear, sizeof linear, PLN_LINEAR_INPUTS, 1);
    node->inputs[PLN_LINEAR_INPUT_X] = y;
    node->inputs[PLN_LINEAR_INPUT_WEIGHT] = table;
    node->outputs[0] = conf_output(c, rows, vocab);
    return true;
}

static int32_t chain_linear(struct conf_case *c, int32_t x, pln_dim rows, uint32_t n, uint32_t activation,
                            int32_t residual)
{
    const pln_linear_params params = {.activation = activation};
    const uint32_t k = c->values[x].width;
    struct conf_node *node = conf_node(c, PLN_OP_LINEAR, &params, sizeof params, PLN_LINEAR_INPUTS, 1);
    node->inputs[PLN_LINEAR_INPUT_X] = x;
    node->inputs[PLN_LINEAR_INPUT_WEIGHT] = conf_constant(c, n, k, 1 / sqrtf((float)k), true);
    node->inputs[PLN_LINEAR_INPUT_BIAS] = conf_constant(c, 1, n, 0.2f, true);
    node->inputs[PLN_LINEAR_INPUT_RESIDUAL] = residual;
    return node->outputs[0] = conf_output(c, rows, n);
}

static int32_t chain_norm(struct conf_case *c, int32_t x, pln_dim rows)
{
    const pln_layer_norm_params params = {.eps = 1e-6f};
    const uint32_t width = c->values[x].width;
    struct conf_node *node = conf_node(c, PLN_OP_LAYER_NORM, &params, sizeof params, 3, 1);
    node->inputs[0] = x;
    node->inputs[1] = conf_constant(c, 1, width, 0.7f, true);
    node->inputs[2] = conf_constant(c, 1, width, 0.2f, true);
    return node->outputs[0] = conf_output(c, rows, width);
}

/* An encoder layer: every node waits for the one before it. */
bool conf_chain(struct conf_case *c, uint32_t index)
{
    static const uint32_t shapes[][3] = {{6, 8, 2}, {37, 36, 3}, {130, 128, 2}};
    if (index >= (conf_quick ? 2 : COUNT(shapes)))
        return false;
    const uint32_t width = shapes[index][1], heads = shapes[index][2];
    const pln_dim rows = conf_rows(c, shapes[index][0]);
    const int32_t n = (int32_t)conf_count(c, rows), starts[] = {0, n / 2, n};
    const pln_attention_params attention = {
        .heads = heads, .head_size = width / heads, .scale = 1 / sqrtf((float)(width / heads)), .bias_heads = 1};
    name_case(c, "chain", shapes[index][0], width, heads, "");
    const int32_t x = conf_input(c, rows, width, 0, 1);
    const int32_t qkv = chain_linear(c, x, rows, 3 * width, PLN_ACTIVATION_NONE, PLN_ABSENT);
    struct conf_node *node = conf_node(c, PLN_OP_ATTENTION, &attention, sizeof attention, PLN_ATTENTION_INPUTS, 1);
    for (uint32_t i = 0; i < 3; i++)
        node->inputs[i] = conf_window(c, qkv, i * width, width);
    node->inputs[PLN_ATTENTION_INPUT_STARTS] = conf_integers(c, conf_fixed(3), starts);
    const int32_t context = node->outputs[0] = conf_output(c, rows, width);
    int32_t y = chain_norm(c, chain_linear(c, context, rows, width, PLN_ACTIVATION_NONE, x), rows);
    const int32_t inner = chain_linear(c, y, rows, 4 * width, PLN_ACTIVATION_GELU, PLN_ABSENT);
    chain_norm(c, chain_linear(c, inner, rows, width, PLN_ACTIVATION_NONE, y), rows);
    return true;
}

/* The head of a generator on the rows that are masked, of which the short round has none: then the loss is NaN. */
bool conf_masked(struct conf_case *c, uint32_t index)
{
    static const uint32_t shapes[][3] = {{5, 3, 6}, {40, 9, 33}, {64, 33, 64}};
    if (index >= COUNT(shapes))
        return false;
    const uint32_t width = shapes[index][2];
    const pln_dim rows = conf_rows(c, shapes[index][0]),
                  masked = {conf_symbol(c, c->round == 1 ? 0 : shapes[index][1], shapes[index][1] + 4), 1, 0};
    const pln_cross_entropy_params loss = {.ignore_index = -100};
    name_case(c, "masked", shapes[index][0], width, shapes[index][1], "none of them in the short round");
    struct conf_node *node = conf_node(c, PLN_OP_GATHER, NULL, 0, PLN_GATHER_INPUTS, PLN_GATHER_OUTPUTS);
    node->inputs[PLN_GATHER_INPUT_X] = conf_input(c, rows, width, 0, 1);
    node->inputs[PLN_GATHER_INPUT_INDEX] = conf_random_integers(c, masked, conf_count(c, rows));
    int32_t y = node->outputs[PLN_GATHER_OUTPUT_Y] = conf_output(c, masked, width);
    y = chain_norm(c, chain_linear(c, y, masked, width, PLN_ACTIVATION_GELU, PLN_ABSENT), masked);
    y = chain_linear(c, y, masked, 2 * width, PLN_ACTIVATION_NONE, PLN_ABSENT);
    node = conf_node(c, PLN_OP_CROSS_ENTROPY, &loss, sizeof loss, PLN_CROSS_ENTROPY_INPUTS, PLN_CROSS_ENTROPY_OUTPUTS);
    node->inputs[PLN_CROSS_ENTROPY_INPUT_LOGITS] = y;
    node->inputs[PLN_CROSS_ENTROPY_INPUT_LABELS] = conf_random_integers(c, masked, 2 * width);
    node->outputs[PLN_CROSS_ENTROPY_OUTPUT_LOSS] = conf_output(c, conf_fixed(1), 1);
    return true;
}

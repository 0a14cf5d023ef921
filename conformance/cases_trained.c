/* SPDX-License-Identifier: Apache-2.0
 *
 * What training makes of the ops: every weight is a state, a window of a flat one; dropout that drops nothing, or by one
 * number more or less; and gradients of which one alone is wanted.
 */
#include <math.h>
#include <stdio.h>

#include "common/philox.h"
#include "conformance/harness.h"

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof *(array))

enum { FLAT_WIDTH = 64, SEQUENCES = 2 };

/* A weight in a flat state of its own, behind a row that is another's. */
static int32_t add_weight(struct conf_case *c, uint32_t rows, uint32_t width, float scale)
{
    const uint32_t stride = width < 4 ? width : (width + 3) & ~3u;
    const int32_t flat = conf_state(c, (rows * stride + FLAT_WIDTH - 1) / FLAT_WIDTH + 2, FLAT_WIDTH, scale);
    return conf_part(c, flat, 1, rows, width);
}

/* Where dropout is counted from, though nothing is dropped. */
static void add_counters(struct conf_case *c, struct conf_node *node, uint32_t origin, pln_dim rows)
{
    node->inputs[origin] = conf_origin(c, rows, NULL);
    node->inputs[origin + 1] = conf_random(c);
}

static void add_linear(struct conf_case *c, pln_dim rows, uint32_t width, bool counted)
{
    const pln_linear_params params = {.activation = PLN_ACTIVATION_GELU, .site = CONF_SITE};
    struct conf_node *node = conf_node(c, PLN_OP_LINEAR, &params, sizeof params, PLN_LINEAR_INPUTS, PLN_LINEAR_OUTPUTS);
    node->inputs[PLN_LINEAR_INPUT_X] = conf_input(c, rows, width, 0, 1);
    node->inputs[PLN_LINEAR_INPUT_WEIGHT] = add_weight(c, width + 2, width, 1 / sqrtf((float)width));
    node->inputs[PLN_LINEAR_INPUT_BIAS] = add_weight(c, 1, width + 2, 1);
    if (counted)
        add_counters(c, node, PLN_LINEAR_INPUT_ORIGIN, rows);
    node->outputs[PLN_LINEAR_OUTPUT_Y] = conf_output(c, rows, width + 2);
}

static void add_layer_norm(struct conf_case *c, pln_dim rows, uint32_t width, bool counted)
{
    const pln_layer_norm_params params = {.eps = counted ? 0.1f : 1e-3f};
    struct conf_node *node =
        conf_node(c, PLN_OP_LAYER_NORM, &params, sizeof params, PLN_LAYER_NORM_INPUTS, PLN_LAYER_NORM_OUTPUTS);
    node->inputs[PLN_LAYER_NORM_INPUT_X] = conf_input(c, rows, width, 0, 1);
    node->inputs[PLN_LAYER_NORM_INPUT_GAMMA] = add_weight(c, 1, width, 1);
    node->inputs[PLN_LAYER_NORM_INPUT_BETA] = add_weight(c, 1, width, 1);
    for (uint32_t i = 0; i < PLN_LAYER_NORM_OUTPUTS; i++)
        node->outputs[i] = conf_output(c, rows, i ? 1 : width);
}

static void add_embed(struct conf_case *c, pln_dim rows, uint32_t width, bool counted)
{
    enum { WORDS = 40, TYPES = 3, POSITIONS = 30 };
    const pln_embed_params params = {.eps = 1e-3f, .site = CONF_SITE, .padding = counted ? 1 : 4};
    struct conf_node *node = conf_node(c, PLN_OP_EMBED, &params, sizeof params, PLN_EMBED_INPUTS, PLN_EMBED_OUTPUTS);
    node->inputs[PLN_EMBED_INPUT_IDS] = conf_random_integers(c, rows, WORDS);
    for (uint32_t r = 0; r < conf_count(c, rows); r += 3)
        conf_ints(c, node->inputs[PLN_EMBED_INPUT_IDS])[r] = counted ? 0 : 3; /* the id that padding names */
    node->inputs[PLN_EMBED_INPUT_WORD] = add_weight(c, WORDS, width, 1);
    node->inputs[PLN_EMBED_INPUT_TOKEN_TYPES] = conf_random_integers(c, rows, TYPES);
    node->inputs[PLN_EMBED_INPUT_TYPE] = add_weight(c, TYPES, width, 1);
    node->inputs[PLN_EMBED_INPUT_POSITIONS] = conf_random_integers(c, rows, POSITIONS);
    node->inputs[PLN_EMBED_INPUT_POSITION] = add_weight(c, POSITIONS, width, 1);
    node->inputs[PLN_EMBED_INPUT_GAMMA] = add_weight(c, 1, width, 1);
    node->inputs[PLN_EMBED_INPUT_BETA] = add_weight(c, 1, width, 1);
    if (counted)
        add_counters(c, node, PLN_EMBED_INPUT_ORIGIN, rows);
    for (uint32_t i = 0; i < PLN_EMBED_OUTPUTS; i++)
        node->outputs[i] = conf_output(c, rows, i ? 1 : width);
}

static void add_activation(struct conf_case *c, pln_dim rows, uint32_t width, bool counted)
{
    const pln_activation_params params = {.activation = PLN_ACTIVATION_SILU, .site = CONF_SITE};
    struct conf_node *node =
        conf_node(c, PLN_OP_ACTIVATION, &params, sizeof params, PLN_ACTIVATION_INPUTS, PLN_ACTIVATION_OUTPUTS);
    node->inputs[PLN_ACTIVATION_INPUT_X] = conf_input(c, rows, width, 0, 3);
    node->inputs[PLN_ACTIVATION_INPUT_RESIDUAL] = conf_input(c, rows, width, 0, 1);
    if (counted)
        add_counters(c, node, PLN_ACTIVATION_INPUT_ORIGIN, rows);
    node->outputs[0] = counted ? conf_output(c, rows, width) : conf_same(c, node->inputs[PLN_ACTIVATION_INPUT_X]);
}

/* No activation is what its number says, though what it would have seen is there. */
static void add_activation_backward(struct conf_case *c, pln_dim rows, uint32_t width, bool counted)
{
    const pln_activation_backward_params params = {.activation = counted ? PLN_ACTIVATION_SILU : PLN_ACTIVATION_NONE,
                                                   .site = CONF_SITE};
    struct conf_node *node = conf_node(c, PLN_OP_ACTIVATION_BACKWARD, &params, sizeof params,
                                       PLN_ACTIVATION_BACKWARD_INPUTS, PLN_ACTIVATION_BACKWARD_OUTPUTS);
    node->inputs[PLN_ACTIVATION_BACKWARD_INPUT_D_Y] = conf_input(c, rows, width, 0, 1);
    node->inputs[PLN_ACTIVATION_BACKWARD_INPUT_X] = conf_input(c, rows, width, 0, 3);
    if (counted)
        add_counters(c, node, PLN_ACTIVATION_BACKWARD_INPUT_ORIGIN, rows);
    node->outputs[0] = conf_output(c, rows, width);
}

/* Heads of 5 columns, relative positions of which the table is a state. */
static void add_attention(struct conf_case *c, pln_dim rows, uint32_t width, bool counted)
{
    enum { HEAD = 5, POSITIONS = 40 };
    const uint32_t heads = width / HEAD, columns = heads * HEAD;
    const pln_attention_params params = {.heads = heads,
                                         .head_size = HEAD,
                                         .scale = 0.3f,
                                         .relative = counted ? 1 : 2,
                                         .max_positions = POSITIONS,
                                         .bias_heads = 1,
                                         .site = CONF_SITE};
    const int32_t n = (int32_t)conf_count(c, rows), starts[SEQUENCES + 1] = {0, n / 3, n};
    struct conf_node *node =
        conf_node(c, PLN_OP_ATTENTION, &params, sizeof params, PLN_ATTENTION_INPUTS, PLN_ATTENTION_OUTPUTS);
    for (uint32_t i = 0; i < 3; i++)
        node->inputs[i] = conf_input(c, rows, columns, 0, 1);
    node->inputs[PLN_ATTENTION_INPUT_STARTS] = conf_integers(c, conf_fixed(SEQUENCES + 1), starts);
    node->inputs[PLN_ATTENTION_INPUT_DISTANCE] = add_weight(c, 2 * POSITIONS - 1, HEAD, 1);
    if (counted)
        add_counters(c, node, PLN_ATTENTION_INPUT_ORIGIN, rows);
    node->outputs[PLN_ATTENTION_OUTPUT_Y] = conf_output(c, rows, columns);
    node->outputs[PLN_ATTENTION_OUTPUT_LSE] = conf_output(c, rows, heads);
}

/* The gradient by gamma (counted: by beta) and no other than that by x; gamma is a state. */
static void add_layer_norm_backward(struct conf_case *c, pln_dim rows, uint32_t width, bool counted)
{
    struct conf_node *node = conf_node(c, PLN_OP_LAYER_NORM_BACKWARD, NULL, 0, PLN_LAYER_NORM_BACKWARD_INPUTS,
                                       PLN_LAYER_NORM_BACKWARD_OUTPUTS);
    node->inputs[counted] = add_weight(c, 1, width, 1);
    node->outputs[counted] = conf_same(c, node->inputs[counted]);
    node->inputs[PLN_LAYER_NORM_BACKWARD_INPUT_D_Y] = conf_input(c, rows, width, 0, 1);
    node->inputs[PLN_LAYER_NORM_BACKWARD_INPUT_X] = conf_input(c, rows, width, 0, 1);
    node->inputs[PLN_LAYER_NORM_BACKWARD_INPUT_GAMMA] = add_weight(c, 1, width, 1);
    node->inputs[PLN_LAYER_NORM_BACKWARD_INPUT_MEAN] = conf_input(c, rows, 1, 0, 0.5f);
    node->inputs[PLN_LAYER_NORM_BACKWARD_INPUT_RSTD] = conf_input(c, rows, 1, 0, 1);
    node->outputs[PLN_LAYER_NORM_BACKWARD_OUTPUT_D_X] = conf_output(c, rows, width);
}

static void add_embed_backward(struct conf_case *c, pln_dim rows, uint32_t width, bool counted)
{
    enum { TYPES = 3 };
    const pln_embed_backward_params params = {.site = CONF_SITE};
    struct conf_node *node = conf_node(c, PLN_OP_EMBED_BACKWARD, &params, sizeof params, PLN_EMBED_BACKWARD_INPUTS,
                                       PLN_EMBED_BACKWARD_OUTPUTS);
    node->inputs[counted] = add_weight(c, 1, width, 1);
    node->outputs[counted] = conf_same(c, node->inputs[counted]);
    node->inputs[PLN_EMBED_BACKWARD_INPUT_D_Y] = conf_input(c, rows, width, 0, 1);
    node->inputs[PLN_EMBED_BACKWARD_INPUT_EMBEDDINGS] = conf_input(c, rows, width, 0, 1);
    node->inputs[PLN_EMBED_BACKWARD_INPUT_TOKEN_TYPES] = conf_random_integers(c, rows, TYPES);
    node->inputs[PLN_EMBED_BACKWARD_INPUT_TYPE] = add_weight(c, TYPES, width, 1);
    node->inputs[PLN_EMBED_BACKWARD_INPUT_GAMMA] = add_weight(c, 1, width, 1);
    node->inputs[PLN_EMBED_BACKWARD_INPUT_MEAN] = conf_input(c, rows, 1, 0, 0.5f);
    node->inputs[PLN_EMBED_BACKWARD_INPUT_RSTD] = conf_input(c, rows, 1, 0, 1);
    if (counted)
        add_counters(c, node, PLN_EMBED_BACKWARD_INPUT_ORIGIN, rows);
    node->outputs[PLN_EMBED_BACKWARD_OUTPUT_D_X] = conf_output(c, rows, width);
}

/* Dropout below the word of an element, which is kept, or the number behind it, so that the element is not. */
static void add_edge(struct conf_case *c, pln_dim rows, uint32_t width, bool counted)
{
    const uint32_t r = conf_count(c, rows) / 2, e = width - 1;
    const int32_t x = conf_input(c, rows, width, 0, 1), origin = conf_origin(c, rows, NULL), random = conf_random(c);
    const int32_t *from = conf_ints(c, random), *place = conf_ints(c, origin) + 2 * (size_t)r;
    const uint32_t key[2] = {(uint32_t)from[PLN_RANDOM_SEED_LOW], (uint32_t)from[PLN_RANDOM_SEED_HIGH]};
    const uint32_t at = (uint32_t)place[PLN_ORIGIN_POSITION] * width + e;
    uint32_t words[4] = {(uint32_t)from[PLN_RANDOM_STEP], CONF_SITE, (uint32_t)place[PLN_ORIGIN_SEQUENCE], at / 4};
    philox(key, words, words);
    const pln_activation_params params = {
        .site = CONF_SITE, .drop_below = words[at % 4] + counted, .keep_scale = CONF_KEEP_SCALE};
    struct conf_node *node =
        conf_node(c, PLN_OP_ACTIVATION, &params, sizeof params, PLN_ACTIVATION_INPUTS, PLN_ACTIVATION_OUTPUTS);
    node->inputs[PLN_ACTIVATION_INPUT_X] = x;
    node->inputs[PLN_ACTIVATION_INPUT_ORIGIN] = origin;
    node->inputs[PLN_ACTIVATION_INPUT_RANDOM] = random;
    node->outputs[0] = conf_output(c, rows, width);
}

bool conf_trained(struct conf_case *c, uint32_t index)
{
    static const struct {
        const char *name;
        void (*add)(struct conf_case *c, pln_dim rows, uint32_t width, bool counted);
    } ops[] = {
        {"linear", add_linear},
        {"layer_norm", add_layer_norm},
        {"embed", add_embed},
        {"activation", add_activation},
        {"attention", add_attention},
        {"activation_backward", add_activation_backward},
        {"layer_norm_backward", add_layer_norm_backward},
        {"embed_backward", add_embed_backward},
        {"a word on the edge of dropout, activation", add_edge},
    };
    static const uint32_t shapes[][2] = {{5, 6}, {33, 21}, {36, 128}};
    const uint32_t op = index / 2 % COUNT(ops), i = index / 2 / COUNT(ops);
    if (i >= COUNT(shapes))
        return false;
    snprintf(c->name, sizeof c->name, "%s of weights in training, %ux%u%s", ops[op].name, shapes[i][0], shapes[i][1],
             index % 2 ? ", counted" : "");
    ops[op].add(c, conf_rows(c, shapes[i][0]), shapes[i][1], index % 2);
    return true;
}

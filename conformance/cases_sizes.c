/* SPDX-License-Identifier: Apache-2.0
 *
 * Each op but linear past what fits blocks, counters of 16 bits and tables of a kernel: a node by itself. What backward
 * ops take of forward ones are numbers like others here.
 */
#include <stdio.h>

#include "conformance/harness.h"

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof *(array))

enum {
    TABLE = 140000,
    FEW = 5000,
    MOST = 60000
}; /* rows of a table, of which half are past 16 bits; rows that may meet each other */

/* rows, width */
static const uint32_t sizes[][2] = {{1100, 21}, {66000, 2}, {3, 9001}, {70, 1030}, {40, 2}};

static void add_layer_norm(struct conf_case *c, pln_dim rows, uint32_t width)
{
    const pln_layer_norm_params params = {.eps = 1e-3f};
    struct conf_node *node =
        conf_node(c, PLN_OP_LAYER_NORM, &params, sizeof params, PLN_LAYER_NORM_INPUTS, PLN_LAYER_NORM_OUTPUTS);
    node->inputs[PLN_LAYER_NORM_INPUT_X] = conf_input(c, rows, width, 0, 3);
    node->inputs[PLN_LAYER_NORM_INPUT_GAMMA] = conf_constant(c, 1, width, 1, true);
    node->inputs[PLN_LAYER_NORM_INPUT_BETA] = conf_constant(c, 1, width, 1, false);
    node->outputs[PLN_LAYER_NORM_OUTPUT_Y] = conf_output(c, rows, width);
}

static void add_layer_norm_backward(struct conf_case *c, pln_dim rows, uint32_t width)
{
    struct conf_node *node = conf_node(c, PLN_OP_LAYER_NORM_BACKWARD, NULL, 0, PLN_LAYER_NORM_BACKWARD_INPUTS,
                                       PLN_LAYER_NORM_BACKWARD_OUTPUTS);
    for (uint32_t i = 0; i < 2; i++) {
        node->inputs[i] = conf_state(c, 1, width, 1);
        node->outputs[i] = conf_same(c, node->inputs[i]);
    }
    node->inputs[PLN_LAYER_NORM_BACKWARD_INPUT_D_Y] = conf_input(c, rows, width, 0, 0.05f);
    node->inputs[PLN_LAYER_NORM_BACKWARD_INPUT_X] = conf_input(c, rows, width, 0, 1);
    node->inputs[PLN_LAYER_NORM_BACKWARD_INPUT_GAMMA] = conf_constant(c, 1, width, 1, true);
    node->inputs[PLN_LAYER_NORM_BACKWARD_INPUT_MEAN] = conf_input(c, rows, 1, 0, 0.5f);
    node->inputs[PLN_LAYER_NORM_BACKWARD_INPUT_RSTD] = conf_input(c, rows, 1, 0, 1);
    node->outputs[PLN_LAYER_NORM_BACKWARD_OUTPUT_D_X] = conf_output(c, rows, width);
}

static void add_activation(struct conf_case *c, pln_dim rows, uint32_t width)
{
    const pln_activation_params params = {.activation = PLN_ACTIVATION_GELU,
                                          .site = CONF_SITE,
                                          .drop_below = CONF_DROP_BELOW,
                                          .keep_scale = CONF_KEEP_SCALE};
    struct conf_node *node =
        conf_node(c, PLN_OP_ACTIVATION, &params, sizeof params, PLN_ACTIVATION_INPUTS, PLN_ACTIVATION_OUTPUTS);
    node->inputs[PLN_ACTIVATION_INPUT_X] = conf_input(c, rows, width, 0, 3);
    node->inputs[PLN_ACTIVATION_INPUT_ORIGIN] = conf_origin(c, rows, NULL);
    node->inputs[PLN_ACTIVATION_INPUT_RANDOM] = conf_random(c);
    node->outputs[0] = conf_output(c, rows, width);
}

static void add_activation_backward(struct conf_case *c, pln_dim rows, uint32_t width)
{
    const pln_activation_backward_params params = {.activation = PLN_ACTIVATION_GELU};
    struct conf_node *node = conf_node(c, PLN_OP_ACTIVATION_BACKWARD, &params, sizeof params,
                                       PLN_ACTIVATION_BACKWARD_INPUTS, PLN_ACTIVATION_BACKWARD_OUTPUTS);
    node->inputs[PLN_ACTIVATION_BACKWARD_INPUT_D_Y] = conf_input(c, rows, width, 0, 1);
    node->inputs[PLN_ACTIVATION_BACKWARD_INPUT_X] = conf_input(c, rows, width, 0, 3);
    node->outputs[0] = conf_output(c, rows, width);
}

/* Rows of a long table, the last one among them. */
static int32_t far_rows(struct conf_case *c, pln_dim rows, uint32_t table)
{
    const int32_t index = conf_random_integers(c, rows, table);
    conf_ints(c, index)[0] = (int32_t)table - 1;
    return index;
}

static void add_embed(struct conf_case *c, pln_dim rows, uint32_t width)
{
    const pln_embed_params params = {.eps = 1e-3f};
    const uint32_t words = width < 3 ? TABLE : 50, positions = width < 30 ? 3000 : 20, types = 5;
    struct conf_node *node = conf_node(c, PLN_OP_EMBED, &params, sizeof params, PLN_EMBED_INPUTS, PLN_EMBED_OUTPUTS);
    node->inputs[PLN_EMBED_INPUT_IDS] = far_rows(c, rows, words);
    node->inputs[PLN_EMBED_INPUT_WORD] = conf_constant(c, words, width, 1, true);
    node->inputs[PLN_EMBED_INPUT_TOKEN_TYPES] = far_rows(c, rows, types);
    node->inputs[PLN_EMBED_INPUT_TYPE] = conf_constant(c, types, width, 1, true);
    node->inputs[PLN_EMBED_INPUT_POSITIONS] = far_rows(c, rows, positions);
    node->inputs[PLN_EMBED_INPUT_POSITION] = conf_constant(c, positions, width, 1, false);
    node->inputs[PLN_EMBED_INPUT_GAMMA] = conf_constant(c, 1, width, 1, true);
    node->inputs[PLN_EMBED_INPUT_BETA] = conf_constant(c, 1, width, 1, true);
    node->outputs[PLN_EMBED_OUTPUT_Y] = conf_output(c, rows, width);
}

static uint32_t table_of(uint32_t width)
{
    return width < 3 ? TABLE : 60;
}

static void add_gather(struct conf_case *c, pln_dim rows, uint32_t width)
{
    const pln_dim from = conf_rows(c, table_of(width));
    struct conf_node *node = conf_node(c, PLN_OP_GATHER, NULL, 0, PLN_GATHER_INPUTS, PLN_GATHER_OUTPUTS);
    node->inputs[PLN_GATHER_INPUT_X] = conf_input(c, from, width, 0, 1);
    node->inputs[PLN_GATHER_INPUT_INDEX] = far_rows(c, rows, conf_count(c, from));
    node->outputs[PLN_GATHER_OUTPUT_Y] = conf_output(c, rows, width);
}

/* Many rows of one kind only: plain implementations look for each row of d_x in the whole index. */
static void add_gather_backward(struct conf_case *c, pln_dim rows, uint32_t width)
{
    const bool many = conf_count(c, rows) > FEW;
    const pln_dim taken = many ? conf_rows(c, 40) : rows, to = many ? rows : conf_rows(c, 300);
    struct conf_node *node = conf_node(c, PLN_OP_GATHER_BACKWARD, NULL, 0, PLN_GATHER_BACKWARD_INPUTS, 1);
    node->inputs[PLN_GATHER_BACKWARD_INPUT_D_Y] = conf_input(c, taken, width, 0, 0.25f);
    node->inputs[PLN_GATHER_BACKWARD_INPUT_INDEX] = far_rows(c, taken, conf_count(c, to));
    node->inputs[PLN_GATHER_BACKWARD_INPUT_X] = conf_input(c, to, width, 0, 1);
    node->outputs[0] = conf_output(c, to, width);
}

/* Plain implementations look through the whole index for each row of the table too. */
static void add_scatter_add(struct conf_case *c, pln_dim rows, uint32_t width)
{
    const bool many = conf_count(c, rows) > FEW;
    if (many)
        rows = conf_rows(c, MOST);
    const uint32_t table = many ? 60 : table_of(width);
    const pln_scatter_add_params params = {.ignored = -1};
    struct conf_node *node = conf_node(c, PLN_OP_SCATTER_ADD, &params, sizeof params, PLN_SCATTER_ADD_INPUTS, 1);
    node->inputs[PLN_SCATTER_ADD_INPUT_STATE] = conf_state(c, table, width, 1);
    node->inputs[PLN_SCATTER_ADD_INPUT_INDEX] = far_rows(c, rows, table);
    node->inputs[PLN_SCATTER_ADD_INPUT_X] = conf_input(c, rows, width, 0, 0.25f);
    node->outputs[0] = conf_same(c, node->inputs[PLN_SCATTER_ADD_INPUT_STATE]);
}

/* To every second row, from the last one down. */
static void add_scatter(struct conf_case *c, pln_dim rows, uint32_t width)
{
    const uint32_t table = 2 * pln_dim_rows(rows, c->capacity);
    struct conf_node *node = conf_node(c, PLN_OP_SCATTER, NULL, 0, PLN_SCATTER_INPUTS, PLN_SCATTER_OUTPUTS);
    node->inputs[PLN_SCATTER_INPUT_STATE] = conf_state(c, table, width, 1);
    const int32_t index = node->inputs[PLN_SCATTER_INPUT_INDEX] = conf_random_integers(c, rows, 1);
    for (uint32_t i = 0; i < conf_count(c, rows); i++)
        conf_ints(c, index)[i] = (int32_t)(table - 1 - 2 * i);
    node->inputs[PLN_SCATTER_INPUT_X] = conf_input(c, rows, width, 0, 1);
    node->outputs[PLN_SCATTER_OUTPUT_Y] = conf_same(c, node->inputs[PLN_SCATTER_INPUT_STATE]);
}

/* Sequences in rows of that number: two long ones and short ones. No loop of a kernel goes over more than 65,535 rows,
 * where lavapipe ends it. */
static struct conf_packed pack(struct conf_case *c, uint32_t rows)
{
    uint32_t lengths[CONF_SEQUENCES] = {(rows - 20) / 2, (rows - 20) / 2, 1, 2, 3, 1, 4, 1, 2, 3, 1, 3};
    return conf_pack(c, lengths, CONF_SEQUENCES, true);
}

static void add_segment_mean(struct conf_case *c, pln_dim rows, uint32_t width)
{
    const struct conf_packed p = pack(c, 25 + pln_dim_rows(rows, c->capacity));
    struct conf_node *node = conf_node(c, PLN_OP_SEGMENT_MEAN, NULL, 0, PLN_SEGMENT_MEAN_INPUTS, 1);
    node->inputs[PLN_SEGMENT_MEAN_INPUT_X] = conf_input(c, p.rows, width, 0, 1);
    node->inputs[PLN_SEGMENT_MEAN_INPUT_STARTS] = conf_integers(c, p.starts_rows, p.starts);
    node->outputs[0] = conf_output(c, (pln_dim){p.starts_rows.symbol, 1, 0}, width);
}

static void add_segment_mean_backward(struct conf_case *c, pln_dim rows, uint32_t width)
{
    const struct conf_packed p = pack(c, 25 + pln_dim_rows(rows, c->capacity));
    struct conf_node *node = conf_node(c, PLN_OP_SEGMENT_MEAN_BACKWARD, NULL, 0, PLN_SEGMENT_MEAN_BACKWARD_INPUTS, 1);
    node->inputs[PLN_SEGMENT_MEAN_BACKWARD_INPUT_D_Y] =
        conf_input(c, (pln_dim){p.starts_rows.symbol, 1, 0}, width, 0, 1);
    node->inputs[PLN_SEGMENT_MEAN_BACKWARD_INPUT_STARTS] = conf_integers(c, p.starts_rows, p.starts);
    node->inputs[PLN_SEGMENT_MEAN_BACKWARD_INPUT_X] = conf_input(c, p.rows, width, 0, 1);
    node->outputs[0] = conf_output(c, p.rows, width);
}

static void add_linear_backward_x(struct conf_case *c, pln_dim rows, uint32_t width)
{
    const uint32_t k = 7;
    struct conf_node *node = conf_node(c, PLN_OP_LINEAR_BACKWARD_X, NULL, 0, PLN_LINEAR_BACKWARD_X_INPUTS, 1);
    node->inputs[PLN_LINEAR_BACKWARD_X_INPUT_D_Y] = conf_input(c, rows, width, 0, 1);
    node->inputs[PLN_LINEAR_BACKWARD_X_INPUT_WEIGHT] = conf_constant(c, width, k, 0.05f, true);
    node->outputs[0] = conf_output(c, rows, k);
}

static void add_linear_backward_weight(struct conf_case *c, pln_dim rows, uint32_t width)
{
    const uint32_t k = 7;
    struct conf_node *node = conf_node(c, PLN_OP_LINEAR_BACKWARD_WEIGHT, NULL, 0, PLN_LINEAR_BACKWARD_WEIGHT_INPUTS,
                                       PLN_LINEAR_BACKWARD_WEIGHT_OUTPUTS);
    node->inputs[PLN_LINEAR_BACKWARD_WEIGHT_INPUT_D_WEIGHT] = conf_state(c, width, k, 1);
    node->inputs[PLN_LINEAR_BACKWARD_WEIGHT_INPUT_D_BIAS] = conf_state(c, 1, width, 1);
    for (uint32_t i = 0; i < 2; i++)
        node->outputs[i] = conf_same(c, node->inputs[i]);
    node->inputs[PLN_LINEAR_BACKWARD_WEIGHT_INPUT_D_Y] = conf_input(c, rows, width, 0, 0.02f);
    node->inputs[PLN_LINEAR_BACKWARD_WEIGHT_INPUT_X] = conf_input(c, rows, k, 0, 1);
}

static const struct {
    const char *name;
    void (*add)(struct conf_case *c, pln_dim rows, uint32_t width);
} ops[] = {
    {"layer_norm", add_layer_norm},
    {"layer_norm_backward", add_layer_norm_backward},
    {"activation", add_activation},
    {"activation_backward", add_activation_backward},
    {"embed", add_embed},
    {"gather", add_gather},
    {"gather_backward", add_gather_backward},
    {"scatter_add", add_scatter_add},
    {"scatter", add_scatter},
    {"segment_mean", add_segment_mean},
    {"segment_mean_backward", add_segment_mean_backward},
    {"linear_backward_x", add_linear_backward_x},
    {"linear_backward_weight", add_linear_backward_weight},
};

bool conf_sizes(struct conf_case *c, uint32_t index)
{
    const uint32_t i = index % COUNT(sizes), op = index / COUNT(sizes), width = sizes[i][1];
    if (op >= COUNT(ops) || (conf_quick && i))
        return false;
    const pln_dim rows = conf_rows(c, sizes[i][0]);
    snprintf(c->name, sizeof c->name, "%s of %u rows, %u wide", ops[op].name, sizes[i][0], width);
    ops[op].add(c, rows, width);
    return true;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Cases of the gradients of the ops that see rows. States that are added to are parts of a flat state, as in training.
 */
#include <math.h>
#include <stdio.h>

#include "conformance/harness.h"

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof *(array))
enum { FLAT_WIDTH = 256 };

static void name_case(struct conf_case *c, const char *op, uint32_t rows, uint32_t width, uint32_t inner,
                      const char *form)
{
    snprintf(c->name, sizeof c->name, "%s %ux%ux%u, %s", op, rows, width, inner, form);
}

/* Rows of a flat state that a parameter takes. */
static uint32_t flat_rows(uint32_t rows, uint32_t width)
{
    const uint32_t stride = width < 4 ? width : (width + 3) & ~3u;
    return (rows * stride + FLAT_WIDTH - 1) / FLAT_WIDTH;
}

/* A matrix and a vector of that width in one flat state. */
struct parameters {
    int32_t matrix, vector;
};

static struct parameters add_parameters(struct conf_case *c, uint32_t rows, uint32_t width, uint32_t vector_width,
                                        float scale)
{
    const uint32_t first = 1, second = first + flat_rows(rows, width) + 1;
    const int32_t flat = conf_state(c, second + flat_rows(1, vector_width) + 1, FLAT_WIDTH, scale);
    return (struct parameters){conf_part(c, flat, first, rows, width), conf_part(c, flat, second, 1, vector_width)};
}

/* rows, columns of y, columns of x */
static const uint32_t linear_shapes[][3] = {
    {1, 1, 1},      {1, 3, 5},     {2, 2, 4},      {5, 7, 3},       {7, 15, 15},   {31, 33, 50},
    {64, 64, 64},   {63, 65, 127}, {130, 300, 25}, {129, 127, 260}, {6, 256, 768}, {257, 26, 40},
    {300, 48, 130}, {20, 1, 128},  {2, 5, 2},      {66, 130, 512},
};

bool conf_linear_backward_x(struct conf_case *c, uint32_t index)
{
    static const char *const forms[] = {"a constant", "a constant, residual", "a state", "a state, residual, windows"};
    const uint32_t form = index % COUNT(forms), i = index / COUNT(forms);
    if (i >= (conf_quick ? 6 : COUNT(linear_shapes)))
        return false;
    const uint32_t n = linear_shapes[i][1], k = linear_shapes[i][2];
    const float scale = 1 / sqrtf((float)n);
    const pln_dim rows = i == 3 ? conf_rows_or_none(c, linear_shapes[i][0]) : conf_rows(c, linear_shapes[i][0]);
    name_case(c, "linear_backward_x", linear_shapes[i][0], n, k, forms[form]);
    struct conf_node *node = conf_node(c, PLN_OP_LINEAR_BACKWARD_X, NULL, 0, PLN_LINEAR_BACKWARD_X_INPUTS, 1);
    const int32_t d_y = conf_input(c, rows, form == 3 ? n + 7 : n, 0, 1);
    node->inputs[PLN_LINEAR_BACKWARD_X_INPUT_D_Y] = form == 3 ? conf_window(c, d_y, 3, n) : d_y;
    node->inputs[PLN_LINEAR_BACKWARD_X_INPUT_WEIGHT] =
        form < 2 ? conf_constant(c, n, k, scale, i % 2) : add_parameters(c, n, k, 1, scale).matrix;
    if (form % 2)
        node->inputs[PLN_LINEAR_BACKWARD_X_INPUT_RESIDUAL] = conf_input(c, rows, k, 0, 1);
    const int32_t d_x = conf_output(c, rows, form == 3 ? k + 9 : k);
    node->outputs[0] = form == 3 ? conf_window(c, d_x, 4, k) : d_x;
    return true;
}

bool conf_linear_backward_weight(struct conf_case *c, uint32_t index)
{
    static const char *const forms[] = {"bias", "no bias", "windows, bias"};
    const uint32_t form = index % COUNT(forms), i = index / COUNT(forms);
    if (i >= (conf_quick ? 6 : COUNT(linear_shapes)))
        return false;
    const uint32_t n = linear_shapes[i][1], k = linear_shapes[i][2];
    const pln_dim rows = i % 4 == 3 ? conf_rows_or_none(c, linear_shapes[i][0]) : conf_rows(c, linear_shapes[i][0]);
    const float scale = 1 / sqrtf((float)linear_shapes[i][0]);
    name_case(c, "linear_backward_weight", linear_shapes[i][0], n, k, forms[form]);
    struct conf_node *node = conf_node(c, PLN_OP_LINEAR_BACKWARD_WEIGHT, NULL, 0, PLN_LINEAR_BACKWARD_WEIGHT_INPUTS,
                                       PLN_LINEAR_BACKWARD_WEIGHT_OUTPUTS);
    const struct parameters d = add_parameters(c, n, k, n, 1);
    const int32_t d_y = conf_input(c, rows, form == 2 ? n + 7 : n, 0, scale);
    const int32_t x = conf_input(c, rows, form == 2 ? k + 6 : k, 0, 1);
    node->inputs[PLN_LINEAR_BACKWARD_WEIGHT_INPUT_D_WEIGHT] = d.matrix;
    node->outputs[PLN_LINEAR_BACKWARD_WEIGHT_OUTPUT_D_WEIGHT] = conf_same(c, d.matrix);
    if (form != 1) {
        node->inputs[PLN_LINEAR_BACKWARD_WEIGHT_INPUT_D_BIAS] = d.vector;
        node->outputs[PLN_LINEAR_BACKWARD_WEIGHT_OUTPUT_D_BIAS] = conf_same(c, d.vector);
    }
    node->inputs[PLN_LINEAR_BACKWARD_WEIGHT_INPUT_D_Y] = form == 2 ? conf_window(c, d_y, 5, n) : d_y;
    node->inputs[PLN_LINEAR_BACKWARD_WEIGHT_INPUT_X] = form == 2 ? conf_window(c, x, 4, k) : x;
    return true;
}

bool conf_activation_backward(struct conf_case *c, uint32_t index)
{
    static const char *const forms[] = {"", "in place, dropout", "window", "dropout"};
    static const uint32_t widths[] = {33, 64, 5, 70};
    const uint32_t form = index % COUNT(forms), activation = index / COUNT(forms), width = widths[form];
    if (activation >= PLN_ACTIVATIONS)
        return false;
    const bool drops = form % 2;
    const pln_activation_backward_params params = {.activation = activation,
                                                   .site = drops ? CONF_SITE : 0,
                                                   .drop_below = drops ? CONF_DROP_BELOW : 0,
                                                   .keep_scale = drops ? CONF_KEEP_SCALE : 0};
    const pln_dim rows = conf_rows(c, 21);
    snprintf(c->name, sizeof c->name, "activation_backward %u, %s", activation, forms[form]);
    struct conf_node *node = conf_node(c, PLN_OP_ACTIVATION_BACKWARD, &params, sizeof params,
                                       PLN_ACTIVATION_BACKWARD_INPUTS, PLN_ACTIVATION_BACKWARD_OUTPUTS);
    const int32_t d_y = node->inputs[PLN_ACTIVATION_BACKWARD_INPUT_D_Y] = conf_input(c, rows, width, 0, 1);
    if (activation) {
        const uint32_t first = form == 2 ? 15 : 0;
        const int32_t x = conf_input(c, rows, form == 2 ? width + 17 : width, 0, 6);
        conf_put_ends(c, x, first);
        node->inputs[PLN_ACTIVATION_BACKWARD_INPUT_X] = form == 2 ? conf_window(c, x, first, width) : x;
    }
    if (drops) {
        node->inputs[PLN_ACTIVATION_BACKWARD_INPUT_ORIGIN] = conf_origin(c, rows, NULL);
        node->inputs[PLN_ACTIVATION_BACKWARD_INPUT_RANDOM] = conf_random(c);
    }
    node->outputs[0] = form == 1 ? conf_same(c, d_y) : conf_output(c, rows, width);
    return true;
}

static const uint32_t row_shapes[][2] = {{1, 1},   {1, 7},    {2, 2},   {5, 4},     {7, 5},    {31, 33}, {64, 64},
                                         {65, 96}, {20, 127}, {9, 128}, {129, 129}, {70, 256}, {3, 768}, {300, 20}};

/* Gradients by gamma and beta. */
static void add_vectors(struct conf_case *c, struct conf_node *node, uint32_t width)
{
    const struct parameters d = add_parameters(c, 1, width, width, 1);
    node->inputs[0] = d.matrix;
    node->inputs[1] = d.vector;
    node->outputs[0] = conf_same(c, d.matrix);
    node->outputs[1] = conf_same(c, d.vector);
}

/* After the op itself, which gives mean and rstd. */
bool conf_layer_norm_backward(struct conf_case *c, uint32_t index)
{
    static const char *const forms[] = {"", "gradient by x alone", "windows"};
    const uint32_t form = index % COUNT(forms), i = index / COUNT(forms);
    if (i >= (conf_quick ? 7 : COUNT(row_shapes)))
        return false;
    const uint32_t width = row_shapes[i][1];
    const pln_dim rows = i % 4 == 3 ? conf_rows_or_none(c, row_shapes[i][0]) : conf_rows(c, row_shapes[i][0]);
    const pln_layer_norm_params params = {.eps = width < 3 ? 1e-3f : 1e-12f};
    name_case(c, "layer_norm_backward", row_shapes[i][0], width, 1, forms[form]);
    struct conf_node *norm =
        conf_node(c, PLN_OP_LAYER_NORM, &params, sizeof params, PLN_LAYER_NORM_INPUTS, PLN_LAYER_NORM_OUTPUTS);
    struct conf_node *node = conf_node(c, PLN_OP_LAYER_NORM_BACKWARD, NULL, 0, PLN_LAYER_NORM_BACKWARD_INPUTS,
                                       PLN_LAYER_NORM_BACKWARD_OUTPUTS);
    int32_t x = conf_input(c, rows, form == 2 ? width + 5 : width, 0, 3);
    int32_t d_y = conf_input(c, rows, form == 2 ? width + 6 : width, 0, 1);
    int32_t d_x = conf_output(c, rows, form == 2 ? width + 7 : width);
    if (form == 2) {
        x = conf_window(c, x, 3, width);
        d_y = conf_window(c, d_y, 4, width);
        d_x = conf_window(c, d_x, 5, width);
    }
    norm->inputs[PLN_LAYER_NORM_INPUT_X] = node->inputs[PLN_LAYER_NORM_BACKWARD_INPUT_X] = x;
    norm->inputs[PLN_LAYER_NORM_INPUT_GAMMA] = conf_constant(c, 1, width, 1, true);
    norm->inputs[PLN_LAYER_NORM_INPUT_BETA] = conf_constant(c, 1, width, 1, false);
    for (uint32_t j = 0; j < PLN_LAYER_NORM_OUTPUTS; j++)
        norm->outputs[j] = conf_output(c, rows, j ? 1 : width);
    if (form != 1)
        add_vectors(c, node, width);
    node->inputs[PLN_LAYER_NORM_BACKWARD_INPUT_D_Y] = d_y;
    node->inputs[PLN_LAYER_NORM_BACKWARD_INPUT_GAMMA] = norm->inputs[PLN_LAYER_NORM_INPUT_GAMMA];
    node->inputs[PLN_LAYER_NORM_BACKWARD_INPUT_MEAN] = norm->outputs[PLN_LAYER_NORM_OUTPUT_MEAN];
    node->inputs[PLN_LAYER_NORM_BACKWARD_INPUT_RSTD] = norm->outputs[PLN_LAYER_NORM_OUTPUT_RSTD];
    node->outputs[PLN_LAYER_NORM_BACKWARD_OUTPUT_D_X] = d_x;
    return true;
}

struct embed_form {
    const char *name;
    bool embeddings, no_positions, dropout, x_alone;
};
static const struct embed_form embed_forms[] = {
    {"ids", .dropout = false},
    {"dropout", .dropout = true},
    {"embeddings, dropout", .embeddings = true, .dropout = true},
    {"no positions, gradient by the sum alone", .no_positions = true, .x_alone = true},
};

static struct conf_node *add_embed(struct conf_case *c, const struct embed_form *form, pln_dim rows, uint32_t width)
{
    const pln_embed_params params = {.eps = width < 3 ? 1e-3f : 1e-12f,
                                     .site = form->dropout ? CONF_SITE : 0,
                                     .drop_below = form->dropout ? CONF_DROP_BELOW : 0,
                                     .keep_scale = form->dropout ? CONF_KEEP_SCALE : 0};
    struct conf_node *node = conf_node(c, PLN_OP_EMBED, &params, sizeof params, PLN_EMBED_INPUTS, PLN_EMBED_OUTPUTS);
    if (form->embeddings) {
        node->inputs[PLN_EMBED_INPUT_EMBEDDINGS] = conf_input(c, rows, width, 0, 1);
    } else {
        node->inputs[PLN_EMBED_INPUT_IDS] = conf_random_integers(c, rows, 37);
        node->inputs[PLN_EMBED_INPUT_WORD] = add_parameters(c, 37, width, 1, 1).matrix;
    }
    node->inputs[PLN_EMBED_INPUT_TOKEN_TYPES] = conf_random_integers(c, rows, 2);
    node->inputs[PLN_EMBED_INPUT_TYPE] = conf_constant(c, 2, width, 1, false);
    if (!form->no_positions) {
        node->inputs[PLN_EMBED_INPUT_POSITIONS] = conf_random_integers(c, rows, 11);
        node->inputs[PLN_EMBED_INPUT_POSITION] = add_parameters(c, 11, width, 1, 1).matrix;
    }
    node->inputs[PLN_EMBED_INPUT_GAMMA] = conf_constant(c, 1, width, 1, true);
    node->inputs[PLN_EMBED_INPUT_BETA] = conf_constant(c, 1, width, 1, true);
    if (form->dropout) {
        node->inputs[PLN_EMBED_INPUT_ORIGIN] = conf_origin(c, rows, NULL);
        node->inputs[PLN_EMBED_INPUT_RANDOM] = conf_random(c);
    }
    for (uint32_t j = 0; j < PLN_EMBED_OUTPUTS; j++)
        node->outputs[j] = conf_output(c, rows, j ? 1 : width);
    return node;
}

bool conf_embed_backward(struct conf_case *c, uint32_t index)
{
    const uint32_t i = index / COUNT(embed_forms);
    const struct embed_form *form = &embed_forms[index % COUNT(embed_forms)];
    if (i >= (conf_quick ? 7 : COUNT(row_shapes)))
        return false;
    const uint32_t width = row_shapes[i][1];
    const pln_dim rows = conf_rows(c, row_shapes[i][0]);
    name_case(c, "embed_backward", row_shapes[i][0], width, 1, form->name);
    const struct conf_node *embed = add_embed(c, form, rows, width);
    const pln_embed_params *forward = (const void *)embed->params;
    const pln_embed_backward_params params = {
        .site = forward->site, .drop_below = forward->drop_below, .keep_scale = forward->keep_scale};
    struct conf_node *node = conf_node(c, PLN_OP_EMBED_BACKWARD, &params, sizeof params, PLN_EMBED_BACKWARD_INPUTS,
                                       PLN_EMBED_BACKWARD_OUTPUTS);
    if (!form->x_alone)
        add_vectors(c, node, width);
    node->inputs[PLN_EMBED_BACKWARD_INPUT_D_Y] = conf_input(c, rows, width, 0, 1);
    for (uint32_t j = PLN_EMBED_INPUT_IDS; j <= PLN_EMBED_INPUT_GAMMA; j++)
        node->inputs[PLN_EMBED_BACKWARD_INPUT_IDS + j] = embed->inputs[j];
    node->inputs[PLN_EMBED_BACKWARD_INPUT_MEAN] = embed->outputs[PLN_EMBED_OUTPUT_MEAN];
    node->inputs[PLN_EMBED_BACKWARD_INPUT_RSTD] = embed->outputs[PLN_EMBED_OUTPUT_RSTD];
    node->inputs[PLN_EMBED_BACKWARD_INPUT_ORIGIN] = embed->inputs[PLN_EMBED_INPUT_ORIGIN];
    node->inputs[PLN_EMBED_BACKWARD_INPUT_RANDOM] = embed->inputs[PLN_EMBED_INPUT_RANDOM];
    node->outputs[PLN_EMBED_BACKWARD_OUTPUT_D_X] = conf_output(c, rows, width);
    return true;
}

/* rows of the table, rows, width */
static const uint32_t table_shapes[][3] = {{1, 1, 1}, {9, 5, 7}, {3, 33, 5}, {40, 64, 64}, {65, 3, 130}, {7, 200, 128}};

bool conf_scatter_add(struct conf_case *c, uint32_t index)
{
    static const char *const forms[] = {"none ignored", "ignored", "all ignored"};
    const uint32_t form = index % COUNT(forms), i = index / COUNT(forms);
    if (i >= COUNT(table_shapes))
        return false;
    const uint32_t table = table_shapes[i][0], width = table_shapes[i][2];
    const pln_dim rows = i % 2 ? conf_rows_or_none(c, table_shapes[i][1]) : conf_rows(c, table_shapes[i][1]);
    const pln_scatter_add_params params = {.ignored = form == 1 ? (int32_t)table / 2 : -1 + (int32_t)form / 2};
    name_case(c, "scatter_add", table_shapes[i][1], width, table, forms[form]);
    struct conf_node *node = conf_node(c, PLN_OP_SCATTER_ADD, &params, sizeof params, PLN_SCATTER_ADD_INPUTS, 1);
    node->inputs[PLN_SCATTER_ADD_INPUT_STATE] = add_parameters(c, table, width, 1, 1).matrix;
    node->inputs[PLN_SCATTER_ADD_INPUT_INDEX] = conf_random_integers(c, rows, form == 2 ? 1 : table);
    node->inputs[PLN_SCATTER_ADD_INPUT_X] = conf_input(c, rows, width, 0, 0.25f);
    node->outputs[0] = conf_same(c, node->inputs[PLN_SCATTER_ADD_INPUT_STATE]);
    return true;
}

bool conf_gather_backward(struct conf_case *c, uint32_t index)
{
    const uint32_t i = index / 2;
    if (i >= COUNT(table_shapes))
        return false;
    const uint32_t width = table_shapes[i][2];
    const pln_dim rows = conf_rows(c, table_shapes[i][0]),
                  taken = index % 2 ? conf_rows_or_none(c, table_shapes[i][1]) : conf_rows(c, table_shapes[i][1]);
    name_case(c, "gather_backward", table_shapes[i][0], width, table_shapes[i][1], index % 2 ? "or none" : "");
    struct conf_node *node = conf_node(c, PLN_OP_GATHER_BACKWARD, NULL, 0, PLN_GATHER_BACKWARD_INPUTS, 1);
    node->inputs[PLN_GATHER_BACKWARD_INPUT_D_Y] = conf_input(c, taken, width, 0, 0.25f);
    node->inputs[PLN_GATHER_BACKWARD_INPUT_INDEX] = conf_random_integers(c, taken, conf_count(c, rows));
    node->inputs[PLN_GATHER_BACKWARD_INPUT_X] = conf_input(c, rows, width, 0, 1);
    node->outputs[0] = conf_output(c, rows, width);
    return true;
}

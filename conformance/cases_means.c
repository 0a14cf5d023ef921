/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows that are hard for ops with a mean or a sum of squares: equal numbers, numbers that are nearly equal, and numbers
 * whose squares f32 does not hold.
 *
 * Bounds. The difference of two f32 numbers within a factor of two is exact, so an implementation that subtracts an
 * element of the row before it sums loses nothing where the mean is large and the spread small: the bound is the usual
 * one, and 1e-6 where all numbers are equal. Where f32 must round, the numbers are such that it need not: rows of
 * embeddings have sums that it holds, and rows with a gradient a mean that it holds, since `mean` is kept in f32 and
 * half a unit of its last place times rstd is lost otherwise.
 */
#include <math.h>
#include <stdio.h>

#include "conformance/harness.h"

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof *(array))

enum kind { EQUAL, ULPS, SHIFTED, LARGE, LARGER, KINDS };

struct numbers {
    const char *name;
    float scale;    /* of numbers of either sign in turn; 0: they lie near a mean */
    uint32_t units; /* the most by which those differ from it, in units of their last place */
    float rstd;     /* about that of such a row: what a gradient is multiplied with */
};
static const struct numbers kinds[KINDS] = {
    [EQUAL] = {"equal numbers", .rstd = 1e6f},
    [ULPS] = {"numbers some roundings apart", .units = 2, .rstd = 1e4f},
    [SHIFTED] = {"a large mean", .units = 200, .rstd = 1e2f},
    [LARGE] = {"1e20", .scale = 1e20f, .rstd = 1e-20f},
    [LARGER] = {"1e30", .scale = 1e30f, .rstd = 1e-30f},
};
static const uint32_t widths[] = {1, 2, 12, 33, 128, 256, 1100};

/* 25 numbers from 1e-3 to 1e3, of either sign, not in their order. */
static float constant_of(uint32_t r)
{
    const uint32_t i = 7 * r % 25;
    return (i % 2 ? -1e-3f : 1e-3f) * powf(10, 0.25f * (float)i);
}

/* Row r of numbers in [512, 1023] that differ from one in multiples of its unit; `held`: it is their mean. */
static void fill_near(struct conf_case *c, float *row, uint32_t r, uint32_t width, uint32_t units, bool held)
{
    const float unit = 1.0f / (1 << 14), middle = 600.0f + 7 * (float)(r % 50);
    float apart = 0;
    for (uint32_t k = 0; k < width; k++) {
        apart = held && k % 2 ? -apart : unit * (float)conf_below(c, units + 1);
        row[k] = middle + apart;
    }
    if (held && width % 2)
        row[width - 1] = middle;
}

/* About scale and -scale in turn. */
static float scattered(struct conf_case *c, uint32_t k, float scale)
{
    const float sign = k % 2 ? 1.0f : -1.0f;
    return scale * (sign + conf_noise(c) / 2);
}

static void fill_rows(struct conf_case *c, int32_t value, enum kind kind, bool held)
{
    const uint32_t width = c->values[value].width;
    const struct numbers *numbers = &kinds[kind];
    float *data = conf_floats(c, value);
    for (uint32_t r = 0; data && r < conf_count(c, c->values[value].rows); r++, data += width) {
        if (numbers->units)
            fill_near(c, data, r, width, numbers->units, held);
        for (uint32_t k = 0; k < width && !numbers->units; k++)
            data[k] = kind == EQUAL ? constant_of(r) : scattered(c, k, numbers->scale);
    }
}

static int32_t input_of(struct conf_case *c, pln_dim rows, uint32_t width, enum kind kind, bool held)
{
    const int32_t value = conf_input(c, rows, width, 0, 1);
    fill_rows(c, value, kind, held);
    return value;
}

static int32_t bounded(struct conf_case *c, int32_t value, double bound)
{
    c->values[value].bound = bound;
    return value;
}

/* Rows that are all `x`, as constants. */
static int32_t even_table(struct conf_case *c, uint32_t rows, uint32_t width, float x)
{
    const int32_t value = conf_constant(c, rows, width, 1, true);
    for (uint32_t i = 0; i < rows * width; i++)
        conf_floats(c, value)[i] = x;
    return value;
}

/* ---- layer_norm, embed */

/* y, mean and rstd of a normalised row. Its mean may lie near zero, where its rounding hangs on the numbers. */
static void add_normalised(struct conf_case *c, struct conf_node *node, pln_dim rows, uint32_t width, enum kind kind)
{
    const double scale = (double)kinds[kind].scale, rstd = (double)kinds[kind].rstd;
    node->outputs[0] = bounded(c, conf_output(c, rows, width), kind == EQUAL ? 1e-6 : 0);
    node->outputs[1] = bounded(c, conf_output(c, rows, 1), scale * 1e-6);
    node->outputs[2] = bounded(c, conf_output(c, rows, 1), scale > 0 && width > 1 ? rstd * 1e-4 : 0);
}

static struct conf_node *add_layer_norm(struct conf_case *c, pln_dim rows, uint32_t width, enum kind kind, bool held)
{
    const pln_layer_norm_params params = {.eps = 1e-12f};
    struct conf_node *node =
        conf_node(c, PLN_OP_LAYER_NORM, &params, sizeof params, PLN_LAYER_NORM_INPUTS, PLN_LAYER_NORM_OUTPUTS);
    node->inputs[PLN_LAYER_NORM_INPUT_X] = input_of(c, rows, width, kind, held);
    node->inputs[PLN_LAYER_NORM_INPUT_GAMMA] = conf_constant(c, 1, width, 1, true);
    node->inputs[PLN_LAYER_NORM_INPUT_BETA] = conf_constant(c, 1, width, 1, true);
    add_normalised(c, node, rows, width, kind);
    return node;
}

/* Types and positions are even, so that a sum of rows is what the rows of embeddings are. */
static struct conf_node *add_embed(struct conf_case *c, pln_dim rows, uint32_t width, enum kind kind, bool held)
{
    const pln_embed_params params = {.eps = 1e-12f};
    struct conf_node *node = conf_node(c, PLN_OP_EMBED, &params, sizeof params, PLN_EMBED_INPUTS, PLN_EMBED_OUTPUTS);
    if (width % 2) {
        node->inputs[PLN_EMBED_INPUT_EMBEDDINGS] = input_of(c, rows, width, kind, held);
    } else {
        enum { WORDS = 20 };
        const uint32_t seed = c->seed;
        node->inputs[PLN_EMBED_INPUT_WORD] = conf_constant(c, WORDS, width, 1, true);
        c->seed = width; /* the same in every round */
        fill_rows(c, node->inputs[PLN_EMBED_INPUT_WORD], kind, held);
        c->seed = seed;
        node->inputs[PLN_EMBED_INPUT_IDS] = conf_random_integers(c, rows, WORDS);
    }
    node->inputs[PLN_EMBED_INPUT_TOKEN_TYPES] = conf_random_integers(c, rows, 2);
    node->inputs[PLN_EMBED_INPUT_TYPE] = even_table(c, 2, width, kind == EQUAL ? 0.1f : 0.5f);
    node->inputs[PLN_EMBED_INPUT_POSITIONS] = conf_random_integers(c, rows, 3);
    node->inputs[PLN_EMBED_INPUT_POSITION] = even_table(c, 3, width, kind == EQUAL ? 0.7f : 0.25f);
    node->inputs[PLN_EMBED_INPUT_GAMMA] = conf_constant(c, 1, width, 1, true);
    node->inputs[PLN_EMBED_INPUT_BETA] = conf_constant(c, 1, width, 1, true);
    add_normalised(c, node, rows, width, kind);
    return node;
}

/* Gradients that are added to, the gradient by y, which is small where rstd is large, and that by x. */
static void add_gradients(struct conf_case *c, struct conf_node *node, pln_dim rows, uint32_t width, enum kind kind)
{
    const float rstd = width > 1 ? kinds[kind].rstd : kinds[EQUAL].rstd;
    for (uint32_t i = 0; i < 2; i++) {
        node->inputs[i] = conf_state(c, 1, width, 1);
        node->outputs[i] = conf_same(c, node->inputs[i]);
    }
    node->inputs[2] = conf_input(c, rows, width, 0, rstd > 1 ? 1 / rstd : 1);
    node->outputs[2] = bounded(c, conf_output(c, rows, width), rstd < 1 ? (double)rstd * 1e-4 : 0);
}

static void add_layer_norm_backward(struct conf_case *c, pln_dim rows, uint32_t width, enum kind kind)
{
    const struct conf_node *norm = add_layer_norm(c, rows, width, kind, true);
    struct conf_node *node = conf_node(c, PLN_OP_LAYER_NORM_BACKWARD, NULL, 0, PLN_LAYER_NORM_BACKWARD_INPUTS,
                                       PLN_LAYER_NORM_BACKWARD_OUTPUTS);
    add_gradients(c, node, rows, width, kind);
    node->inputs[PLN_LAYER_NORM_BACKWARD_INPUT_X] = norm->inputs[PLN_LAYER_NORM_INPUT_X];
    node->inputs[PLN_LAYER_NORM_BACKWARD_INPUT_GAMMA] = norm->inputs[PLN_LAYER_NORM_INPUT_GAMMA];
    node->inputs[PLN_LAYER_NORM_BACKWARD_INPUT_MEAN] = norm->outputs[PLN_LAYER_NORM_OUTPUT_MEAN];
    node->inputs[PLN_LAYER_NORM_BACKWARD_INPUT_RSTD] = norm->outputs[PLN_LAYER_NORM_OUTPUT_RSTD];
}

static void add_embed_backward(struct conf_case *c, pln_dim rows, uint32_t width, enum kind kind)
{
    const struct conf_node *embed = add_embed(c, rows, width, kind, true);
    const pln_embed_backward_params params = {0};
    struct conf_node *node = conf_node(c, PLN_OP_EMBED_BACKWARD, &params, sizeof params, PLN_EMBED_BACKWARD_INPUTS,
                                       PLN_EMBED_BACKWARD_OUTPUTS);
    add_gradients(c, node, rows, width, kind);
    for (uint32_t j = PLN_EMBED_INPUT_IDS; j <= PLN_EMBED_INPUT_GAMMA; j++)
        node->inputs[PLN_EMBED_BACKWARD_INPUT_IDS + j] = embed->inputs[j];
    node->inputs[PLN_EMBED_BACKWARD_INPUT_MEAN] = embed->outputs[PLN_EMBED_OUTPUT_MEAN];
    node->inputs[PLN_EMBED_BACKWARD_INPUT_RSTD] = embed->outputs[PLN_EMBED_OUTPUT_RSTD];
}

/* ---- sums over rows, losses */

static void add_segment_mean(struct conf_case *c, uint32_t width, enum kind kind)
{
    static const uint32_t lengths[] = {5, 129, 40};
    const struct conf_packed p = conf_pack(c, lengths, COUNT(lengths), true);
    struct conf_node *node = conf_node(c, PLN_OP_SEGMENT_MEAN, NULL, 0, PLN_SEGMENT_MEAN_INPUTS, 1);
    node->inputs[PLN_SEGMENT_MEAN_INPUT_X] = input_of(c, p.rows, width, kind, false);
    node->inputs[PLN_SEGMENT_MEAN_INPUT_STARTS] = conf_integers(c, p.starts_rows, p.starts);
    node->outputs[0] =
        bounded(c, conf_output(c, (pln_dim){p.starts_rows.symbol, 1, 0}, width), (double)kinds[kind].scale * 1e-6);
}

/* x of 1e18, whose squares f32 holds, but not the sum of 20,000 of them: only their mean. */
static void add_mean_squared_error(struct conf_case *c, pln_dim rows, uint32_t width, enum kind kind)
{
    const pln_mean_squared_error_backward_params params = {.scale = 0.5f};
    struct conf_node *loss =
        conf_node(c, PLN_OP_MEAN_SQUARED_ERROR, NULL, 0, PLN_MEAN_SQUARED_ERROR_INPUTS, PLN_MEAN_SQUARED_ERROR_OUTPUTS);
    struct conf_node *node = conf_node(c, PLN_OP_MEAN_SQUARED_ERROR_BACKWARD, &params, sizeof params,
                                       PLN_MEAN_SQUARED_ERROR_BACKWARD_INPUTS, 1);
    const int32_t x = input_of(c, rows, width, kind, false), labels = conf_input(c, rows, width, 0, 1);
    if (kinds[kind].scale > 0)
        for (uint32_t i = 0; i < conf_count(c, rows) * width; i++)
            conf_floats(c, x)[i] = 1e18f * conf_noise(c);
    else
        fill_rows(c, labels, kind, false);
    loss->inputs[PLN_MEAN_SQUARED_ERROR_INPUT_X] = node->inputs[PLN_MEAN_SQUARED_ERROR_BACKWARD_INPUT_X] = x;
    loss->inputs[PLN_MEAN_SQUARED_ERROR_INPUT_LABELS] = node->inputs[PLN_MEAN_SQUARED_ERROR_BACKWARD_INPUT_LABELS] =
        labels;
    loss->outputs[PLN_MEAN_SQUARED_ERROR_OUTPUT_LOSS] = conf_output(c, conf_fixed(1), 1);
    loss->outputs[PLN_MEAN_SQUARED_ERROR_OUTPUT_COUNT] = node->inputs[PLN_MEAN_SQUARED_ERROR_BACKWARD_INPUT_COUNT] =
        conf_output(c, conf_fixed(1), 1);
    node->outputs[0] = conf_output(c, rows, width);
}

static void add_cross_entropy(struct conf_case *c, pln_dim rows, uint32_t width, enum kind kind)
{
    const pln_cross_entropy_params params = {.ignore_index = -100};
    struct conf_node *node =
        conf_node(c, PLN_OP_CROSS_ENTROPY, &params, sizeof params, PLN_CROSS_ENTROPY_INPUTS, PLN_CROSS_ENTROPY_OUTPUTS);
    node->inputs[PLN_CROSS_ENTROPY_INPUT_LOGITS] = input_of(c, rows, width, kind, false);
    node->inputs[PLN_CROSS_ENTROPY_INPUT_LABELS] = conf_random_integers(c, rows, width);
    node->outputs[PLN_CROSS_ENTROPY_OUTPUT_LOSS] = conf_output(c, conf_fixed(1), 1);
    node->outputs[PLN_CROSS_ENTROPY_OUTPUT_LSE] = bounded(c, conf_output(c, rows, 1), (double)kinds[kind].scale * 1e-6);
}

static void add_binary_cross_entropy(struct conf_case *c, pln_dim rows, uint32_t width, enum kind kind)
{
    struct conf_node *node = conf_node(c, PLN_OP_BINARY_CROSS_ENTROPY, NULL, 0, PLN_BINARY_CROSS_ENTROPY_INPUTS,
                                       PLN_BINARY_CROSS_ENTROPY_OUTPUTS);
    node->inputs[PLN_BINARY_CROSS_ENTROPY_INPUT_LOGITS] = input_of(c, rows, width, kind, false);
    const int32_t labels = node->inputs[PLN_BINARY_CROSS_ENTROPY_INPUT_LABELS] = conf_input(c, rows, width, 0, 1);
    for (uint32_t i = 0; i < conf_count(c, rows) * width; i++)
        conf_floats(c, labels)[i] = conf_below(c, 2) ? 1 : 0;
    node->outputs[PLN_BINARY_CROSS_ENTROPY_OUTPUT_LOSS] = conf_output(c, conf_fixed(1), 1);
}

/* ---- the groups */

enum op { NORM, NORM_BACKWARD, EMBEDDING, EMBEDDING_BACKWARD, SEGMENTS, SQUARES, SOFTMAX, BINARY, OPS };
static const char *const ops[] = {"layer_norm",   "layer_norm_backward", "embed",         "embed_backward",
                                  "segment_mean", "mean_squared_error",  "cross_entropy", "binary_cross_entropy"};

static void add_op(struct conf_case *c, enum op op, uint32_t width, enum kind kind)
{
    if (op == SEGMENTS) {
        add_segment_mean(c, width, kind);
        return;
    }
    const pln_dim rows = conf_rows(c, op == SQUARES ? 19 : 9);
    if (op == NORM)
        add_layer_norm(c, rows, width, kind, false);
    else if (op == NORM_BACKWARD)
        add_layer_norm_backward(c, rows, width, kind);
    else if (op == EMBEDDING)
        add_embed(c, rows, width, kind, false);
    else if (op == EMBEDDING_BACKWARD)
        add_embed_backward(c, rows, width, kind);
    else if (op == SQUARES)
        add_mean_squared_error(c, rows, width, kind);
    else if (op == SOFTMAX)
        add_cross_entropy(c, rows, width, kind);
    else
        add_binary_cross_entropy(c, rows, width, kind);
}

bool conf_means(struct conf_case *c, uint32_t index)
{
    const enum kind kind = (enum kind)(index % KINDS);
    const enum op op = (enum op)(index / KINDS % OPS);
    const uint32_t i = index / KINDS / OPS;
    if (i >= (conf_quick ? 4 : COUNT(widths)))
        return false;
    snprintf(c->name, sizeof c->name, "%s of %u, %s", ops[op], widths[i], kinds[kind].name);
    add_op(c, op, widths[i], kind);
    return true;
}

/* Every width: rows of equal numbers from 1e-3 to 1e3 through layer_norm and embed, which give beta. */
bool conf_equal_numbers(struct conf_case *c, uint32_t index)
{
    enum { MOST = 1100, FEW = 24 };
    const uint32_t width = index + 1;
    if (width > (conf_quick ? FEW : MOST))
        return false;
    const pln_dim rows = conf_rows(c, 25);
    snprintf(c->name, sizeof c->name, "rows of %u equal numbers", width);
    add_layer_norm(c, rows, width, EQUAL, false);
    add_embed(c, rows, width, EQUAL, false);
    return true;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Cases of the losses over rows, and of their gradients, which take what the losses keep.
 */
#include <stdio.h>

#include "conformance/harness.h"

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof *(array))

static const uint32_t loss_shapes[][2] = {{1, 1},   {1, 2},    {3, 5},    {33, 3},   {64, 50},
                                          {7, 129}, {130, 33}, {5, 4096}, {1100, 3}, {2, 66000}};

struct loss_form {
    const char *name;
    bool some, none; /* of the rows count */
    bool window, total, count;
    bool weights; /* of cross_entropy: of classes, and labels are smoothed, which hang on no row */
    float smoothing;
};
static const struct loss_form loss_forms[] = {
    {"all rows", .count = false}, {"some rows", .some = true, .window = true},
    {"no row", .none = true},     {"total", .total = true},
    {"count", .count = true},     {"some rows, total and count", .some = true, .total = true, .count = true},
};
static const struct loss_form softmax_forms[] = {
    {"all rows", .count = false},
    {"some rows", .some = true, .window = true},
    {"no row", .none = true},
    {"total", .total = true},
    {"count", .count = true},
    {"some rows, total and count", .some = true, .total = true, .count = true},
    {"smoothed", .smoothing = 0.1f},
    {"weights of classes", .some = true, .count = true, .weights = true},
    {"weights of classes, smoothed", .some = true, .window = true, .weights = true, .smoothing = 0.25f},
    {"weights of classes, smoothed, total", .total = true, .weights = true, .smoothing = 1},
};

static bool choose(uint32_t index, const struct loss_form **form, const uint32_t **shape)
{
    const uint32_t i = index / COUNT(loss_forms);
    if (i >= (conf_quick ? 4 : COUNT(loss_shapes)))
        return false;
    *form = &loss_forms[index % COUNT(loss_forms)];
    *shape = loss_shapes[i];
    return true;
}

static void name_case(struct conf_case *c, const char *op, const uint32_t *shape, const struct loss_form *form)
{
    snprintf(c->name, sizeof c->name, "%s %ux%u, %s", op, shape[0], shape[1], form->name);
}

static int32_t logits_of(struct conf_case *c, const struct loss_form *form, pln_dim rows, uint32_t width, float scale)
{
    const int32_t x = conf_input(c, rows, form->window ? width + 20 : width, 0, scale);
    return form->window ? conf_window(c, x, 15, width) : x;
}

/* The divisor of a step of which this is a part. */
static int32_t total_of(struct conf_case *c)
{
    const int32_t total = conf_input(c, conf_fixed(1), 1, 0, 1);
    conf_floats(c, total)[0] = 77;
    return total;
}

/* From 0, which a class may count for, to 3. */
static int32_t weights_of(struct conf_case *c, uint32_t classes)
{
    const int32_t weights = conf_input(c, conf_fixed(1), classes, 0, 1);
    for (uint32_t i = 0; i < classes; i++)
        conf_floats(c, weights)[i] = i % 7 == 3 ? 0 : 0.25f * (float)(1 + conf_below(c, 12));
    return weights;
}

static struct conf_node *add_cross_entropy(struct conf_case *c, uint32_t index)
{
    const uint32_t at = index / COUNT(softmax_forms);
    if (at >= (conf_quick ? 4 : COUNT(loss_shapes)))
        return NULL;
    const struct loss_form *form = &softmax_forms[index % COUNT(softmax_forms)];
    const uint32_t *shape = loss_shapes[at];
    const pln_dim rows = conf_rows(c, shape[0]);
    const pln_cross_entropy_params params = {.ignore_index = at % 2 ? 0 : -100, .smoothing = form->smoothing};
    name_case(c, "cross_entropy", shape, form);
    struct conf_node *node =
        conf_node(c, PLN_OP_CROSS_ENTROPY, &params, sizeof params, PLN_CROSS_ENTROPY_INPUTS, PLN_CROSS_ENTROPY_OUTPUTS);
    node->inputs[PLN_CROSS_ENTROPY_INPUT_LOGITS] = logits_of(c, form, rows, shape[1], 3);
    const int32_t labels = node->inputs[PLN_CROSS_ENTROPY_INPUT_LABELS] = conf_random_integers(c, rows, shape[1]);
    conf_ints(c, labels)[0] = (int32_t)(shape[1] - 1 - (shape[1] % 7 == 4)); /* the last class that has a weight */
    for (uint32_t j = 0; j < conf_count(c, rows); j++)
        if (form->none || (form->some && j % 3 == 1))
            conf_ints(c, labels)[j] = params.ignore_index;
    if (form->total)
        node->inputs[PLN_CROSS_ENTROPY_INPUT_TOTAL] = total_of(c);
    if (form->weights)
        node->inputs[PLN_CROSS_ENTROPY_INPUT_WEIGHTS] = weights_of(c, shape[1]);
    node->outputs[PLN_CROSS_ENTROPY_OUTPUT_LOSS] = conf_output(c, conf_fixed(1), 1);
    if (form->some)
        node->outputs[PLN_CROSS_ENTROPY_OUTPUT_LSE] = conf_output(c, rows, 1);
    if (form->count)
        node->outputs[PLN_CROSS_ENTROPY_OUTPUT_COUNT] = conf_output(c, conf_fixed(1), 1);
    return node;
}

bool conf_cross_entropy(struct conf_case *c, uint32_t index)
{
    return add_cross_entropy(c, index);
}

/* Every second gradient takes the place of the logits. */
static int32_t gradient_of(struct conf_case *c, int32_t logits, uint32_t index)
{
    return index % 2 ? conf_output(c, c->values[logits].rows, c->values[logits].width) : conf_same(c, logits);
}

bool conf_cross_entropy_backward(struct conf_case *c, uint32_t index)
{
    struct conf_node *loss = add_cross_entropy(c, index);
    if (!loss)
        return false;
    conf_name_after(c, "cross_entropy_backward");
    const int32_t logits = loss->inputs[PLN_CROSS_ENTROPY_INPUT_LOGITS];
    const pln_cross_entropy_params *forward = (const void *)loss->params;
    const pln_cross_entropy_backward_params params = {
        .ignore_index = forward->ignore_index, .scale = 1.5f, .smoothing = forward->smoothing};
    struct conf_node *node = conf_node(c, PLN_OP_CROSS_ENTROPY_BACKWARD, &params, sizeof params,
                                       PLN_CROSS_ENTROPY_BACKWARD_INPUTS, PLN_CROSS_ENTROPY_BACKWARD_OUTPUTS);
    if (loss->outputs[PLN_CROSS_ENTROPY_OUTPUT_LSE] == PLN_ABSENT)
        loss->outputs[PLN_CROSS_ENTROPY_OUTPUT_LSE] = conf_output(c, c->values[logits].rows, 1);
    if (loss->outputs[PLN_CROSS_ENTROPY_OUTPUT_COUNT] == PLN_ABSENT)
        loss->outputs[PLN_CROSS_ENTROPY_OUTPUT_COUNT] = conf_output(c, conf_fixed(1), 1);
    node->inputs[PLN_CROSS_ENTROPY_BACKWARD_INPUT_LOGITS] = logits;
    node->inputs[PLN_CROSS_ENTROPY_BACKWARD_INPUT_LABELS] = loss->inputs[PLN_CROSS_ENTROPY_INPUT_LABELS];
    node->inputs[PLN_CROSS_ENTROPY_BACKWARD_INPUT_LSE] = loss->outputs[PLN_CROSS_ENTROPY_OUTPUT_LSE];
    node->inputs[PLN_CROSS_ENTROPY_BACKWARD_INPUT_COUNT] = loss->outputs[PLN_CROSS_ENTROPY_OUTPUT_COUNT];
    node->inputs[PLN_CROSS_ENTROPY_BACKWARD_INPUT_WEIGHTS] = loss->inputs[PLN_CROSS_ENTROPY_INPUT_WEIGHTS];
    node->outputs[0] = gradient_of(c, logits, index);
    return true;
}

static struct conf_node *add_binary_cross_entropy(struct conf_case *c, uint32_t index)
{
    const struct loss_form *form;
    const uint32_t *shape;
    if (!choose(index, &form, &shape))
        return NULL;
    const pln_dim rows = conf_rows(c, shape[0]);
    name_case(c, "binary_cross_entropy", shape, form);
    struct conf_node *node = conf_node(c, PLN_OP_BINARY_CROSS_ENTROPY, NULL, 0, PLN_BINARY_CROSS_ENTROPY_INPUTS,
                                       PLN_BINARY_CROSS_ENTROPY_OUTPUTS);
    const int32_t x = node->inputs[PLN_BINARY_CROSS_ENTROPY_INPUT_LOGITS] = logits_of(c, form, rows, shape[1], 5);
    float *logits = conf_floats(c, form->window ? c->values[x].base : x) + c->values[x].first;
    logits[0] = 100; /* where exponentials end */
    if (shape[1] > 1)
        logits[1] = -100;
    node->inputs[PLN_BINARY_CROSS_ENTROPY_INPUT_LABELS] = conf_input(c, rows, shape[1], 0, 1);
    if (form->some || form->none) {
        const int32_t weights = conf_input(c, rows, 1, 0, 1);
        node->inputs[PLN_BINARY_CROSS_ENTROPY_INPUT_WEIGHTS] = weights;
        for (uint32_t j = 0; j < conf_count(c, rows); j++)
            conf_floats(c, weights)[j] = form->some && j % 2 == 0 ? 0.25f * (float)(1 + j % 5) : 0;
    }
    if (form->total)
        node->inputs[PLN_BINARY_CROSS_ENTROPY_INPUT_TOTAL] = total_of(c);
    node->outputs[PLN_BINARY_CROSS_ENTROPY_OUTPUT_LOSS] = conf_output(c, conf_fixed(1), 1);
    if (form->count)
        node->outputs[PLN_BINARY_CROSS_ENTROPY_OUTPUT_COUNT] = conf_output(c, conf_fixed(1), 1);
    return node;
}

bool conf_binary_cross_entropy(struct conf_case *c, uint32_t index)
{
    return add_binary_cross_entropy(c, index);
}

bool conf_binary_cross_entropy_backward(struct conf_case *c, uint32_t index)
{
    struct conf_node *loss = add_binary_cross_entropy(c, index);
    if (!loss)
        return false;
    conf_name_after(c, "binary_cross_entropy_backward");
    const pln_binary_cross_entropy_backward_params params = {.scale = 50};
    struct conf_node *node =
        conf_node(c, PLN_OP_BINARY_CROSS_ENTROPY_BACKWARD, &params, sizeof params,
                  PLN_BINARY_CROSS_ENTROPY_BACKWARD_INPUTS, PLN_BINARY_CROSS_ENTROPY_BACKWARD_OUTPUTS);
    if (loss->outputs[PLN_BINARY_CROSS_ENTROPY_OUTPUT_COUNT] == PLN_ABSENT)
        loss->outputs[PLN_BINARY_CROSS_ENTROPY_OUTPUT_COUNT] = conf_output(c, conf_fixed(1), 1);
    for (uint32_t i = 0; i < PLN_BINARY_CROSS_ENTROPY_BACKWARD_INPUT_COUNT; i++)
        node->inputs[i] = loss->inputs[i]; /* logits, labels, weights */
    node->inputs[PLN_BINARY_CROSS_ENTROPY_BACKWARD_INPUT_COUNT] = loss->outputs[PLN_BINARY_CROSS_ENTROPY_OUTPUT_COUNT];
    node->outputs[0] = gradient_of(c, node->inputs[0], index);
    return true;
}

static struct conf_node *add_mean_squared_error(struct conf_case *c, uint32_t index)
{
    const struct loss_form *form;
    const uint32_t *shape;
    if (!choose(index, &form, &shape))
        return NULL;
    const pln_dim rows = form->none ? conf_rows_or_none(c, shape[0]) : conf_rows(c, shape[0]);
    name_case(c, "mean_squared_error", shape, form);
    struct conf_node *node =
        conf_node(c, PLN_OP_MEAN_SQUARED_ERROR, NULL, 0, PLN_MEAN_SQUARED_ERROR_INPUTS, PLN_MEAN_SQUARED_ERROR_OUTPUTS);
    node->inputs[PLN_MEAN_SQUARED_ERROR_INPUT_X] = logits_of(c, form, rows, shape[1], 1);
    node->inputs[PLN_MEAN_SQUARED_ERROR_INPUT_LABELS] = conf_input(c, rows, shape[1], shape[1] + 2, 1);
    if (form->total)
        node->inputs[PLN_MEAN_SQUARED_ERROR_INPUT_TOTAL] = total_of(c);
    node->outputs[PLN_MEAN_SQUARED_ERROR_OUTPUT_LOSS] = conf_output(c, conf_fixed(1), 1);
    if (form->count)
        node->outputs[PLN_MEAN_SQUARED_ERROR_OUTPUT_COUNT] = conf_output(c, conf_fixed(1), 1);
    return node;
}

bool conf_mean_squared_error(struct conf_case *c, uint32_t index)
{
    return add_mean_squared_error(c, index);
}

bool conf_mean_squared_error_backward(struct conf_case *c, uint32_t index)
{
    struct conf_node *loss = add_mean_squared_error(c, index);
    if (!loss)
        return false;
    conf_name_after(c, "mean_squared_error_backward");
    const pln_mean_squared_error_backward_params params = {.scale = 0.5f};
    struct conf_node *node = conf_node(c, PLN_OP_MEAN_SQUARED_ERROR_BACKWARD, &params, sizeof params,
                                       PLN_MEAN_SQUARED_ERROR_BACKWARD_INPUTS, PLN_MEAN_SQUARED_ERROR_BACKWARD_OUTPUTS);
    if (loss->outputs[PLN_MEAN_SQUARED_ERROR_OUTPUT_COUNT] == PLN_ABSENT)
        loss->outputs[PLN_MEAN_SQUARED_ERROR_OUTPUT_COUNT] = conf_output(c, conf_fixed(1), 1);
    node->inputs[PLN_MEAN_SQUARED_ERROR_BACKWARD_INPUT_X] = loss->inputs[PLN_MEAN_SQUARED_ERROR_INPUT_X];
    node->inputs[PLN_MEAN_SQUARED_ERROR_BACKWARD_INPUT_LABELS] = loss->inputs[PLN_MEAN_SQUARED_ERROR_INPUT_LABELS];
    node->inputs[PLN_MEAN_SQUARED_ERROR_BACKWARD_INPUT_COUNT] = loss->outputs[PLN_MEAN_SQUARED_ERROR_OUTPUT_COUNT];
    node->outputs[0] = gradient_of(c, node->inputs[0], index);
    return true;
}

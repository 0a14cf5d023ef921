/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows with numbers that are none, infinite, tiny or zero, which must not leave their row; and runs without rows.
 */
#include <float.h>
#include <math.h>
#include <stdio.h>

#include "conformance/harness.h"

enum { ROWS = 40, WIDTH = 29 };

enum special { NONE, NOT_A_NUMBER, INFINITE, ZERO, DENORMAL, LARGE };

static float special_of(enum special special)
{
    switch (special) {
    case NOT_A_NUMBER:
        return NAN;
    case INFINITE:
        return -INFINITY;
    case DENORMAL:
        return FLT_MIN / 8;
    case LARGE:
        return 1e30f;
    default:
        return 0;
    }
}

/* Every fifth row has one such number, or (zero) no other. */
static void put(struct conf_case *c, int32_t value, enum special special)
{
    const struct conf_value *v = &c->values[value];
    float *data = conf_floats(c, value);
    for (uint32_t r = 2; r < conf_count(c, v->rows); r += 5)
        for (uint32_t k = 0; k < v->width; k++)
            if (special == ZERO || special == DENORMAL || k == r % v->width)
                data[r * v->width + k] = special_of(special);
}

static struct conf_node *begin(struct conf_case *c, uint32_t op, int32_t x, uint32_t activation)
{
    static const pln_layer_norm_params norm = {.eps = 1e-6f};
    const pln_linear_params linear = {.activation = activation};
    const pln_activation_params alone = {.activation = activation};
    struct conf_node *node;
    if (op == PLN_OP_LINEAR) {
        node = conf_node(c, op, &linear, sizeof linear, PLN_LINEAR_INPUTS, PLN_LINEAR_OUTPUTS);
        node->inputs[PLN_LINEAR_INPUT_WEIGHT] = conf_constant(c, 43, WIDTH, 0.2f, true);
        node->inputs[PLN_LINEAR_INPUT_BIAS] = conf_constant(c, 1, 43, 1, true);
    } else if (op == PLN_OP_LAYER_NORM) {
        node = conf_node(c, op, &norm, sizeof norm, PLN_LAYER_NORM_INPUTS, PLN_LAYER_NORM_OUTPUTS);
        node->inputs[PLN_LAYER_NORM_INPUT_GAMMA] = conf_constant(c, 1, WIDTH, 1, true);
        node->inputs[PLN_LAYER_NORM_INPUT_BETA] = conf_constant(c, 1, WIDTH, 1, true);
    } else
        node = conf_node(c, op, &alone, sizeof alone, PLN_ACTIVATION_INPUTS, PLN_ACTIVATION_OUTPUTS);
    node->inputs[0] = x;
    return node;
}

static const uint32_t ops[] = {PLN_OP_LINEAR, PLN_OP_LAYER_NORM, PLN_OP_ACTIVATION};
enum { OPS = sizeof ops / sizeof *ops };

static uint32_t usual_activation(uint32_t op)
{
    return op == PLN_OP_LINEAR ? PLN_ACTIVATION_NONE : PLN_ACTIVATION_TANH;
}

bool conf_specials(struct conf_case *c, uint32_t index)
{
    static const char *const names[] = {"", "NaN", "infinity", "zeros", "denormals", "1e30"};
    const bool each = index >= LARGE * OPS; /* each activation, which hides no NaN */
    const uint32_t activation = (index - LARGE * OPS) / 2;
    const uint32_t op = !each ? ops[index % OPS] : index % 2 ? PLN_OP_LINEAR : PLN_OP_ACTIVATION;
    const enum special special = each ? NOT_A_NUMBER : 1 + index / OPS;
    if (each && activation >= PLN_ACTIVATIONS)
        return false;
    const pln_dim rows = conf_rows(c, ROWS);
    snprintf(c->name, sizeof c->name, each ? "%s, rows with %s, activation %u" : "%s, rows with %s", conf_op_name(op),
             names[special], activation);
    const int32_t x = conf_input(c, rows, WIDTH, 0, 1);
    put(c, x, special);
    struct conf_node *node = begin(c, op, x, each ? activation : usual_activation(op));
    node->outputs[0] = conf_output(c, rows, op == PLN_OP_LINEAR ? 43 : WIDTH);
    return true;
}

/* No row in the short round. */
bool conf_empty(struct conf_case *c, uint32_t index)
{
    if (index >= OPS)
        return false;
    const uint32_t op = ops[index];
    const pln_dim rows = conf_rows_or_none(c, 7);
    snprintf(c->name, sizeof c->name, "%s, a run without rows", conf_op_name(op));
    struct conf_node *node = begin(c, op, conf_input(c, rows, WIDTH, 0, 1), usual_activation(op));
    node->outputs[0] = conf_output(c, rows, op == PLN_OP_LINEAR ? 43 : WIDTH);
    return true;
}

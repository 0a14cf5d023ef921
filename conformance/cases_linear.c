/* SPDX-License-Identifier: Apache-2.0
 *
 * More cases of linear: each activation with each optional operand, alone and together; sizes beyond those of models;
 * several products in a segment.
 */
#include <math.h>
#include <stdio.h>

#include "conformance/harness.h"

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof *(array))

struct product {
    pln_dim rows;
    uint32_t n, k, activation;
    bool bias, residual, preactivation, dropout, strided, plain;
};

/* y = a product of x by a weight (absent: one of its own); x and residual lie in wider rows where it is strided, y in a
 * window. */
static int32_t add_product(struct conf_case *c, const struct product *p, int32_t x, int32_t weight)
{
    const pln_linear_params params = {.activation = p->activation,
                                      .site = p->dropout ? CONF_SITE : 0,
                                      .drop_below = p->dropout ? CONF_DROP_BELOW : 0,
                                      .keep_scale = p->dropout ? CONF_KEEP_SCALE : 0};
    struct conf_node *node = conf_node(c, PLN_OP_LINEAR, &params, sizeof params, PLN_LINEAR_INPUTS, PLN_LINEAR_OUTPUTS);
    const float scale = (p->activation ? 4 : 1) / sqrtf((float)p->k); /* what an activation sees reaches its ends */
    node->inputs[PLN_LINEAR_INPUT_X] = x;
    node->inputs[PLN_LINEAR_INPUT_WEIGHT] =
        weight == PLN_ABSENT ? conf_constant(c, p->n, p->k, scale, p->plain) : weight;
    if (p->bias)
        node->inputs[PLN_LINEAR_INPUT_BIAS] = conf_constant(c, 1, p->n, 2, !p->plain);
    if (p->residual)
        node->inputs[PLN_LINEAR_INPUT_RESIDUAL] = conf_input(c, p->rows, p->n, p->strided ? p->n + 11 : 0, 1);
    if (p->dropout) {
        node->inputs[PLN_LINEAR_INPUT_ORIGIN] = conf_origin(c, p->rows, NULL);
        node->inputs[PLN_LINEAR_INPUT_RANDOM] = conf_random(c);
    }
    if (p->preactivation)
        node->outputs[PLN_LINEAR_OUTPUT_PREACTIVATION] = conf_output(c, p->rows, p->n);
    const int32_t y = conf_output(c, p->rows, p->strided ? p->n + 6 : p->n);
    return node->outputs[PLN_LINEAR_OUTPUT_Y] = p->strided ? conf_window(c, y, 3, p->n) : y;
}

/* Each activation with bias, residual and pre-activation there or not, and with dropout alone and beside both. */
bool conf_linear_forms(struct conf_case *c, uint32_t index)
{
    enum { FORMS = 10, DROPPED = 8 };
    const uint32_t form = index % FORMS, activation = index / FORMS;
    if (activation >= PLN_ACTIVATIONS)
        return false;
    struct product p = {.rows = conf_rows(c, 19),
                        .n = 37,
                        .k = 21 + activation,
                        .activation = activation,
                        .bias = form & 1,
                        .residual = form == DROPPED + 1 || form & 2,
                        .preactivation = form & 4,
                        .dropout = form >= DROPPED,
                        .strided = activation % 2,
                        .plain = form < 2};
    snprintf(c->name, sizeof c->name, "linear of activation %u%s%s%s%s%s", activation, p.bias ? ", bias" : "",
             p.residual ? ", residual" : "", p.preactivation ? ", preactivation" : "", p.dropout ? ", dropout" : "",
             p.strided ? ", strided" : "");
    add_product(c, &p, conf_input(c, p.rows, p.k, p.strided ? p.k + 7 : 0, 1), PLN_ABSENT);
    return true;
}

/* rows, columns of y, columns of x: past what fits blocks, counters of 16 bits and the tables of a kernel. */
static const uint32_t sizes[][3] = {
    {1100, 5, 7}, {2053, 33, 17}, {4099, 3, 9},   {66000, 1, 2},   {3, 4100, 5},  {2, 9001, 3},   {1, 66000, 2},
    {3, 2, 4100}, {2, 3, 9001},   {130, 4099, 2}, {1500, 70, 130}, {40, 520, 33}, {70, 260, 520}, {513, 257, 129},
};

bool conf_linear_sizes(struct conf_case *c, uint32_t index)
{
    const uint32_t i = index / 2;
    const bool bare = index % 2;
    if (i >= (conf_quick ? 1 : COUNT(sizes)))
        return false;
    struct product p = {.rows = conf_rows(c, sizes[i][0]),
                        .n = sizes[i][1],
                        .k = sizes[i][2],
                        .activation = bare ? PLN_ACTIVATION_NONE : PLN_ACTIVATION_GELU,
                        .bias = !bare,
                        .residual = !bare,
                        .strided = bare,
                        .plain = bare};
    snprintf(c->name, sizeof c->name, "linear %ux%ux%u, %s", sizes[i][0], p.n, p.k,
             bare ? "strided" : "gelu, bias, residual");
    add_product(c, &p, conf_input(c, p.rows, p.k, bare ? p.k + 9 : 0, 1), PLN_ABSENT);
    return true;
}

enum { AFTER, BESIDE, SHARED, SCALED, OWN_ROWS, FULL, FIXED, PAIRS };
enum { MANY = 60 };
static const char *const pairs[PAIRS] = {
    "one after the other",           "beside each other, other rows", "of one weight",
    "rows by a scale and an offset", "x is the residual too",         "as many rows as the capacity",
    "rows that no symbol counts"};

/* A segment as long as models make them. */
static void add_many(struct conf_case *c)
{
    struct product p = {.rows = conf_rows(c, 5), .n = 6, .k = 6, .activation = PLN_ACTIVATION_TANH};
    snprintf(c->name, sizeof c->name, "%u linear one after the other", (unsigned)MANY);
    int32_t x = conf_input(c, p.rows, p.k, 0, 1);
    for (uint32_t i = 0; i < MANY; i++) {
        p.plain = i % 2;
        x = add_product(c, &p, x, PLN_ABSENT);
        c->values[x].tolerances = sqrt(MANY); /* errors of one add to those of the others, in no one direction */
    }
}

/* Segments of more than one product, and row counts that are more than a symbol. */
bool conf_linear_pairs(struct conf_case *c, uint32_t index)
{
    if (index == PAIRS)
        add_many(c);
    if (index >= PAIRS)
        return index == PAIRS;
    pln_dim rows = conf_rows(c, 27);
    struct product p = {.n = 24, .k = 24, .activation = PLN_ACTIVATION_GELU, .bias = true, .plain = true};
    snprintf(c->name, sizeof c->name, "two linear %s", pairs[index]);
    if (index == SCALED)
        rows = (pln_dim){rows.symbol, 3, 2};
    if (index == FULL)
        c->capacity[rows.symbol] -= 5; /* what conf_rows leaves free */
    if (index == FIXED)
        rows = conf_fixed(27);
    p.rows = rows;
    const int32_t x = conf_input(c, rows, p.k, 0, 1), y = add_product(c, &p, x, PLN_ABSENT);
    if (index == OWN_ROWS)
        c->nodes[0].inputs[PLN_LINEAR_INPUT_RESIDUAL] = x;
    if (index == BESIDE)
        p.rows = conf_rows(c, 50);
    p.activation = PLN_ACTIVATION_NONE;
    p.residual = index == AFTER;
    p.n = index == SHARED || index == OWN_ROWS ? 24 : 31;
    add_product(c, &p, index == BESIDE ? conf_input(c, p.rows, p.k, 0, 1) : y,
                index == SHARED ? c->nodes[0].inputs[PLN_LINEAR_INPUT_WEIGHT] : PLN_ABSENT);
    return true;
}

/* Weights one by one, times 1: what a device that rounds them makes of each. */
bool conf_halves(struct conf_case *c, uint32_t index)
{
    enum { WEIGHTS = 512 };
    if (index > 1)
        return false;
    struct product p = {.rows = conf_rows(c, 3), .n = WEIGHTS, .k = index ? 16 : 1, .plain = index};
    snprintf(c->name, sizeof c->name, "weights rounded one by one, in products of %u", p.k);
    const int32_t x = conf_input(c, p.rows, p.k, 0, 1), y = add_product(c, &p, x, PLN_ABSENT);
    float *data = conf_floats(c, x);
    for (uint32_t i = 0; i < conf_count(c, p.rows) * p.k; i++)
        data[i] = i % p.k == 0; /* no sum: what is rounded comes out as it is */
    c->values[y].bound = -1;    /* by the type that is judged: conf_half_bound */
    return true;
}

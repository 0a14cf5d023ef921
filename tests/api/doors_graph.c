/* SPDX-License-Identifier: Apache-2.0
 *
 * The doors of a graph's description, but for the ops.
 */
#include "tests/api/doors.h"

static pln_value *input(pln_graph *g, const char *name, pln_dim rows, uint32_t width)
{
    return pln_graph_input(g, name, PLN_F32, rows, width);
}

static void knock_pln_graph_create(void)
{
    pln_graph *g = pln_graph_create(NULL);
    assert_non_null(g);
    pln_graph_destroy(&g);
}

static void knock_pln_graph_destroy(void)
{
    pln_graph *none = NULL;
    pln_graph_destroy(NULL);
    pln_graph_destroy(&none);
}

static void knock_pln_graph_finish(void)
{
    assert_int_equal(pln_graph_finish(NULL, fresh()), PLN_NO_MEMORY);
    fails(pln_graph_create("g"), "no output");
}

static void knock_pln_graph_symbol(void)
{
    pln_graph *g = pln_graph_create("g");
    assert_int_equal(pln_graph_symbol(NULL, "tokens"), 0);
    assert_int_equal(pln_graph_symbol(g, NULL), 0);
    fails(g, "name is NULL");
    g = pln_graph_create("g");
    for (int i = 0; i < 64; i++) {
        char name[16];
        snprintf(name, sizeof name, "s%d", i);
        pln_graph_symbol(g, name);
    }
    fails(g, "more than 63 symbols");
}

static void knock_pln_graph_begin(void)
{
    pln_graph *g = pln_graph_create("g");
    const char *none = NULL;
    pln_graph_begin(NULL, "layer");
    pln_graph_begin(g, none, 0);
    fails(g, "name is NULL");
}

static void knock_pln_graph_end(void)
{
    pln_graph *g = pln_graph_create("g");
    pln_graph_end(NULL);
    pln_graph_end(g);
    fails(g, "without pln_graph_begin");
}

static void knock_pln_graph_input(void)
{
    static const struct {
        const char *name;
        pln_dtype dtype;
        pln_dim rows;
        uint32_t width;
        const char *words;
    } cases[] = {
        {NULL, PLN_F32, {0, 0, 1}, 4, "name is NULL"},
        {"x", NO_SUCH(pln_dtype), {0, 0, 1}, 4, "unknown type"},
        {"x", PLN_F16, {0, 0, 1}, 4, "f16"},
        {"x", PLN_F32, {0, 0, 1}, 0, "no such shape"},
        {"x", PLN_F32, {0, 0, 1}, UINT32_MAX, "no such shape"},
        {"x", PLN_F32, {0, 0, UINT32_MAX}, 4, "no such shape"},
        {"x", PLN_F32, {0, 0, INT32_MAX}, INT32_MAX, "no such shape"},
        {"x", PLN_F32, {99999, 1, 0}, 4, "no such shape"},
    };
    assert_null(input(NULL, "x", pln_rows_fixed(1), 4));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pln_graph *g = pln_graph_create("g");
        assert_null(pln_graph_input(g, cases[i].name, cases[i].dtype, cases[i].rows, cases[i].width));
        fails(g, cases[i].words);
    }
}

static void knock_pln_graph_state(void)
{
    pln_graph *g = pln_graph_create("g");
    assert_null(pln_graph_state(NULL, "s", 1, 4));
    assert_null(pln_graph_state(g, NULL, 1, 4));
    fails(g, "name is NULL");
    g = pln_graph_create("g");
    assert_null(pln_graph_state(g, "s", UINT32_MAX, UINT32_MAX));
    fails(g, "no such shape");
}

/* Constants and parameters take the same parts. */
static void knock_parts(pln_value *(*add)(pln_graph *, const char *, const pln_tensor *const *, uint32_t))
{
    static const float x[4];
    const pln_tensor good = {.name = "w", .dtype = PLN_F32, .rank = 2, .shape = {1, 4}, .data = x};
    pln_tensor bad[] = {good, good, good, good, good, good};
    static const char *const words[] = {"type is unknown", "dimensions", "data is NULL",
                                        "rank 1 or 2",     "not i32",    "64 bits"};
    bad[0].dtype = NO_SUCH(pln_dtype);
    bad[1].rank = 100;
    bad[2].data = NULL;
    bad[3].shape[0] = UINT32_MAX;
    bad[4].dtype = PLN_I32;
    bad[5].shape[0] = bad[5].shape[1] = UINT64_MAX;
    const pln_tensor *part = &good;
    assert_null(add(NULL, "w", &part, 1));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        pln_graph *g = pln_graph_create("g");
        part = &bad[i];
        assert_null(add(g, "w", &part, 1));
        fails(g, words[i]);
    }
    pln_graph *g = pln_graph_create("g");
    part = NULL;
    assert_null(add(g, "w", &part, 1));
    fails(g, "part 0: it is NULL");
    g = pln_graph_create("g");
    assert_null(add(g, "w", NULL, 1));
    fails(g, "NULL");
    g = pln_graph_create("g");
    assert_null(add(g, "w", NULL, 0));
    fails(g, "fit together");
    g = pln_graph_create("g");
    part = &good;
    assert_null(add(g, NULL, &part, 1));
    fails(g, "name is NULL");
}

static void knock_pln_graph_constant(void)
{
    knock_parts(pln_graph_constant);
}

static pln_value *add_parameter(pln_graph *g, const char *name, const pln_tensor *const *parts, uint32_t n)
{
    return pln_graph_parameter(g, name, parts, n, (pln_parameter_options){1, 1});
}

static void knock_pln_graph_parameter(void)
{
    knock_parts(add_parameter);
}

static void knock_pln_graph_output(void)
{
    pln_graph_output(NULL, "y", w.other_value);
    pln_graph *g = pln_graph_create("g");
    pln_graph_output(g, "y", NULL);
    fails(g, "value is NULL");
    g = pln_graph_create("g");
    pln_graph_output(g, "y", w.other_value);
    fails(g, "another graph");
    g = pln_graph_create("g");
    pln_graph_output(g, NULL, input(g, "x", pln_rows_fixed(1), 4));
    fails(g, "name is NULL");
}

static void knock_pln_graph_pairs(void)
{
    pln_graph *g = pln_graph_create("pairs");
    assert_int_equal(pln_graph_pairs(NULL, w.other_value).symbol, 0);
    pln_graph_pairs(g, w.other_value);
    fails(g, "another graph");
    g = pln_graph_create("pairs");
    pln_graph_pairs(g, NULL);
    fails(g, "pairs");
}

static void knock_pln_columns(void)
{
    assert_null(pln_columns(NULL, w.other_value, 0, 1));
    pln_graph *g = pln_graph_create("g");
    assert_null(pln_columns(g, NULL, 0, 1));
    fails(g, "value is NULL");
    g = pln_graph_create("g");
    assert_null(pln_columns(g, w.other_value, 0, 1));
    fails(g, "another graph");
    static const uint32_t wrong[][2] = {{0, 0}, {0, 5}, {4, 1}, {UINT32_MAX, 2}, {2, UINT32_MAX}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        g = pln_graph_create("g");
        assert_null(pln_columns(g, input(g, "x", pln_rows_fixed(1), 4), wrong[i][0], wrong[i][1]));
        fails(g, "columns");
    }
}

static void knock_pln_row(void)
{
    assert_null(pln_row(NULL, w.other_value, 0));
    pln_graph *g = pln_graph_create("g");
    assert_null(pln_row(g, NULL, 0));
    fails(g, "value is NULL");
    g = pln_graph_create("g");
    assert_null(pln_row(g, w.other_value, 0));
    fails(g, "another graph");
    g = pln_graph_create("g");
    assert_null(pln_row(g, input(g, "x", pln_rows_fixed(2), 4), 2));
    fails(g, "row 2 of 2");
}

static void knock_pln_reshape(void)
{
    assert_null(pln_reshape(NULL, w.other_value, pln_rows_fixed(4), 1));
    pln_graph *g = pln_graph_create("g");
    assert_null(pln_reshape(g, NULL, pln_rows_fixed(4), 1));
    fails(g, "value is NULL");
    g = pln_graph_create("g");
    assert_null(pln_reshape(g, w.other_value, pln_rows_fixed(4), 1));
    fails(g, "another graph");
    static const uint32_t wrong[][2] = {{64, 4}, {1, 4}, {2, 0}, {UINT32_MAX, 4}, {1u << 30, 1u << 2}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        g = pln_graph_create("g");
        assert_null(pln_reshape(g, input(g, "x", pln_rows_fixed(2), 4), pln_rows_fixed(wrong[i][0]), wrong[i][1]));
        fails(g, "number of elements");
    }
    g = pln_graph_create("g");
    const pln_dim tokens = pln_rows_of(pln_graph_symbol(g, "tokens"));
    assert_null(pln_reshape(g, input(g, "x", tokens, 4), (pln_dim){tokens.symbol, 3, 0}, 1));
    fails(g, "number of elements");
}

static void knock_pln_graph_parameters(void)
{
    uint32_t n, rows;
    assert_null(pln_graph_parameters(NULL, &n, &rows));
    assert_null(pln_graph_parameters(w.graph, NULL, &rows));
    assert_null(pln_graph_parameters(w.graph, &n, NULL));
}

static void knock_pln_graph_parameter_values(void)
{
    float values[1];
    pln_graph_parameter_values(NULL, values);
    pln_graph_parameter_values(w.graph, NULL);
}

static void knock_pln_graph_parameter_factors(void)
{
    float factors[1];
    pln_graph_parameter_factors(NULL, factors);
    pln_graph_parameter_factors(w.graph, NULL);
}

/* A graph with a loss of an input. */
static pln_graph *with_loss(pln_value **x, pln_value **loss)
{
    pln_graph *g = pln_graph_create("g");
    *x = input(g, "x", pln_rows_fixed(2), 4);
    *loss = pln_mean_squared_error(g, "loss", *x, input(g, "labels", pln_rows_fixed(2), 4), (pln_loss_options){0});
    pln_graph_output(g, "loss", *loss);
    return g;
}

static void knock_pln_graph_gradients(void)
{
    pln_value *x, *loss, *gradient, *none = NULL;
    const char *const no_scope[] = {NULL};
    pln_graph_gradients(NULL, NULL, 0, (pln_gradient_options){0});
    pln_graph *g = with_loss(&x, &loss);
    const pln_gradient_options good = {.inputs = &x, .n_inputs = 1, .gradients = &gradient};
    pln_graph_gradients(g, NULL, 1, good);
    fails(g, "no loss");
    const pln_loss wrong[] = {{NULL, 1}, {w.other_value, 1}};
    static const char *const words[] = {"value is NULL", "another graph"};
    for (size_t i = 0; i < 2; i++) {
        g = with_loss(&x, &loss);
        pln_graph_gradients(g, &wrong[i], 1, good);
        fails(g, words[i]);
    }
    const struct {
        pln_gradient_options options;
        const char *words;
    } cases[] = {
        {{.inputs = &none, .n_inputs = 1, .gradients = &gradient}, "value is NULL"},
        {{.inputs = &w.other_value, .n_inputs = 1, .gradients = &gradient}, "another graph"},
        {{.inputs = NULL, .n_inputs = 1, .gradients = &gradient}, "inputs or gradients is NULL"},
        {{.inputs = &x, .n_inputs = 1, .gradients = NULL}, "inputs or gradients is NULL"},
        {{.inputs = &x, .n_inputs = 1, .gradients = &gradient, .n_recompute = 1}, "recompute is NULL"},
        {{.inputs = &x, .n_inputs = 1, .gradients = &gradient, .recompute = no_scope, .n_recompute = 1},
         "name is NULL"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        g = with_loss(&x, &loss);
        pln_graph_gradients(g, &(pln_loss){loss, 1}, 1, cases[i].options);
        fails(g, cases[i].words);
    }
}

static void knock_pln_graph_text(void)
{
    assert_null(pln_graph_text(NULL));
}

static void knock_pln_graph_dot(void)
{
    assert_null(pln_graph_dot(NULL));
}

const struct door graph_doors[] = {DOOR(pln_graph_create),
                                   DOOR(pln_graph_destroy),
                                   DOOR(pln_graph_finish),
                                   DOOR(pln_graph_symbol),
                                   DOOR(pln_graph_begin),
                                   DOOR(pln_graph_end),
                                   DOOR(pln_graph_input),
                                   DOOR(pln_graph_state),
                                   DOOR(pln_graph_constant),
                                   DOOR(pln_graph_parameter),
                                   DOOR(pln_graph_output),
                                   DOOR(pln_graph_pairs),
                                   DOOR(pln_columns),
                                   DOOR(pln_row),
                                   DOOR(pln_reshape),
                                   DOOR(pln_graph_parameters),
                                   DOOR(pln_graph_parameter_values),
                                   DOOR(pln_graph_parameter_factors),
                                   DOOR(pln_graph_gradients),
                                   DOOR(pln_graph_text),
                                   DOOR(pln_graph_dot),
                                   {NULL, NULL}};

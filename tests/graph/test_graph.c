/* SPDX-License-Identifier: Apache-2.0
 *
 * Describing graphs: shapes, names, sticky errors, windows, printing; and the memory plan.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "graph/graph.h"

static const float zeros[64 * 64];

static pln_value *weight(pln_graph *g, const char *name, uint64_t rows, uint64_t width)
{
    static pln_tensor tensors[64];
    static uint32_t n;
    pln_tensor *t = &tensors[n++ % 64];
    *t = (pln_tensor){.name = name, .dtype = PLN_F32, .rank = 2, .shape = {rows, width}, .data = zeros};
    const pln_tensor *part = t;
    return pln_graph_constant(g, name, &part, 1);
}

static pln_dim tokens(pln_graph *g)
{
    return pln_rows_of(pln_graph_symbol(g, "tokens"));
}

static void finish_fails_as(pln_graph *g, pln_status status, const char *sentence)
{
    pln_error error;
    assert_int_equal(pln_graph_finish(g, &error), status);
    if (!strstr(error.message, sentence))
        fail_msg("\"%s\" does not say \"%s\"", error.message, sentence);
    pln_graph_destroy(&g);
    assert_null(g);
}

static void finish_fails(pln_graph *g, const char *sentence)
{
    finish_fails_as(g, PLN_INVALID, sentence);
}

static void test_shapes(void **state)
{
    (void)state;
    pln_error error;
    pln_graph *g = pln_graph_create("shapes");
    pln_value *x = pln_graph_input(g, "x", PLN_F32, tokens(g), 10);
    pln_value *mean = NULL;
    pln_graph_begin(g, "layer.%d", 3);
    pln_value *y = pln_linear(g, x, weight(g, "w", 6, 10), PLN_OPTIONS(pln_linear_options, .name = "dense"));
    pln_graph_end(g);
    pln_value *z = pln_layer_norm(g, y, weight(g, "gamma", 1, 6), weight(g, "beta", 1, 6),
                                  PLN_OPTIONS(pln_layer_norm_options, .mean = &mean));
    pln_graph_output(g, "z", z);
    assert_int_equal(pln_graph_finish(g, &error), PLN_OK);
    assert_int_equal(y->width, 6);
    assert_int_equal(y->row_stride, 8); /* rows begin at 16 bytes */
    assert_string_equal(y->name, "layer.3.dense");
    assert_int_equal(mean->width, 1);
    const uint32_t dims[] = {0, 7};
    assert_int_equal(pln_dim_rows(z->rows, dims), 7);
    assert_int_equal(graph_node_flops(g->nodes[0], dims), 2 * 7 * 6 * 10);
    pln_graph_destroy(&g);
}

static void test_errors_stick(void **state)
{
    (void)state;
    pln_graph *g = pln_graph_create("wrong");
    pln_value *x = pln_graph_input(g, "x", PLN_F32, tokens(g), 10);
    pln_value *y = pln_linear(g, x, weight(g, "w", 6, 9), PLN_OPTIONS(pln_linear_options, .name = "dense"));
    assert_null(y);
    assert_null(pln_linear(g, y, weight(g, "v", 2, 6), PLN_OPTIONS(pln_linear_options, .name = "later")));
    finish_fails(g, "dense: x is [tokens, 10], expected [tokens, 9]");
}

static void test_other_mistakes(void **state)
{
    (void)state;
    pln_graph *g = pln_graph_create("a");
    finish_fails(g, "no output");

    g = pln_graph_create("b");
    pln_value *x = pln_graph_input(g, "x", PLN_F32, tokens(g), 4);
    pln_graph_input(g, "x", PLN_F32, tokens(g), 4);
    finish_fails(g, "given already");

    g = pln_graph_create("outputs");
    x = pln_graph_input(g, "x", PLN_F32, tokens(g), 4);
    pln_graph_output(g, "y", pln_columns(g, x, 0, 2));
    pln_graph_output(g, "y", x);
    finish_fails(g, "an output of this name was given already");

    g = pln_graph_create("c");
    x = pln_graph_input(g, "x", PLN_F32, tokens(g), 4);
    pln_columns(g, x, 2, 3);
    finish_fails(g, "columns 2 to 5 of 4");

    g = pln_graph_create("d");
    x = pln_graph_input(g, "x", PLN_F32, tokens(g), 4);
    pln_accumulate(g, "add", x, x, 1);
    finish_fails(g, "only a value of kind state");

    g = pln_graph_create("e");
    x = pln_graph_input(g, "x", PLN_F32, tokens(g), 4);
    pln_activation(g, x, PLN_ACTIVATION_RELU, PLN_OPTIONS(pln_activation_options, .name = "one"));
    pln_activation(g, x, PLN_ACTIVATION_RELU, PLN_OPTIONS(pln_activation_options, .name = "one"));
    finish_fails(g, "given to a node already");

    g = pln_graph_create("f");
    pln_graph_begin(g, "open");
    finish_fails(g, "without pln_graph_end");

    g = pln_graph_create("g");
    x = pln_graph_input(g, "x", PLN_F32, tokens(g), 5);
    pln_reshape(g, x, pln_rows_fixed(5), 1);
    finish_fails(g, "without padding");
}

static void test_printing(void **state)
{
    (void)state;
    pln_graph *g = pln_graph_create("printed");
    pln_value *x = pln_graph_input(g, "x", PLN_F32, tokens(g), 4);
    pln_value *s = pln_graph_state(g, "count", 1, 4);
    pln_value *y = pln_activation(g, pln_columns(g, x, 1, 2), PLN_ACTIVATION_TANH,
                                  PLN_OPTIONS(pln_activation_options, .name = "act"));
    pln_value *sum = pln_accumulate(g, "add", s, pln_row(g, x, 0), 2);
    pln_graph_output(g, "y", y);
    pln_graph_output(g, "sum", sum);
    assert_int_equal(pln_graph_finish(g, NULL), PLN_OK);
    char *text = pln_graph_text(g), *dot = pln_graph_dot(g);
    assert_non_null(strstr(text, "f32 [tokens,4] input  # x"));
    assert_non_null(strstr(text, "f32 [1,4] state  # count"));
    assert_non_null(strstr(text, "activation(x %2(%0+1/4))"));
    assert_non_null(strstr(text, "activation=11"));
    assert_non_null(strstr(text, "scale=2"));
    assert_non_null(strstr(dot, "digraph \"printed\""));
    assert_non_null(strstr(dot, "label=\"act\\nactivation"));
    pln_free(text);
    pln_free(dot);
    pln_graph_destroy(&g);
}

static void test_activation_names(void **state)
{
    (void)state;
    uint32_t number;
    assert_true(pln_activation_find("gelu", &number));
    assert_int_equal(number, PLN_ACTIVATION_GELU);
    assert_true(pln_activation_find("gelu_python_tanh", &number));
    assert_int_equal(number, PLN_ACTIVATION_GELU_TANH);
    assert_true(pln_activation_find("swish", &number));
    assert_int_equal(number, PLN_ACTIVATION_SILU);
    assert_true(pln_activation_find(NULL, &number));
    assert_int_equal(number, PLN_ACTIVATION_NONE);
    number = 99;
    assert_false(pln_activation_find("gel", &number));
    assert_false(pln_activation_find("prelu", &number));
    assert_int_equal(number, 99);
}

/* ---- parameters and gradients */

static pln_value *parameter(pln_graph *g, const char *name, const pln_tensor *tensors, uint32_t n)
{
    const pln_tensor *parts[2];
    for (uint32_t i = 0; i < n; i++)
        parts[i] = &tensors[i];
    return pln_graph_parameter(g, name, parts, n,
                               PLN_OPTIONS(pln_parameter_options, .weight_decay = 0.5f, .learning_rate = 2));
}

/* Each parameter begins with a row of the flat state; joined tensors lie in one, vectors side by side. */
static void test_parameters(void **state)
{
    (void)state;
    static const float numbers[300] = {1, 2, 3, 4, 5, 6};
    static const pln_tensor matrices[] = {{"a", PLN_F32, 2, {2, 3}, numbers}, {"b", PLN_F32, 2, {70, 3}, numbers}};
    static const pln_tensor vectors[] = {{"v", PLN_F32, 1, {2}, numbers}, {"w", PLN_F32, 1, {3}, numbers + 2}};
    pln_graph *g = pln_graph_create("parameters");
    pln_value *ab = parameter(g, "a", matrices, 2), *vw = parameter(g, "v", vectors, 2);
    assert_ptr_equal(parameter(g, "a", matrices, 2), ab); /* tied */
    assert_int_equal(ab->rows.offset, 72);
    assert_int_equal(ab->row_stride, 3);
    assert_int_equal(vw->width, 5);
    assert_int_equal(pln_graph_parameter_count(g), 4);
    assert_int_equal(pln_graph_parameter_rows(g), 2);
    static const uint64_t first[] = {0, 2 * 3, 256, 256 + 2};
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(pln_graph_parameter_at(g, i)->first, first[i]);
    assert_int_equal(pln_graph_parameter_at(g, 3)->flat_row, 1);
    float values[2 * PLN_PARAMETER_WIDTH], factors[4];
    pln_graph_parameter_values(g, values);
    pln_graph_parameter_factors(g, factors);
    assert_true(values[5] == 6 && values[6] == 1 && values[256] == 1 && values[256 + 4] == 5 && values[256 + 5] == 0);
    assert_true(factors[2] == 0.5f && factors[3] == 2);
    parameter(g, "a", matrices, 1);
    finish_fails(g, "parameter is [72, 3] and now [2, 3]");
}

static pln_value *loss_of(pln_graph *g, pln_value *x)
{
    return pln_mean_squared_error(g, "loss", x, pln_graph_input(g, "labels", PLN_F32, x->rows, x->width), NULL);
}

static void test_gradient_mistakes(void **state)
{
    (void)state;
    static const pln_tensor tensor = {"w", PLN_F32, 2, {8, 8}, zeros}, other = {"u", PLN_F32, 2, {8, 8}, zeros};
    pln_graph *g = pln_graph_create("no parameter");
    pln_value *x = pln_graph_input(g, "x", PLN_F32, tokens(g), 8);
    pln_graph_gradients(g, &(pln_loss){loss_of(g, x), 1}, 1, NULL);
    finish_fails(g, "there is no parameter");

    g = pln_graph_create("no loss");
    x = pln_graph_input(g, "x", PLN_F32, tokens(g), 8);
    x = pln_linear(g, x, parameter(g, "w", &tensor, 1), PLN_OPTIONS(pln_linear_options, .name = "y"));
    pln_graph_gradients(g, &(pln_loss){x, 1}, 1, NULL);
    finish_fails(g, "y: it is not what a loss op gives");

    g = pln_graph_create("twice");
    x = pln_graph_input(g, "x", PLN_F32, tokens(g), 8);
    x = pln_linear(g, x, parameter(g, "w", &tensor, 1), NULL);
    const pln_loss loss = {loss_of(g, x), 1};
    pln_graph_gradients(g, &loss, 1, NULL);
    pln_graph_gradients(g, &loss, 1, NULL);
    finish_fails(g, "a second pln_graph_gradients");

    g = pln_graph_create("late");
    x = pln_graph_input(g, "x", PLN_F32, tokens(g), 8);
    x = pln_linear(g, x, parameter(g, "w", &tensor, 1), NULL);
    pln_graph_gradients(g, &(pln_loss){loss_of(g, x), 1}, 1, NULL);
    parameter(g, "u", &other, 1);
    finish_fails(g, "u: a parameter after pln_graph_gradients");

    g = pln_graph_create("part");
    x = pln_graph_input(g, "x", PLN_F32, tokens(g), 8);
    x = pln_linear(g, x, parameter(g, "w", &tensor, 1), PLN_OPTIONS(pln_linear_options, .name = "all"));
    x = pln_activation(g, pln_columns(g, x, 0, 4), PLN_ACTIVATION_TANH,
                       PLN_OPTIONS(pln_activation_options, .name = "half"));
    pln_graph_gradients(g, &(pln_loss){loss_of(g, x), 1}, 1, NULL);
    finish_fails_as(g, PLN_UNSUPPORTED, "half: there is no gradient by a part of all alone");

    g = pln_graph_create("bias alone");
    x = pln_graph_input(g, "x", PLN_F32, tokens(g), 8);
    static const pln_tensor bias = {"bias", PLN_F32, 1, {6}, zeros};
    x = pln_linear(g, x, weight(g, "w", 6, 8),
                   PLN_OPTIONS(pln_linear_options, .name = "y", .bias = parameter(g, "b", &bias, 1)));
    pln_graph_gradients(g, &(pln_loss){loss_of(g, x), 1}, 1, NULL);
    finish_fails_as(g, PLN_UNSUPPORTED, "y: linear has no gradient by bias");
}

/* What is kept for the backward pass is asked for by it, and only by it. */
static void test_gradient_nodes(void **state)
{
    (void)state;
    static const pln_tensor tensor = {"w", PLN_F32, 2, {8, 8}, zeros};
    pln_graph *g = pln_graph_create("nodes");
    pln_value *x = pln_graph_input(g, "x", PLN_F32, tokens(g), 8);
    x = pln_linear(g, x, parameter(g, "w", &tensor, 1),
                   PLN_OPTIONS(pln_linear_options, .name = "dense", .activation = PLN_ACTIVATION_GELU));
    assert_null(x->producer->outputs[PLN_LINEAR_OUTPUT_PREACTIVATION]);
    pln_value *loss = loss_of(g, x);
    pln_graph_gradients(g, &(pln_loss){loss, 1}, 1, NULL);
    pln_graph_output(g, "loss", loss);
    assert_int_equal(pln_graph_finish(g, NULL), PLN_OK);
    static const char *const names[] = {"dense", "loss", "loss.backward", "dense.backward_activation",
                                        "dense.backward_weight"};
    assert_int_equal(g->n_nodes, 5); /* none by the input */
    for (uint32_t i = 0; i < 5; i++)
        assert_string_equal(g->nodes[i]->name, names[i]);
    assert_non_null(x->producer->outputs[PLN_LINEAR_OUTPUT_PREACTIVATION]);
    pln_graph_destroy(&g);
}

/* ops.def: numbers are unique, names are found, operands fit. */
static void test_op_table(void **state)
{
    (void)state;
    uint32_t n;
    const struct graph_op *ops = graph_ops(&n);
    assert_true(n >= 12);
    for (uint32_t i = 0; i < n; i++) {
        assert_ptr_equal(graph_op(ops[i].number), &ops[i]);
        assert_true(ops[i].params_size <= 96);
        assert_true(ops[i].n_inputs <= GRAPH_OPERANDS && ops[i].n_outputs <= GRAPH_OPERANDS);
        assert_true(ops[i].writes <= ops[i].n_inputs && ops[i].writes <= ops[i].n_outputs);
    }
    assert_string_equal(graph_op(PLN_OP_ATTENTION)->input_names[PLN_ATTENTION_INPUT_DISTANCE], "distance");
    assert_true(graph_op(PLN_OP_ATTENTION)->optional_inputs & 1u << PLN_ATTENTION_INPUT_BIAS);
    assert_null(graph_op(999));
}

/* Random items: none that live at the same time overlap, all are aligned, blocks keep their size. */
static void test_memory_plan(void **state)
{
    (void)state;
    uint32_t seed = 1;
    for (int round = 0; round < 50; round++) {
        struct graph_memory_item items[60];
        uint64_t *blocks, sum = 0, total = 0;
        uint32_t n_blocks;
        for (int i = 0; i < 60; i++) {
            seed = seed * 1664525u + 1013904223u;
            items[i] = (struct graph_memory_item){.bytes = 1 + seed % 5000, .begin = (seed >> 8) % 40};
            items[i].end = items[i].begin + (seed >> 16) % 10;
            sum += items[i].bytes;
        }
        const uint64_t limit = round % 2 ? 4096 : UINT64_MAX;
        assert_true(graph_memory_plan(items, 60, 64, limit, &blocks, &n_blocks));
        for (int i = 0; i < 60; i++) {
            assert_int_equal(items[i].offset % 64, 0);
            assert_true(items[i].offset + items[i].bytes <= blocks[items[i].block]);
            for (int j = 0; j < i; j++)
                if (items[i].block == items[j].block && items[i].begin <= items[j].end &&
                    items[j].begin <= items[i].end)
                    assert_true(items[i].offset + items[i].bytes <= items[j].offset ||
                                items[j].offset + items[j].bytes <= items[i].offset);
        }
        for (uint32_t i = 0; i < n_blocks; i++) {
            total += blocks[i];
            assert_true(blocks[i] <= limit || blocks[i] <= 5000);
        }
        if (limit == UINT64_MAX)
            assert_true(total < sum / 2); /* memory is shared */
        free(blocks);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_errors_stick),
        cmocka_unit_test(test_other_mistakes),
        cmocka_unit_test(test_printing),
        cmocka_unit_test(test_activation_names),
        cmocka_unit_test(test_op_table),
        cmocka_unit_test(test_memory_plan),
        cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_gradient_mistakes),
        cmocka_unit_test(test_gradient_nodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

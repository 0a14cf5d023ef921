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

static void finish_fails(pln_graph *g, const char *sentence)
{
    pln_error error;
    assert_int_equal(pln_graph_finish(g, &error), PLN_INVALID);
    if (!strstr(error.message, sentence))
        fail_msg("\"%s\" does not say \"%s\"", error.message, sentence);
    pln_graph_destroy(&g);
    assert_null(g);
}

static void test_shapes(void **state)
{
    (void)state;
    pln_error error;
    pln_graph *g = pln_graph_create("shapes");
    pln_value *x = pln_graph_input(g, "x", PLN_F32, tokens(g), 10);
    pln_value *mean = NULL;
    pln_graph_begin(g, "layer.%d", 3);
    pln_value *y = pln_linear(g, x, weight(g, "w", 6, 10), (pln_linear_options){.name = "dense"});
    pln_graph_end(g);
    pln_value *z = pln_layer_norm(g, y, weight(g, "gamma", 1, 6), weight(g, "beta", 1, 6),
                                  (pln_layer_norm_options){.mean = &mean});
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
    pln_value *y = pln_linear(g, x, weight(g, "w", 6, 9), (pln_linear_options){.name = "dense"});
    assert_null(y);
    assert_null(pln_linear(g, y, weight(g, "v", 2, 6), (pln_linear_options){.name = "later"}));
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
    pln_activation(g, x, PLN_ACTIVATION_RELU, (pln_activation_options){.name = "one"});
    pln_activation(g, x, PLN_ACTIVATION_RELU, (pln_activation_options){.name = "one"});
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
    pln_value *y =
        pln_activation(g, pln_columns(g, x, 1, 2), PLN_ACTIVATION_TANH, (pln_activation_options){.name = "act"});
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
    assert_int_equal(pln_activation_find("gelu"), PLN_ACTIVATION_GELU);
    assert_int_equal(pln_activation_find("gelu_python_tanh"), PLN_ACTIVATION_GELU_TANH);
    assert_int_equal(pln_activation_find("swish"), PLN_ACTIVATION_SILU);
    assert_int_equal(pln_activation_find(NULL), PLN_ACTIVATION_NONE);
    assert_int_equal(pln_activation_find("gel"), -1);
    assert_int_equal(pln_activation_find("prelu"), -1);
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
        cmocka_unit_test(test_shapes),           cmocka_unit_test(test_errors_stick),
        cmocka_unit_test(test_other_mistakes),   cmocka_unit_test(test_printing),
        cmocka_unit_test(test_activation_names), cmocka_unit_test(test_op_table),
        cmocka_unit_test(test_memory_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * The doors of the ops of a description: without a graph, without operands, with those of another graph, with numbers
 * out of range.
 */
#include "tests/api/doors.h"

/* An op with the same value as every required operand. */
typedef pln_value *op_call(pln_graph *graph, pln_value *value);

static void knock_op(op_call *call)
{
    assert_null(call(NULL, NULL));
    assert_null(call(NULL, w.other_value));
    pln_graph *g = pln_graph_create("g");
    assert_null(call(g, NULL));
    fails(g, "graph g, ");
    g = pln_graph_create("g");
    assert_null(call(g, w.other_value));
    fails(g, "another graph");
}

static pln_value *matrix(pln_graph *g)
{
    return pln_graph_input(g, "x", PLN_F32, pln_rows_fixed(2), 4);
}

static pln_value *call_embed(pln_graph *g, pln_value *v)
{
    return pln_embed(g, v, v, v, v, PLN_OPTIONS(pln_embed_options, .ids = v, .word = v));
}

static void knock_pln_embed(void)
{
    knock_op(call_embed);
}

static pln_value *call_linear(pln_graph *g, pln_value *v)
{
    return pln_linear(g, v, v, PLN_OPTIONS(pln_linear_options, .bias = v));
}

static void knock_pln_linear(void)
{
    static const float weights[16];
    static const pln_tensor tensor = {.name = "w", .dtype = PLN_F32, .rank = 2, .shape = {4, 4}, .data = weights};
    const pln_tensor *part = &tensor;
    knock_op(call_linear);
    pln_graph *g = pln_graph_create("g");
    assert_null(pln_linear(g, matrix(g), pln_graph_constant(g, "w", &part, 1),
                           PLN_OPTIONS(pln_linear_options, .activation = 999)));
    fails(g, "no activation 999");
    g = pln_graph_create("g");
    pln_value *random = pln_graph_input(g, "random", PLN_I32, pln_rows_fixed(1), 3);
    assert_null(pln_linear(g, matrix(g), pln_graph_constant(g, "w", &part, 1),
                           PLN_OPTIONS(pln_linear_options, .dropout = 2, .origin = random, .random = random)));
    fails(g, "dropout is 2");
}

static pln_value *call_layer_norm(pln_graph *g, pln_value *v)
{
    return pln_layer_norm(g, v, v, v, NULL);
}

static void knock_pln_layer_norm(void)
{
    knock_op(call_layer_norm);
}

static pln_value *call_attention(pln_graph *g, pln_value *v)
{
    return pln_attention(g, v, PLN_OPTIONS(pln_attention_options, .key = v, .value = v, .starts = v, .heads = 1));
}

static void knock_pln_attention(void)
{
    knock_op(call_attention);
    pln_graph *g = pln_graph_create("g");
    assert_null(pln_attention(g, matrix(g), PLN_OPTIONS(pln_attention_options, .heads = 1)));
    fails(g, "multiple of 3");
    static const uint32_t heads[] = {0, 3, 99999, UINT32_MAX};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        g = pln_graph_create("g");
        pln_value *x = matrix(g), *starts = pln_graph_input(g, "starts", PLN_I32, pln_rows_fixed(2), 1);
        assert_null(pln_attention(
            g, x, PLN_OPTIONS(pln_attention_options, .key = x, .value = x, .starts = starts, .heads = heads[i])));
        fails(g, "multiple of the heads");
    }
}

static pln_value *call_activation(pln_graph *g, pln_value *v)
{
    return pln_activation(g, v, PLN_ACTIVATION_RELU, NULL);
}

static void knock_pln_activation(void)
{
    knock_op(call_activation);
    pln_graph *g = pln_graph_create("g");
    assert_null(pln_activation(g, matrix(g), UINT32_MAX, NULL));
    fails(g, "no activation 4294967295");
}

static pln_value *call_gather(pln_graph *g, pln_value *v)
{
    return pln_gather(g, NULL, v, v);
}

static void knock_pln_gather(void)
{
    knock_op(call_gather);
}

static pln_value *call_sample(pln_graph *g, pln_value *v)
{
    return pln_sample(g, v, v, v, NULL);
}

static void knock_pln_sample(void)
{
    knock_op(call_sample);
    pln_graph *g = pln_graph_create("g");
    pln_value *origin = pln_graph_input(g, "origin", PLN_I32, pln_rows_fixed(2), 2);
    pln_value *random = pln_graph_input(g, "random", PLN_I32, pln_rows_fixed(1), 3);
    assert_null(pln_sample(g, matrix(g), origin, random, PLN_OPTIONS(pln_sample_options, .temperature = -1)));
    fails(g, "temperature");
}

static pln_value *call_substitute(pln_graph *g, pln_value *v)
{
    pln_value *labels;
    return pln_substitute(g, NULL, v, v, v, &labels);
}

static void knock_pln_substitute(void)
{
    knock_op(call_substitute);
}

static pln_value *call_segment_mean(pln_graph *g, pln_value *v)
{
    return pln_segment_mean(g, NULL, v, v);
}

static void knock_pln_segment_mean(void)
{
    knock_op(call_segment_mean);
}

static pln_value *call_cross_entropy(pln_graph *g, pln_value *v)
{
    return pln_cross_entropy(g, NULL, v, v, -100, NULL);
}

static void knock_pln_cross_entropy(void)
{
    knock_op(call_cross_entropy);
}

static pln_value *call_binary_cross_entropy(pln_graph *g, pln_value *v)
{
    return pln_binary_cross_entropy(g, NULL, v, v, v, NULL);
}

static void knock_pln_binary_cross_entropy(void)
{
    knock_op(call_binary_cross_entropy);
}

static pln_value *call_mean_squared_error(pln_graph *g, pln_value *v)
{
    return pln_mean_squared_error(g, NULL, v, v, PLN_OPTIONS(pln_loss_options, .total = v));
}

static void knock_pln_mean_squared_error(void)
{
    knock_op(call_mean_squared_error);
}

static pln_value *call_span_cross_entropy(pln_graph *g, pln_value *v)
{
    return pln_span_cross_entropy(g, NULL, v, v, v, v, NULL);
}

static void knock_pln_span_cross_entropy(void)
{
    knock_op(call_span_cross_entropy);
}

static pln_value *call_accumulate(pln_graph *g, pln_value *v)
{
    return pln_accumulate(g, NULL, v, v, 1);
}

static void knock_pln_accumulate(void)
{
    knock_op(call_accumulate);
    pln_graph *g = pln_graph_create("g");
    pln_value *x = matrix(g);
    assert_null(pln_accumulate(g, NULL, x, x, 1));
    fails(g, "kind state");
}

static pln_value *call_scatter(pln_graph *g, pln_value *v)
{
    return pln_scatter(g, NULL, v, v, v);
}

static void knock_pln_scatter(void)
{
    knock_op(call_scatter);
    pln_graph *g = pln_graph_create("g");
    pln_value *x = matrix(g), *index = pln_graph_input(g, "index", PLN_I32, pln_rows_fixed(2), 1);
    assert_null(pln_scatter(g, NULL, x, index, x));
    fails(g, "kind state");
}

static pln_value *call_global_norm(pln_graph *g, pln_value *v)
{
    return pln_global_norm(g, NULL, v);
}

static void knock_pln_global_norm(void)
{
    knock_op(call_global_norm);
}

static pln_value *call_adamw(pln_graph *g, pln_value *v)
{
    return pln_adamw(g, NULL, PLN_OPTIONS(pln_adamw_operands, v, v, v, v, v, v, v));
}

static void knock_pln_adamw(void)
{
    knock_op(call_adamw);
}

static void knock_pln_activation_find(void)
{
    uint32_t activation = 99;
    assert_false(pln_activation_find("no such", &activation));
    assert_false(pln_activation_find("gelu", NULL));
    assert_int_equal(activation, 99);
    assert_true(pln_activation_find(NULL, &activation));
    assert_int_equal(activation, PLN_ACTIVATION_NONE);
}

const struct door op_doors[] = {DOOR(pln_embed),
                                DOOR(pln_linear),
                                DOOR(pln_layer_norm),
                                DOOR(pln_attention),
                                DOOR(pln_activation),
                                DOOR(pln_gather),
                                DOOR(pln_sample),
                                DOOR(pln_substitute),
                                DOOR(pln_segment_mean),
                                DOOR(pln_cross_entropy),
                                DOOR(pln_binary_cross_entropy),
                                DOOR(pln_mean_squared_error),
                                DOOR(pln_span_cross_entropy),
                                DOOR(pln_accumulate),
                                DOOR(pln_scatter),
                                DOOR(pln_global_norm),
                                DOOR(pln_adamw),
                                DOOR(pln_activation_find),
                                {NULL, NULL}};

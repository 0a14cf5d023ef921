/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient rule of every op that has one, and of small graphs as a whole, against central differences.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/graph/differences.h"

enum { HEADS = 2, SEEDS = 3 };
static const float rate = 0.25f;
static pln_runtime *runtime;
static pln_devices *f64;
static struct diff d;

static pln_dim tokens(void)
{
    return diff_rows(DIFF_TOKENS);
}

/* Every value of a graph should hang on something: a linear map of an input. */
static pln_value *hidden(struct diff *t, const char *name, uint32_t width)
{
    char weight[32];
    snprintf(weight, sizeof weight, "%s.weight", name);
    pln_value *x = diff_input(t, "base", tokens(), 5, DIFF_REALS, 0);
    return pln_linear(t->g, x, diff_weight(t, weight, width, 5), PLN_OPTIONS(pln_linear_options, .name = name));
}

static pln_value *linear_case(struct diff *t, uint32_t variant)
{
    const uint32_t width = 1 + diff_below(t, 9);
    pln_value *x = diff_wanted(t, "x", tokens(), 1 + diff_below(t, 9), DIFF_REALS);
    pln_linear_options o = {.size = sizeof o, .name = "tested"};
    if (variant > 6)
        return NULL;
    if (variant > 0)
        o.bias = diff_weight(t, "bias", 1, width);
    if (variant > 1)
        o.activation = variant == 2 ? PLN_ACTIVATION_GELU : PLN_ACTIVATION_TANH;
    if (variant > 2)
        o.residual = hidden(t, "residual", width);
    if (variant == 4 || variant == 5) {
        o.dropout = rate;
        o.origin = diff_origin(t);
        o.random = diff_random(t);
        o.activation = variant == 4 ? PLN_ACTIVATION_SILU : PLN_ACTIVATION_NONE;
    }
    pln_value *weight = variant == 6 ? diff_constant(t, width, x->width) : diff_weight(t, "weight", width, x->width);
    if (variant == 6)
        o.bias = NULL;
    return diff_loss(t, pln_linear(t->g, x, weight, &o));
}

/* x twice in one node, and the same weight twice. */
static pln_value *tied_case(struct diff *t, uint32_t variant)
{
    pln_value *x = diff_wanted(t, "x", tokens(), 6, DIFF_REALS), *w = diff_weight(t, "w", 6, 6);
    if (variant)
        return NULL;
    x = pln_linear(t->g, x, w, PLN_OPTIONS(pln_linear_options, .name = "one", .residual = x));
    x = pln_linear(t->g, x, w,
                   PLN_OPTIONS(pln_linear_options, .name = "two", .activation = PLN_ACTIVATION_TANH, .residual = x));
    pln_value *y =
        pln_activation(t->g, x, PLN_ACTIVATION_NONE, PLN_OPTIONS(pln_activation_options, .name = "add", .residual = x));
    return diff_loss(t,
                     pln_linear(t->g, y, diff_weight(t, "w", 6, 6), PLN_OPTIONS(pln_linear_options, .name = "three")));
}

static pln_value *layer_norm_case(struct diff *t, uint32_t variant)
{
    const uint32_t width = 2 + diff_below(t, 9);
    pln_value *x = diff_wanted(t, "x", tokens(), width, DIFF_REALS);
    pln_value *gamma = variant ? diff_constant(t, 1, width) : diff_weight(t, "gamma", 1, width);
    if (variant > 1)
        return NULL;
    return diff_loss(t, pln_layer_norm(t->g, x, gamma, diff_weight(t, "beta", 1, width),
                                       PLN_OPTIONS(pln_layer_norm_options, .name = "tested", .eps = 1e-3f)));
}

static pln_value *embed_case(struct diff *t, uint32_t variant)
{
    const uint32_t width = 3 + diff_below(t, 6);
    pln_embed_options o = {.size = sizeof o, .name = "tested", .eps = 1e-3f};
    if (variant > 3)
        return NULL;
    if (variant == 1) {
        o.embeddings = diff_wanted(t, "embeddings", tokens(), width, DIFF_REALS);
    } else {
        o.ids = diff_input(t, "ids", tokens(), 1, DIFF_BELOW, 5);
        o.word = diff_weight(t, "word", 5, width);
    }
    if (variant != 2) {
        o.positions = diff_input(t, "positions", tokens(), 1, DIFF_BELOW, 4);
        o.position = diff_weight(t, "position", 4, width);
    }
    if (variant == 3) {
        o.dropout = rate;
        o.origin = diff_origin(t);
        o.random = diff_random(t);
    }
    pln_value *types = diff_input(t, "types", tokens(), 1, DIFF_BELOW, 2);
    return diff_loss(t, pln_embed(t->g, types, diff_weight(t, "type", 2, width), diff_weight(t, "gamma", 1, width),
                                  diff_weight(t, "beta", 1, width), &o));
}

static void add_mask(struct diff *t, pln_attention_options *o, uint32_t variant)
{
    const uint32_t positions = DIFF_LENGTH, head_size = 3;
    if (variant == 1 || variant == 6)
        o->key_mask = diff_input(t, "key_mask", tokens(), 1, DIFF_BELOW, 2);
    if (variant == 2 || variant == 6)
        o->causal = true;
    if (variant == 3 || variant == 4 || variant == 6) {
        o->relative = variant == 3 ? 1 : 2;
        o->distance = diff_weight(t, "distance", 2 * positions - 1, head_size);
    }
    if (variant == 5) {
        o->pair_starts = diff_input(t, "pair_starts", (pln_dim){DIFF_BATCH, 1, 1}, 1, DIFF_PAIR_STARTS, 0);
        o->bias = diff_input(t, "bias", (pln_dim){DIFF_PAIRS, HEADS, 0}, 1, DIFF_REALS, 0);
        o->bias_heads = HEADS;
    }
    if (variant == 5 || variant == 6)
        o->head_mask = diff_input(t, "head_mask", pln_rows_fixed(1), HEADS, DIFF_REALS, 0);
    if (variant >= 6) {
        o->dropout = rate;
        o->origin = diff_origin(t);
        o->random = diff_random(t);
    }
}

static pln_value *attention_case(struct diff *t, uint32_t variant)
{
    pln_attention_options o = {.size = sizeof o, .name = "tested", .heads = HEADS, .starts = diff_starts(t)};
    if (variant > 9)
        return NULL;
    add_mask(t, &o, variant);
    if (variant == 7) { /* another sequence's keys and values */
        const pln_dim rows = diff_rows(DIFF_SOURCE_TOKENS);
        pln_value *source = diff_input(t, "source", rows, 4, DIFF_REALS, 0);
        pln_value *kv =
            pln_linear(t->g, source, diff_weight(t, "kv", 12, 4), PLN_OPTIONS(pln_linear_options, .name = "key_value"));
        o.key = pln_columns(t->g, kv, 0, 6);
        o.value = pln_columns(t->g, kv, 6, 6);
        o.source_starts = diff_input(t, "source_starts", (pln_dim){DIFF_BATCH, 1, 1}, 1, DIFF_SOURCE_STARTS, 0);
        return diff_loss(t, pln_attention(t->g, hidden(t, "query", 6), &o));
    }
    if (variant == 8) { /* one value three times */
        pln_value *x = hidden(t, "all", 6);
        o.key = o.value = x;
        return diff_loss(t, pln_attention(t->g, x, &o));
    }
    if (variant == 9) { /* keys and values that nothing trains, windows in another order */
        pln_value *qv = hidden(t, "qv", 12);
        o.key = diff_input(t, "key", tokens(), 6, DIFF_REALS, 0);
        o.value = pln_columns(t->g, qv, 0, 6);
        return diff_loss(t, pln_attention(t->g, pln_columns(t->g, qv, 6, 6), &o));
    }
    return diff_loss(t, pln_attention(t->g, hidden(t, "qkv", 18), &o));
}

static pln_value *activation_case(struct diff *t, uint32_t variant)
{
    static const uint32_t many = PLN_ACTIVATIONS;
    pln_activation_options o = {.size = sizeof o, .name = "tested"};
    if (variant > many + 1)
        return NULL;
    pln_value *x = diff_wanted(t, "x", tokens(), 7, variant < many ? DIFF_SPREAD : DIFF_REALS);
    if (variant >= many) {
        o.dropout = rate;
        o.origin = diff_origin(t);
        o.random = diff_random(t);
        o.residual = hidden(t, "residual", 7);
    }
    return diff_loss(t, pln_activation(t->g, x,
                                       variant < many    ? variant
                                       : variant == many ? PLN_ACTIVATION_GELU
                                                         : 0,
                                       &o));
}

static pln_value *gather_case(struct diff *t, uint32_t variant)
{
    pln_value *index = diff_input(t, "index", diff_rows(DIFF_TARGETS), 1, DIFF_BELOW, 5);
    if (variant > 1)
        return NULL;
    return diff_loss(
        t, pln_gather(t->g, "tested",
                      variant ? diff_weight(t, "table", 6, 5) : diff_wanted(t, "x", tokens(), 5, DIFF_REALS), index));
}

static pln_value *segment_mean_case(struct diff *t, uint32_t variant)
{
    if (variant)
        return NULL;
    return diff_loss(t, pln_segment_mean(t->g, "tested", diff_wanted(t, "x", tokens(), 5, DIFF_REALS), diff_starts(t)));
}

static pln_value *cross_entropy_case(struct diff *t, uint32_t variant)
{
    pln_loss_options o = {.size = sizeof o};
    if (variant > 5)
        return NULL;
    if (variant == 1 || variant == 4)
        o.total = diff_input(t, "total", pln_rows_fixed(1), 1, DIFF_TOTAL, 3);
    if (variant >= 4)
        o.smoothing = 0.25f;
    if (variant == 3 || variant == 4)
        o.class_weights = diff_input(t, "weights", pln_rows_fixed(1), 5, DIFF_POSITIVE, 0);
    if (variant == 2) { /* choices: logits of each sequence in another shape */
        pln_value *rows = pln_gather(t->g, "rows", hidden(t, "hidden", 6),
                                     diff_input(t, "index", (pln_dim){DIFF_BATCH, 3, 0}, 1, DIFF_BELOW, 5));
        pln_value *scores = pln_linear(t->g, rows, diff_weight(t, "scores", 1, 6), NULL);
        return pln_cross_entropy(t->g, "tested", pln_reshape(t->g, scores, diff_rows(DIFF_BATCH), 3),
                                 diff_input(t, "choices", diff_rows(DIFF_BATCH), 1, DIFF_BELOW, 3), -100, &o);
    }
    return pln_cross_entropy(t->g, "tested", diff_wanted(t, "x", tokens(), 5, DIFF_REALS),
                             diff_input(t, "classes", tokens(), 1, DIFF_LABELS, 5), -100, &o);
}

static pln_value *binary_cross_entropy_case(struct diff *t, uint32_t variant)
{
    pln_loss_options o = {.size = sizeof o};
    if (variant > 2)
        return NULL;
    if (variant == 2)
        o.total = diff_input(t, "total", pln_rows_fixed(1), 1, DIFF_TOTAL, 3);
    return pln_binary_cross_entropy(t->g, "tested", diff_wanted(t, "x", tokens(), 3, DIFF_REALS),
                                    diff_input(t, "labels", tokens(), 3, DIFF_REALS, 0),
                                    variant ? diff_input(t, "weights", tokens(), 1, DIFF_ONES, 0) : NULL, &o);
}

static pln_value *mean_squared_error_case(struct diff *t, uint32_t variant)
{
    pln_loss_options o = {.size = sizeof o};
    if (variant > 1)
        return NULL;
    if (variant)
        o.total = diff_input(t, "total", pln_rows_fixed(1), 1, DIFF_TOTAL, 9);
    return pln_mean_squared_error(t->g, "tested", diff_wanted(t, "x", tokens(), 3, DIFF_REALS),
                                  diff_input(t, "labels", tokens(), 3, DIFF_REALS, 0), &o);
}

static pln_value *span_cross_entropy_case(struct diff *t, uint32_t variant)
{
    const pln_dim batch = diff_rows(DIFF_BATCH);
    pln_loss_options o = {.size = sizeof o};
    if (variant > 1)
        return NULL;
    if (variant)
        o.total = diff_input(t, "total", pln_rows_fixed(1), 2, DIFF_TOTAL, 2);
    return pln_span_cross_entropy(t->g, "tested", diff_wanted(t, "x", tokens(), 2, DIFF_REALS), diff_starts(t),
                                  diff_input(t, "first", batch, 1, DIFF_BELOW, 2),
                                  diff_input(t, "last", batch, 1, DIFF_BELOW, 4), &o);
}

/* ---- a small encoder with dropout everywhere and a tied output matrix */

static pln_value *layer(struct diff *t, uint32_t i, pln_value *x)
{
    static const char *const names[2][8] = {
        {"qkv0", "qkv0.bias", "out0", "norm0.gamma", "norm0.beta", "in0", "in0.bias", "ffn0"},
        {"qkv1", "qkv1.bias", "out1", "norm1.gamma", "norm1.beta", "in1", "in1.bias", "ffn1"}};
    const char *const *n = names[i];
    pln_value *origin = diff_origin(t), *random = diff_random(t);
    pln_graph_begin(t->g, "layer.%u", i);
    pln_value *qkv = pln_linear(t->g, x, diff_weight(t, n[0], 18, 6),
                                PLN_OPTIONS(pln_linear_options, .name = "qkv", .bias = diff_weight(t, n[1], 1, 18)));
    pln_value *c =
        pln_attention(t->g, qkv,
                      PLN_OPTIONS(pln_attention_options, .name = "attention", .heads = HEADS, .starts = diff_starts(t),
                                  .dropout = rate, .origin = origin, .random = random));
    c = pln_linear(t->g, c, diff_weight(t, n[2], 6, 6),
                   PLN_OPTIONS(pln_linear_options, .name = "out", .residual = x, .dropout = rate, .origin = origin,
                               .random = random));
    x = pln_layer_norm(t->g, c, diff_weight(t, n[3], 1, 6), diff_weight(t, n[4], 1, 6),
                       PLN_OPTIONS(pln_layer_norm_options, .name = "norm", .eps = 1e-3f));
    pln_value *f = pln_linear(t->g, x, diff_weight(t, n[5], 10, 6),
                              PLN_OPTIONS(pln_linear_options, .name = "in", .bias = diff_weight(t, n[6], 1, 10),
                                          .activation = PLN_ACTIVATION_GELU));
    x = pln_linear(t->g, f, diff_weight(t, n[7], 6, 10), PLN_OPTIONS(pln_linear_options, .name = "ffn", .residual = x));
    pln_graph_end(t->g);
    return x;
}

static pln_value *encoder_case(struct diff *t, uint32_t variant)
{
    pln_value *origin = diff_origin(t), *random = diff_random(t);
    pln_value *ids = diff_input(t, "ids", tokens(), 1, DIFF_BELOW, 7);
    if (variant > 2)
        return NULL;
    pln_value *x =
        pln_embed(t->g, diff_input(t, "types", tokens(), 1, DIFF_BELOW, 2), diff_weight(t, "type", 2, 6),
                  diff_weight(t, "gamma", 1, 6), diff_weight(t, "beta", 1, 6),
                  PLN_OPTIONS(pln_embed_options, .name = "embeddings", .ids = ids, .word = diff_weight(t, "word", 7, 6),
                              .eps = 1e-3f, .dropout = rate, .origin = origin, .random = random));
    static const char *const again[] = {NULL, "layer.0", "layer.1"};
    t->recompute = variant < 3 ? again[variant] : NULL;
    x = layer(t, 0, x);
    x = layer(t, 1, x);
    pln_value *rows = pln_gather(t->g, "rows", x, diff_input(t, "index", diff_rows(DIFF_TARGETS), 1, DIFF_BELOW, 5));
    pln_value *logits =
        pln_linear(t->g, rows, diff_weight(t, "word", 7, 6), PLN_OPTIONS(pln_linear_options, .name = "logits"));
    return pln_cross_entropy(t->g, "loss", logits, diff_input(t, "labels", diff_rows(DIFF_TARGETS), 1, DIFF_LABELS, 7),
                             -100, NULL);
}

/* ---- tests */

static const struct {
    const char *name;
    diff_case *describe;
} cases[] = {{"linear", linear_case},
             {"tied", tied_case},
             {"layer_norm", layer_norm_case},
             {"embed", embed_case},
             {"attention", attention_case},
             {"activation", activation_case},
             {"gather", gather_case},
             {"segment_mean", segment_mean_case},
             {"cross_entropy", cross_entropy_case},
             {"binary_cross_entropy", binary_cross_entropy_case},
             {"mean_squared_error", mean_squared_error_case},
             {"span_cross_entropy", span_cross_entropy_case},
             {"encoder", encoder_case}};

static void test_differences(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t variant = 0;
        double worst = 0;
        for (bool more = true; more; variant += more)
            for (uint32_t seed = 1; more && seed <= SEEDS; seed++) {
                char name[64];
                snprintf(name, sizeof name, "%s %u, seed %u", cases[i].name, variant, seed);
                more = diff_check(&d, f64, name, cases[i].describe, variant, seed * 7919);
                worst = d.worst > worst ? d.worst : worst;
                d.recompute = NULL;
            }
        assert_true(variant > 0);
        print_message("%s: %u variants, off by %.1e\n", cases[i].name, variant, worst);
    }
}

/* The gradient column of ops.def: no rule without a case above, no rule for an op that writes states. */
static void test_every_rule_was_tried(void **state)
{
    (void)state;
    uint32_t n;
    const struct graph_op *ops = graph_ops(&n);
    for (uint32_t i = 0; i < n; i++) {
        if (ops[i].gradient && !d.used[ops[i].number])
            fail_msg("the gradient rule of %s is in no case of this test", ops[i].name);
        if (ops[i].gradient && ops[i].writes)
            fail_msg("%s writes states and has a gradient rule", ops[i].name);
    }
}

int main(void)
{
    static const char *const options[] = {"precision=f64"};
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_differences), cmocka_unit_test(test_every_rule_was_tried)};
    pln_error error;
    if (pln_runtime_create(PLN_OPTIONS(pln_runtime_options, .threads = 1), &runtime, &error) ||
        pln_devices_open(runtime, "reference", options, 1, &f64, &error)) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    diff_finish(&d);
    pln_devices_close(&f64);
    pln_runtime_destroy(&runtime);
    return failed != 0;
}

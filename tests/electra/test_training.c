/* SPDX-License-Identifier: Apache-2.0
 *
 * Models as they are described for training: decay and learning rate of each tensor, where something is dropped and how
 * often, what is computed again. The numbers are those of the specification, sections 2, 6.6 and 7.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "electra/electra.h"
#include "graph/graph.h"
#include "tests/must.h"

static const struct electra_names no_names; /* there are no weights */

static char folder[] = "/tmp/pleione-training-XXXXXX";

struct description {
    struct ckpt *checkpoint;
    struct electra_config config;
    struct electra_weights weights;
    struct electra_graph described;
    pln_graph *graph; /* in it */
};

/* A small model of that many layers, with more of the config. */
static struct description describe(uint32_t layers, const char *more, struct electra_features features)
{
    struct description d = {0};
    char path[256];
    pln_error error;
    snprintf(path, sizeof path, "%s/config.json", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file,
            "{\"vocab_size\": 20, \"embedding_size\": 8, \"hidden_size\": 12, \"num_attention_heads\": 3, "
            "\"intermediate_size\": 16, \"num_hidden_layers\": %u%s}",
            layers, more);
    fclose(file);
    must(ckpt_open(folder, NULL, CKPT_MAY_LACK_WEIGHTS, &d.checkpoint, &error), &error);
    must(electra_config_read(ckpt_config(d.checkpoint), "config.json", &d.config, &error), &error);
    must(electra_weights_init(&d.weights, d.checkpoint, &no_names, &d.config, 0, &error), &error);
    features.train = features.labels = true;
    must(electra_describe(&d.config, &d.weights, &features, &d.described, &error), &error);
    d.graph = d.described.graph;
    return d;
}

static void finish(struct description *d)
{
    electra_graph_finish(&d->described);
    electra_weights_finish(&d->weights);
    electra_config_finish(&d->config);
    ckpt_close(&d->checkpoint);
}

static const pln_parameter *find(const struct description *d, const char *name)
{
    for (uint32_t i = 0; i < pln_graph_parameter_count(d->graph); i++)
        if (strcmp(pln_graph_parameter_at(d->graph, i)->name, name) == 0)
            return pln_graph_parameter_at(d->graph, i);
    fail_msg("no parameter %s", name);
    return NULL;
}

static void test_learning_rates(void **state)
{
    (void)state;
    struct description d =
        describe(12, "",
                 (struct electra_features){
                     .head = PLN_HEAD_SEQUENCE_CLASSIFICATION, .problem = ELECTRA_SINGLE_LABEL, .layer_decay = 0.8});
    static const struct {
        const char *name;
        double depth;
    } cases[] = {{"classifier.out_proj.weight", 0},
                 {"classifier.dense.bias", 0},
                 {"encoder.layer.11.output.dense.weight", 2},
                 {"encoder.layer.11.attention.self.value.bias", 2},
                 {"encoder.layer.0.attention.self.query.weight", 13},
                 {"embeddings_project.weight", 14},
                 {"embeddings.word_embeddings.weight", 14},
                 {"embeddings.LayerNorm.weight", 14}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_true(fabs((double)find(&d, cases[i].name)->learning_rate - pow(0.8, cases[i].depth)) < 1e-7);
    finish(&d);
}

static void test_weight_decay(void **state)
{
    (void)state;
    struct description d = describe(2, "", (struct electra_features){.head = PLN_HEAD_MASKED_LM});
    static const char *const decayed[] = {"embeddings.word_embeddings.weight", "embeddings.position_embeddings.weight",
                                          "encoder.layer.1.intermediate.dense.weight",
                                          "generator_predictions.dense.weight"};
    static const char *const excluded[] = {"embeddings.LayerNorm.weight", "encoder.layer.0.attention.self.key.bias",
                                           "encoder.layer.1.output.LayerNorm.bias", "generator_lm_head.bias"};
    for (size_t i = 0; i < 4; i++) {
        assert_true(find(&d, decayed[i])->weight_decay == 1);
        assert_true(find(&d, excluded[i])->weight_decay == 0);
        assert_true(find(&d, decayed[i])->learning_rate == 1);
    }
    finish(&d);
}

/* drop_below of the node, as a rate; the words of dropout are the same in the backward pass. */
static double rate_of(const struct description *d, const char *name)
{
    for (uint32_t i = 0; i < d->graph->n_nodes; i++) {
        const struct graph_node *node = d->graph->nodes[i];
        if (strcmp(node->name, name) != 0)
            continue;
        const char *field = graph_op(node->op)->params;
        for (uint32_t j = 0; *field; j++, field = strchr(field, ' ') + 1)
            if (strncmp(field, "Udrop_below ", 12) == 0)
                return node->params[j] / 0x1p32;
        return -1;
    }
    return -2;
}

static void expect_rate(const struct description *d, const char *name, double rate)
{
    if (!(fabs(rate_of(d, name) - rate) < 1e-7))
        fail_msg("%s drops %g, expected %g", name, rate_of(d, name), rate);
}

static void test_places_of_dropout(void **state)
{
    (void)state;
    static const char rates[] = ", \"hidden_dropout_prob\": 0.25, \"attention_probs_dropout_prob\": 0.125, "
                                "\"classifier_dropout\": 0.5, \"summary_last_dropout\": 0.0625";
    struct electra_features f = {
        .head = PLN_HEAD_SEQUENCE_CLASSIFICATION, .problem = ELECTRA_SINGLE_LABEL, .dropout = -1};
    struct description d = describe(2, rates, f);
    expect_rate(&d, "embeddings", 0.25);
    expect_rate(&d, "embeddings_project", 0);
    expect_rate(&d, "layer.1.attention", 0.125);
    expect_rate(&d, "layer.1.attention.backward", 0.125);
    expect_rate(&d, "layer.1.attention.output", 0.25);
    expect_rate(&d, "layer.1.intermediate", 0);
    expect_rate(&d, "layer.1.output", 0.25);
    expect_rate(&d, "layer.1.output.backward_activation", 0.25);
    expect_rate(&d, "classifier.dropout", 0.5);
    expect_rate(&d, "classifier.dense", 0.5);
    expect_rate(&d, "classifier.logits", 0);
    finish(&d);
    f.dropout = 0.75;
    d = describe(1, rates, f);
    expect_rate(&d, "embeddings", 0.75);
    expect_rate(&d, "layer.0.attention", 0.75);
    expect_rate(&d, "classifier.dense", 0.75);
    finish(&d);
    f = (struct electra_features){.head = PLN_HEAD_MULTIPLE_CHOICE, .choices = 2, .dropout = -1};
    d = describe(1, rates, f);
    expect_rate(&d, "summary.dense", 0.0625);
    expect_rate(&d, "summary.dropout", -2);
    finish(&d);
    f.dropout = 0;
    d = describe(1, rates, f);
    expect_rate(&d, "embeddings", 0);
    assert_int_equal(d.graph->n_sites, 0);
    finish(&d);
}

/* The last layer is not computed again, copies drop the same elements, and the inputs are those that something needs.
 */
static void test_recompute(void **state)
{
    (void)state;
    struct description d = describe(
        2, "", (struct electra_features){.head = PLN_HEAD_TOKEN_CLASSIFICATION, .dropout = -1, .recompute = true});
    expect_rate(&d, "recompute.layer.0.output", 0.1);
    expect_rate(&d, "recompute.layer.1.output", -2);
    expect_rate(&d, "layer.0.output.backward_activation", 0.1);
    assert_int_equal(d.graph->n_sites, 1 + 2 * 3 + 1);
    bool row_origin = false;
    for (uint32_t i = 0; i < d.graph->n_values; i++)
        row_origin |= strcmp(d.graph->values[i]->name, "row_origin") == 0;
    assert_false(row_origin);
    finish(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_learning_rates), cmocka_unit_test(test_weight_decay),
                                       cmocka_unit_test(test_places_of_dropout), cmocka_unit_test(test_recompute)};
    if (!mkdtemp(folder))
        return 1;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    char path[256];
    snprintf(path, sizeof path, "%s/config.json", folder);
    unlink(path);
    rmdir(folder);
    return failed != 0;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Inputs by features, layers by names of weights, and the graph as a whole.
 */
#include "electra/describe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fail.h"
#include "graph/graph.h"

/* Section 7: embeddings have depth 0, layer i has depth i + 1, heads have two more than there are layers. */
static pln_parameter_options training_of(const struct electra_describe *d, const char *name)
{
    const uint32_t layers = d->config->num_hidden_layers;
    const double decay = d->features->layer_decay > 0 ? d->features->layer_decay : 1;
    uint32_t depth = d->prefix ? 0 : layers + 2, layer;
    if (d->prefix && sscanf(d->prefix, "encoder.layer.%u.", &layer) == 1)
        depth = layer + 1;
    const bool excluded = strstr(name, "LayerNorm") || strstr(name, "layer_norm") || strstr(name, "bias");
    return (pln_parameter_options){.weight_decay = excluded ? 0 : 1,
                                   .learning_rate = (float)pow(decay, layers + 2 - depth)};
}

pln_value *electra_joined(struct electra_describe *d, const char *name, const pln_tensor *const *tensors, uint32_t n)
{
    return d->features->train ? pln_graph_parameter(d->graph, name, tensors, n, training_of(d, name))
                              : pln_graph_constant(d->graph, name, tensors, n);
}

const pln_tensor *electra_tensor(struct electra_describe *d, const char *name, uint32_t rows, uint32_t width,
                                 enum electra_fill fill)
{
    char full[256];
    const pln_tensor *tensor = NULL;
    snprintf(full, sizeof full, "%s%s", d->prefix ? d->prefix : "", name);
    const struct electra_request request = {
        .name = full, .rows = rows, .width = width, .encoder = d->prefix != NULL, .fill = fill};
    if (d->error.status == PLN_OK)
        electra_weight_find(d->weights, &request, &tensor, &d->error);
    return d->error.status == PLN_OK ? tensor : NULL;
}

pln_value *electra_constant(struct electra_describe *d, const char *name, uint32_t rows, uint32_t width,
                            enum electra_fill fill)
{
    const pln_tensor *tensor = electra_tensor(d, name, rows, width, fill);
    return tensor ? electra_joined(d, tensor->name, &tensor, 1) : NULL;
}

pln_value *electra_dense(struct electra_describe *d, pln_value *x, const char *name, uint32_t width, uint32_t inner,
                         pln_linear_options options)
{
    char weight[128], bias[128];
    snprintf(weight, sizeof weight, "%s.weight", name);
    snprintf(bias, sizeof bias, "%s.bias", name);
    pln_value *w = electra_constant(d, weight, width, inner, ELECTRA_NORMAL);
    options.bias = electra_constant(d, bias, width, 0, ELECTRA_ZEROS);
    return w && options.bias ? pln_linear(d->graph, x, w, options) : NULL;
}

pln_value *electra_norm(struct electra_describe *d, pln_value *x, const char *name, uint32_t width, const char *node)
{
    char gamma[128], beta[128];
    snprintf(gamma, sizeof gamma, "%s.weight", name);
    snprintf(beta, sizeof beta, "%s.bias", name);
    pln_value *g = electra_constant(d, gamma, width, 0, ELECTRA_ONES);
    pln_value *b = electra_constant(d, beta, width, 0, ELECTRA_ZEROS);
    return g && b ? pln_layer_norm(d->graph, x, g, b,
                                   (pln_layer_norm_options){.name = node, .eps = (float)d->config->layer_norm_eps})
                  : NULL;
}

static pln_value *column(struct electra_describe *d, const char *name, pln_dtype dtype, pln_dim rows)
{
    return pln_graph_input(d->graph, name, dtype, rows, 1);
}

struct electra_dropout electra_dropout(struct electra_describe *d, double probability, enum electra_rows rows)
{
    const double given = d->features->dropout, rate = given < 0 ? probability : given;
    const struct electra_dropout none = {0};
    if (!d->features->train || !(rate > 0))
        return none;
    if (!d->random)
        d->random = pln_graph_input(d->graph, "random", PLN_I32, pln_rows_fixed(1), 3);
    pln_value **origin = rows == ELECTRA_TOKENS ? &d->origin : &d->row_origin;
    if (!*origin)
        *origin = pln_graph_input(d->graph, rows == ELECTRA_TOKENS ? "origin" : "row_origin", PLN_I32,
                                  rows == ELECTRA_TOKENS ? d->tokens : d->batch, 2);
    return (struct electra_dropout){(float)rate, *origin, d->random};
}

pln_value *electra_drop(struct electra_describe *d, pln_value *x, double probability, enum electra_rows rows,
                        const char *node)
{
    const struct electra_dropout drop = electra_dropout(d, probability, rows);
    return drop.origin
               ? pln_activation(d->graph, x, PLN_ACTIVATION_NONE,
                                (pln_activation_options){
                                    .name = node, .dropout = drop.rate, .origin = drop.origin, .random = drop.random})
               : x;
}

static void describe_masks(struct electra_describe *d)
{
    const struct electra_features *f = d->features;
    if (f->key_mask)
        d->key_mask = column(d, "key_mask", PLN_I32, d->tokens);
    if (f->bias_planes || f->attentions)
        d->pair_starts = column(d, "pair_starts", PLN_I32, d->starts_rows);
    if (f->bias_planes) {
        const pln_dim pairs = {pln_graph_symbol(d->graph, "pair_starts.total"), f->bias_planes, 0};
        d->bias = column(d, "bias", PLN_F32, pairs);
    }
    if (f->head_mask)
        d->head_mask = pln_graph_input(d->graph, "head_mask", PLN_F32, pln_rows_fixed(d->config->num_hidden_layers),
                                       d->config->num_attention_heads);
}

static void describe_source(struct electra_describe *d)
{
    if (!d->features->source)
        return;
    const pln_dim rows = pln_rows_of(pln_graph_symbol(d->graph, "source_tokens"));
    d->source = pln_graph_input(d->graph, "source", PLN_F32, rows, d->config->hidden_size);
    d->source_starts = column(d, "source_starts", PLN_I32, d->starts_rows);
    if (d->features->source_mask)
        d->source_mask = column(d, "source_mask", PLN_I32, rows);
    if (d->features->attentions)
        d->source_pair_starts = column(d, "source_pair_starts", PLN_I32, d->starts_rows);
}

/* The backward pass. Nothing is gained by computing the last layer again: its values are needed at once. */
static void describe_gradients(struct electra_describe *d)
{
    const uint32_t layers = d->config->num_hidden_layers, n = d->features->recompute && layers ? layers - 1 : 0;
    char(*names)[24] = calloc(n + 1, sizeof *names);
    const char **scopes = calloc(n + 1, sizeof *scopes);
    for (uint32_t i = 0; names && scopes && i < n; i++) {
        snprintf(names[i], sizeof names[i], "layer.%u", i);
        scopes[i] = names[i];
    }
    if (!names || !scopes)
        pln_fail(&d->error, PLN_NO_MEMORY, "no memory for the names of %u layers", n);
    else
        pln_graph_gradients(d->graph, &(pln_loss){d->loss, 1}, 1,
                            (pln_gradient_options){.recompute = scopes, .n_recompute = n});
    free(names);
    free(scopes);
}

static void mark_nodes(pln_graph *graph)
{
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        char name[160];
        snprintf(name, sizeof name, "node:%s", graph->nodes[i]->name);
        pln_graph_output(graph, name, graph_node_value(graph->nodes[i]));
    }
}

pln_status electra_describe(const struct electra_config *config, struct electra_weights *weights,
                            const struct electra_features *features, pln_graph **graph, pln_error *error)
{
    *graph = NULL;
    const pln_status judged = electra_config_judge(config, features->head, features->train, error);
    if (judged != PLN_OK)
        return judged;
    struct electra_describe d = {.config = config,
                                 .features = features,
                                 .weights = weights,
                                 .graph = pln_graph_create(pln_head_string(features->head))};
    *graph = d.graph;
    if (!d.graph)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a graph");
    d.tokens = pln_rows_of(pln_graph_symbol(d.graph, "tokens"));
    d.batch = pln_rows_of(pln_graph_symbol(d.graph, "batch"));
    d.starts_rows = (pln_dim){d.batch.symbol, 1, 1};
    d.starts = column(&d, "starts", PLN_I32, d.starts_rows);
    describe_masks(&d);
    describe_source(&d);
    electra_head(&d, electra_encoder(&d));
    if (features->train && d.error.status == PLN_OK)
        describe_gradients(&d);
    if (features->trace)
        mark_nodes(d.graph);
    pln_status status = d.error.status;
    if (status != PLN_OK && error)
        *error = d.error;
    if (status == PLN_OK)
        status = pln_graph_finish(d.graph, error);
    if (status != PLN_OK)
        pln_graph_destroy(graph);
    return status;
}

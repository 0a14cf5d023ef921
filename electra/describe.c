/* SPDX-License-Identifier: Apache-2.0
 *
 * The graph as a whole: what comes in by the features, encoder, head, gradients.
 */
#include "electra/describe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fail.h"
#include "graph/graph.h"

bool electra_same_features(const struct electra_features *a, const struct electra_features *b)
{
#define FEATURE(type, name)                                                                                            \
    if (a->name != b->name)                                                                                            \
        return false;
#include "electra/features.def"
#undef FEATURE
    return true;
}

static pln_dim starts_rows(const struct electra_describe *d)
{
    return (pln_dim){d->batch.symbol, 1, 1};
}

/* Where the pairs of each sequence begin; their number is a symbol. */
static pln_dim describe_pairs(struct electra_describe *d, enum electra_input starts, enum electra_symbol symbol)
{
    const pln_dim pairs = pln_graph_pairs(d->graph, electra_input(d, starts, starts_rows(d), 1));
    d->out->symbols[symbol] = pairs.symbol;
    return pairs;
}

static void describe_masks(struct electra_describe *d)
{
    const struct electra_features *f = d->features;
    if (f->key_mask)
        electra_input(d, ELECTRA_INPUT_key_mask, d->tokens, 1);
    pln_dim pairs = {0};
    if (f->bias_planes || f->attentions)
        pairs = describe_pairs(d, ELECTRA_INPUT_pair_starts, ELECTRA_SYMBOL_pairs);
    pairs.scale = f->bias_planes;
    if (f->bias_planes)
        electra_input(d, ELECTRA_INPUT_bias, pairs, 1);
    if (f->head_mask)
        electra_input(d, ELECTRA_INPUT_head_mask, pln_rows_fixed(d->config->num_hidden_layers),
                      d->config->num_attention_heads);
}

static void describe_cache(struct electra_describe *d)
{
    if (d->features->cache) {
        electra_input(d, ELECTRA_INPUT_cache_index, d->tokens, 1);
        electra_input(d, ELECTRA_INPUT_cache_rows, electra_rows_of(d, ELECTRA_SYMBOL_cached), 1);
        electra_input(d, ELECTRA_INPUT_cache_starts, starts_rows(d), 1);
    }
    if (d->features->cache_source) {
        electra_input(d, ELECTRA_INPUT_source_rows, electra_rows_of(d, ELECTRA_SYMBOL_source_cached), 1);
        electra_input(d, ELECTRA_INPUT_source_starts, starts_rows(d), 1);
    }
}

static void describe_source(struct electra_describe *d)
{
    if (!d->features->source)
        return;
    const pln_dim rows = electra_rows_of(d, ELECTRA_SYMBOL_source_tokens);
    electra_input(d, ELECTRA_INPUT_source, rows, d->config->hidden_size);
    if (d->features->cache_source)
        electra_input(d, ELECTRA_INPUT_source_index, rows, 1);
    else
        electra_input(d, ELECTRA_INPUT_source_starts, starts_rows(d), 1);
    if (d->features->source_mask)
        electra_input(d, ELECTRA_INPUT_source_mask, rows, 1);
    pln_dim pairs = {0};
    if (d->features->attentions || d->features->source_bias)
        pairs = describe_pairs(d, ELECTRA_INPUT_source_pair_starts, ELECTRA_SYMBOL_source_pairs);
    if (d->features->source_bias)
        electra_input(d, ELECTRA_INPUT_source_bias, pairs, 1);
}

enum { SCOPE_BYTES = 48 };

/* Names of the layers of a half that are computed again. Nothing is gained by computing the last one again: its values
 * are needed at once. */
static uint32_t name_layers(const char *scope, uint32_t layers, char (*names)[SCOPE_BYTES], const char **scopes)
{
    const uint32_t n = layers ? layers - 1 : 0;
    for (uint32_t i = 0; i < n; i++) {
        snprintf(names[i], SCOPE_BYTES, "%slayer.%u", scope, i);
        scopes[i] = names[i];
    }
    return n;
}

void electra_gradients(struct electra_describe *d, const pln_loss *losses, uint32_t n_losses, const char *const *scopes,
                       const uint32_t *layers)
{
    uint32_t n = 0, room = 1;
    for (uint32_t i = 0; scopes[i]; i++)
        room += layers[i];
    char(*names)[SCOPE_BYTES] = calloc(room, sizeof *names);
    const char **again = calloc(room, sizeof *again);
    for (uint32_t i = 0; names && again && d->features->recompute && scopes[i]; i++)
        n += name_layers(scopes[i], layers[i], names + n, again + n);
    if (!names || !again)
        pln_fail(&d->error, PLN_NO_MEMORY, "no memory for the names of %u layers", room);
    else
        pln_graph_gradients(d->graph, losses, n_losses,
                            PLN_OPTIONS(pln_gradient_options, .recompute = again, .n_recompute = n));
    free(names);
    free(again);
}

#define NODE "node:"

const char *electra_node_name(const char *output)
{
    return output + strlen(NODE);
}

static void mark_nodes(struct electra_describe *d)
{
    for (uint32_t i = 0; i < d->graph->n_nodes; i++) {
        char name[160];
        snprintf(name, sizeof name, NODE "%s", d->graph->nodes[i]->name);
        electra_output(d, ELECTRA_NODE, name, graph_node_value(d->graph->nodes[i]));
    }
}

/* Whoever counts rows knows the symbols of the list only. */
static pln_status check_symbols(const struct electra_describe *d, pln_error *error)
{
    uint32_t known = 1;
    for (uint32_t i = 0; i < ELECTRA_SYMBOLS; i++)
        known += d->out->symbols[i] != 0;
    return known == d->graph->n_symbols
               ? PLN_OK
               : pln_fail(error, PLN_FAILED, "graph %s has %u symbols, of which electra/symbols.def knows %u",
                          d->graph->name, d->graph->n_symbols - 1, known - 1);
}

pln_status electra_finish(struct electra_describe *d, pln_error *error)
{
    if (d->features->trace)
        mark_nodes(d);
    if (d->error.status != PLN_OK) {
        if (error)
            *error = d->error;
        return d->error.status;
    }
    const pln_status status = pln_graph_finish(d->graph, error);
    return status == PLN_OK ? check_symbols(d, error) : status;
}

void electra_begin(struct electra_describe *d)
{
    d->tokens = electra_rows_of(d, ELECTRA_SYMBOL_tokens);
    d->batch = electra_rows_of(d, ELECTRA_SYMBOL_batch);
    electra_input(d, ELECTRA_INPUT_starts, starts_rows(d), 1);
    describe_masks(d);
    describe_cache(d);
    describe_source(d);
}

void electra_graph_finish(struct electra_graph *graph)
{
    pln_graph_destroy(&graph->graph);
    free(graph->outputs);
    *graph = (struct electra_graph){0};
}

pln_status electra_describe(const struct electra_config *config, struct electra_weights *weights,
                            const struct electra_features *features, struct electra_graph *graph, pln_error *error)
{
    const struct electra_head *head = electra_head(features->head);
    *graph = (struct electra_graph){0};
    const pln_status judged = electra_config_judge(config, features->head, features->train, error);
    if (judged != PLN_OK)
        return judged;
    *graph = (struct electra_graph){.graph = pln_graph_create(head->name), .loss = UINT32_MAX};
    if (!graph->graph)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a graph");
    struct electra_describe d = {
        .config = config, .features = features, .weights = weights, .graph = graph->graph, .out = graph};
    electra_begin(&d);
    head->describe(&d, features->hidden ? electra_given(&d) : electra_encoder(&d));
    const pln_loss one = {d.loss, 1};
    if (features->train && d.error.status == PLN_OK)
        electra_gradients(&d, d.n_losses ? d.losses : &one, d.n_losses ? d.n_losses : 1,
                          (const char *const[]){"", NULL}, &config->num_hidden_layers);
    const pln_status status = electra_finish(&d, error);
    if (status != PLN_OK)
        electra_graph_finish(graph);
    return status;
}

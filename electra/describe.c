/* SPDX-License-Identifier: Apache-2.0
 *
 * Inputs by features, layers by names of weights, and the graph as a whole.
 */
#include "electra/describe.h"

#include "common/fail.h"
#include "graph/graph.h"

static const pln_tensor *find_weight(struct electra_describe *d, const char *name, uint32_t rows, uint32_t width,
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
    const pln_tensor *tensor = find_weight(d, name, rows, width, fill);
    return tensor ? pln_graph_constant(d->graph, tensor->name, &tensor, 1) : NULL;
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

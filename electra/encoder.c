/* SPDX-License-Identifier: Apache-2.0
 *
 * Embeddings and encoder layers, LayerNorm after each block as in BERT. Numbers of sections are those of the ELECTRA
 * specification's forward mathematics: H hidden, E embedding, I intermediate size.
 */
#include <stdio.h>

#include "electra/describe.h"

/* x [tokens, E]; with E != H a linear map to [tokens, H] after the LayerNorm. */
static pln_value *embeddings(struct electra_describe *d)
{
    const struct electra_config *c = d->config;
    const uint32_t width = c->embedding_size;
    struct electra_weights *own = d->weights;
    d->weights = d->tables ? d->tables : own;
    d->prefix = "embeddings.";
    pln_value *types = electra_input(d, ELECTRA_INPUT_token_types, d->tokens, 1);
    pln_value *type = electra_constant(d, "token_type_embeddings.weight", c->type_vocab_size, width, ELECTRA_NORMAL);
    pln_value *gamma = electra_constant(d, "LayerNorm.weight", width, 0, ELECTRA_ONES);
    pln_value *beta = electra_constant(d, "LayerNorm.bias", width, 0, ELECTRA_ZEROS);
    pln_embed_options o = {.size = sizeof o, .name = "embeddings", .eps = (float)c->layer_norm_eps};
    if (d->features->embeddings) {
        o.embeddings = electra_input(d, ELECTRA_INPUT_embeddings, d->tokens, width);
    } else {
        o.ids = d->ids ? d->ids : electra_input(d, ELECTRA_INPUT_ids, d->tokens, 1);
        o.word = electra_constant(d, "word_embeddings.weight", c->vocab_size, width, ELECTRA_NORMAL);
    }
    /* The table is in the files of relative positions too, but it is not added. */
    const struct weight *position =
        electra_tensor(d, "position_embeddings.weight", c->max_position_embeddings, width, ELECTRA_NORMAL);
    if (position && c->position_embedding_type == ELECTRA_ABSOLUTE) {
        o.positions = electra_input(d, ELECTRA_INPUT_positions, d->tokens, 1);
        o.position = electra_joined(d, position->name, &position, 1);
    }
    const struct electra_dropout drop = electra_dropout(d, c->hidden_dropout_prob, ELECTRA_TOKENS);
    o.dropout = drop.rate;
    o.origin = drop.origin;
    o.random = drop.random;
    if (d->features->train)
        o.padding = (uint32_t)(c->pad_token_id + 1); /* null: no row is left out */
    d->prefix = "";
    d->weights = own;
    pln_value *x = type && gamma && beta ? pln_embed(d->graph, types, type, gamma, beta, &o) : NULL;
    if (c->embedding_size != c->hidden_size)
        x = electra_dense(d, x, "embeddings_project", c->hidden_size, width,
                          PLN_OPTIONS(pln_linear_options, .name = "embeddings_project"));
    return x;
}

/* Several dense layers with the same input as one product: their weights lie one below the other. */
static pln_value *joined(struct electra_describe *d, pln_value *x, const char *const *names, uint32_t n,
                         const char *node)
{
    const uint32_t hidden = d->config->hidden_size;
    const struct weight *weights[3], *biases[3];
    for (uint32_t i = 0; i < n; i++) {
        char weight[256], bias[256];
        snprintf(weight, sizeof weight, "%s%s.weight", d->prefix, names[i]);
        snprintf(bias, sizeof bias, "%s%s.bias", d->prefix, names[i]);
        const struct electra_request requests[] = {{weight, hidden, hidden, true, ELECTRA_NORMAL},
                                                   {bias, hidden, 0, true, ELECTRA_ZEROS}};
        if (d->error.status != PLN_OK ||
            electra_weight_find(d->weights, &requests[0], &weights[i], &d->error) != PLN_OK ||
            electra_weight_find(d->weights, &requests[1], &biases[i], &d->error) != PLN_OK)
            return NULL;
    }
    pln_value *bias = electra_joined(d, biases[0]->name, biases, n);
    return pln_linear(d->graph, x, electra_joined(d, weights[0]->name, weights, n),
                      PLN_OPTIONS(pln_linear_options, .name = node, .bias = bias));
}

static pln_value *attention_block(struct electra_describe *d, pln_value *x, pln_value *context, const char *from)
{
    const uint32_t hidden = d->config->hidden_size;
    char dense[64], norm[64], output[64], node[64];
    snprintf(dense, sizeof dense, "%s.output.dense", from);
    snprintf(norm, sizeof norm, "%s.output.LayerNorm", from);
    snprintf(output, sizeof output, "%s.output", from);
    snprintf(node, sizeof node, "%s.norm", from);
    const struct electra_dropout drop = electra_dropout(d, d->config->hidden_dropout_prob, ELECTRA_TOKENS);
    x = electra_dense(d, context, dense, hidden, hidden,
                      PLN_OPTIONS(pln_linear_options, .name = output, .residual = x, .dropout = drop.rate,
                                  .origin = drop.origin, .random = drop.random));
    return electra_norm(d, x, norm, hidden, node);
}

static void mark_layer(struct electra_describe *d, enum electra_output kind, const char *what, uint32_t layer,
                       pln_value *x)
{
    char name[48];
    snprintf(name, sizeof name, "%s.%u", what, layer);
    electra_output(d, kind, name, x);
}

/* Row `layer` of the mask of heads. */
static pln_value *head_mask(const struct electra_describe *d, uint32_t layer)
{
    pln_value *all = d->out->inputs[ELECTRA_INPUT_head_mask];
    return all ? pln_row(d->graph, all, layer) : NULL;
}

/* Rows of x, if there are new ones, go to their places in a state of the layer; gives the state. */
static pln_value *keep(struct electra_describe *d, const char *name, uint32_t rows, pln_value *index, pln_value *x)
{
    char full[64];
    snprintf(full, sizeof full, "%s%s", d->prefix, name);
    pln_value *state = pln_graph_state(d->graph, full, rows, d->config->hidden_size);
    return x ? pln_scatter(d->graph, name, state, index, x) : state;
}

/* Of a decoder that goes on: the keys and values of this run join those of earlier ones. */
static pln_value *keep_own(struct electra_describe *d, pln_value *qkv, pln_attention_options *o)
{
    const uint32_t hidden = d->config->hidden_size;
    pln_value *const *inputs = d->out->inputs;
    if (!d->features->cache)
        return qkv;
    o->key = keep(d, "attention.keys", d->features->cache, inputs[ELECTRA_INPUT_cache_index],
                  pln_columns(d->graph, qkv, hidden, hidden));
    o->value = keep(d, "attention.values", d->features->cache, inputs[ELECTRA_INPUT_cache_index],
                    pln_columns(d->graph, qkv, 2 * hidden, hidden));
    o->source_starts = inputs[ELECTRA_INPUT_cache_starts];
    o->key_rows = inputs[ELECTRA_INPUT_cache_rows];
    return pln_columns(d->graph, qkv, 0, hidden);
}

/* Keys and values of what a decoder looks at; where they are kept they are made once. */
static void source_keys(struct electra_describe *d, pln_attention_options *o)
{
    static const char *const key_value[] = {"crossattention.self.key", "crossattention.self.value"};
    const uint32_t hidden = d->config->hidden_size, rows = d->features->cache_source;
    pln_value *const *inputs = d->out->inputs;
    if (d->features->source) {
        pln_value *kv = joined(d, inputs[ELECTRA_INPUT_source], key_value, 2, "crossattention.key_value");
        o->key = pln_columns(d->graph, kv, 0, hidden);
        o->value = pln_columns(d->graph, kv, hidden, hidden);
    }
    o->source_starts = inputs[ELECTRA_INPUT_source_starts];
    if (!rows)
        return;
    o->key = keep(d, "crossattention.keys", rows, inputs[ELECTRA_INPUT_source_index], o->key);
    o->value = keep(d, "crossattention.values", rows, inputs[ELECTRA_INPUT_source_index], o->value);
    o->key_rows = inputs[ELECTRA_INPUT_source_rows];
}

static pln_value *self_attention(struct electra_describe *d, uint32_t layer, pln_value *x)
{
    static const char *const names[] = {"attention.self.query", "attention.self.key", "attention.self.value"};
    const struct electra_config *c = d->config;
    const uint32_t head_size = c->hidden_size / c->num_attention_heads;
    pln_value *const *inputs = d->out->inputs;
    const struct electra_dropout drop = electra_dropout(d, c->attention_probs_dropout_prob, ELECTRA_TOKENS);
    pln_value *probabilities = NULL;
    pln_attention_options o = {.size = sizeof o,
                               .name = "attention",
                               .heads = c->num_attention_heads,
                               .starts = inputs[ELECTRA_INPUT_starts],
                               .key_mask = inputs[ELECTRA_INPUT_key_mask],
                               .bias = inputs[ELECTRA_INPUT_bias],
                               .pair_starts = inputs[ELECTRA_INPUT_pair_starts],
                               .bias_heads = d->features->bias_planes,
                               .relative = (uint32_t)c->position_embedding_type,
                               .head_mask = head_mask(d, layer),
                               /* a mask for each pair of tokens is taken as it is */
                               .causal = c->is_decoder && !d->features->bias_planes,
                               .dropout = drop.rate,
                               .origin = drop.origin,
                               .random = drop.random,
                               .probabilities = d->features->attentions ? &probabilities : NULL};
    if (c->position_embedding_type != ELECTRA_ABSOLUTE)
        o.distance = electra_constant(d, "attention.self.distance_embedding.weight", 2 * c->max_position_embeddings - 1,
                                      head_size, ELECTRA_NORMAL);
    pln_value *qkv = joined(d, x, names, 3, "attention.query_key_value");
    pln_value *context = pln_attention(d->graph, keep_own(d, qkv, &o), &o);
    mark_layer(d, ELECTRA_ATTENTIONS, "attentions", layer, probabilities);
    return attention_block(d, x, context, "attention");
}

/* Queries from x, keys and values from the encoder's states; positions are always absolute here. */
static pln_value *cross_attention(struct electra_describe *d, uint32_t layer, pln_value *x)
{
    static const char *const query[] = {"crossattention.self.query"};
    pln_value *const *inputs = d->out->inputs;
    const struct electra_dropout drop = electra_dropout(d, d->config->attention_probs_dropout_prob, ELECTRA_TOKENS);
    pln_value *probabilities = NULL;
    pln_value *q = joined(d, x, query, 1, "crossattention.query");
    pln_attention_options o = {.size = sizeof o,
                               .name = "crossattention",
                               .heads = d->config->num_attention_heads,
                               .starts = inputs[ELECTRA_INPUT_starts],
                               .key_mask = inputs[ELECTRA_INPUT_source_mask],
                               .pair_starts = inputs[ELECTRA_INPUT_source_pair_starts],
                               .dropout = drop.rate,
                               .origin = drop.origin,
                               .random = drop.random,
                               .head_mask = head_mask(d, layer),
                               .probabilities = d->features->attentions ? &probabilities : NULL};
    source_keys(d, &o);
    pln_value *context = pln_attention(d->graph, q, &o);
    mark_layer(d, ELECTRA_CROSS_ATTENTIONS, "cross_attentions", layer, probabilities);
    return attention_block(d, x, context, "crossattention");
}

static pln_value *layer(struct electra_describe *d, uint32_t i, pln_value *x)
{
    const struct electra_config *c = d->config;
    char prefix[48];
    snprintf(prefix, sizeof prefix, "encoder.layer.%u.", i);
    d->prefix = prefix;
    d->depth = i + 1;
    pln_graph_begin(d->graph, "layer.%u", i);
    x = self_attention(d, i, x);
    if (d->features->source || d->features->cache_source)
        x = cross_attention(d, i, x);
    pln_value *inner =
        electra_dense(d, x, "intermediate.dense", c->intermediate_size, c->hidden_size,
                      PLN_OPTIONS(pln_linear_options, .name = "intermediate", .activation = c->hidden_act));
    const struct electra_dropout drop = electra_dropout(d, c->hidden_dropout_prob, ELECTRA_TOKENS);
    x = electra_dense(d, inner, "output.dense", c->hidden_size, c->intermediate_size,
                      PLN_OPTIONS(pln_linear_options, .name = "output", .residual = x, .dropout = drop.rate,
                                  .origin = drop.origin, .random = drop.random));
    x = electra_norm(d, x, "output.LayerNorm", c->hidden_size, "norm");
    pln_graph_end(d->graph);
    d->prefix = "";
    return x;
}

/* What follows are heads, under their own names. */
static void begin_head(struct electra_describe *d)
{
    d->prefix = NULL;
    d->depth = d->config->num_hidden_layers + 2;
}

pln_value *electra_encoder(struct electra_describe *d)
{
    pln_value *x = embeddings(d);
    for (uint32_t i = 0;; i++) {
        if (d->features->hidden_states)
            mark_layer(d, ELECTRA_LAYER_STATE, "hidden_states", i, x);
        if (i == d->config->num_hidden_layers)
            break;
        x = layer(d, i, x);
    }
    begin_head(d);
    return x;
}

pln_value *electra_given(struct electra_describe *d)
{
    begin_head(d);
    return electra_input(d, ELECTRA_INPUT_hidden, d->tokens, d->config->hidden_size);
}

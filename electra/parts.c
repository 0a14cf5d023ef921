/* SPDX-License-Identifier: Apache-2.0
 *
 * What encoder and heads are described with: inputs and outputs by their lists, weights by their names, dropout.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/fail.h"
#include "electra/describe.h"
#include "graph/graph.h"

/* ---- names for what the session fills and reads */

static const char *const input_names[] = {
#define INPUT(name, dtype) [ELECTRA_INPUT_##name] = #name,
#include "electra/inputs.def"
#undef INPUT
};

static const pln_dtype input_types[] = {
#define INPUT(name, dtype) [ELECTRA_INPUT_##name] = PLN_##dtype,
#include "electra/inputs.def"
#undef INPUT
};

static const char *const symbol_names[] = {
#define SYMBOL(name) [ELECTRA_SYMBOL_##name] = #name,
#include "electra/symbols.def"
#undef SYMBOL
};

pln_value *electra_input(struct electra_describe *d, enum electra_input what, pln_dim rows, uint32_t width)
{
    pln_value **input = &d->out->inputs[what];
    if (!*input)
        *input = pln_graph_input(d->graph, input_names[what], input_types[what], rows, width);
    return *input;
}

pln_dim electra_rows_of(struct electra_describe *d, enum electra_symbol symbol)
{
    uint32_t *number = &d->out->symbols[symbol];
    if (!*number)
        *number = pln_graph_symbol(d->graph, symbol_names[symbol]);
    return pln_rows_of(*number);
}

void electra_output(struct electra_describe *d, enum electra_output kind, const char *name, pln_value *value)
{
    struct electra_graph *out = d->out;
    const uint32_t n = d->graph->n_outputs;
    if (!value)
        return;
    enum electra_output *outputs = array_reserve(out->outputs, &out->room, n + 1ul, sizeof *outputs);
    if (!outputs) {
        pln_fail(&d->error, PLN_NO_MEMORY, "no memory for %u outputs", n + 1);
        return;
    }
    out->outputs = outputs;
    out->outputs[n] = kind;
    if (kind == ELECTRA_LOSS)
        out->loss = n;
    pln_graph_output(d->graph, name, value);
}

/* ---- weights */

/* Section 7. */
static pln_parameter_options training_of(const struct electra_describe *d, const char *name)
{
    const uint32_t layers = d->config->num_hidden_layers;
    const double decay = d->features->layer_decay > 0 ? d->features->layer_decay : 1;
    const bool excluded = strstr(name, "LayerNorm") || strstr(name, "layer_norm") || strstr(name, "bias");
    return (pln_parameter_options){.size = sizeof(pln_parameter_options),
                                   .weight_decay = excluded ? 0 : 1,
                                   .learning_rate = (float)pow(decay, layers + 2 - d->depth)};
}

pln_value *electra_joined(struct electra_describe *d, const char *name, const struct weight *const *tensors, uint32_t n)
{
    if (!d->features->train)
        return graph_constant(d->graph, name, tensors, n);
    const pln_parameter_options factors = training_of(d, name);
    return graph_parameter(d->graph, name, tensors, n, &factors);
}

const struct weight *electra_tensor(struct electra_describe *d, const char *name, uint32_t rows, uint32_t width,
                                    enum electra_fill fill)
{
    char full[256];
    const struct weight *tensor = NULL;
    snprintf(full, sizeof full, "%s%s", d->prefix ? d->prefix : "", name);
    const struct electra_request request = {
        .name = full, .rows = rows, .width = width, .encoder = d->prefix != NULL, .fill = fill};
    if (d->error.status == PLN_OK)
        electra_weight_find(d->weights, &request, &tensor, &d->error);
    return d->error.status == PLN_OK ? tensor : NULL;
}

bool electra_has(const struct electra_describe *d, const char *name)
{
    return electra_names_find(d->weights->names, name) != NULL;
}

pln_value *electra_constant(struct electra_describe *d, const char *name, uint32_t rows, uint32_t width,
                            enum electra_fill fill)
{
    const struct weight *tensor = electra_tensor(d, name, rows, width, fill);
    return tensor ? electra_joined(d, tensor->name, &tensor, 1) : NULL;
}

pln_value *electra_dense(struct electra_describe *d, pln_value *x, const char *name, uint32_t width, uint32_t inner,
                         const pln_linear_options *options)
{
    char weight[128], bias[128];
    snprintf(weight, sizeof weight, "%s.weight", name);
    snprintf(bias, sizeof bias, "%s.bias", name);
    pln_value *w = electra_constant(d, weight, width, inner, ELECTRA_NORMAL);
    pln_linear_options with_bias = *options;
    with_bias.bias = electra_constant(d, bias, width, 0, ELECTRA_ZEROS);
    return w && with_bias.bias ? pln_linear(d->graph, x, w, &with_bias) : NULL;
}

pln_value *electra_norm(struct electra_describe *d, pln_value *x, const char *name, uint32_t width, const char *node)
{
    char gamma[128], beta[128];
    snprintf(gamma, sizeof gamma, "%s.weight", name);
    snprintf(beta, sizeof beta, "%s.bias", name);
    pln_value *g = electra_constant(d, gamma, width, 0, ELECTRA_ONES);
    pln_value *b = electra_constant(d, beta, width, 0, ELECTRA_ZEROS);
    return g && b ? pln_layer_norm(
                        d->graph, x, g, b,
                        PLN_OPTIONS(pln_layer_norm_options, .name = node, .eps = (float)d->config->layer_norm_eps))
                  : NULL;
}

struct electra_dropout electra_dropout(struct electra_describe *d, double probability, enum electra_rows rows)
{
    const double given = d->features->dropout, rate = given < 0 ? probability : given;
    const struct electra_dropout none = {0};
    if (!d->features->train || !(rate > 0))
        return none;
    return (struct electra_dropout){(float)rate,
                                    rows == ELECTRA_TOKENS ? electra_input(d, ELECTRA_INPUT_origin, d->tokens, 2)
                                                           : electra_input(d, ELECTRA_INPUT_row_origin, d->batch, 2),
                                    electra_input(d, ELECTRA_INPUT_random, pln_rows_fixed(1), 3)};
}

pln_value *electra_drop(struct electra_describe *d, pln_value *x, double probability, enum electra_rows rows,
                        const char *node)
{
    const struct electra_dropout drop = electra_dropout(d, probability, rows);
    return drop.origin ? pln_activation(d->graph, x, PLN_ACTIVATION_NONE,
                                        PLN_OPTIONS(pln_activation_options, .name = node, .dropout = drop.rate,
                                                    .origin = drop.origin, .random = drop.random))
                       : x;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * ELECTRA as a graph: config, weights and what a batch brings go in, one graph per head comes out, loss included. Its
 * inputs are rows of inputs.def, its open numbers of symbols.def, what it gives is named by kind.
 */
#ifndef ELECTRA_ELECTRA_H
#define ELECTRA_ELECTRA_H

#include "electra/config.h"
#include "electra/head.h"
#include "electra/weights.h"

enum electra_input {
#define INPUT(name, dtype) ELECTRA_INPUT_##name,
#include "electra/inputs.def"
#undef INPUT
    ELECTRA_INPUTS
};

enum electra_symbol {
#define SYMBOL(name) ELECTRA_SYMBOL_##name,
#include "electra/symbols.def"
#undef SYMBOL
    ELECTRA_SYMBOLS
};

struct electra_features {
#define FEATURE(type, name) type name;
#include "electra/features.def"
#undef FEATURE
};
bool electra_same_features(const struct electra_features *a, const struct electra_features *b);

/* What an output of the graph is; T tokens, P pairs. */
enum electra_output {
    ELECTRA_STATE,            /* [T,H]: last_hidden_state */
    ELECTRA_LAYER_STATE,      /* [T,H]: hidden_states.N, in their order */
    ELECTRA_LOGITS,           /* as the head lays them out */
    ELECTRA_LOSS,             /* [1,1] */
    ELECTRA_ATTENTIONS,       /* [heads*P,1]: attentions.N */
    ELECTRA_CROSS_ATTENTIONS, /* [heads*P,1], P of the source: cross_attentions.N */
    ELECTRA_TOKEN_SCORES,     /* [T,1]: of any name */
    ELECTRA_PAIR_SCORES,      /* [starts*T,1], sequence by sequence, in it start by start: of any name */
    ELECTRA_ROW_SCORES,       /* [B,1]: of any name */
    ELECTRA_NODE,             /* "node:NAME": the first output of a node */
};

struct electra_graph {
    pln_graph *graph;
    pln_value *inputs[ELECTRA_INPUTS]; /* NULL: the graph has it not */
    uint32_t symbols[ELECTRA_SYMBOLS]; /* their numbers in the graph; 0: the graph has it not */
    enum electra_output *outputs;      /* [room]: the kind of each output of the graph */
    size_t room;
    uint32_t loss; /* index of that output; UINT32_MAX: there is none */
};

/* The name of the node behind an output of kind ELECTRA_NODE. */
const char *electra_node_name(const char *output);

/* Fills *graph, finished; after an error it is empty. */
pln_status electra_describe(const struct electra_config *config, struct electra_weights *weights,
                            const struct electra_features *features, struct electra_graph *graph, pln_error *error);
void electra_graph_finish(struct electra_graph *graph);
#endif

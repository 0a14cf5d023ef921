/* SPDX-License-Identifier: Apache-2.0
 *
 * ELECTRA as a graph: config, weights and what a batch brings go in, one graph per head comes out, loss included.
 *
 * Inputs of the graph, where the features ask for them (T tokens, B sequences, S source tokens, N labels, C choices):
 *   ids i32 [T] or embeddings f32 [T,E]; token_types i32 [T]; positions i32 [T] (absolute positions only); starts i32
 * [B+1] key_mask i32 [T]; bias f32 [planes*P] and pair_starts i32 [B+1]; head_mask f32 [layers, heads] source f32
 * [S,H]; source_starts i32 [B+1]; source_mask i32 [S]; source_pair_starts i32 [B+1] (for cross attentions) rows i32
 * [R]: the token of each sequence that a head looks at, or the targets of the vocabulary labels: f32 [T] (pretraining)
 * with weights f32 [T]; i32 [T] (language models, token classification); i32 [B] or f32 [B,N] (sequence classification,
 * by problem type); i32 [B/C] (multiple choice); first, last i32 [B] (answers)
 * In training, where something is dropped: origin i32 [T,2], the number of the token's sequence within the step and its
 * position; row_origin i32 [B,2], the same of the rows that a head looks at; random i32 [1,3], seed (low and high word)
 * and step. total f32 [1,1] (answers: [1,2]): what the loss is divided by, if the features ask for it. Outputs:
 * last_hidden_state [T,H] or logits ([T,1], [T,V], [R,V] with targets, [B,N], [B/C,C], [T,N], [T,2]); loss;
 * hidden_states.N [T,H]; attentions.N, cross_attentions.N [heads*P].
 */
#ifndef ELECTRA_ELECTRA_H
#define ELECTRA_ELECTRA_H

#include "electra/config.h"
#include "electra/weights.h"

/* What a batch brings and what is asked for. */
struct electra_features {
    pln_head head;
    bool embeddings; /* instead of ids */
    bool key_mask;
    uint32_t bias_planes; /* 0, 1 or heads */
    bool head_mask;
    bool source, source_mask;
    bool labels;
    bool targets; /* language models: only the rows asked for */
    bool hidden_states, attentions;
    bool trace;       /* the first output of every node, as "node:NAME" */
    uint32_t choices; /* of multiple choice */
    enum electra_problem problem;
    /* Training: weights are parameters, and the graph ends in the gradients of its loss (labels must be there). */
    bool train;
    double
        dropout; /* for every place of it but summary_first_dropout, which 0 turns off; below 0: as the config says */
    double layer_decay; /* factor of the learning rate from each layer to the one below, section 7; 0: 1 */
    bool total;         /* the loss is a part of a step's: it is divided by an input, not by what it counts */
    bool recompute;     /* values inside layers are computed again in the backward pass */
};

/* Returns new, finished. */
pln_status electra_describe(const struct electra_config *config, struct electra_weights *weights,
                            const struct electra_features *features, pln_graph **graph, pln_error *error);

/* Whether the head looks at one row of each sequence (input `rows`), and whether padded positions change its answer. */
bool electra_picks_rows(const struct electra_config *config, pln_head head);
bool electra_sees_padding(const struct electra_config *config, pln_head head, bool labels);
#endif

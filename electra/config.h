/* SPDX-License-Identifier: Apache-2.0
 *
 * ElectraConfig: config.json in, checked fields with defaults filled in out. Unknown keys are kept.
 */
#ifndef ELECTRA_CONFIG_H
#define ELECTRA_CONFIG_H

#include <jansson.h>
#include <stdbool.h>

#include "api/pleione.h"
#include "common/arena.h"
#include "electra/semantics.h"

enum electra_summary { ELECTRA_FIRST, ELECTRA_LAST, ELECTRA_MEAN, ELECTRA_CLS_INDEX };
enum electra_position { ELECTRA_ABSOLUTE = 0, ELECTRA_RELATIVE_KEY = 1, ELECTRA_RELATIVE_KEY_QUERY = 2 };
enum electra_problem { ELECTRA_PROBLEM_UNSET, ELECTRA_REGRESSION, ELECTRA_SINGLE_LABEL, ELECTRA_MULTI_LABEL };

struct electra_config {
    json_t *json; /* all that was read */
    uint32_t vocab_size, embedding_size, hidden_size, num_hidden_layers, num_attention_heads, intermediate_size;
    uint32_t max_position_embeddings, type_vocab_size, num_labels, chunk_size_feed_forward;
    int64_t pad_token_id, bos_token_id, eos_token_id; /* -1: null */
    double layer_norm_eps, initializer_range;
    double hidden_dropout_prob, attention_probs_dropout_prob, classifier_dropout, summary_last_dropout,
        summary_first_dropout;
    bool is_decoder, add_cross_attention, tie_word_embeddings, use_cache;
    bool summary_use_proj, summary_proj_to_labels;
    bool output_hidden_states, output_attentions;
    uint32_t hidden_act, summary_activation; /* PLN_ACTIVATION_* */
    enum electra_summary summary_type;
    enum electra_position position_embedding_type;
    enum electra_problem problem_type;
    pln_head head;       /* from architectures, else PLN_HEAD_MODEL */
    const char **labels; /* [num_labels] */
    /* As a framework reads all of this; of what was read: PyTorch. */
    const struct electra_semantics *semantics;
    uint32_t prediction_act; /* of language models */
    struct arena memory;     /* of labels and complaints */
    struct electra_complaint *complaints;
};

/* json is borrowed and kept by reference. `name` begins the sentences. PLN_BAD_MODEL if a field is wrong that every
 * head reads; what only some of them read, or only training, is complained about by electra_config_judge. */
pln_status electra_config_read(const json_t *json, const char *name, struct electra_config *config, pln_error *error);
/* The first field that is wrong of those that a run of this head reads, training or not; of PLN_HEAD_DEFAULT: of those
 * that choose the head. */
pln_status electra_config_judge(const struct electra_config *config, pln_head head, bool train, pln_error *error);

/* The config as a framework reads it: a view, which borrows all memory and is not finished. */
struct electra_config electra_config_as(const struct electra_config *config, pln_semantics semantics);

/* How many labels the head's own weights have, if the weights say so. That decides between num_labels and id2label
 * where they differ, and where the config gives neither; otherwise num_labels does. */
pln_status electra_config_match_labels(struct electra_config *config, uint32_t labels, pln_error *error);
void electra_config_finish(struct electra_config *config);

/* A part of electra_config_read. */
pln_status electra_labels_read(const char *name, struct electra_config *config, pln_error *error);

/* Everything that was read, with problem_type, and tie_word_embeddings if it is false, as they are now: what a saved
 * config.json holds. Returns a new reference. */
json_t *electra_config_json(const struct electra_config *config);

/* A whole number by the name of its field, or -1. */
int64_t electra_config_number(const struct electra_config *config, const char *field);
#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * ElectraConfig: config.json in, checked fields with defaults filled in out. Unknown keys are kept.
 */
#ifndef ELECTRA_CONFIG_H
#define ELECTRA_CONFIG_H

#include <jansson.h>
#include <stdbool.h>

#include "api/pleione.h"

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
    char (*unnamed)[24]; /* "LABEL_0" ... for labels without a name */
};

/* json is borrowed and kept by reference. `name` begins the sentences. PLN_BAD_MODEL, PLN_UNSUPPORTED. */
pln_status electra_config_read(const json_t *json, const char *name, struct electra_config *config, pln_error *error);
void electra_config_finish(struct electra_config *config);

/* Everything that was read, with problem_type as it is now: what a saved config.json holds. Returns a new reference;
 * NULL: no memory. */
json_t *electra_config_json(const struct electra_config *config);

/* A whole number by the name of its field, or -1. */
int64_t electra_config_number(const struct electra_config *config, const char *field);
#endif

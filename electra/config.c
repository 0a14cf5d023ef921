/* SPDX-License-Identifier: Apache-2.0
 *
 * Fields by table: name, place, default, range.
 */
#include "electra/config.h"

#include <stdlib.h>
#include <string.h>

#include "common/fail.h"

enum kind { WHOLE, ID, REAL, FLAG };

struct field {
    const char *name;
    enum kind kind;
    size_t offset;
    double missing; /* the default */
    double least, most;
};

#define PLACE(member) offsetof(struct electra_config, member)
#define DIMENSION(member, missing)                                                                                     \
    {                                                                                                                  \
#member, WHOLE, PLACE(member), missing, 1, 1 << 30                                                             \
    }
#define PROBABILITY(member, missing)                                                                                   \
    {                                                                                                                  \
#member, REAL, PLACE(member), missing, 0, 1                                                                    \
    }
#define SWITCH(member, missing)                                                                                        \
    {                                                                                                                  \
#member, FLAG, PLACE(member), missing, 0, 1                                                                    \
    }
#define TOKEN(member, missing)                                                                                         \
    {                                                                                                                  \
#member, ID, PLACE(member), missing, -1, 1 << 30                                                               \
    }

static const struct field fields[] = {
    DIMENSION(vocab_size, 30522),
    DIMENSION(embedding_size, 128),
    DIMENSION(hidden_size, 256),
    {"num_hidden_layers", WHOLE, PLACE(num_hidden_layers), 12, 0, 1 << 16},
    DIMENSION(num_attention_heads, 4),
    DIMENSION(intermediate_size, 1024),
    DIMENSION(max_position_embeddings, 512),
    DIMENSION(type_vocab_size, 2),
    {"chunk_size_feed_forward", WHOLE, PLACE(chunk_size_feed_forward), 0, 0, 1 << 30},
    TOKEN(pad_token_id, 0),
    TOKEN(bos_token_id, -1),
    TOKEN(eos_token_id, -1),
    {"layer_norm_eps", REAL, PLACE(layer_norm_eps), 1e-12, 0, 1},
    {"initializer_range", REAL, PLACE(initializer_range), 0.02, 0, 1e6},
    PROBABILITY(hidden_dropout_prob, 0.1),
    PROBABILITY(attention_probs_dropout_prob, 0.1),
    PROBABILITY(classifier_dropout, -1), /* null: hidden_dropout_prob */
    PROBABILITY(summary_last_dropout, 0.1),
    PROBABILITY(summary_first_dropout, 0),
    SWITCH(is_decoder, false),
    SWITCH(add_cross_attention, false),
    SWITCH(tie_word_embeddings, true),
    SWITCH(use_cache, true),
    SWITCH(summary_use_proj, true),
    SWITCH(summary_proj_to_labels, false),
    SWITCH(output_hidden_states, false),
    SWITCH(output_attentions, false),
};
enum { N_FIELDS = sizeof fields / sizeof *fields };

static void store(struct electra_config *config, const struct field *field, double value)
{
    char *at = (char *)config + field->offset;
    switch (field->kind) {
    case WHOLE:
        *(uint32_t *)(void *)at = (uint32_t)value;
        break;
    case ID:
        *(int64_t *)(void *)at = (int64_t)value;
        break;
    case REAL:
        *(double *)(void *)at = value;
        break;
    case FLAG:
        *(bool *)(void *)at = value != 0;
        break;
    }
}

static pln_status read_field(const json_t *json, const char *name, const struct field *field,
                             struct electra_config *config, pln_error *error)
{
    const json_t *value = json_object_get(json, field->name);
    if (!value || json_is_null(value)) {
        store(config, field, field->kind == ID && value ? -1 : field->missing);
        return PLN_OK;
    }
    const bool right = field->kind == FLAG   ? json_is_boolean(value)
                       : field->kind == REAL ? json_is_number(value)
                                             : json_is_integer(value);
    const double number = json_is_boolean(value) ? json_is_true(value) : json_number_value(value);
    if (!right || !(number >= field->least && number <= field->most)) {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        const pln_status status =
            pln_fail(error, PLN_BAD_MODEL, "%s: %s is %.60s, expected %s from %g to %g", name, field->name,
                     text ? text : "?", field->kind == FLAG ? "a truth value" : "a number", field->least, field->most);
        free(text);
        return status;
    }
    store(config, field, number);
    return PLN_OK;
}

/* ---- texts that stand for one of a few things
 * ------------------------------------------------------------------------------- */

struct choice {
    const char *text;
    int value;
};

static pln_status read_choice(const json_t *json, const char *name, const char *field, const struct choice *choices,
                              int missing, int *out, pln_error *error)
{
    const json_t *value = json_object_get(json, field);
    *out = missing;
    if (!value || json_is_null(value))
        return PLN_OK;
    const char *text = json_string_value(value);
    for (; text && choices->text; choices++)
        if (strcmp(choices->text, text) == 0) {
            *out = choices->value;
            return PLN_OK;
        }
    return pln_fail(error, PLN_BAD_MODEL, "%s: %s is \"%.60s\", which is none that ELECTRA has", name, field,
                    text ? text : "no text");
}

static const struct choice summaries[] = {{"first", ELECTRA_FIRST},
                                          {"last", ELECTRA_LAST},
                                          {"mean", ELECTRA_MEAN},
                                          {"cls_index", ELECTRA_CLS_INDEX},
                                          {NULL, 0}};
static const struct choice positions[] = {{"absolute", ELECTRA_ABSOLUTE},
                                          {"relative_key", ELECTRA_RELATIVE_KEY},
                                          {"relative_key_query", ELECTRA_RELATIVE_KEY_QUERY},
                                          {NULL, 0}};
static const struct choice problems[] = {{"regression", ELECTRA_REGRESSION},
                                         {"single_label_classification", ELECTRA_SINGLE_LABEL},
                                         {"multi_label_classification", ELECTRA_MULTI_LABEL},
                                         {NULL, 0}};
static const struct choice architectures[] = {{"ElectraModel", PLN_HEAD_MODEL},
                                              {"ElectraForPreTraining", PLN_HEAD_PRETRAINING},
                                              {"ElectraForCausalLM", PLN_HEAD_CAUSAL_LM},
                                              {"ElectraForMaskedLM", PLN_HEAD_MASKED_LM},
                                              {"ElectraForSequenceClassification", PLN_HEAD_SEQUENCE_CLASSIFICATION},
                                              {"ElectraForMultipleChoice", PLN_HEAD_MULTIPLE_CHOICE},
                                              {"ElectraForTokenClassification", PLN_HEAD_TOKEN_CLASSIFICATION},
                                              {"ElectraForQuestionAnswering", PLN_HEAD_QUESTION_ANSWERING},
                                              {NULL, 0}};

static pln_status read_choices(const json_t *json, const char *name, struct electra_config *config, pln_error *error)
{
    int summary = 0, position = 0, problem = 0;
    const char *type = json_string_value(json_object_get(json, "summary_type"));
    if (type && strcmp(type, "attn") == 0)
        return pln_fail(error, PLN_BAD_MODEL, "%s: summary_type attn is implemented nowhere", name);
    pln_status status = read_choice(json, name, "summary_type", summaries, ELECTRA_FIRST, &summary, error);
    if (status == PLN_OK)
        status = read_choice(json, name, "position_embedding_type", positions, ELECTRA_ABSOLUTE, &position, error);
    if (status == PLN_OK)
        status = read_choice(json, name, "problem_type", problems, ELECTRA_PROBLEM_UNSET, &problem, error);
    config->summary_type = (enum electra_summary)summary;
    config->position_embedding_type = (enum electra_position)position;
    config->problem_type = (enum electra_problem)problem;
    config->head = PLN_HEAD_MODEL;
    const char *architecture = json_string_value(json_array_get(json_object_get(json, "architectures"), 0));
    for (const struct choice *c = architectures; architecture && c->text; c++)
        if (strcmp(c->text, architecture) == 0)
            config->head = (pln_head)c->value;
    return status;
}

static pln_status read_activation(const json_t *json, const char *name, const char *field, const char *missing,
                                  uint32_t *out, pln_error *error)
{
    static const char *const refused[] = {"prelu", "xielu", "glu"};
    const json_t *value = json_object_get(json, field);
    const char *text = value ? json_string_value(value) : missing; /* null: no activation */
    if (value && !json_is_string(value) && !json_is_null(value))
        return pln_fail(error, PLN_BAD_MODEL, "%s: %s is not the name of an activation", name, field);
    for (size_t i = 0; text && i < sizeof refused / sizeof *refused; i++)
        if (strcmp(text, refused[i]) == 0)
            return pln_fail(error, PLN_BAD_MODEL, "%s: %s is %s, an activation that holds weights or changes the width",
                            name, field, text);
    const int32_t found = pln_activation_find(text);
    if (found < 0)
        return pln_fail(error, PLN_BAD_MODEL, "%s: %s is \"%.60s\", an activation that is not known", name, field,
                        text);
    *out = (uint32_t)found;
    return PLN_OK;
}

/* ---- labels
 * ----------------------------------------------------------------------------------------------------------------- */

/* id2label has whole numbers as keys, written as text; without it there are num_labels labels (two). */
static pln_status read_labels(const json_t *json, const char *name, struct electra_config *config, pln_error *error)
{
    json_t *map = json_object_get(json, "id2label"), *number = json_object_get(json, "num_labels");
    const bool mapped = json_is_object(map);
    config->num_labels = mapped                    ? (uint32_t)json_object_size(map)
                         : json_is_integer(number) ? (uint32_t)json_integer_value(number)
                                                   : 2;
    if (!config->num_labels || config->num_labels > 1 << 20)
        return pln_fail(error, PLN_BAD_MODEL, "%s: %u labels", name, config->num_labels);
    config->labels = calloc(config->num_labels, sizeof *config->labels);
    config->unnamed = calloc(config->num_labels, sizeof *config->unnamed);
    for (uint32_t i = 0; config->labels && config->unnamed && i < config->num_labels; i++) {
        snprintf(config->unnamed[i], sizeof config->unnamed[i], "LABEL_%u", i);
        config->labels[i] = config->unnamed[i];
    }
    if (!config->labels || !config->unnamed)
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory for %u labels", name, config->num_labels);
    const char *key;
    json_t *value;
    if (mapped)
        json_object_foreach(map, key, value)
        {
            char *end;
            const unsigned long i = strtoul(key, &end, 10);
            if (*end || end == key || i >= config->num_labels || !json_is_string(value))
                return pln_fail(error, PLN_BAD_MODEL, "%s: id2label has the entry \"%.40s\" among %u labels", name, key,
                                config->num_labels);
            config->labels[i] = json_string_value(value);
        }
    return PLN_OK;
}

static pln_status check_whole(const json_t *json, const char *name, const struct electra_config *c, pln_error *error)
{
    const char *type = json_string_value(json_object_get(json, "model_type"));
    if (type && strcmp(type, "electra") != 0)
        return pln_fail(error, PLN_BAD_MODEL, "%s: model_type is %.60s, not electra", name, type);
    if (c->hidden_size % c->num_attention_heads)
        return pln_fail(error, PLN_BAD_MODEL, "%s: hidden_size %u is not a multiple of num_attention_heads %u", name,
                        c->hidden_size, c->num_attention_heads);
    if (c->problem_type == ELECTRA_SINGLE_LABEL && c->num_labels == 1)
        return pln_fail(error, PLN_BAD_MODEL, "%s: problem_type single_label_classification needs more than one label",
                        name);
    if (c->add_cross_attention && !c->is_decoder)
        return pln_fail(error, PLN_BAD_MODEL, "%s: add_cross_attention needs is_decoder", name);
    if (json_object_size(json_object_get(json, "pruned_heads")))
        return pln_fail(error, PLN_BAD_MODEL, "%s: pruned_heads is not empty; save the model with its heads", name);
    return PLN_OK;
}

pln_status electra_config_read(const json_t *json, const char *name, struct electra_config *config, pln_error *error)
{
    *config = (struct electra_config){.json = json_deep_copy(json)};
    pln_status status = config->json ? PLN_OK : pln_fail(error, PLN_NO_MEMORY, "%s: no memory", name);
    json = config->json;
    for (size_t i = 0; status == PLN_OK && i < N_FIELDS; i++)
        status = read_field(json, name, &fields[i], config, error);
    if (status == PLN_OK && config->classifier_dropout < 0)
        config->classifier_dropout = config->hidden_dropout_prob;
    if (status == PLN_OK)
        status = read_choices(json, name, config, error);
    if (status == PLN_OK)
        status = read_activation(json, name, "hidden_act", "gelu", &config->hidden_act, error);
    if (status == PLN_OK)
        status = read_activation(json, name, "summary_activation", "gelu", &config->summary_activation, error);
    if (status == PLN_OK)
        status = read_labels(json, name, config, error);
    if (status == PLN_OK)
        status = check_whole(json, name, config, error);
    if (status != PLN_OK)
        electra_config_finish(config);
    return status;
}

void electra_config_finish(struct electra_config *config)
{
    json_decref(config->json);
    free(config->labels);
    free(config->unnamed);
    *config = (struct electra_config){0};
}

json_t *electra_config_json(const struct electra_config *config)
{
    json_t *json = json_deep_copy(config->json);
    bool whole = json_equal(json, config->json); /* the copy goes on when it has no memory for a key */
    for (const struct choice *c = problems; whole && config->problem_type != ELECTRA_PROBLEM_UNSET && c->text; c++)
        if (c->value == (int)config->problem_type)
            whole = json_object_set_new(json, "problem_type", json_string(c->text)) == 0;
    if (whole)
        return json;
    json_decref(json);
    return NULL;
}

int64_t electra_config_number(const struct electra_config *config, const char *field)
{
    if (strcmp(field, "num_labels") == 0)
        return config->num_labels;
    for (size_t i = 0; i < N_FIELDS; i++) {
        if (strcmp(fields[i].name, field) != 0)
            continue;
        const char *at = (const char *)config + fields[i].offset;
        if (fields[i].kind == WHOLE)
            return *(const uint32_t *)(const void *)at;
        if (fields[i].kind == ID)
            return *(const int64_t *)(const void *)at;
    }
    return -1;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Fields by table: name, place, default, range, and who reads them. A field that is wrong stops those that read it.
 */
#include "electra/head.h"

#include <stdlib.h>
#include <string.h>

#include "common/fail.h"
#include "common/jsontext.h"

enum kind { WHOLE, ID, REAL, FLAG };

/* Who reads a field. */
enum {
    NOBODY = 0,
    SUMMARY = ELECTRA_READS_SUMMARY,
    SEQUENCES = ELECTRA_READS_PROBLEM,
    CLASSIFIERS = ELECTRA_READS_CLASSIFIER,
    VOCABULARY = ELECTRA_READS_VOCABULARY,
    CHOICE_OF_HEAD = 1 << 28,
    TRAINING = 1 << 29, /* the others, and only in training */
    EVERYBODY = (1 << 29) - 1,
};

struct field {
    const char *name;
    enum kind kind;
    size_t offset;
    double missing; /* the default */
    double least, most;
    uint32_t readers;
};

#define PLACE(member) offsetof(struct electra_config, member)
#define DIMENSION(member, missing)                                                                                     \
    {                                                                                                                  \
#member, WHOLE, PLACE(member), missing, 1, 1 << 30, EVERYBODY                                                  \
    }
#define PROBABILITY(member, missing, readers)                                                                          \
    {                                                                                                                  \
#member, REAL, PLACE(member), missing, 0, 1, (readers) | TRAINING                                              \
    }
#define SWITCH(member, missing, readers)                                                                               \
    {                                                                                                                  \
#member, FLAG, PLACE(member), missing, 0, 1, readers                                                           \
    }
#define TOKEN(member, missing, readers)                                                                                \
    {                                                                                                                  \
#member, ID, PLACE(member), missing, -1, 1 << 30, readers                                                      \
    }

static const struct field fields[] = {
    DIMENSION(vocab_size, 30522),
    DIMENSION(embedding_size, 128),
    DIMENSION(hidden_size, 256),
    {"num_hidden_layers", WHOLE, PLACE(num_hidden_layers), 12, 0, 1 << 16, EVERYBODY},
    DIMENSION(num_attention_heads, 4),
    DIMENSION(intermediate_size, 1024),
    DIMENSION(max_position_embeddings, 512),
    DIMENSION(type_vocab_size, 2),
    {"chunk_size_feed_forward", WHOLE, PLACE(chunk_size_feed_forward), 0, 0, 1 << 30, EVERYBODY},
    TOKEN(pad_token_id, 0, EVERYBODY | TRAINING), /* its row of the word table is left as it is */
    TOKEN(bos_token_id, -1, NOBODY),
    TOKEN(eos_token_id, -1, NOBODY),
    {"layer_norm_eps", REAL, PLACE(layer_norm_eps), 1e-12, 0, 1, EVERYBODY},
    {"initializer_range", REAL, PLACE(initializer_range), 0.02, 0, 1e6, EVERYBODY},
    PROBABILITY(hidden_dropout_prob, 0.1, EVERYBODY),
    PROBABILITY(attention_probs_dropout_prob, 0.1, EVERYBODY),
    PROBABILITY(classifier_dropout, -1, CLASSIFIERS), /* null: hidden_dropout_prob */
    PROBABILITY(summary_last_dropout, 0.1, SUMMARY),
    PROBABILITY(summary_first_dropout, 0, SUMMARY),
    SWITCH(is_decoder, false, EVERYBODY),
    SWITCH(add_cross_attention, false, EVERYBODY),
    SWITCH(tie_word_embeddings, true, VOCABULARY),
    SWITCH(use_cache, true, NOBODY),
    SWITCH(summary_use_proj, true, SUMMARY),
    SWITCH(summary_proj_to_labels, false, SUMMARY),
    SWITCH(output_hidden_states, false, EVERYBODY),
    SWITCH(output_attentions, false, NOBODY),
};
enum { N_FIELDS = sizeof fields / sizeof *fields };

/* ---- complaints */

struct electra_complaint {
    struct electra_complaint *next;
    uint32_t readers;
    pln_error error;
};

/* What only some read is kept until one of them comes; what all read is returned. */
static pln_status complain(struct electra_config *config, uint32_t readers, const pln_error *found, pln_error *error)
{
    if (found->status == PLN_NO_MEMORY || readers == EVERYBODY) {
        if (error)
            *error = *found;
        return found->status;
    }
    if (readers == NOBODY)
        return PLN_OK;
    struct electra_complaint *c = arena_allocate(&config->memory, sizeof *c);
    if (!c)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a config");
    *c = (struct electra_complaint){config->complaints, readers, *found};
    config->complaints = c;
    return PLN_OK;
}

pln_status electra_config_judge(const struct electra_config *config, pln_head head, bool train, pln_error *error)
{
    const struct electra_head *reader = electra_head(head);
    const uint32_t reads = reader ? reader->reads | ELECTRA_READS_ALWAYS : CHOICE_OF_HEAD;
    for (const struct electra_complaint *c = config->complaints; c; c = c->next) {
        if (!(c->readers & reads) || (c->readers & TRAINING && !train))
            continue;
        if (error)
            *error = c->error;
        return c->error.status;
    }
    return PLN_OK;
}

/* ---- fields */

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
    store(config, field, field->kind == ID && json_is_null(value) ? -1 : field->missing);
    if (!value || json_is_null(value))
        return PLN_OK;
    const bool right = field->kind == FLAG   ? json_is_boolean(value)
                       : field->kind == REAL ? json_is_number(value)
                                             : jsontext_is_whole(value);
    const double number = json_is_boolean(value) ? json_is_true(value) : json_number_value(value);
    if (right && number >= field->least && number <= field->most) {
        store(config, field, number);
        return PLN_OK;
    }
    pln_error found;
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    pln_fail(&found, PLN_BAD_MODEL, "%s: %s is %.60s, expected %s from %g to %g", name, field->name, text ? text : "?",
             field->kind == FLAG   ? "a truth value"
             : field->kind == REAL ? "a number"
                                   : "a whole number",
             field->least, field->most);
    free(text);
    return complain(config, field->readers, &found, error);
}

/* ---- texts that stand for one of a few things */

struct choice {
    const char *text;
    int value;
};

/* The first choice is the default. */
static pln_status read_choice(struct electra_config *config, const char *name, const char *field, uint32_t readers,
                              const struct choice *choices, int *out, pln_error *error)
{
    const json_t *value = json_object_get(config->json, field);
    pln_error found;
    *out = choices->value;
    if (!value || json_is_null(value))
        return PLN_OK;
    const char *text = json_string_value(value);
    for (; text && choices->text; choices++)
        if (strcmp(choices->text, text) == 0) {
            *out = choices->value;
            return PLN_OK;
        }
    if (text && strcmp(text, "attn") == 0)
        pln_fail(&found, PLN_BAD_MODEL, "%s: %s %s is implemented nowhere", name, field, text);
    else
        pln_fail(&found, PLN_BAD_MODEL, "%s: %s is \"%.60s\", which is none that ELECTRA has", name, field,
                 text ? text : "no text");
    return complain(config, readers, &found, error);
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
static const struct choice problems[] = {{"", ELECTRA_PROBLEM_UNSET},
                                         {"regression", ELECTRA_REGRESSION},
                                         {"single_label_classification", ELECTRA_SINGLE_LABEL},
                                         {"multi_label_classification", ELECTRA_MULTI_LABEL},
                                         {NULL, 0}};

static pln_status read_choices(const char *name, struct electra_config *config, pln_error *error)
{
    int summary = 0, position = 0, problem = 0;
    pln_status status = read_choice(config, name, "summary_type", SUMMARY, summaries, &summary, error);
    if (status == PLN_OK)
        status = read_choice(config, name, "position_embedding_type", EVERYBODY, positions, &position, error);
    if (status == PLN_OK)
        status = read_choice(config, name, "problem_type", SEQUENCES, problems, &problem, error);
    config->summary_type = (enum electra_summary)summary;
    config->position_embedding_type = (enum electra_position)position;
    config->problem_type = (enum electra_problem)problem;
    return status;
}

/* The first class of the list, if it is one of ours; a text stands for a list of one. */
static pln_status read_head(const char *name, struct electra_config *config, pln_error *error)
{
    const json_t *list = json_object_get(config->json, "architectures");
    const json_t *first = json_is_array(list) ? json_array_get(list, 0) : list;
    const char *architecture = json_string_value(first);
    config->head = architecture ? electra_head_of(architecture) : PLN_HEAD_DEFAULT;
    if (config->head == PLN_HEAD_DEFAULT)
        config->head = PLN_HEAD_MODEL;
    if (!first || json_is_null(first) || architecture)
        return PLN_OK;
    pln_error found;
    pln_fail(&found, PLN_BAD_MODEL, "%s: architectures is no list of names", name);
    return complain(config, CHOICE_OF_HEAD, &found, error);
}

/* The sentence about the name of an activation; false: it is one that can be had, or null. */
static bool is_wrong_activation(const json_t *value, const char *name, const char *field, uint32_t *out,
                                pln_error *found)
{
    static const char *const refused[] = {"prelu", "xielu", "glu"};
    const char *text = json_string_value(value);
    if (!text && !json_is_null(value))
        return pln_fail(found, PLN_BAD_MODEL, "%s: %s is not the name of an activation", name, field);
    for (size_t i = 0; text && i < sizeof refused / sizeof *refused; i++)
        if (strcmp(text, refused[i]) == 0)
            return pln_fail(found, PLN_BAD_MODEL, "%s: %s is %s, an activation that holds weights or changes the width",
                            name, field, text);
    if (!pln_activation_find(text, out))
        return pln_fail(found, PLN_BAD_MODEL, "%s: %s is \"%.60s\", an activation that is not known", name, field,
                        text);
    return false;
}

static pln_status read_activations(const char *name, struct electra_config *config, pln_error *error)
{
    const json_t *hidden = json_object_get(config->json, "hidden_act");
    const json_t *summary = json_object_get(config->json, "summary_activation");
    pln_error found;
    config->hidden_act = config->summary_activation = PLN_ACTIVATION_GELU;
    if (hidden && json_string_length(hidden) == 0)
        return pln_fail(error, PLN_BAD_MODEL, "%s: hidden_act is not the name of an activation", name);
    if (hidden && is_wrong_activation(hidden, name, "hidden_act", &config->hidden_act, &found))
        return complain(config, EVERYBODY, &found, error);
    if (summary && is_wrong_activation(summary, name, "summary_activation", &config->summary_activation, &found))
        return complain(config, SUMMARY, &found, error);
    return PLN_OK;
}

/* ---- the whole */

static pln_status check_whole(const json_t *json, const char *name, struct electra_config *c, pln_error *error)
{
    const json_t *type = json_object_get(json, "model_type"), *pruned = json_object_get(json, "pruned_heads");
    if (type && !json_is_null(type) && (!json_is_string(type) || strcmp(json_string_value(type), "electra") != 0))
        return pln_fail(error, PLN_BAD_MODEL, "%s: model_type is %.60s, not electra", name,
                        json_is_string(type) ? json_string_value(type) : "no text");
    if (c->hidden_size % c->num_attention_heads)
        return pln_fail(error, PLN_BAD_MODEL, "%s: hidden_size %u is not a multiple of num_attention_heads %u", name,
                        c->hidden_size, c->num_attention_heads);
    if (c->add_cross_attention && !c->is_decoder)
        return pln_fail(error, PLN_BAD_MODEL, "%s: add_cross_attention needs is_decoder", name);
    if (pruned && !json_is_null(pruned) && !json_is_object(pruned) && !json_is_array(pruned))
        return pln_fail(error, PLN_BAD_MODEL, "%s: pruned_heads is not an object", name);
    if (json_object_size(pruned) || json_array_size(pruned))
        return pln_fail(error, PLN_BAD_MODEL, "%s: pruned_heads is not empty; save the model with its heads", name);
    if (c->problem_type != ELECTRA_SINGLE_LABEL || c->num_labels != 1)
        return PLN_OK;
    pln_error found;
    pln_fail(&found, PLN_BAD_MODEL, "%s: problem_type single_label_classification needs more than one label", name);
    return complain(c, SEQUENCES, &found, error);
}

pln_status electra_config_read(const json_t *json, const char *name, struct electra_config *config, pln_error *error)
{
    *config = (struct electra_config){.json = json_incref((json_t *)(uintptr_t)json)};
    pln_status status = PLN_OK;
    for (size_t i = 0; status == PLN_OK && i < N_FIELDS; i++)
        status = read_field(json, name, &fields[i], config, error);
    if (status == PLN_OK && config->classifier_dropout < 0)
        config->classifier_dropout = config->hidden_dropout_prob;
    if (status == PLN_OK)
        status = read_choices(name, config, error);
    if (status == PLN_OK)
        status = read_head(name, config, error);
    if (status == PLN_OK)
        status = read_activations(name, config, error);
    if (status == PLN_OK)
        status = electra_labels_read(name, config, error);
    if (status == PLN_OK)
        status = check_whole(json, name, config, error);
    if (status == PLN_OK)
        *config = electra_config_as(config, PLN_SEMANTICS_PYTORCH);
    else
        electra_config_finish(config);
    return status;
}

struct electra_config electra_config_as(const struct electra_config *config, pln_semantics semantics)
{
    struct electra_config view = *config;
    view.semantics = electra_semantics(semantics);
    view.prediction_act = view.semantics->hidden_act ? view.hidden_act : PLN_ACTIVATION_GELU;
    if (view.semantics->summary_first)
        view.summary_type = ELECTRA_FIRST;
    if (view.semantics->absolute)
        view.position_embedding_type = ELECTRA_ABSOLUTE;
    return view;
}

void electra_config_finish(struct electra_config *config)
{
    json_decref(config->json);
    arena_finish(&config->memory);
    *config = (struct electra_config){0};
}

json_t *electra_config_json(const struct electra_config *config)
{
    json_t *json = json_deep_copy(config->json);
    int failed = !json_equal(json, config->json); /* the copy goes on when it has no memory for a key */
    for (const struct choice *c = problems; c->text; c++)
        if (!failed && config->problem_type != ELECTRA_PROBLEM_UNSET && c->value == (int)config->problem_type)
            failed = json_object_set_new(json, "problem_type", json_string(c->text));
    if (!failed && !config->tie_word_embeddings)
        failed = json_object_set_new(json, "tie_word_embeddings", json_false());
    if (!failed)
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

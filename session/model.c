/* SPDX-License-Identifier: Apache-2.0
 *
 * A model directory: config, weights, and the tokenizer when it is asked for.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/door.h"
#include "electra/infer.h"
#include "scheduler/scheduler.h"
#include "session/session.h"

static void warn(const pln_model *model, const char *text)
{
    if (text && model->runtime->log)
        model->runtime->log(model->runtime->log_context, PLN_LOG_LEVEL_WARNING, text);
}

/* Whether the names of the tensors are an ELECTRA's, and not those of any encoder of its kind. */
static bool is_electra(const struct electra_names *names)
{
    bool found = names->has[PLN_PART_DISCRIMINATOR] || names->has[PLN_PART_GENERATOR];
    for (uint32_t i = 0; !found && i < names->found; i++)
        found = strstr(names->list[i].tensor->name, "electra") != NULL;
    return found;
}

/* A config of another model beside an ELECTRA's tensors is read as an ELECTRA's. */
static pln_status settle_type(const pln_model *m, json_t **json, pln_error *error)
{
    const char *type = json_string_value(json_object_get(*json, "model_type"));
    if (!type || strcmp(type, "electra") == 0 || !is_electra(&m->names))
        return PLN_OK;
    json_t *copy = json_copy(*json);
    if (!copy || json_object_set_new(copy, "model_type", json_string("electra")) != 0) {
        json_decref(copy);
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a config");
    }
    json_decref(*json);
    *json = copy;
    warn(m, "config.json: model_type is another, but the tensors are an ELECTRA's: it is read as one");
    return PLN_OK;
}

/* The config with other labels, and the type of the problem. */
static pln_status settle_labels(const pln_model_options *o, json_t **json, pln_error *error)
{
    json_t *copy = json_copy(*json), *names = json_object(), *numbers = json_object();
    int failed = !copy || !names || !numbers;
    for (uint32_t i = 0; i < o->n_labels && !failed; i++) {
        char number[16];
        snprintf(number, sizeof number, "%u", i);
        failed = json_object_set_new(names, number, json_string(o->labels[i])) ||
                 json_object_set_new(numbers, o->labels[i], json_integer((json_int_t)i));
    }
    if (!failed && o->n_labels)
        failed = json_object_set(copy, "id2label", names) || json_object_set(copy, "label2id", numbers) ||
                 json_object_set_new(copy, "num_labels", json_integer((json_int_t)o->n_labels));
    if (!failed && o->n_labels)
        json_object_del(copy, "_num_labels");
    if (!failed && o->problem_type)
        failed = json_object_set_new(copy, "problem_type", json_string(o->problem_type));
    json_decref(names);
    json_decref(numbers);
    if (failed) {
        json_decref(copy);
        return pln_fail(error, PLN_INVALID,
                        "%u labels, or the problem type, cannot be those of a config: texts must be "
                        "UTF-8",
                        o->n_labels);
    }
    json_decref(*json);
    *json = copy;
    return PLN_OK;
}

/* The config, with what it lacks and the shapes of tensors say. */
static pln_status read_config(pln_model *m, const pln_model_options *options, pln_error *error)
{
    char name[PATH_MAX + 16], *note = NULL;
    json_t *json = NULL;
    snprintf(name, sizeof name, "%s/config.json", ckpt_directory(m->checkpoint));
    pln_status status = electra_infer_config(&m->names, m->checkpoint, options->heads, &json, &note, error);
    if (status == PLN_OK)
        status = settle_type(m, &json, error);
    if (status == PLN_OK && (options->n_labels || options->problem_type))
        status = settle_labels(options, &json, error);
    if (status == PLN_OK)
        status = electra_config_read(json, name, &m->config, error);
    json_decref(json);
    for (size_t i = 0; status == PLN_OK && i < sizeof m->config.notes / sizeof *m->config.notes; i++)
        warn(m, m->config.notes[i]);
    if (status == PLN_OK)
        warn(m, note);
    free(note);
    return status;
}

/* Between the steps of opening. */
static pln_status go_on(const pln_model *m, uint32_t done, pln_error *error)
{
    enum { STEPS = 3 };
    return sched_go_on(m->runtime, "opening", done, STEPS, error);
}

static pln_status read_model(pln_model *m, const char *directory, const pln_model_options *o, pln_error *error)
{
    pln_status status = go_on(m, 0, error);
    if (status == PLN_OK)
        status = ckpt_open(directory, o->weights, o->without_weights || o->random_weights ? CKPT_MAY_LACK_WEIGHTS : 0,
                           &m->checkpoint, error);
    if (status == PLN_OK)
        status = go_on(m, 1, error);
    if (status == PLN_OK)
        status = electra_names_init(&m->names, m->checkpoint, o->part, error);
    if (status == PLN_OK)
        status = read_config(m, o, error);
    if (status == PLN_OK)
        status = go_on(m, 2, error);
    if (status == PLN_OK)
        status = electra_weights_init(&m->weights, m->checkpoint, &m->names, &m->config, o->seed, error);
    if (status == PLN_OK)
        status = electra_config_match_labels(&m->config, electra_weights_labels(&m->weights), error);
    if (status != PLN_OK)
        return status;
    warn(m, ckpt_note(m->checkpoint));
    warn(m, m->names.note);
    m->weights.undrawn = o->without_weights;
    m->weights.new_heads = o->n_labels > 0;
    return PLN_OK;
}

pln_status pln_model_open(pln_runtime *runtime, const char *directory, const pln_model_options *options,
                          pln_model **model, pln_error *error)
{
    pln_model_options o = {.size = sizeof o};
    NEED(error, model);
    *model = NULL;
    NEED(error, runtime, directory);
    TAKE(error, pln_model_options, o, options);
    NEED_LIST(error, o.labels, o.n_labels);
    for (uint32_t i = 0; i < o.n_labels; i++)
        if (!o.labels[i])
            return pln_fail(error, PLN_INVALID, "pln_model_open: label %u is NULL", i);
    if (o.part > PLN_PART_GENERATOR)
        return pln_fail(error, PLN_INVALID, "there is no part %u", (unsigned)o.part);
    pln_model *m = calloc(1, sizeof *m);
    if (!m)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a model");
    m->runtime = runtime;
    pthread_mutex_init(&m->lock, NULL);
    const pln_status status = read_model(m, directory, &o, error);
    if (status != PLN_OK)
        pln_model_close(&m);
    *model = m;
    return status;
}

void pln_model_close(pln_model **model)
{
    pln_model *m = model ? *model : NULL;
    if (!m)
        return;
    *model = NULL;
    pln_tokenizer_close(&m->tokenizer);
    electra_weights_finish(&m->weights);
    electra_config_finish(&m->config);
    electra_names_finish(&m->names);
    ckpt_close(&m->checkpoint);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

pln_head pln_model_head(const pln_model *model)
{
    return model ? model->config.head : PLN_HEAD_DEFAULT;
}

int64_t pln_model_number(const pln_model *model, const char *field)
{
    return !model || !field ? -1 : electra_config_number(&model->config, field);
}

uint32_t pln_model_classes(const pln_model *model, pln_head head)
{
    return model && electra_head(head) ? electra_classes(&model->config, electra_head(head)) : 0;
}

const char *pln_model_label(const pln_model *model, uint32_t index)
{
    return model && index < model->config.num_labels ? model->config.labels[index] : NULL;
}

/* Tokens that the model has no row for are found here, not by the text that holds one. */
static void check_vocabulary(const pln_model *model)
{
    char message[300];
    const uint32_t tokens = pln_tokenizer_count(model->tokenizer), rows = model->config.vocab_size;
    if (tokens <= rows || !model->runtime->log)
        return;
    snprintf(message, sizeof message,
             "%.150s: its tokenizer has %u tokens, the model only %u: a text with one of the others is refused",
             ckpt_directory(model->checkpoint), tokens, rows);
    model->runtime->log(model->runtime->log_context, PLN_LOG_LEVEL_WARNING, message);
}

pln_status pln_model_tokenizer(pln_model *model, const pln_tokenizer **tokenizer, pln_error *error)
{
    pln_status status = PLN_OK;
    NEED(error, model, tokenizer);
    const pln_tokenizer_options options = {
        .size = sizeof options, .log = model->runtime->log, .log_context = model->runtime->log_context};
    pthread_mutex_lock(&model->lock);
    if (!model->tokenizer) {
        status = pln_tokenizer_open(ckpt_directory(model->checkpoint), &options, &model->tokenizer, error);
        if (status == PLN_OK)
            check_vocabulary(model);
    }
    *tokenizer = model->tokenizer;
    pthread_mutex_unlock(&model->lock);
    return status;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * A model directory: config, weights, and the tokenizer when it is asked for.
 */
#include <stdlib.h>

#include "common/door.h"
#include "scheduler/scheduler.h"
#include "session/session.h"

pln_status pln_model_open(pln_runtime *runtime, const char *directory, const pln_model_options *options,
                          pln_model **model, pln_error *error)
{
    pln_model_options o = {.size = sizeof o};
    NEED(error, model);
    *model = NULL;
    NEED(error, runtime, directory);
    TAKE(error, pln_model_options, o, options);
    pln_model *m = calloc(1, sizeof *m);
    if (!m)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a model");
    m->runtime = runtime;
    pthread_mutex_init(&m->lock, NULL);
    pln_status status = ckpt_open(directory, o.without_weights || o.random_weights ? CKPT_MAY_LACK_WEIGHTS : 0, &m->checkpoint, error);
    if (status == PLN_OK) {
        char name[512];
        snprintf(name, sizeof name, "%s/config.json", directory);
        status = electra_config_read(ckpt_config(m->checkpoint), name, &m->config, error);
    }
    if (status == PLN_OK)
        status = electra_weights_init(&m->weights, m->checkpoint, &m->config, o.seed, error);
    if (status == PLN_OK)
        status = electra_config_match_labels(&m->config, electra_weights_labels(&m->weights), error);
    if (status == PLN_OK && ckpt_note(m->checkpoint) && runtime->log)
        runtime->log(runtime->log_context, PLN_LOG_LEVEL_WARNING, ckpt_note(m->checkpoint));
    m->weights.undrawn = o.without_weights;
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

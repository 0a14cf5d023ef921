/* SPDX-License-Identifier: Apache-2.0
 *
 * The calls for a single text of pleione_model.h: a task with one row, its items as plain structs.
 */
#include <stdlib.h>

#include "common/door.h"
#include "tasks/engine.h"

struct alone {
    pln_task *task;
    const pln_answer *answer;
};

static pln_status answer_text(pln_session *session, const char *name, const pln_option *options, uint32_t n_options,
                              const char *text, const char *pair, struct alone *alone, pln_error *error)
{
    const pln_field fields[] = {{.name = "text", .text = task_string(text)},
                                {.name = "text_pair", .text = task_string(pair)}};
    const pln_record row = {fields, pair ? 2 : 1};
    return task_answer_alone(session, name, options, n_options, &row, &alone->task, &alone->answer, error);
}

static pln_status make_room(void *made, uint32_t n, pln_error *error)
{
    return made ? PLN_OK : pln_fail(error, PLN_NO_MEMORY, "no memory for an answer of %u parts", n);
}

pln_status pln_detect(pln_session *session, const char *text, pln_word **words, uint32_t *n_words, pln_error *error)
{
    struct alone a = {0};
    NEED(error, session, text, words, n_words);
    pln_status status = answer_text(session, "detect", NULL, 0, text, NULL, &a, error);
    if (status != PLN_OK)
        return status;
    *n_words = a.answer->n_items;
    *words = calloc((size_t)*n_words + 1, sizeof **words);
    status = make_room(*words, *n_words, error);
    for (uint32_t i = 0; status == PLN_OK && i < *n_words; i++) {
        const pln_item *item = a.answer->items[i];
        (*words)[i] = (pln_word){item->begin_byte, item->end_byte, (float)item->score};
    }
    pln_task_destroy(&a.task);
    return status;
}

pln_status pln_classify(pln_session *session, const char *text, const char *pair, pln_class **classes,
                        uint32_t *n_classes, pln_error *error)
{
    /* A single label is a number here, unless the config says otherwise; the task gives its sigmoid. */
    static const pln_option raw = {"function", "none"};
    struct alone a = {0};
    NEED(error, session, text, classes, n_classes);
    const struct electra_config *config = &session->model->config;
    const bool number = config->num_labels == 1 && session->problem != ELECTRA_MULTI_LABEL;
    pln_status status = answer_text(session, "classify", &raw, number ? 1 : 0, text, pair, &a, error);
    if (status != PLN_OK)
        return status;
    *n_classes = a.answer->n_items;
    *classes = calloc((size_t)*n_classes + 1, sizeof **classes);
    status = make_room(*classes, *n_classes, error);
    for (uint32_t i = 0; status == PLN_OK && i < *n_classes; i++) {
        const pln_item *item = a.answer->items[i];
        (*classes)[item->id] = (pln_class){pln_model_label(session->model, (uint32_t)item->id), (float)item->score};
    }
    pln_task_destroy(&a.task);
    return status;
}

pln_status pln_fill_mask(pln_session *session, const char *text, uint32_t top, pln_fill **fills, uint32_t *n_fills,
                         pln_error *error)
{
    struct alone a = {0};
    char number[16];
    const pln_option option = {"top", number};
    NEED(error, session, text, fills, n_fills);
    snprintf(number, sizeof number, "%u", top ? top : 1);
    pln_status status = answer_text(session, "fill-mask", &option, 1, text, NULL, &a, error);
    if (status != PLN_OK)
        return status;
    *n_fills = top ? a.answer->n_items : 0;
    *fills = calloc((size_t)*n_fills + 1, sizeof **fills);
    status = make_room(*fills, *n_fills, error);
    for (uint32_t i = 0; status == PLN_OK && i < *n_fills; i++) {
        const pln_item *item = a.answer->items[i];
        const char *token = pln_tokenizer_token(session->model->tokenizer, item->id);
        (*fills)[i] = (pln_fill){item->group, item->id, (float)item->score, token ? token : ""};
    }
    pln_task_destroy(&a.task);
    return status;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * The model's part of a saved directory: its config as it is now, the tokenizer as it came, weights as the Hugging Face
 * tools want them.
 */
#include <stdlib.h>
#include <string.h>

#include "common/fail.h"
#include "graph/graph.h"
#include "training/head.h"

/* The config that was read, for what the model is now. */
static pln_status save_config(const struct training_head *head, const struct ckpt_save *save, pln_error *error)
{
    struct electra_config config = head->model->config;
    config.problem_type = head->session->problem;
    if (head->model->weights.tie == ELECTRA_APART)
        config.tie_word_embeddings = false;
    return training_save_config(save, &config, head->session->head, error);
}

pln_status training_head_save_init(struct training_head *head, pln_error *error)
{
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < TRAINING_COPIED_FILES; i++) {
        bool there = false;
        if (ckpt_save_readable(training_files[i], ckpt_directory(head->model->checkpoint), &there, error) != PLN_OK ||
            there)
            head->tokenizer_files |= 1u << i; /* an unreadable one is told when it is to be saved */
    }
    return status;
}

static bool is_parameter(const struct training_head *head, const struct weight *weight)
{
    for (uint32_t i = 0; i < pln_graph_parameter_count(head->graph); i++)
        if (weight_same(graph_parameter_weight(head->graph, i), weight))
            return true;
    return false;
}

static bool has_name(const struct weight *all, uint32_t n, const char *name)
{
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(all[i].name, name) == 0)
            return true;
    return false;
}

/* What the model has but training does not touch (tables of positions that are not added), behind the first n of all. Of
 * a head that was drawn anew, since its shape is another, the model has the old one under the same name. */
static uint32_t add_untouched(const struct training_head *head, uint32_t n, struct weight *all,
                              char (*names)[ELECTRA_NAME_BYTES])
{
    const struct electra_weights *w = &head->model->weights;
    const uint32_t trained = n;
    for (uint32_t i = 0; i < w->names->found; i++) {
        const char *name = w->names->list[i].name;
        const struct weight weight = electra_name_weight(&w->names->list[i]);
        if (!w->used[i] || is_parameter(head, &weight))
            continue;
        const size_t prefix = strncmp(name, ELECTRA_PREFIX, strlen(ELECTRA_PREFIX)) == 0 ? strlen(ELECTRA_PREFIX) : 0;
        electra_file_name(name + prefix, head->session->head->bare, names[i], ELECTRA_NAME_BYTES);
        if (has_name(all, trained, names[i]))
            continue;
        all[n] = weight;
        all[n++].name = names[i];
    }
    return n;
}

static pln_status save_weights(struct training_head *head, const struct ckpt_save *save, const pln_tensor *tensors,
                               uint32_t n_tensors, pln_error *error)
{
    const uint32_t found = head->model->names.found;
    struct weight *all = calloc((size_t)n_tensors + found + 1, sizeof *all);
    char(*names)[ELECTRA_NAME_BYTES] = calloc(found + 1u, sizeof *names);
    pln_status status = PLN_OK;
    if (!all || !names)
        status = pln_fail(error, PLN_NO_MEMORY, "no memory for a list of %u tensors", n_tensors + found);
    for (uint32_t i = 0; status == PLN_OK && i < n_tensors; i++)
        all[i] = weight_of(&tensors[i], false);
    if (status == PLN_OK) {
        pthread_mutex_lock(&head->model->lock);
        const uint32_t n = add_untouched(head, n_tensors, all, names);
        pthread_mutex_unlock(&head->model->lock);
        status = ckpt_save_weights(save, TRAINING_WEIGHTS, all, n, error);
    }
    free(all);
    free(names);
    return status;
}

pln_status training_head_check_save(struct training_subject *subject, pln_error *error)
{
    return training_check_copies(training_head_of(subject)->model->checkpoint, error);
}

pln_status training_head_save(struct training_subject *subject, const struct ckpt_save *save, const pln_tensor *tensors,
                              uint32_t n_tensors, pln_error *error)
{
    struct training_head *head = training_head_of(subject);
    pln_status status = save_config(head, save, error);
    if (status == PLN_OK)
        status = training_save_copies(save, head->model->checkpoint, head->tokenizer_files, error);
    return status == PLN_OK ? save_weights(head, save, tensors, n_tensors, error) : status;
}

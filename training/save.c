/* SPDX-License-Identifier: Apache-2.0
 *
 * A trainer to a Hugging Face directory and back: weights as the Hugging Face tools want them, moments and counters in
 * files of their own beside them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/save.h"
#include "common/fail.h"
#include "common/jsonfile.h"
#include "training/trainer.h"

#define WEIGHTS "model.safetensors"
#define FIRST_MOMENT "first_moment.safetensors"
#define SECOND_MOMENT "second_moment.safetensors"
#define COUNTERS "trainer.json"

static const char *const class_names[] = {
    [PLN_HEAD_MODEL] = "ElectraModel",
    [PLN_HEAD_PRETRAINING] = "ElectraForPreTraining",
    [PLN_HEAD_CAUSAL_LM] = "ElectraForCausalLM",
    [PLN_HEAD_MASKED_LM] = "ElectraForMaskedLM",
    [PLN_HEAD_SEQUENCE_CLASSIFICATION] = "ElectraForSequenceClassification",
    [PLN_HEAD_MULTIPLE_CHOICE] = "ElectraForMultipleChoice",
    [PLN_HEAD_TOKEN_CLASSIFICATION] = "ElectraForTokenClassification",
    [PLN_HEAD_QUESTION_ANSWERING] = "ElectraForQuestionAnswering",
};

/* The config that was read, for what the model is now. */
static pln_status save_config(const pln_trainer *trainer, const struct ckpt_save *save, pln_error *error)
{
    struct electra_config config = trainer->model->config;
    config.problem_type = trainer->session->problem;
    json_t *json = electra_config_json(&config);
    int failed = json_object_set_new(json, "architectures", json_pack("[s]", class_names[trainer->session->head]));
    static const char *const types[] = {"dtype", "torch_dtype"}; /* of 5.x and 4.x */
    for (size_t i = 0; i < 2; i++)
        if (json_object_get(json, types[i]))
            failed |= json_object_set_new(json, types[i], json_string("float32"));
    const pln_status status = !failed ? ckpt_save_json(save, "config.json", json, error)
                                      : pln_fail(error, PLN_NO_MEMORY, "no memory for config.json");
    json_decref(json);
    return status;
}

static pln_status save_tokenizer(const pln_trainer *trainer, const struct ckpt_save *save, pln_error *error)
{
    static const char *const files[] = {"vocab.txt", "tokenizer.json", "tokenizer_config.json",
                                        "special_tokens_map.json", "added_tokens.json"};
    pln_status status = PLN_OK;
    for (size_t i = 0; status == PLN_OK && i < sizeof files / sizeof *files; i++)
        status = ckpt_save_copy(save, files[i], ckpt_directory(trainer->model->checkpoint), error);
    return status;
}

static bool is_parameter(const pln_trainer *trainer, const pln_tensor *tensor)
{
    for (uint32_t i = 0; i < trainer->n_tensors; i++)
        if (trainer->table[i].tensor->data == tensor->data)
            return true;
    return false;
}

/* The weights, and what the model has but training does not touch (tables of positions that are not added). */
static pln_status save_weights(pln_trainer *trainer, const struct ckpt_save *save, pln_error *error)
{
    const struct electra_weights *w = &trainer->model->weights;
    const uint32_t most = trainer->n_tensors + ckpt_count(w->checkpoint);
    pln_status status = training_image_read(trainer, "parameters", error);
    pln_tensor *all = status == PLN_OK ? calloc(most, sizeof *all) : NULL;
    if (!all)
        return status == PLN_OK ? pln_fail(error, PLN_NO_MEMORY, "no memory for a list of %u tensors", most) : status;
    uint32_t n = trainer->n_tensors;
    memcpy(all, trainer->tensors, n * sizeof *all);
    for (uint32_t i = 0; i < ckpt_count(w->checkpoint); i++)
        if (w->used[i] && !is_parameter(trainer, ckpt_tensor(w->checkpoint, i)))
            all[n++] = *ckpt_tensor(w->checkpoint, i);
    status = ckpt_save_tensors(save, WEIGHTS, all, n, error);
    free(all);
    return status;
}

static pln_status save_moment(pln_trainer *trainer, const struct ckpt_save *save, const char *state, const char *file,
                              pln_error *error)
{
    const pln_status status = training_image_read(trainer, state, error);
    return status == PLN_OK ? ckpt_save_tensors(save, file, trainer->tensors, trainer->n_tensors, error) : status;
}

static pln_status save_counters(const pln_trainer *trainer, const struct ckpt_save *save, pln_error *error)
{
    char seed[24];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)trainer->options.seed);
    json_t *json = json_pack("{s:i,s:I,s:s,s:s}", "format", 1, "steps", (json_int_t)trainer->made, "seed", seed, "head",
                             pln_head_string(trainer->session->head));
    const pln_status status =
        json ? ckpt_save_json(save, COUNTERS, json, error) : pln_fail(error, PLN_NO_MEMORY, "no memory for " COUNTERS);
    json_decref(json);
    return status;
}

pln_status pln_trainer_save(pln_trainer *trainer, const char *directory, pln_error *error)
{
    struct ckpt_save save;
    pln_status status = training_parameters_begin(trainer, error);
    if (status == PLN_OK)
        status = ckpt_save_begin(&save, directory, error);
    if (status != PLN_OK)
        return status;
    status = save_config(trainer, &save, error);
    if (status == PLN_OK)
        status = save_tokenizer(trainer, &save, error);
    if (status == PLN_OK)
        status = save_weights(trainer, &save, error);
    if (status == PLN_OK)
        status = save_moment(trainer, &save, "first_moment", FIRST_MOMENT, error);
    if (status == PLN_OK)
        status = save_moment(trainer, &save, "second_moment", SECOND_MOMENT, error);
    if (status == PLN_OK)
        status = save_counters(trainer, &save, error);
    training_image_release(trainer);
    return ckpt_save_end(&save, status, error);
}

static pln_status restore_state(pln_trainer *trainer, const char *directory, const char *state, const char *name,
                                pln_error *error)
{
    char path[PATH_MAX];
    pln_tensor_file *file = NULL;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", directory, name) >= sizeof path)
        return pln_fail(error, PLN_BAD_MODEL, "%s: the path is too long", directory);
    pln_status status = ckpt_tensors_open(path, &file, error);
    if (status == PLN_OK)
        status = training_image_write(trainer, state, file, path, error);
    ckpt_tensors_close(&file);
    return status;
}

static pln_status restore_counters(pln_trainer *trainer, const char *directory, pln_error *error)
{
    char path[PATH_MAX];
    json_t *json = NULL;
    if ((size_t)snprintf(path, sizeof path, "%s/" COUNTERS, directory) >= sizeof path)
        return pln_fail(error, PLN_BAD_MODEL, "%s: the path is too long", directory);
    const pln_status status = jsonfile_load(path, JSONFILE_CONFIG_LIMIT, &json, error);
    if (status != PLN_OK)
        return status;
    const json_t *steps = json_object_get(json, "steps");
    const char *seed = json_string_value(json_object_get(json, "seed"));
    const char *head = json_string_value(json_object_get(json, "head"));
    unsigned long long number = 0;
    int used = 0;
    bool good = json_is_integer(steps) && json_integer_value(steps) >= 0 && json_integer_value(steps) <= UINT32_MAX &&
                seed && sscanf(seed, "%llu%n", &number, &used) == 1 && !seed[used];
    if (good) {
        trainer->made = (uint32_t)json_integer_value(steps);
        trainer->options.seed = number;
    }
    const bool same = head && strcmp(head, pln_head_string(trainer->session->head)) == 0;
    const pln_status result =
        !good   ? pln_fail(error, PLN_BAD_MODEL, "%s: expected steps, a number, and seed, the text of one", path)
        : !same ? pln_fail(error, PLN_BAD_MODEL, "%s: head %s, expected %s", path, head ? head : "missing",
                           pln_head_string(trainer->session->head))
                : PLN_OK;
    json_decref(json);
    return result;
}

pln_status pln_trainer_restore(pln_trainer *trainer, const char *directory, pln_error *error)
{
    pln_status status = training_parameters_begin(trainer, error);
    if (status == PLN_OK)
        status = restore_counters(trainer, directory, error);
    if (status == PLN_OK)
        status = restore_state(trainer, directory, "parameters", WEIGHTS, error);
    if (status == PLN_OK)
        status = restore_state(trainer, directory, "first_moment", FIRST_MOMENT, error);
    if (status == PLN_OK)
        status = restore_state(trainer, directory, "second_moment", SECOND_MOMENT, error);
    return status == PLN_OK ? training_state_clear(trainer, "gradients", error) : status;
}

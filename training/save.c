/* SPDX-License-Identifier: Apache-2.0
 *
 * A trainer to a directory and back: what the subject writes, with moments and counters in files of their own beside it.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/save.h"
#include "common/door.h"
#include "common/jsonfile.h"
#include "training/trainer.h"

#define FIRST_MOMENT "first_moment.safetensors"
#define SECOND_MOMENT "second_moment.safetensors"
#define COUNTERS "trainer.json"

enum { FORMAT = 1 };

/* Files that are the model's: those of the tokenizer first, which are copied. */
const char *const training_files[] = {"vocab.txt",
                                      "tokenizer.json",
                                      "tokenizer_config.json",
                                      "special_tokens_map.json",
                                      "added_tokens.json",
                                      CKPT_GENERATION_CONFIG,
                                      TRAINING_CONFIG,
                                      TRAINING_WEIGHTS,
                                      FIRST_MOMENT,
                                      SECOND_MOMENT,
                                      COUNTERS,
                                      NULL};

static pln_status save_moment(pln_trainer *trainer, const struct ckpt_save *save, const char *state, const char *file,
                              pln_error *error)
{
    pln_status status = training_image_read(trainer, state, error);
    if (status == PLN_OK)
        status = training_image_check(trainer, state, error);
    return status == PLN_OK ? ckpt_save_tensors(save, file, trainer->tensors, trainer->n_tensors, error) : status;
}

static pln_status save_counters(const pln_trainer *trainer, const struct ckpt_save *save, pln_error *error)
{
    char seed[24];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)trainer->options.seed);
    json_t *json = json_pack("{s:i,s:I,s:s,s:s}", "format", FORMAT, "steps", (json_int_t)trainer->made, "seed", seed,
                             "head", trainer->subject->kind->name(trainer->subject));
    const pln_status status =
        json ? ckpt_save_json(save, COUNTERS, json, error) : pln_fail(error, PLN_NO_MEMORY, "no memory for " COUNTERS);
    json_decref(json);
    return status;
}

static pln_status save_files(pln_trainer *trainer, const struct ckpt_save *save, pln_error *error)
{
    struct training_subject *subject = trainer->subject;
    pln_status status = training_image_read(trainer, GRAPH_PARAMETERS, error);
    if (status == PLN_OK)
        status = training_image_check(trainer, GRAPH_PARAMETERS, error);
    if (status == PLN_OK)
        status = subject->kind->save(subject, save, trainer->tensors, trainer->n_tensors, error);
    if (status == PLN_OK)
        status = save_moment(trainer, save, TRAINING_FIRST_MOMENT, FIRST_MOMENT, error);
    if (status == PLN_OK)
        status = save_moment(trainer, save, TRAINING_SECOND_MOMENT, SECOND_MOMENT, error);
    if (status == PLN_OK)
        status = save_counters(trainer, save, error);
    training_image_release(trainer);
    return status;
}

static pln_status save_once(pln_trainer *trainer, const void *directory, pln_error *error)
{
    struct ckpt_save save;
    pln_status status = training_parameters_begin(trainer, error);
    if (status == PLN_OK)
        status = ckpt_save_begin(&save, directory, training_files, &trainer->place, error);
    return status == PLN_OK ? ckpt_save_end(&save, save_files(trainer, &save, error), error) : status;
}

static pln_status save(pln_trainer *trainer, const char *directory, pln_error *error)
{
    return training_last(trainer, save_once, directory, error);
}

static pln_status save_step(pln_trainer *trainer, const char *directory, uint32_t keep, pln_error *error)
{
    char numbered[PATH_MAX];
    size_t length = strlen(directory);
    while (length > 1 && directory[length - 1] == '/')
        length--;
    if (!keep)
        return pln_fail(error, PLN_INVALID, "pln_trainer_save_step: keep 0 would keep nothing");
    if (snprintf(numbered, sizeof numbered, "%.*s.step-%u", (int)length, directory, trainer->made) >= PATH_MAX)
        return pln_fail(error, PLN_FAILED, "the path of the directory is too long");
    const pln_status status = save(trainer, numbered, error);
    return status == PLN_OK ? ckpt_save_thin(directory, training_files, &trainer->place, trainer->made, keep - 1, error)
                            : status;
}

pln_status pln_trainer_save_step(pln_trainer *trainer, const char *directory, uint32_t keep, pln_error *error)
{
    NEED(error, trainer, directory);
    pln_status status = training_begin(trainer, error);
    if (status != PLN_OK)
        return status;
    status = save_step(trainer, directory, keep, error);
    training_end(trainer);
    return status;
}

static pln_status check_save(pln_trainer *trainer, const char *directory, pln_error *error)
{
    const pln_status status = trainer->subject->kind->check_save(trainer->subject, error);
    const uint64_t state = (uint64_t)trainer->rows * PLN_PARAMETER_WIDTH * sizeof(float);
    return status == PLN_OK ? ckpt_save_check(directory, training_files, 3 * state, &trainer->place, error) : status;
}

pln_status pln_trainer_check_save(pln_trainer *trainer, const char *directory, pln_error *error)
{
    NEED(error, trainer, directory);
    pln_status status = training_begin(trainer, error);
    if (status != PLN_OK)
        return status;
    status = check_save(trainer, directory, error);
    training_end(trainer);
    return status;
}

pln_status pln_trainer_save(pln_trainer *trainer, const char *directory, pln_error *error)
{
    NEED(error, trainer, directory);
    pln_status status = training_begin(trainer, error);
    if (status != PLN_OK)
        return status;
    status = save(trainer, directory, error);
    training_end(trainer);
    return status;
}

/* ---- the model alone */

static const char *const model_files[] = {
    "vocab.txt",         "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
    "added_tokens.json", TRAINING_CONFIG,  TRAINING_WEIGHTS,        NULL};

static pln_status write_model(pln_trainer *trainer, const struct ckpt_save *save, pln_error *error)
{
    pln_status status = training_image_read(trainer, GRAPH_PARAMETERS, error);
    if (status == PLN_OK)
        status = training_image_check(trainer, GRAPH_PARAMETERS, error);
    if (status == PLN_OK)
        status = trainer->subject->kind->save(trainer->subject, save, trainer->tensors, trainer->n_tensors, error);
    training_image_release(trainer);
    return status;
}

static pln_status save_model(pln_trainer *trainer, const void *directory, pln_error *error)
{
    struct ckpt_save save;
    struct ckpt_place place = {0};
    pln_status status = training_parameters_begin(trainer, error);
    if (status == PLN_OK)
        status = ckpt_save_begin(&save, directory, model_files, &place, error);
    return status == PLN_OK ? ckpt_save_end(&save, write_model(trainer, &save, error), error) : status;
}

pln_status pln_trainer_save_model(pln_trainer *trainer, const char *directory, pln_error *error)
{
    NEED(error, trainer, directory);
    pln_status status = training_begin(trainer, error);
    if (status != PLN_OK)
        return status;
    status = training_last(trainer, save_model, directory, error);
    training_end(trainer);
    return status;
}

static pln_status restore_state(pln_trainer *trainer, const char *directory, const char *state, const char *name,
                                pln_error *error)
{
    char path[PATH_MAX];
    pln_tensor_file *file = NULL;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", directory, name) >= sizeof path)
        return pln_fail(error, PLN_BAD_MODEL, "%s: the path is too long", directory);
    pln_status status = ckpt_tensors_open(path, CKPT_ALIGNED, &file, error);
    if (status == PLN_OK)
        status = training_image_write(trainer, state, file, path, error);
    if (status == PLN_OK)
        status = ckpt_tensors_check(file, error);
    ckpt_tensors_close(&file);
    return status;
}

static pln_status read_counters(pln_trainer *trainer, const json_t *json, const char *path, pln_error *error)
{
    const json_t *format = json_object_get(json, "format"), *steps = json_object_get(json, "steps");
    const char *seed = json_string_value(json_object_get(json, "seed"));
    const char *head = json_string_value(json_object_get(json, "head"));
    const char *expected = trainer->subject->kind->name(trainer->subject);
    if (!json_is_integer(format) || json_integer_value(format) != FORMAT) {
        char *found = format ? json_dumps(format, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
        pln_fail(error, PLN_BAD_MODEL, "%.200s: format %.100s, expected %d: it was written by another version", path,
                 found ? found : "missing", FORMAT);
        free(found);
        return PLN_BAD_MODEL;
    }
    char *end = NULL;
    errno = 0;
    const unsigned long long number = seed && isdigit((unsigned char)*seed) ? strtoull(seed, &end, 10) : 0;
    if (!json_is_integer(steps) || json_integer_value(steps) < 0 || json_integer_value(steps) > UINT32_MAX || !end ||
        *end || errno)
        return pln_fail(error, PLN_BAD_MODEL, "%s: expected steps, a number, and seed, the text of one", path);
    if (!head || strcmp(head, expected) != 0)
        return pln_fail(error, PLN_BAD_MODEL, "%.200s: head %.100s, expected %s", path, head ? head : "missing",
                        expected);
    trainer->made = (uint32_t)json_integer_value(steps);
    trainer->options.seed = number;
    return PLN_OK;
}

static pln_status restore_counters(pln_trainer *trainer, const char *directory, pln_error *error)
{
    char path[PATH_MAX];
    json_t *json = NULL;
    if ((size_t)snprintf(path, sizeof path, "%s/" COUNTERS, directory) >= sizeof path)
        return pln_fail(error, PLN_BAD_MODEL, "%s: the path is too long", directory);
    pln_status status = jsonfile_load(path, JSONFILE_CONFIG_LIMIT, &json, error);
    if (status != PLN_OK)
        return status;
    status = read_counters(trainer, json, path, error);
    json_decref(json);
    return status;
}

static pln_status restore(pln_trainer *trainer, const char *directory, pln_error *error)
{
    training_keep_forget(trainer);
    pln_status status = training_parameters_begin(trainer, error);
    if (status == PLN_OK)
        status = restore_counters(trainer, directory, error);
    if (status == PLN_OK)
        status = restore_state(trainer, directory, GRAPH_PARAMETERS, TRAINING_WEIGHTS, error);
    if (status == PLN_OK)
        status = restore_state(trainer, directory, TRAINING_FIRST_MOMENT, FIRST_MOMENT, error);
    if (status == PLN_OK)
        status = restore_state(trainer, directory, TRAINING_SECOND_MOMENT, SECOND_MOMENT, error);
    return status == PLN_OK ? training_state_clear(trainer, GRAPH_GRADIENTS, error) : status;
}

pln_status pln_trainer_restore(pln_trainer *trainer, const char *directory, pln_error *error)
{
    NEED(error, trainer, directory);
    pln_status status = training_begin(trainer, error);
    if (status != PLN_OK)
        return status;
    status = restore(trainer, directory, error);
    training_end(trainer);
    return status;
}

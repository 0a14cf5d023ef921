/* SPDX-License-Identifier: Apache-2.0
 *
 * A file of a saved trainer, beside files that are as they should be. It is refused with a sentence, or all numbers are
 * finite, before a step and after it.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fuzz/target.h"

enum { VOCABULARY = 8, WIDTH = 4, LENGTH = 4, LARGEST = 1 << 16 };

static const char config[] =
    "{\"model_type\": \"electra\", \"vocab_size\": 8, \"embedding_size\": 4, \"hidden_size\": 4, "
    "\"num_hidden_layers\": 1, "
    "\"num_attention_heads\": 1, \"intermediate_size\": 4, \"max_position_embeddings\": 8, \"num_labels\": 2, "
    "\"hidden_dropout_prob\": 0.0, \"attention_probs_dropout_prob\": 0.0}";

static const char *const saved[] = {"trainer.json", "model.safetensors", "first_moment.safetensors",
                                    "second_moment.safetensors", "config.json"};

static pln_runtime *runtime;
static pln_devices *devices;
static pln_model *model;

static const char *path_of(const char *name)
{
    static char paths[2][160];
    static unsigned next;
    char *path = paths[next++ % 2];
    snprintf(path, sizeof paths[0], "%s/%s", fuzz_folder(), name);
    return path;
}

static void remove_files(void)
{
    char name[64];
    for (size_t i = 0; i < sizeof saved / sizeof *saved; i++) {
        snprintf(name, sizeof name, "state/%s", saved[i]);
        unlink(path_of(name));
    }
    rmdir(path_of("state"));
    unlink(path_of("config.json"));
    unlink(path_of("model.safetensors"));
}

static pln_trainer *make_trainer(void)
{
    pln_trainer *trainer;
    pln_trainer_options options = PLN_TRAINER_DEFAULTS;
    options.head = PLN_HEAD_SEQUENCE_CLASSIFICATION;
    fuzz_check(pln_trainer_create(model, devices, &options, &trainer, NULL) == PLN_OK, "there is a trainer");
    return trainer;
}

static pln_status make_step(pln_trainer *trainer, pln_error *error)
{
    static const int64_t ids[2 * LENGTH] = {2, 5, 6, 3, 2, 7, 5, 3}, labels[2] = {0, 1};
    const pln_tensor inputs[] = {
        {.name = "input_ids", .dtype = PLN_I64, .rank = 2, .shape = {2, LENGTH}, .data = ids},
        {.name = "labels", .dtype = PLN_I64, .rank = 1, .shape = {2}, .data = labels},
    };
    return pln_trainer_step(trainer, inputs, 2, NULL, error);
}

/* The encoder; the head is drawn at random. width 0: a vector. */
static const struct {
    const char *name;
    uint32_t rows, width;
} weights[] = {
    {"embeddings.word_embeddings.weight", VOCABULARY, WIDTH},
    {"embeddings.position_embeddings.weight", VOCABULARY, WIDTH},
    {"embeddings.token_type_embeddings.weight", 2, WIDTH},
    {"embeddings.LayerNorm.weight", WIDTH, 0},
    {"embeddings.LayerNorm.bias", WIDTH, 0},
    {"encoder.layer.0.attention.self.query.weight", WIDTH, WIDTH},
    {"encoder.layer.0.attention.self.query.bias", WIDTH, 0},
    {"encoder.layer.0.attention.self.key.weight", WIDTH, WIDTH},
    {"encoder.layer.0.attention.self.key.bias", WIDTH, 0},
    {"encoder.layer.0.attention.self.value.weight", WIDTH, WIDTH},
    {"encoder.layer.0.attention.self.value.bias", WIDTH, 0},
    {"encoder.layer.0.attention.output.dense.weight", WIDTH, WIDTH},
    {"encoder.layer.0.attention.output.dense.bias", WIDTH, 0},
    {"encoder.layer.0.attention.output.LayerNorm.weight", WIDTH, 0},
    {"encoder.layer.0.attention.output.LayerNorm.bias", WIDTH, 0},
    {"encoder.layer.0.intermediate.dense.weight", WIDTH, WIDTH},
    {"encoder.layer.0.intermediate.dense.bias", WIDTH, 0},
    {"encoder.layer.0.output.dense.weight", WIDTH, WIDTH},
    {"encoder.layer.0.output.dense.bias", WIDTH, 0},
    {"encoder.layer.0.output.LayerNorm.weight", WIDTH, 0},
    {"encoder.layer.0.output.LayerNorm.bias", WIDTH, 0},
};
enum { WEIGHTS = sizeof weights / sizeof *weights };

static void write_model(void)
{
    float data[VOCABULARY * WIDTH];
    pln_tensor tensors[WEIGHTS];
    for (int i = 0; i < VOCABULARY * WIDTH; i++)
        data[i] = (float)(i * 7 % 13) / 8 - 0.5f;
    for (int i = 0; i < WEIGHTS; i++)
        tensors[i] = (pln_tensor){.name = weights[i].name,
                                  .dtype = PLN_F32,
                                  .rank = weights[i].width ? 2 : 1,
                                  .shape = {weights[i].rows, weights[i].width},
                                  .data = data};
    fuzz_write("config.json", config, sizeof config - 1);
    fuzz_check(pln_tensor_file_write(path_of("model.safetensors"), tensors, WEIGHTS, NULL) == PLN_OK,
               "weights are written");
}

/* A state after two steps; the model and the folder are kept for the process. */
static void save_state(void)
{
    write_model();
    atexit(remove_files);
    fuzz_check(pln_runtime_create(NULL, &runtime, NULL) == PLN_OK, "there is a runtime");
    fuzz_check(pln_devices_open(runtime, "reference", NULL, 0, &devices, NULL) == PLN_OK, "there is a device");
    fuzz_check(pln_model_open(runtime, fuzz_folder(), NULL, &model, NULL) == PLN_OK, "there is a model");
    pln_trainer *trainer = make_trainer();
    for (int i = 0; i < 2; i++)
        fuzz_check(make_step(trainer, NULL) == PLN_OK, "a step is made");
    fuzz_check(pln_trainer_save(trainer, path_of("state"), NULL) == PLN_OK, "a trainer is saved");
    pln_trainer_destroy(&trainer);
}

/* The file as it was saved. */
static const char *good_bytes(const char *name, size_t *bytes)
{
    static char good[LARGEST];
    static size_t size;
    if (!size) {
        save_state();
        FILE *file = fopen(path_of(name), "rb");
        fuzz_check(file != NULL, "what was saved is there");
        size = fread(good, 1, sizeof good, file);
        fuzz_check(size && size < sizeof good && fclose(file) == 0, "what was saved is small");
    }
    *bytes = size;
    return good;
}

static void check_finite(pln_trainer *trainer)
{
    const pln_tensor *tensors;
    uint32_t count;
    fuzz_check(pln_trainer_parameters(trainer, &tensors, &count, NULL) == PLN_OK, "a trainer has parameters");
    for (uint32_t i = 0; i < count; i++)
        for (uint64_t j = 0; j < pln_tensor_elements(&tensors[i]); j++)
            fuzz_check(isfinite(((const float *)tensors[i].data)[j]), "a weight is finite");
}

static void use_trainer(pln_trainer *trainer)
{
    pln_error error = {.message = ""};
    const uint32_t steps = pln_trainer_steps(trainer);
    check_finite(trainer);
    const pln_status status = make_step(trainer, &error);
    fuzz_check(status == PLN_OK || (status == PLN_FAILED && error.message[0]),
               "a step is made, or a sentence says why not");
    fuzz_check(pln_trainer_steps(trainer) == steps + (status == PLN_OK), "a step is counted when it was made");
    check_finite(trainer);
}

/* A trainer that was refused a state can only be destroyed; another one goes on. */
void fuzz_trainer(const struct fuzz_target *target, const uint8_t *data, size_t bytes)
{
    static pln_trainer *trainer;
    pln_error error = {.message = ""};
    char name[64];
    size_t good;
    snprintf(name, sizeof name, "state/%s", target->name);
    const char *saved_bytes = good_bytes(name, &good);
    if (!trainer)
        trainer = make_trainer();
    fuzz_write(name, data, bytes);
    const pln_status status = pln_trainer_restore(trainer, path_of("state"), &error);
    if (status == PLN_OK) {
        use_trainer(trainer);
    } else {
        fuzz_check(status == PLN_BAD_MODEL, "a refusal says what kind it is");
        fuzz_check(strstr(error.message, fuzz_folder()) != NULL, "a refusal names the file");
        pln_trainer_destroy(&trainer);
    }
    fuzz_write(name, saved_bytes, good);
}

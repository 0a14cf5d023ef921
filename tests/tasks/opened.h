/* SPDX-License-Identifier: Apache-2.0
 *
 * Models of a test's own making, opened: a config, the vocabulary of a model that is there, weights that are drawn.
 */
#ifndef TESTS_TASKS_OPENED_H
#define TESTS_TASKS_OPENED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/must.h"
#include "tests/noise.h"

struct opened {
    pln_runtime *runtime;
    pln_devices *devices;
    pln_model *model;
    pln_session *session;
    pln_task *task;
};

static inline void close_opened(struct opened *o)
{
    pln_task_destroy(&o->task);
    pln_session_destroy(&o->session);
    pln_model_close(&o->model);
    pln_devices_close(&o->devices);
    pln_runtime_destroy(&o->runtime);
}

/* A task on a model of that folder; options end with a key NULL. */
static inline struct opened open_task(const char *folder, uint32_t threads, const char *const *device,
                                      uint32_t n_device, const char *task, const pln_option *options)
{
    struct opened o = {0};
    pln_error error;
    uint32_t n = 0;
    while (options && options[n].key)
        n++;
    pln_session_options session = {.size = sizeof session};
    must(pln_runtime_create(PLN_OPTIONS(pln_runtime_options, .threads = threads), &o.runtime, &error), &error);
    must(pln_devices_open(o.runtime, device[0], device + 1, n_device - 1, &o.devices, &error), &error);
    must(pln_model_open(o.runtime, folder, NULL, &o.model, &error), &error);
    must(pln_task_prepare(o.model, task, options, n, &session, &error), &error);
    must(pln_session_create(o.model, o.devices, &session, &o.session, &error), &error);
    must(pln_task_create(o.session, task, options, n, &o.task, &error), &error);
    return o;
}

static inline void copy_into(const char *folder, const char *from, const char *name)
{
    static char text[1 << 17];
    char path[600];
    snprintf(path, sizeof path, "%s/%s", from, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    const size_t n = fread(text, 1, sizeof text, file);
    fclose(file);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

struct sizes {
    uint32_t embedding, hidden, layers, heads, intermediate;
};
enum { VOCABULARY = 8192, MOST_TENSORS = 128 };

struct drawn {
    pln_tensor tensors[MOST_TENSORS];
    char names[MOST_TENSORS][112];
    uint32_t n, seed;
};

/* LayerNorm's weights are about 1, biases and all others about 0. width 0: a vector. */
static inline void draw(struct drawn *d, const char *prefix, const char *name, uint32_t rows, uint32_t width)
{
    const uint32_t count = rows * (width ? width : 1);
    float *data = malloc(count * sizeof *data);
    assert_non_null(data);
    assert_true(d->n < MOST_TENSORS);
    snprintf(d->names[d->n], sizeof d->names[d->n], "electra.%s%s", prefix, name);
    const float middle = strstr(name, "LayerNorm.weight") ? 1 : 0;
    for (uint32_t i = 0; i < count; i++)
        data[i] = middle + noise(&d->seed) * (width ? 0.5f : 0.1f);
    d->tensors[d->n] = (pln_tensor){
        .name = d->names[d->n], .dtype = PLN_F32, .rank = width ? 2 : 1, .shape = {rows, width}, .data = data};
    d->n++;
}

static inline void draw_dense(struct drawn *d, const char *prefix, const char *name, uint32_t rows, uint32_t width)
{
    char full[48];
    snprintf(full, sizeof full, "%.40s.weight", name);
    draw(d, prefix, full, rows, width);
    snprintf(full, sizeof full, "%.40s.bias", name);
    draw(d, prefix, full, rows, 0);
}

static inline void draw_layer(struct drawn *d, const struct sizes *s, uint32_t layer)
{
    char prefix[32];
    snprintf(prefix, sizeof prefix, "encoder.layer.%u.", layer);
    draw_dense(d, prefix, "attention.self.query", s->hidden, s->hidden);
    draw_dense(d, prefix, "attention.self.key", s->hidden, s->hidden);
    draw_dense(d, prefix, "attention.self.value", s->hidden, s->hidden);
    draw_dense(d, prefix, "attention.output.dense", s->hidden, s->hidden);
    draw_dense(d, prefix, "attention.output.LayerNorm", s->hidden, 0);
    draw_dense(d, prefix, "intermediate.dense", s->intermediate, s->hidden);
    draw_dense(d, prefix, "output.dense", s->hidden, s->intermediate);
    draw_dense(d, prefix, "output.LayerNorm", s->hidden, 0);
}

static inline void write_config(const char *folder, const struct sizes *s, const char *members)
{
    char path[600];
    snprintf(path, sizeof path, "%s/config.json", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file,
            "{\"model_type\": \"electra\", \"vocab_size\": %d, \"embedding_size\": %u, \"hidden_size\": %u, "
            "\"num_hidden_layers\": %u, \"num_attention_heads\": %u, \"intermediate_size\": %u, %s}",
            VOCABULARY, s->embedding, s->hidden, s->layers, s->heads, s->intermediate, members);
    assert_int_equal(fclose(file), 0);
}

/* members: of config.json besides, the architecture among them. The weights of the head are left to the library. */
static inline void write_model_of(const char *folder, const char *from, const struct sizes *s, const char *members)
{
    static struct drawn d;
    char path[600];
    pln_error error;
    copy_into(folder, from, "vocab.txt");
    copy_into(folder, from, "tokenizer_config.json");
    write_config(folder, s, members);
    d.n = 0;
    d.seed = 1;
    draw(&d, "embeddings.", "word_embeddings.weight", VOCABULARY, s->embedding);
    draw(&d, "embeddings.", "position_embeddings.weight", 512, s->embedding);
    draw(&d, "embeddings.", "token_type_embeddings.weight", 2, s->embedding);
    draw_dense(&d, "embeddings.", "LayerNorm", s->embedding, 0);
    draw_dense(&d, "", "embeddings_project", s->hidden, s->embedding);
    for (uint32_t i = 0; i < s->layers; i++)
        draw_layer(&d, s, i);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    must(pln_tensor_file_write(path, d.tensors, d.n, &error), &error);
    for (uint32_t i = 0; i < d.n; i++)
        free((void *)(uintptr_t)d.tensors[i].data);
}

static inline void remove_model(const char *folder)
{
    static const char *const names[] = {"config.json", "vocab.txt", "tokenizer_config.json", "model.safetensors"};
    char path[600];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}
#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * The model of a file of make_cases.py, in a folder of its own: its weights are drawn by the rule of drawn.py, so that
 * no file holds them.
 */
#ifndef TESTS_TASKS_DRAWN_H
#define TESTS_TASKS_DRAWN_H

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/must.h"

enum { MOST_TENSORS = 64 };

struct drawn {
    char folder[600];
    bool made; /* the folder is ours */
};

static const char *const drawn_files[] = {"config.json", "tokenizer_config.json", "vocab.txt", "model.safetensors"};

/* CRC-32 as zlib has it. */
static uint32_t drawn_crc(const char *text)
{
    uint32_t crc = 0xffffffff;
    for (; *text; text++) {
        crc ^= (unsigned char)*text;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

static void draw(float *out, uint64_t n, const char *name, uint32_t seed, double center, double scale)
{
    const uint32_t first = drawn_crc(name) ^ seed * 0x85ebca6b;
    for (uint64_t i = 0; i < n; i++) {
        uint32_t x = (uint32_t)i * 0x9e3779b9 + first;
        x ^= x >> 16;
        x *= 0x85ebca6b;
        x ^= x >> 13;
        x *= 0xc2b2ae35;
        x ^= x >> 16;
        out[i] = (float)(center + scale * ((x >> 8) * 0x1p-23 - 1));
    }
}

/* [name, [shape], center, scale] */
static void draw_tensor(const json_t *given, uint32_t seed, pln_tensor *tensor)
{
    const json_t *shape = json_array_get(given, 1);
    *tensor = (pln_tensor){.name = json_string_value(json_array_get(given, 0)), .dtype = PLN_F32};
    for (; tensor->rank < json_array_size(shape); tensor->rank++)
        tensor->shape[tensor->rank] = (uint64_t)json_integer_value(json_array_get(shape, tensor->rank));
    const uint64_t n = pln_tensor_elements(tensor);
    float *data = test_malloc(n * sizeof *data);
    draw(data, n, tensor->name, seed, json_number_value(json_array_get(given, 2)),
         json_number_value(json_array_get(given, 3)));
    tensor->data = data;
}

static void write_weights(const char *path, const json_t *given, uint32_t seed)
{
    static pln_tensor tensors[MOST_TENSORS];
    pln_error error;
    uint32_t n = 0;
    assert_true(json_array_size(given) > 0 && json_array_size(given) <= MOST_TENSORS);
    for (; n < json_array_size(given); n++)
        draw_tensor(json_array_get(given, n), seed, &tensors[n]);
    must(pln_tensor_file_write(path, tensors, n, &error), &error);
    for (uint32_t i = 0; i < n; i++)
        test_free((void *)(uintptr_t)tensors[i].data);
}

static const char *drawn_path(const struct drawn *drawn, uint32_t file)
{
    static char path[700];
    snprintf(path, sizeof path, "%s/%s", drawn->folder, drawn_files[file]);
    return path;
}

/* file: what make_cases.py wrote; it lives as long as drawn. Models that ship lie in models, vocabularies beside the
 * cases: both are absolute. */
static inline void drawn_begin(struct drawn *drawn, const json_t *file, const char *models, const char *cases)
{
    const json_t *model = json_object_get(file, "model"), *folder = json_object_get(model, "folder");
    char vocabulary[600];
    *drawn = (struct drawn){.made = !folder};
    if (folder) {
        snprintf(drawn->folder, sizeof drawn->folder, "%s/%s", models, json_string_value(folder));
        return;
    }
    strcpy(drawn->folder, "/tmp/pleione-drawn-XXXXXX");
    assert_non_null(mkdtemp(drawn->folder));
    assert_int_equal(json_dump_file(json_object_get(model, "config"), drawn_path(drawn, 0), 0), 0);
    assert_int_equal(json_dump_file(json_object_get(model, "tokenizer"), drawn_path(drawn, 1), 0), 0);
    snprintf(vocabulary, sizeof vocabulary, "%s/../%s.txt", cases,
             json_string_value(json_object_get(model, "vocabulary")));
    assert_int_equal(symlink(vocabulary, drawn_path(drawn, 2)), 0);
    write_weights(drawn_path(drawn, 3), json_object_get(file, "tensors"),
                  (uint32_t)json_integer_value(json_object_get(model, "seed")));
}

static inline void drawn_end(struct drawn *drawn)
{
    for (uint32_t i = 0; drawn->made && i < sizeof drawn_files / sizeof *drawn_files; i++)
        unlink(drawn_path(drawn, i));
    if (drawn->made)
        rmdir(drawn->folder);
}

#endif

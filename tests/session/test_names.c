/* SPDX-License-Identifier: Apache-2.0
 *
 * Tensors under the names that they have had over the years: test_names MODELS. Without "electra.", with
 * LayerNorm.gamma and beta, with buffers that old files hold: the same answer, and nothing to warn of.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/pleione.h"
#include "tests/must.h"

enum { MOST = 256 };
static const char *models;
static char logged[4096];

static void keep_log(void *context, pln_log_level level, const char *message)
{
    (void)context;
    (void)level;
    snprintf(logged, sizeof logged, "%s", message);
}

static void rename_part(char *name, size_t bytes, const char *from, const char *to)
{
    char *at = strstr(name, from), rest[256];
    if (!at)
        return;
    snprintf(rest, sizeof rest, "%s", at + strlen(from));
    snprintf(at, bytes - (size_t)(at - name), "%s%s", to, rest);
}

static void link_file(const char *folder, const char *name)
{
    char from[512], to[512];
    snprintf(from, sizeof from, "%s/electra-tiny-discriminator/%s", models, name);
    snprintf(to, sizeof to, "%s/%s", folder, name);
    assert_int_equal(symlink(from, to), 0);
}

static void write_old_file(const char *folder)
{
    static char names[MOST][256];
    static const int64_t positions[512];
    static pln_tensor tensors[MOST];
    pln_tensor_file *file;
    pln_error error;
    uint32_t n;
    char path[512];
    snprintf(path, sizeof path, "%s/electra-tiny-discriminator/model.safetensors", models);
    must(pln_tensor_file_open(path, &file, &error), &error);
    const pln_tensor *given = pln_tensor_file_tensors(file, &n);
    for (uint32_t i = 0; i < n; i++) {
        snprintf(names[i], sizeof names[i], "%s", given[i].name);
        rename_part(names[i], sizeof names[i], "electra.", "");
        rename_part(names[i], sizeof names[i], "LayerNorm.weight", "LayerNorm.gamma");
        rename_part(names[i], sizeof names[i], "LayerNorm.bias", "LayerNorm.beta");
        tensors[i] = given[i];
        tensors[i].name = names[i];
    }
    tensors[n++] = (pln_tensor){
        .name = "embeddings.position_ids", .dtype = PLN_I64, .rank = 2, .shape = {1, 512}, .data = positions};
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    must(pln_tensor_file_write(path, tensors, n, &error), &error);
    pln_tensor_file_close(&file);
}

static float highest(const char *directory)
{
    pln_runtime *runtime;
    pln_devices *devices;
    pln_model *model;
    pln_session *session;
    pln_word *words;
    pln_error error;
    uint32_t n;
    float most = 0;
    must(pln_runtime_create(PLN_OPTIONS(pln_runtime_options, .log = keep_log), &runtime, &error), &error);
    must(pln_devices_open(runtime, "reference", NULL, 0, &devices, &error), &error);
    must(pln_model_open(runtime, directory, NULL, &model, &error), &error);
    must(pln_session_create(model, devices, NULL, &session, &error), &error);
    must(pln_detect(session, "This program reads a text prophet and prints the number of lines.", &words, &n, &error),
         &error);
    for (uint32_t i = 0; i < n; i++)
        most = words[i].probability > most ? words[i].probability : most;
    pln_free(words);
    pln_session_destroy(&session);
    pln_model_close(&model);
    pln_devices_close(&devices);
    pln_runtime_destroy(&runtime);
    return most;
}

static void test_old_names(void **state)
{
    (void)state;
    static const char *const files[] = {"config.json", "vocab.txt", "tokenizer_config.json", "model.safetensors"};
    char folder[] = "/tmp/pleione-names-XXXXXX", path[512];
    assert_non_null(mkdtemp(folder));
    for (int i = 0; i < 3; i++)
        link_file(folder, files[i]);
    write_old_file(folder);
    snprintf(path, sizeof path, "%s/electra-tiny-discriminator", models);
    const float today = highest(path);
    assert_true(today > 0.4f);
    assert_true(highest(folder) == today);
    assert_string_equal(logged, "");
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        unlink(path);
    }
    rmdir(folder);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_old_names)};
    models = argc > 1 ? argv[1] : "";
    return cmocka_run_group_tests(tests, NULL, NULL);
}

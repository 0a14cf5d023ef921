/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers for text: test_tasks MODELS. Any number of candidates, best first; no answer where a weight is not finite.
 */
#include <math.h>
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

struct opened {
    pln_runtime *runtime;
    pln_devices *devices;
    pln_model *model;
    pln_session *session;
};

static struct opened open_model(const char *folder)
{
    struct opened o = {0};
    pln_error error;
    must(pln_runtime_create(NULL, &o.runtime, &error), &error);
    must(pln_devices_open(o.runtime, "reference", NULL, 0, &o.devices, &error), &error);
    must(pln_model_open(o.runtime, folder, NULL, &o.model, &error), &error);
    must(pln_session_create(o.model, o.devices, NULL, &o.session, &error), &error);
    return o;
}

static void close_model(struct opened *o)
{
    pln_session_destroy(&o->session);
    pln_model_close(&o->model);
    pln_devices_close(&o->devices);
    pln_runtime_destroy(&o->runtime);
}

static struct opened open_named(const char *name)
{
    char folder[512];
    snprintf(folder, sizeof folder, "%s/%s", models, name);
    return open_model(folder);
}

/* ---- candidates */

static void check_order(const pln_fill *fills, uint32_t n, bool *seen)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        assert_false(seen[fills[i].id]);
        seen[fills[i].id] = true;
        sum += (double)fills[i].probability;
        if (i && fills[i].probability == fills[i - 1].probability)
            assert_true(fills[i - 1].id < fills[i].id);
        else if (i)
            assert_true(fills[i].probability < fills[i - 1].probability);
    }
    assert_true(fabs(sum - 1) < 1e-4);
}

static void fills_any_number(void **state)
{
    (void)state;
    struct opened o = open_named("electra-tiny-generator");
    const uint32_t vocab = (uint32_t)pln_model_number(o.model, "vocab_size");
    pln_error error;
    pln_fill *all, *some;
    uint32_t n_all, n;
    must(pln_fill_mask(o.session, "And the [MASK] said [MASK] Moses.", UINT32_MAX, &all, &n_all, &error), &error);
    assert_int_equal(n_all, 2 * vocab);
    bool *seen = calloc(vocab, sizeof *seen);
    check_order(all, vocab, seen);
    memset(seen, 0, vocab * sizeof *seen);
    check_order(all + vocab, vocab, seen);
    for (uint32_t top = 0; top < 9; top++) {
        must(pln_fill_mask(o.session, "And the [MASK] said [MASK] Moses.", top, &some, &n, &error), &error);
        assert_int_equal(n, 2 * top);
        for (uint32_t i = 0; i < n; i++) {
            assert_int_equal(some[i].mask, i / top);
            assert_int_equal(some[i].id, all[i / top * vocab + i % top].id);
        }
        pln_free(some);
    }
    free(seen);
    pln_free(all);
    close_model(&o);
}

/* ---- weights that are not finite */

static char folder[] = "/tmp/pleione-tasks-XXXXXX";

static void write_text(const char *name, const char *text)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void copy_file(const char *from, const char *name, const char *old, const char *new)
{
    static char text[1 << 16];
    char path[600];
    snprintf(path, sizeof path, "%s/%s/%s", models, from, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 64, file)] = '\0';
    fclose(file);
    char *at = old ? strstr(text, old) : NULL;
    if (at) {
        memmove(at + strlen(new), at + strlen(old), strlen(at + strlen(old)) + 1);
        memcpy(at, new, strlen(new));
    }
    write_text(name, text);
}

/* The model with one number of the last LayerNorm set to value. */
static void write_model(const char *from, const char *architecture, const char *as, float value)
{
    static pln_tensor tensors[MOST];
    char path[600];
    pln_tensor_file *file;
    pln_error error;
    uint32_t n;
    copy_file(from, "config.json", architecture, as);
    copy_file(from, "vocab.txt", NULL, NULL);
    copy_file(from, "tokenizer_config.json", NULL, NULL);
    snprintf(path, sizeof path, "%s/%s/model.safetensors", models, from);
    must(pln_tensor_file_open(path, &file, &error), &error);
    const pln_tensor *given = pln_tensor_file_tensors(file, &n);
    float *changed = NULL;
    for (uint32_t i = 0; i < n; i++) {
        tensors[i] = given[i];
        if (strcmp(given[i].name, "electra.embeddings.LayerNorm.bias") != 0)
            continue;
        const size_t bytes = (size_t)pln_tensor_elements(&given[i]) * sizeof *changed;
        changed = malloc(bytes);
        memcpy(changed, given[i].data, bytes);
        changed[3] = value;
        tensors[i].data = changed;
    }
    assert_non_null(changed);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    must(pln_tensor_file_write(path, tensors, n, &error), &error);
    pln_tensor_file_close(&file);
    free(changed);
}

static void words_need_finite_logits(void **state)
{
    (void)state;
    pln_word *words;
    pln_error error;
    uint32_t n;
    write_model("electra-tiny-discriminator", NULL, NULL, NAN);
    struct opened o = open_model(folder);
    assert_int_equal(pln_detect(o.session, "the king", &words, &n, &error), PLN_FAILED);
    assert_non_null(strstr(error.message, "NaN"));
    close_model(&o);
}

static void fills_need_finite_logits(void **state)
{
    (void)state;
    pln_fill *fills;
    pln_error error;
    uint32_t n;
    write_model("electra-tiny-generator", NULL, NULL, INFINITY);
    struct opened o = open_model(folder);
    assert_int_equal(pln_fill_mask(o.session, "the [MASK]", 3, &fills, &n, &error), PLN_FAILED);
    assert_non_null(strstr(error.message, "no answer"));
    close_model(&o);
}

static void classes_need_finite_logits(void **state)
{
    (void)state;
    pln_class *classes;
    pln_error error;
    uint32_t n;
    for (int broken = 0; broken < 2; broken++) {
        write_model("electra-tiny-discriminator", "ElectraForPreTraining", "ElectraForSequenceClassification",
                    broken ? NAN : 0);
        struct opened o = open_model(folder);
        const pln_status status = pln_classify(o.session, "the king", "said", &classes, &n, &error);
        assert_int_equal(status, broken ? PLN_FAILED : PLN_OK);
        if (!broken) {
            assert_int_equal(n, 2);
            assert_true(fabsf(classes[0].score + classes[1].score - 1) < 1e-5f);
            pln_free(classes);
        }
        close_model(&o);
    }
}

/* ---- estimates */

/* Larger than the memory of any machine: nothing of it may be asked for. */
static void estimates_take_no_memory(void **state)
{
    (void)state;
    write_text("config.json",
               "{\"model_type\": \"electra\", \"architectures\": [\"ElectraForPreTraining\"], \"hidden_size\": 65536,"
               "\"embedding_size\": 65536, \"intermediate_size\": 262144, \"num_hidden_layers\": 96,"
               "\"num_attention_heads\": 64, \"vocab_size\": 30000}");
    char path[600];
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    unlink(path);
    struct opened o = {0};
    pln_error error;
    pln_memory memory = {.size = sizeof memory};
    uint32_t dims[64], n;
    const pln_model_options options = {.size = sizeof options, .without_weights = true};
    must(pln_runtime_create(NULL, &o.runtime, &error), &error);
    must(pln_devices_open(o.runtime, "reference", NULL, 0, &o.devices, &error), &error);
    must(pln_model_open(o.runtime, folder, &options, &o.model, &error), &error);
    must(pln_session_create(o.model, o.devices, NULL, &o.session, &error), &error);
    must(pln_session_prepare(o.session, 1, 128, dims, &n, &error), &error);
    must(pln_schedule_estimate(pln_session_schedule(o.session), dims, n, 0, &memory, &error), &error);
    assert_true(memory.constant_bytes > (uint64_t)18 << 40); /* 96 layers of 12 h h numbers */
    close_model(&o);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"config.json", "vocab.txt", "tokenizer_config.json", "model.safetensors"};
    char path[600];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

int main(int argc, char **argv)
{
    (void)argc;
    models = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_any_number),         cmocka_unit_test(words_need_finite_logits),
        cmocka_unit_test(fills_need_finite_logits), cmocka_unit_test(classes_need_finite_logits),
        cmocka_unit_test(estimates_take_no_memory),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

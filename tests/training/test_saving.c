/* SPDX-License-Identifier: Apache-2.0
 *
 * What a trainer promises of its work: a number that is not finite is never kept nor saved, a batch without a label is
 * told as that, what is restored is what was saved: test_saving CASES DEVICES.
 */
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/training/rows.h"

enum { BATCH = 4 };
#define CASE "sequence-single"

static const char *folder;
static pln_runtime *runtime;
static pln_devices *devices;
static char saved[] = "/tmp/pleione-saving-XXXXXX";

struct bench {
    pln_model *model;
    pln_trainer *trainer;
    struct rows rows;
};

static pln_trainer_options some_options(void)
{
    pln_trainer_options o = PLN_TRAINER_DEFAULTS;
    o.dropout = 0;
    return o;
}

static void open_bench(struct bench *b, const pln_trainer_options *o)
{
    char path[512];
    pln_error error;
    snprintf(path, sizeof path, "%s/" CASE, folder);
    must(pln_model_open(runtime, path, NULL, &b->model, &error), &error);
    must(pln_trainer_create(b->model, devices, o, &b->trainer, &error), &error);
    snprintf(path, sizeof path, "%s/" CASE "/data.safetensors", folder);
    rows_open(&b->rows, path, BATCH);
}

static void close_bench(struct bench *b)
{
    rows_close(&b->rows);
    pln_trainer_destroy(&b->trainer);
    pln_model_close(&b->model);
}

static const char *in_saved(const char *name)
{
    static char paths[4][600];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", saved, name);
    return path;
}

static int empty_saved(void **state)
{
    (void)state;
    char command[600];
    snprintf(command, sizeof command, "rm -rf %s && mkdir %s", saved, saved);
    return system(command);
}

/* A sum over every bit of the weights. */
static uint64_t hash_weights(pln_trainer *trainer)
{
    const pln_tensor *tensors;
    uint32_t count;
    pln_error error;
    uint64_t hash = 0xcbf29ce484222325u;
    must(pln_trainer_parameters(trainer, &tensors, &count, &error), &error);
    for (uint32_t i = 0; i < count; i++)
        for (uint64_t j = 0; j < pln_tensor_elements(&tensors[i]) * sizeof(float); j++)
            hash = (hash ^ ((const unsigned char *)tensors[i].data)[j]) * 0x100000001b3u;
    return hash;
}

static pln_tensor *tensor(struct rows *rows, const char *name)
{
    for (uint32_t i = 0; i < rows->n; i++)
        if (strcmp(rows->tensors[i].name, name) == 0)
            return &rows->tensors[i];
    fail_msg("no %s", name);
    return NULL;
}

/* Adam divides by the root of what was never touched: 0 / 0 with eps 0. */
static void test_update_that_is_not_finite(void **state)
{
    (void)state;
    struct bench b;
    pln_error error;
    pln_trainer_options o = some_options();
    o.eps = 0;
    open_bench(&b, &o);
    const uint64_t before = hash_weights(b.trainer);
    for (int i = 0; i < 2; i++) {
        rows_take(&b.rows, 0);
        assert_int_equal(pln_trainer_step(b.trainer, b.rows.tensors, b.rows.n, NULL, &error), PLN_FAILED);
        assert_non_null(strstr(error.message, "step 1: after an update"));
        assert_non_null(strstr(error.message, "eps 0"));
        assert_int_equal(pln_trainer_steps(b.trainer), 0);
        assert_true(hash_weights(b.trainer) == before);
    }
    close_bench(&b);
    o.eps = 1e-6;
    o.learning_rate = 1e300;
    pln_trainer *trainer;
    pln_model *model;
    char path[512];
    snprintf(path, sizeof path, "%s/" CASE, folder);
    must(pln_model_open(runtime, path, NULL, &model, &error), &error);
    assert_int_equal(pln_trainer_create(model, devices, &o, &trainer, &error), PLN_INVALID);
    assert_non_null(strstr(error.message, "learning rate 1e+300"));
    pln_model_close(&model);
}

/* Where no bound proves that an update is finite it is looked at, and stays if it is. */
static void test_update_that_is_looked_at(void **state)
{
    (void)state;
    struct bench b;
    pln_trainer_options o = some_options();
    o.eps = 1e-37;
    o.clip = 0;
    open_bench(&b, &o);
    const uint64_t before = hash_weights(b.trainer);
    assert_true(isfinite(step(b.trainer, &b.rows).loss));
    const uint64_t after = hash_weights(b.trainer);
    assert_true(after != before);
    assert_true(isfinite(step(b.trainer, &b.rows).loss));
    assert_true(hash_weights(b.trainer) != after);
    close_bench(&b);
}

static void test_batch_without_label(void **state)
{
    (void)state;
    struct bench b;
    pln_error error;
    const pln_trainer_options o = some_options();
    open_bench(&b, &o);
    rows_take(&b.rows, 0);
    must(pln_trainer_check(b.trainer, b.rows.tensors, b.rows.n, &error), &error);
    int64_t none[BATCH] = {-100, -100, -100, -100};
    tensor(&b.rows, "labels")->data = none;
    assert_int_equal(pln_trainer_check(b.trainer, b.rows.tensors, b.rows.n, &error), PLN_INVALID);
    assert_non_null(strstr(error.message, "no label"));
    assert_int_equal(pln_trainer_step(b.trainer, b.rows.tensors, b.rows.n, NULL, &error), PLN_INVALID);
    assert_non_null(strstr(error.message, "no label"));
    none[2] = 1;
    must(pln_trainer_step(b.trainer, b.rows.tensors, b.rows.n, NULL, &error), &error);
    assert_int_equal(pln_trainer_steps(b.trainer), 1);
    close_bench(&b);
}

static void test_numbered_saves(void **state)
{
    (void)state;
    struct bench b;
    pln_error error;
    const pln_trainer_options o = some_options();
    open_bench(&b, &o);
    must(pln_trainer_check_save(b.trainer, in_saved("m"), &error), &error);
    for (int i = 0; i < 3; i++) {
        step(b.trainer, &b.rows);
        must(pln_trainer_save_step(b.trainer, in_saved("m"), 2, &error), &error);
    }
    assert_int_not_equal(access(in_saved("m.step-1/config.json"), F_OK), 0);
    assert_int_equal(access(in_saved("m.step-2/trainer.json"), F_OK), 0);
    must(pln_trainer_restore(b.trainer, in_saved("m.step-2"), &error), &error);
    assert_int_equal(pln_trainer_steps(b.trainer), 2);
    assert_int_equal(pln_trainer_save_step(b.trainer, in_saved("m"), 0, &error), PLN_INVALID);
    assert_int_equal(pln_trainer_save(b.trainer, NULL, &error), PLN_INVALID);
    close_bench(&b);
}

/* ---- a state that somebody changed */

static void put(const char *name, const char *text)
{
    FILE *file = fopen(in_saved(name), "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void expect_refusal(struct bench *b, const char *names)
{
    pln_error error;
    assert_int_equal(pln_trainer_restore(b->trainer, in_saved("m"), &error), PLN_BAD_MODEL);
    if (!strstr(error.message, names) || !strstr(error.message, saved))
        fail_msg("\"%s\" lacks \"%s\"", error.message, names);
}

static void test_other_counters(void **state)
{
    (void)state;
    struct bench b;
    pln_error error;
    const pln_trainer_options o = some_options();
    open_bench(&b, &o);
    step(b.trainer, &b.rows);
    must(pln_trainer_save(b.trainer, in_saved("m"), &error), &error);
#define REST "\"head\": \"sequence-classification\"}"
    put("m/trainer.json", "{\"format\": 2, \"steps\": 1, \"seed\": \"0\", " REST);
    expect_refusal(&b, "format 2, expected 1");
    put("m/trainer.json", "{\"steps\": 1, \"seed\": \"0\", " REST);
    expect_refusal(&b, "format missing");
    put("m/trainer.json", "{\"format\": \"1\", \"steps\": 1, \"seed\": \"0\", " REST);
    expect_refusal(&b, "format \"1\"");
    put("m/trainer.json", "{\"format\": 1, \"steps\": 1.5, \"seed\": \"0\", " REST);
    expect_refusal(&b, "expected steps");
    put("m/trainer.json", "{\"format\": 1, \"steps\": 1, \"seed\": \"-1\", " REST);
    expect_refusal(&b, "expected steps");
    put("m/trainer.json", "{\"format\": 1, \"steps\": 1, \"seed\": \"99999999999999999999\", " REST);
    expect_refusal(&b, "expected steps");
    put("m/trainer.json", "{\"format\": 1, \"steps\": 1, \"seed\": \"0\", \"head\": \"masked-lm\"}");
    expect_refusal(&b, "head masked-lm");
    put("m/trainer.json", "{\"format\": 1, \"steps\": 1, \"seed\": \"18446744073709551615\", " REST);
    must(pln_trainer_restore(b.trainer, in_saved("m"), &error), &error);
    assert_true(pln_trainer_seed(b.trainer) == UINT64_MAX);
    close_bench(&b);
}

/* Writes the file again with one element changed. */
static void change_element(const char *name, float value)
{
    pln_tensor_file *file;
    pln_error error;
    uint32_t n;
    must(pln_tensor_file_open(in_saved(name), &file, &error), &error);
    const pln_tensor *all = pln_tensor_file_tensors(file, &n);
    pln_tensor *changed = malloc(n * sizeof *changed);
    memcpy(changed, all, n * sizeof *changed);
    const size_t bytes = (size_t)pln_tensor_elements(&all[0]) * sizeof(float);
    float *data = malloc(bytes);
    memcpy(data, all[0].data, bytes);
    data[0] = value;
    changed[0].data = data;
    must(pln_tensor_file_write(in_saved(name), changed, n, &error), &error);
    pln_tensor_file_close(&file);
    free(changed);
    free(data);
}

static void test_other_states(void **state)
{
    (void)state;
    struct bench b;
    pln_error error;
    const pln_trainer_options o = some_options();
    open_bench(&b, &o);
    step(b.trainer, &b.rows);
    static const struct {
        const char *file;
        float value;
        const char *names;
    } changes[] = {{"m/model.safetensors", NAN, "(parameters) holds nan"},
                   {"m/first_moment.safetensors", -INFINITY, "(first_moment) holds inf"},
                   {"m/second_moment.safetensors", NAN, "(second_moment) holds nan"},
                   {"m/second_moment.safetensors", -1, "second_moment is negative"}};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct bench other;
        must(pln_trainer_save(b.trainer, in_saved("m"), &error), &error);
        change_element(changes[i].file, changes[i].value);
        open_bench(&other, &o);
        expect_refusal(&other, changes[i].names);
        close_bench(&other);
    }
    close_bench(&b);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_update_that_is_not_finite, empty_saved),
        cmocka_unit_test_setup(test_update_that_is_looked_at, empty_saved),
        cmocka_unit_test_setup(test_batch_without_label, empty_saved),
        cmocka_unit_test_setup(test_numbered_saves, empty_saved),
        cmocka_unit_test_setup(test_other_counters, empty_saved),
        cmocka_unit_test_setup(test_other_states, empty_saved),
    };
    pln_error error;
    if (argc != 3 || !mkdtemp(saved))
        return 2;
    folder = argv[1];
    const char *device = argv[2];
    if (pln_runtime_create(NULL, &runtime, &error) != PLN_OK ||
        pln_devices_open(runtime, device, NULL, 0, &devices, &error) != PLN_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    const int failed = cmocka_run_group_tests_name(device, tests, NULL, NULL);
    pln_devices_close(&devices);
    pln_runtime_destroy(&runtime);
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", saved);
    return system(command) != 0 || failed != 0;
}

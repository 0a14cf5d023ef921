/* SPDX-License-Identifier: Apache-2.0
 *
 * A trainer on a device: the same bits twice, and after a stop in the middle; dropout by sequence and position, so that
 * accumulation and padding change nothing; what is refused: test_trainer CASES DEVICES [OPTION...].
 */
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/training/rows.h"

enum { STEPS = 6, BATCH = 4 };
#define CASE "sequence-single"

static const char *folder;
static pln_runtime *runtime;
static pln_devices *devices;

static pln_trainer_options some_options(double dropout)
{
    pln_trainer_options o = PLN_TRAINER_DEFAULTS;
    o.learning_rate = 1e-3;
    o.dropout = dropout;
    o.seed = 7;
    return o;
}

struct bench {
    pln_model *model;
    pln_trainer *trainer;
    struct rows rows;
};

static void open_bench(struct bench *b, const char *name, const pln_trainer_options *o)
{
    char path[512];
    pln_error error;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    must(pln_model_open(runtime, path, NULL, &b->model, &error), &error);
    must(pln_trainer_create(b->model, devices, o, &b->trainer, &error), &error);
    snprintf(path, sizeof path, "%s/%s/data.safetensors", folder, name);
    rows_open(&b->rows, path, BATCH);
}

static void close_bench(struct bench *b)
{
    rows_close(&b->rows);
    pln_trainer_destroy(&b->trainer);
    pln_model_close(&b->model);
}

/* All weights, one after the other; new. */
static float *weights(pln_trainer *trainer, size_t *n)
{
    const pln_tensor *tensors;
    uint32_t count;
    pln_error error;
    must(pln_trainer_parameters(trainer, &tensors, &count, &error), &error);
    *n = 0;
    for (uint32_t i = 0; i < count; i++)
        *n += (size_t)pln_tensor_elements(&tensors[i]);
    float *all = malloc(*n * sizeof *all), *to = all;
    for (uint32_t i = 0; i < count; i++) {
        memcpy(to, tensors[i].data, (size_t)pln_tensor_elements(&tensors[i]) * sizeof *to);
        to += pln_tensor_elements(&tensors[i]);
    }
    return all;
}

static float *train(const pln_trainer_options *o, const char *name, uint32_t steps, float *losses, size_t *n)
{
    struct bench b;
    open_bench(&b, name, o);
    for (uint32_t i = 0; i < steps; i++)
        losses[i] = step(b.trainer, &b.rows).loss;
    float *all = weights(b.trainer, n);
    close_bench(&b);
    return all;
}

static void test_same_bits_twice(void **state)
{
    (void)state;
    const pln_trainer_options o = some_options(0.1);
    float a[STEPS], b[STEPS];
    size_t n, m;
    float *x = train(&o, CASE, STEPS, a, &n), *y = train(&o, CASE, STEPS, b, &m);
    assert_int_equal(n, m);
    assert_memory_equal(a, b, sizeof a);
    assert_memory_equal(x, y, n * sizeof *x);
    free(x);
    free(y);
}

static void test_stop_and_restore(void **state)
{
    (void)state;
    const pln_trainer_options o = some_options(0.1);
    char saved[] = "/tmp/pleione-trainer-XXXXXX";
    float whole[STEPS];
    size_t n, m;
    float *x = train(&o, CASE, STEPS, whole, &n);
    assert_non_null(mkdtemp(saved));
    struct bench b;
    pln_error error;
    open_bench(&b, CASE, &o);
    for (uint32_t i = 0; i < STEPS / 2; i++)
        step(b.trainer, &b.rows);
    must(pln_trainer_save(b.trainer, saved, &error), &error);
    close_bench(&b);
    pln_trainer_options other = o;
    other.seed = 99; /* the saved one counts */
    open_bench(&b, CASE, &other);
    must(pln_trainer_restore(b.trainer, saved, &error), &error);
    assert_int_equal(pln_trainer_steps(b.trainer), STEPS / 2);
    for (uint32_t i = STEPS / 2; i < STEPS; i++)
        assert_memory_equal(&(float){step(b.trainer, &b.rows).loss}, &whole[i], sizeof(float));
    float *y = weights(b.trainer, &m);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n * sizeof *x);
    close_bench(&b);
    free(x);
    free(y);
    char command[600];
    snprintf(command, sizeof command, "rm -r %s", saved);
    assert_int_equal(system(command), 0);
}

static void assert_close(const float *a, const float *b, size_t n, double tolerance)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)a[i] - (double)b[i]) <= tolerance * fabs((double)b[i])))
            fail_msg("loss %zu is %.8g, expected %.8g", i + 1, (double)a[i], (double)b[i]);
}

/* Another split of the same batch draws the same dropout. */
static void test_accumulation(void **state)
{
    const char *const names[] = {CASE, "pretraining", "masked-lm", "answers", "choice-first"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        pln_trainer_options o = some_options(0.1);
        float once[STEPS], parts[STEPS], none[STEPS];
        size_t n;
        free(train(&o, names[i], STEPS, once, &n));
        o.accumulate = BATCH;
        free(train(&o, names[i], STEPS, parts, &n));
        assert_close(parts, once, STEPS, 1e-4);
        o.dropout = 0;
        free(train(&o, names[i], STEPS, none, &n));
        assert_true(fabsf(none[0] - once[0]) > 1e-4f * once[0]); /* dropout does something */
    }
}

/* The losses of every device are those of the reference. */
static void test_against_reference(void **state)
{
    (void)state;
    static const char *const precise[] = {"precision=f64"};
    const pln_trainer_options o = some_options(0.1);
    float mine[STEPS], right[STEPS];
    size_t n;
    pln_error error;
    pln_devices *own = devices;
    free(train(&o, CASE, STEPS, mine, &n));
    must(pln_devices_open(runtime, "reference", precise, 1, &devices, &error), &error);
    free(train(&o, CASE, STEPS, right, &n));
    pln_devices_close(&devices);
    devices = own;
    assert_close(mine, right, STEPS, 1e-4);
}

static void test_recompute(void **state)
{
    (void)state;
    pln_trainer_options o = some_options(0.1);
    float kept[STEPS], again[STEPS];
    size_t n, m;
    float *x = train(&o, CASE, STEPS, kept, &n);
    o.recompute = true;
    float *y = train(&o, CASE, STEPS, again, &m);
    assert_int_equal(n, m);
    assert_memory_equal(kept, again, sizeof kept);
    assert_memory_equal(x, y, n * sizeof *x);
    free(x);
    free(y);
}

static uint64_t flops_of(bool recompute, uint32_t batch)
{
    pln_error error;
    struct bench b;
    uint64_t flops;
    pln_trainer_options o = some_options(0);
    o.recompute = recompute;
    open_bench(&b, CASE, &o);
    must(pln_trainer_flops(b.trainer, batch, 8, &flops, &error), &error);
    close_bench(&b);
    return flops;
}

/* The update does not grow with the batch, all else does evenly; layers computed again count again. */
static void test_flops(void **state)
{
    (void)state;
    const uint64_t few = flops_of(false, 2), more = flops_of(false, 4), most = flops_of(false, 6);
    assert_true(most - more == more - few);
    assert_true(more > few && more < 2 * few);
    assert_true(flops_of(true, 2) > few);
}

/* A weight that is infinite makes the loss NaN: nothing is moved, and the sentence names step and node. */
static void test_not_finite(void **state)
{
    (void)state;
    const pln_trainer_options o = some_options(0);
    struct bench b;
    pln_error error;
    pln_trainer_report report = {.size = sizeof report};
    size_t n, m;
    open_bench(&b, "causal-lm-cross", &o);
    step(b.trainer, &b.rows);
    float *before = weights(b.trainer, &n);
    rows_take(&b.rows, 1);
    for (uint32_t i = 0; i < b.rows.n; i++)
        if (strcmp(b.rows.tensors[i].name, "encoder_hidden_states") == 0)
            *(float *)(void *)b.rows.data[i] = INFINITY;
    assert_int_equal(pln_trainer_step(b.trainer, b.rows.tensors, b.rows.n, &report, &error), PLN_FAILED);
    assert_non_null(strstr(error.message, "step 2"));
    assert_non_null(strstr(error.message, "layer.0.crossattention.key_value"));
    assert_int_equal(pln_trainer_steps(b.trainer), 1);
    float *after = weights(b.trainer, &m);
    assert_memory_equal(before, after, n * sizeof *before);
    assert_true(isfinite(step(b.trainer, &b.rows).loss)); /* and it goes on */
    free(before);
    free(after);
    close_bench(&b);
}

static void expect_refusal(pln_trainer_options o, const char *names)
{
    char path[512];
    pln_error error;
    pln_model *model;
    pln_trainer *trainer;
    snprintf(path, sizeof path, "%s/" CASE, folder);
    must(pln_model_open(runtime, path, NULL, &model, &error), &error);
    assert_int_equal(pln_trainer_create(model, devices, &o, &trainer, &error), PLN_INVALID);
    assert_null(trainer);
    assert_non_null(strstr(error.message, names));
    pln_model_close(&model);
}

static void test_refusals(void **state)
{
    (void)state;
    pln_trainer_options o = some_options(0);
    o.beta1 = 1;
    expect_refusal(o, "beta1");
    o = some_options(1);
    expect_refusal(o, "dropout");
    o = some_options(0);
    o.head = PLN_HEAD_MODEL;
    expect_refusal(o, "no loss");
    o = some_options(0);
    o.schedule = PLN_RATE_SCHEDULE_LINEAR;
    expect_refusal(o, "number of steps");
    o = some_options(0);
    o.accumulate = 3;
    struct bench b;
    pln_error error;
    open_bench(&b, CASE, &o);
    rows_take(&b.rows, 0);
    assert_int_equal(pln_trainer_step(b.trainer, b.rows.tensors, b.rows.n, NULL, &error), PLN_INVALID);
    assert_non_null(strstr(error.message, "3 equal parts"));
    close_bench(&b);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits_twice), cmocka_unit_test(test_stop_and_restore),
        cmocka_unit_test(test_accumulation),    cmocka_unit_test(test_against_reference),
        cmocka_unit_test(test_recompute),       cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_refusals),        cmocka_unit_test(test_flops),
    };
    pln_error error;
    if (argc < 3)
        return 2;
    folder = argv[1];
    if (pln_runtime_create(NULL, &runtime, &error) != PLN_OK ||
        pln_devices_open(runtime, argv[2], (const char *const *)argv + 3, (uint32_t)argc - 3, &devices, &error) !=
            PLN_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    const int failed = cmocka_run_group_tests_name(argv[2], tests, NULL, NULL);
    pln_devices_close(&devices);
    pln_runtime_destroy(&runtime);
    return failed != 0;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Sessions beyond the golden numbers: test_session MODELS DEVICE. A run that is repeated allocates nothing; a batch
 * gives each row what it gets alone; warnings name what was drawn and what was not used; the tasks answer.
 */
#define _GNU_SOURCE
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/pleione.h"
#include "tests/must.h"

static const char *models, *device;
static pln_runtime *runtime;
static pln_devices *devices;
static char logged[8192];

/* ---- counting allocations: these stand in front of the C library's */

static atomic_bool counting;
static atomic_uint allocations;

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t n, size_t bytes);
void *__libc_realloc(void *memory, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);

#if !defined(__SANITIZE_ADDRESS__)
static void note(void)
{
    if (atomic_load(&counting))
        atomic_fetch_add(&allocations, 1);
}

void *malloc(size_t bytes)
{
    note();
    return __libc_malloc(bytes);
}

void *calloc(size_t n, size_t bytes)
{
    note();
    return __libc_calloc(n, bytes);
}

void *realloc(void *memory, size_t bytes)
{
    note();
    return __libc_realloc(memory, bytes);
}

int posix_memalign(void **memory, size_t alignment, size_t bytes)
{
    note();
    *memory = __libc_memalign(alignment, bytes);
    return *memory ? 0 : 12;
}
#endif

/* ---- helpers */

static void keep_log(void *context, pln_log_level level, const char *message)
{
    (void)context;
    (void)level;
    const size_t used = strlen(logged);
    snprintf(logged + used, sizeof logged - used, "%s\n", message);
}

static void open_model(const char *name, pln_head head, pln_model **model, pln_session **session)
{
    char path[512];
    pln_error error;
    snprintf(path, sizeof path, "%s/%s", models, name);
    must(pln_model_open(runtime, path, NULL, model, &error), &error);
    const pln_session_options options = {.size = sizeof options, .head = head};
    must(pln_session_create(*model, devices, &options, session, &error), &error);
}

static void close_model(pln_model **model, pln_session **session)
{
    pln_session_destroy(session);
    pln_model_close(model);
}

enum { ROWS = 4, LENGTH = 24 };
static const uint32_t lengths[ROWS] = {24, 5, 1, 17};

static void make_batch(int64_t *ids, int64_t *mask, pln_tensor *inputs)
{
    for (int i = 0; i < ROWS; i++)
        for (uint32_t j = 0; j < LENGTH; j++) {
            mask[i * LENGTH + (int)j] = j < lengths[i];
            ids[i * LENGTH + (int)j] = j < lengths[i] ? 5 + (i * 977 + (int)j * 131) % 4000 : 0;
        }
    inputs[0] = (pln_tensor){.name = "input_ids", .dtype = PLN_I64, .rank = 2, .shape = {ROWS, LENGTH}, .data = ids};
    inputs[1] =
        (pln_tensor){.name = "attention_mask", .dtype = PLN_I64, .rank = 2, .shape = {ROWS, LENGTH}, .data = mask};
}

/* ---- tests */

static void test_no_allocation(void **state)
{
    (void)state;
    pln_model *model;
    pln_session *session;
    pln_error error;
    int64_t ids[ROWS * LENGTH], mask[ROWS * LENGTH];
    pln_tensor inputs[2];
    const pln_tensor *outputs;
    uint32_t n;
    make_batch(ids, mask, inputs);
    open_model("electra-tiny-discriminator", PLN_HEAD_DEFAULT, &model, &session);
    for (int i = 0; i < 3; i++) {
        atomic_store(&allocations, 0);
        atomic_store(&counting, i == 2);
        const pln_status status = pln_session_forward(session, inputs, 2, &outputs, &n, &error);
        atomic_store(&counting, false);
        must(status, &error);
    }
    assert_int_equal(atomic_load(&allocations), 0);
    close_model(&model, &session);
}

/* A row alone, without padding, has the numbers that it has in the batch. */
static void test_rows_alone(void **state)
{
    (void)state;
    pln_model *model;
    pln_session *session;
    pln_error error;
    int64_t ids[ROWS * LENGTH], mask[ROWS * LENGTH];
    pln_tensor inputs[2];
    const pln_tensor *outputs;
    uint32_t n;
    float together[ROWS * LENGTH];
    make_batch(ids, mask, inputs);
    open_model("electra-tiny-discriminator", PLN_HEAD_DEFAULT, &model, &session);
    must(pln_session_forward(session, inputs, 2, &outputs, &n, &error), &error);
    assert_int_equal(n, 1);
    memcpy(together, outputs[0].data, sizeof together);
    for (int i = 0; i < ROWS; i++) {
        const pln_tensor alone = {
            .name = "input_ids", .dtype = PLN_I64, .rank = 2, .shape = {1, lengths[i]}, .data = ids + i * LENGTH};
        must(pln_session_forward(session, &alone, 1, &outputs, &n, &error), &error);
        for (uint32_t j = 0; j < LENGTH; j++) {
            const float x = together[i * LENGTH + (int)j];
            if (j >= lengths[i])
                assert_true(x == 0); /* dropped */
            else
                assert_true(fabsf(x - ((const float *)outputs[0].data)[j]) <= 2e-5f * (1 + fabsf(x)));
        }
    }
    close_model(&model, &session);
}

static void test_warnings(void **state)
{
    (void)state;
    pln_model *model;
    pln_session *session;
    logged[0] = '\0';
    open_model("electra-tiny-generator", PLN_HEAD_PRETRAINING, &model, &session);
    assert_non_null(strstr(logged, "this is a generator"));
    assert_non_null(strstr(logged, "discriminator_predictions.dense_prediction.weight"));
    assert_non_null(strstr(logged, "not used by this head: "));
    assert_non_null(strstr(logged, "generator_predictions.dense.weight"));
    close_model(&model, &session);
    logged[0] = '\0';
    open_model("electra-tiny-discriminator", PLN_HEAD_DEFAULT, &model, &session);
    assert_string_equal(logged, "");
    close_model(&model, &session);
}

/* What is drawn hangs on the seed and the name alone. */
static void test_drawn_heads(void **state)
{
    (void)state;
    float first[2] = {0};
    for (int i = 0; i < 3; i++) {
        char path[512];
        pln_model *model;
        pln_session *session;
        pln_error error;
        const int64_t ids[] = {2, 99, 96, 3};
        const pln_tensor input = {.name = "input_ids", .dtype = PLN_I64, .rank = 2, .shape = {1, 4}, .data = ids};
        const pln_tensor *outputs;
        uint32_t n;
        snprintf(path, sizeof path, "%s/electra-tiny-discriminator", models);
        must(pln_model_open(runtime, path, PLN_OPTIONS(pln_model_options, .seed = i == 2 ? 7 : 3), &model, &error),
             &error);
        must(pln_session_create(model, devices,
                                PLN_OPTIONS(pln_session_options, .head = PLN_HEAD_SEQUENCE_CLASSIFICATION), &session,
                                &error),
             &error);
        must(pln_session_forward(session, &input, 1, &outputs, &n, &error), &error);
        const float *logits = outputs[0].data;
        assert_int_equal(outputs[0].shape[1], 2);
        if (i == 0)
            memcpy(first, logits, sizeof first);
        assert_true((logits[0] == first[0]) == (i < 2));
        assert_string_equal(pln_model_label(model, 1), "LABEL_1");
        close_model(&model, &session);
    }
}

static void test_tasks(void **state)
{
    (void)state;
    pln_model *model;
    pln_session *session;
    pln_error error;
    pln_word *words;
    pln_fill *fills;
    uint32_t n, worst = 0;
    static const char text[] = "This program reads a text prophet and prints the number of lines.";
    open_model("electra-tiny-discriminator", PLN_HEAD_DEFAULT, &model, &session);
    must(pln_detect(session, text, &words, &n, &error), &error);
    assert_int_equal(n, 13); /* punctuation is words of its own */
    for (uint32_t i = 0; i < n; i++)
        worst = words[i].probability > words[worst].probability ? i : worst;
    assert_int_equal(strncmp(text + words[worst].begin, "prophet", words[worst].end - words[worst].begin), 0);
    pln_free(words);
    assert_int_equal(pln_fill_mask(session, "a [MASK]", 1, &fills, &n, &error), PLN_INVALID);
    assert_non_null(strstr(error.message, "masked-lm"));
    close_model(&model, &session);

    open_model("electra-tiny-generator", PLN_HEAD_DEFAULT, &model, &session);
    must(pln_fill_mask(session, "And the LORD said [MASK] Moses, [MASK].", 3, &fills, &n, &error), &error);
    assert_int_equal(n, 6);
    assert_string_equal(fills[0].token, "unto");
    assert_int_equal(fills[3].mask, 1);
    pln_free(fills);
    close_model(&model, &session);
}

/* problem_type is guessed from the first labels and stays. */
static void test_problem_type(void **state)
{
    (void)state;
    char path[512];
    pln_model *model;
    pln_session *session;
    pln_error error;
    const int64_t ids[] = {2, 99, 96, 3}, label[] = {1};
    const float multi[] = {0, 1};
    const pln_tensor input = {.name = "input_ids", .dtype = PLN_I64, .rank = 2, .shape = {1, 4}, .data = ids};
    pln_tensor inputs[] = {input, {.name = "labels", .dtype = PLN_I64, .rank = 1, .shape = {1}, .data = label}};
    const pln_tensor *outputs;
    uint32_t n;
    snprintf(path, sizeof path, "%s/electra-tiny-discriminator", models);
    must(pln_model_open(runtime, path, NULL, &model, &error), &error);
    must(pln_session_create(model, devices, PLN_OPTIONS(pln_session_options, .head = PLN_HEAD_SEQUENCE_CLASSIFICATION),
                            &session, &error),
         &error);
    must(pln_session_forward(session, inputs, 2, &outputs, &n, &error), &error);
    inputs[1] = (pln_tensor){.name = "labels", .dtype = PLN_F32, .rank = 2, .shape = {1, 2}, .data = multi};
    assert_int_equal(pln_session_forward(session, inputs, 2, &outputs, &n, &error), PLN_INVALID);
    assert_non_null(strstr(error.message, "labels"));
    close_model(&model, &session);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_allocation), cmocka_unit_test(test_rows_alone), cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_drawn_heads),   cmocka_unit_test(test_tasks),      cmocka_unit_test(test_problem_type),
    };
    pln_error error;
    if (argc != 3)
        return 2;
    models = argv[1];
    device = argv[2];
    if (pln_runtime_create(PLN_OPTIONS(pln_runtime_options, .log = keep_log), &runtime, &error) != PLN_OK ||
        pln_devices_open(runtime, device, NULL, 0, &devices, &error) != PLN_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pln_devices_close(&devices);
    pln_runtime_destroy(&runtime);
    return failed != 0;
}

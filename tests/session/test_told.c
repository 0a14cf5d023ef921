/* SPDX-License-Identifier: Apache-2.0
 *
 * What the library tells of itself, of a runtime, a model and a schedule: test_told MODELS VERSION.
 */
#include <stdio.h>
#include <string.h>

#include "tests/must.h"

static const char *models, *version;

static void test_words(void **state)
{
    (void)state;
    pln_tokenizer_mode mode = PLN_TOKENIZER_MODE_FAST;
    assert_string_equal(pln_version(), version);
    assert_string_equal(pln_status_string(PLN_NO_DEVICE), "no such device");
    assert_string_equal(pln_dtype_string(PLN_F32), "f32");
    assert_true(pln_tokenizer_mode_find("slow", &mode));
    assert_int_equal(mode, PLN_TOKENIZER_MODE_SLOW);
    assert_false(pln_tokenizer_mode_find("python", &mode));
    assert_int_equal(pln_head_labels(PLN_HEAD_QUESTION_ANSWERING), PLN_LABELS_SPANS);
    assert_true(pln_processors() >= 1);
}

static void test_backends(void **state)
{
    (void)state;
    const pln_runtime_options options = {.size = sizeof options, .threads = 2};
    const pln_device_entry *const *entries;
    pln_runtime *runtime;
    pln_error error;
    uint32_t n = 0, found = 0;
    must(pln_runtime_create(&options, &runtime, &error), &error);
    assert_int_equal(pln_runtime_threads(runtime), 2);
    for (uint32_t i = 0; pln_runtime_backend(runtime, i); i++)
        found += strcmp(pln_runtime_backend(runtime, i), "reference") == 0;
    assert_int_equal(found, 1);
    must(pln_runtime_backend_devices(runtime, "reference", &entries, &n, &error), &error);
    assert_int_equal(n, 1);
    assert_string_equal(entries[0]->name, "reference");
    assert_int_equal(pln_runtime_backend_devices(runtime, "nobody", &entries, &n, &error), PLN_NO_DEVICE);
    pln_runtime_destroy(&runtime);
}

static void test_session(void **state)
{
    (void)state;
    pln_runtime *runtime;
    pln_devices *devices;
    pln_model *model;
    pln_session *session;
    pln_error error;
    char path[512];
    snprintf(path, sizeof path, "%s/electra-tiny-discriminator", models);
    must(pln_runtime_create(NULL, &runtime, &error), &error);
    must(pln_devices_open(runtime, "reference", NULL, 0, &devices, &error), &error);
    assert_int_equal(pln_devices_count(devices), 1);
    must(pln_model_open(runtime, path, NULL, &model, &error), &error);
    assert_int_equal(pln_model_head(model), PLN_HEAD_PRETRAINING);
    assert_int_equal(pln_model_classes(model, PLN_HEAD_SEQUENCE_CLASSIFICATION), 2);
    must(pln_session_create(model, devices, NULL, &session, &error), &error);
    const pln_schedule *schedule = pln_session_schedule(session);
    assert_non_null(pln_session_graph(session));
    assert_true(pln_schedule_node_count(schedule) > 0);
    pln_node_report report = {.size = sizeof report};
    must(pln_schedule_node(schedule, 0, &report, &error), &error);
    assert_string_equal(report.device, "reference");
    assert_int_equal(pln_schedule_node(schedule, pln_schedule_node_count(schedule), &report, &error), PLN_INVALID);
    pln_session_destroy(&session);
    pln_model_close(&model);
    pln_devices_close(&devices);
    pln_runtime_destroy(&runtime);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    models = argv[1];
    version = argv[2];
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_words), cmocka_unit_test(test_backends),
                                       cmocka_unit_test(test_session)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * What TF and Flax make of a model, beside what a session gives under their semantics: test_semantics FOLDER DEVICE, with
 * FOLDER as make_semantics.py writes it. Rows of which every key is masked are within 2e-3 in TF, whose float32 loses
 * the scores' last bits below -10000; all else is within 2e-5.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/pleione.h"
#include "tests/must.h"

enum { INPUTS = 8 };

static const char *const heads[] = {
    "masked-lm",          "untied", "multiple-choice", "sequence-classification", "token-classification",
    "question-answering", "cross"};
static const char *const variants[] = {"full", "bare", "dark", "faint", "labels"};
static const char *folder;
static pln_runtime *runtime;
static pln_devices *devices;
static pln_model *model;
static pln_tensor_file *cases;

/* The tensors of a case whose names go on with `part`, called by what follows it. */
static uint32_t find_part(const char *framework, const char *variant, const char *part, pln_tensor found[INPUTS])
{
    char prefix[64];
    uint32_t n_found = 0;
    uint32_t n;
    const pln_tensor *tensors = pln_tensor_file_tensors(cases, &n);
    snprintf(prefix, sizeof prefix, "%s/%s/%s/", framework, variant, part);
    for (uint32_t i = 0; i < n; i++) {
        const pln_tensor *t = &tensors[i];
        if (strncmp(t->name, prefix, strlen(prefix)) != 0)
            continue;
        assert_true(n_found < INPUTS);
        found[n_found] = *t;
        found[n_found++].name = t->name + strlen(prefix);
    }
    return n_found;
}

static void expect(const pln_tensor *outputs, uint32_t n, const pln_tensor *right, double bound)
{
    const pln_tensor *found = NULL;
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(outputs[i].name, right->name) == 0)
            found = &outputs[i];
    assert_non_null(found);
    assert_int_equal(found->rank, right->rank);
    for (uint32_t i = 0; i < right->rank; i++)
        assert_int_equal(found->shape[i], right->shape[i]);
    const float *a = found->data, *b = right->data;
    for (uint64_t i = 0; i < pln_tensor_elements(right); i++)
        if (!(fabs((double)a[i] - (double)b[i]) <= bound * (1 + fabs((double)b[i]))))
            fail_msg("%s[%u] is %.7g, not %.7g", right->name, (unsigned)i, (double)a[i], (double)b[i]);
}

static pln_session *open_session(pln_semantics semantics)
{
    pln_error error;
    pln_session *session;
    must(pln_session_create(model, devices,
                            PLN_OPTIONS(pln_session_options, .every_position = true, .semantics = semantics), &session,
                            &error),
         &error);
    return session;
}

/* Returns whether the case was recorded. */
static bool replay(pln_session *session, const char *framework, const char *variant)
{
    pln_error error;
    pln_tensor inputs[INPUTS], right[INPUTS];
    const pln_tensor *outputs;
    uint32_t n_outputs;
    const uint32_t n = find_part(framework, variant, "in", inputs),
                   wanted = find_part(framework, variant, "out", right);
    if (!n)
        return false;
    const bool dark = strcmp(framework, "tf") == 0 && strcmp(variant, "dark") == 0;
    must(pln_session_forward(session, inputs, n, &outputs, &n_outputs, &error), &error);
    for (uint32_t i = 0; i < wanted; i++)
        expect(outputs, n_outputs, &right[i], dark ? 2e-3 : 2e-5);
    return true;
}

static void open_head(const char *head)
{
    pln_error error;
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, head);
    must(pln_model_open(runtime, path, NULL, &model, &error), &error);
    snprintf(path, sizeof path, "%s/%s/cases.safetensors", folder, head);
    must(pln_tensor_file_open(path, &cases, &error), &error);
}

static void close_head(void)
{
    pln_model_close(&model);
    pln_tensor_file_close(&cases);
}

static void test_frameworks(void **state)
{
    (void)state;
    uint32_t replayed = 0;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        open_head(heads[i]);
        for (pln_semantics s = PLN_SEMANTICS_TF; s <= PLN_SEMANTICS_FLAX; s++) {
            pln_session *session = open_session(s);
            for (size_t j = 0; j < sizeof variants / sizeof *variants; j++)
                replayed += replay(session, pln_semantics_string(s), variants[j]);
            pln_session_destroy(&session);
        }
        close_head();
    }
    assert_int_equal(replayed, 6 * 5 + 6 * 3 - 2 + 3); /* of untied, Flax has neither the faint mask nor the bare ids */
}

/* Google's masks are TF's, its language models predict with hidden_act, and its loss is the sum of TF's. */
static void test_google(void **state)
{
    (void)state;
    pln_error error;
    pln_tensor inputs[INPUTS], right[INPUTS];
    const pln_tensor *outputs;
    uint32_t n_outputs;
    double sum = 0;
    open_head("sequence-classification");
    pln_session *session = open_session(PLN_SEMANTICS_GOOGLE);
    const uint32_t n = find_part("tf", "labels", "in", inputs), wanted = find_part("tf", "labels", "out", right);
    must(pln_session_forward(session, inputs, n, &outputs, &n_outputs, &error), &error);
    for (uint32_t i = 0; i < wanted; i++)
        for (uint32_t j = 0; strcmp(right[i].name, "loss") == 0 && j < pln_tensor_elements(&right[i]); j++)
            sum += (double)((const float *)right[i].data)[j];
    for (uint32_t i = 0; i < n_outputs; i++)
        if (strcmp(outputs[i].name, "loss") == 0)
            assert_true(outputs[i].rank == 0 && fabs((double)*(const float *)outputs[i].data - sum) < 1e-5 * sum);
    pln_session_destroy(&session);
    close_head();
    open_head("masked-lm");
    session = open_session(PLN_SEMANTICS_GOOGLE);
    pln_tensor flax[INPUTS];
    const uint32_t n_flax = find_part("flax", "full", "in", inputs);
    assert_int_equal(find_part("flax", "full", "out", flax), 1);
    must(pln_session_forward(session, inputs, n_flax, &outputs, &n_outputs, &error), &error);
    expect(outputs, n_outputs, &flax[0], 2e-5);
    pln_session_destroy(&session);
    close_head();
}

/* The default is PyTorch's, whatever is in the folder: none of the rules above holds. */
static void test_default(void **state)
{
    (void)state;
    pln_error error;
    pln_tensor inputs[INPUTS], right[INPUTS];
    const pln_tensor *outputs;
    uint32_t n_outputs;
    open_head("masked-lm");
    pln_session *session = open_session(PLN_SEMANTICS_PYTORCH);
    const uint32_t n = find_part("tf", "labels", "in", inputs);
    assert_int_equal(pln_session_forward(session, inputs, n, &outputs, &n_outputs, &error), PLN_INVALID);
    assert_non_null(strstr(error.message, "labels: -1"));
    const uint32_t bare = find_part("flax", "bare", "in", inputs);
    assert_int_equal(find_part("flax", "bare", "out", right), 1);
    must(pln_session_forward(session, inputs, bare, &outputs, &n_outputs, &error), &error);
    double apart = 0;
    for (uint64_t i = 0; i < pln_tensor_elements(&right[0]); i++)
        apart =
            fmax(apart, fabs((double)((const float *)outputs[0].data)[i] - (double)((const float *)right[0].data)[i]));
    assert_true(apart > 0.1);
    pln_session_destroy(&session);
    close_head();
}

/* Flax takes type 1 where none is given; of a table of one row that would be NaN. */
static void test_one_type(void **state)
{
    (void)state;
    pln_error error;
    pln_tensor inputs[INPUTS];
    const pln_tensor *outputs;
    uint32_t n_outputs;
    open_head("untied");
    pln_session *session = open_session(PLN_SEMANTICS_FLAX);
    const uint32_t n = find_part("tf", "bare", "in", inputs);
    assert_int_equal(pln_session_forward(session, inputs, n, &outputs, &n_outputs, &error), PLN_INVALID);
    assert_non_null(strstr(error.message, "token_type_ids: not given, and flax takes 1"));
    pln_session_destroy(&session);
    close_head();
}

/* A trainer takes them too: the same batch has another loss, and -1 is a label. */
static void test_training(void **state)
{
    (void)state;
    pln_error error;
    pln_tensor inputs[INPUTS];
    double losses[2];
    open_head("masked-lm");
    const uint32_t n = find_part("tf", "labels", "in", inputs);
    for (int i = 0; i < 2; i++) {
        pln_trainer *trainer;
        pln_trainer_report report = {.size = sizeof report};
        pln_trainer_options o = PLN_TRAINER_DEFAULTS;
        o.semantics = i ? PLN_SEMANTICS_TF : PLN_SEMANTICS_PYTORCH;
        o.dropout = 0;
        must(pln_trainer_create(model, devices, &o, &trainer, &error), &error);
        const pln_status status = pln_trainer_step(trainer, inputs, n, &report, &error);
        assert_int_equal(status, i ? PLN_OK : PLN_INVALID);
        losses[i] = report.loss;
        pln_trainer_destroy(&trainer);
    }
    pln_tensor right[INPUTS];
    const uint32_t wanted = find_part("tf", "labels", "out", right);
    for (uint32_t i = 0; i < wanted; i++)
        if (strcmp(right[i].name, "loss") == 0)
            assert_true(fabs(losses[1] - (double)*(const float *)right[i].data) < 1e-4);
    close_head();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_frameworks), cmocka_unit_test(test_google),
                                       cmocka_unit_test(test_default), cmocka_unit_test(test_one_type),
                                       cmocka_unit_test(test_training)};
    pln_error error = {.message = "usage: test_semantics FOLDER DEVICE"};
    folder = argv[1];
    if (argc != 3 || pln_runtime_create(NULL, &runtime, &error) != PLN_OK ||
        pln_devices_open(runtime, argv[2], NULL, 0, &devices, &error) != PLN_OK)
        return fprintf(stderr, "%s\n", error.message), 1;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pln_devices_close(&devices);
    pln_runtime_destroy(&runtime);
    return failed;
}

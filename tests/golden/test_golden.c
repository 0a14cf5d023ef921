/* SPDX-License-Identifier: Apache-2.0
 *
 * Replays every golden case on a list of devices: test_golden CASES DEVICES [OPTION...]. Each case must agree with the
 * recorded answer to |a - b| <= 5e-5 (1 + |b|), with NaN exactly where it has NaN, and packing must change nothing.
 * With the option math=bf16 it is 2e-2, and every label must be the recorded one.
 */
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/pleione.h"
#include "tests/each_case.h"

static double tolerance = 5e-5;
static bool rounded; /* products multiply bf16 */

static const char *folder;

static const pln_tensor *find(const pln_tensor *tensors, uint32_t n, const char *name)
{
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(tensors[i].name, name) == 0)
            return &tensors[i];
    return NULL;
}

static void check_tensor(const pln_tensor *found, const pln_tensor *expected)
{
    assert_int_equal(found->rank, expected->rank);
    for (uint32_t i = 0; i < expected->rank; i++)
        assert_int_equal(found->shape[i], expected->shape[i]);
    const float *a = found->data, *b = expected->data;
    for (uint64_t i = 0; i < pln_tensor_elements(expected); i++) {
        if (isnan(a[i]) && isnan(b[i]))
            continue;
        const double gap = fabs((double)a[i] - (double)b[i]);
        if (!(gap <= tolerance * (1 + fabs((double)b[i]))))
            fail_msg("%s: element %llu is %.7g, expected %.7g", expected->name, (unsigned long long)i, (double)a[i],
                     (double)b[i]);
    }
}

/* The label of a row of logits: the sign of one, the largest of several. */
static uint64_t label_of(const float *logits, uint64_t n)
{
    uint64_t best = 0;
    for (uint64_t i = 1; i < n; i++)
        best = logits[i] > logits[best] ? i : best;
    return n == 1 ? logits[0] > 0 : best;
}

static void check_labels(const pln_tensor *found, const pln_tensor *expected, pln_head head)
{
    const uint64_t n = head == PLN_HEAD_PRETRAINING ? 1 : expected->shape[expected->rank - 1];
    const float *a = found->data, *b = expected->data;
    for (uint64_t i = 0; i < pln_tensor_elements(expected); i += n)
        if (label_of(a + i, n) != label_of(b + i, n))
            fail_msg("%s: the label at element %llu is another", expected->name, (unsigned long long)i);
}

struct wanted {
    pln_head head;
    bool more;
};

static struct wanted read_case(const char *name)
{
    char path[512];
    struct wanted wanted;
    snprintf(path, sizeof path, "%s/%s/case.json", folder, name);
    json_t *json = json_load_file(path, 0, NULL);
    assert_non_null(json);
    assert_true(pln_head_find(json_string_value(json_object_get(json, "head")), &wanted.head));
    wanted.more = json_is_true(json_object_get(json, "more"));
    json_decref(json);
    return wanted;
}

static void open_tensors(const char *name, const char *file, pln_tensor_file **tensors)
{
    char path[512];
    pln_error error;
    snprintf(path, sizeof path, "%s/%s/%s", folder, name, file);
    must(pln_tensor_file_open(path, tensors, &error), &error);
}

/* Rows of [batch, length, ...] whose mask is zero are dropped by packing and read as 0; all others must be as recorded.
 */
static bool is_kept(const pln_tensor *mask, const pln_tensor *tensor, uint64_t element)
{
    if (!mask || mask->rank < 2 || mask->dtype != PLN_I64)
        return true;
    const uint32_t rank = mask->rank;
    uint64_t inner = 1;
    if (rank == 2 && tensor->rank == 3 && tensor->shape[1] != mask->shape[1] && tensor->shape[2] == mask->shape[1]) {
        const uint64_t length = mask->shape[1], row = element / (tensor->shape[1] * length); /* several of each token */
        return ((const int64_t *)mask->data)[row * length + element % length] != 0;
    }
    for (uint32_t i = 0; i < rank; i++)
        if (i >= tensor->rank || tensor->shape[i] != mask->shape[i])
            return true; /* no value for each token */
    for (uint32_t i = rank; i < tensor->rank; i++)
        inner *= tensor->shape[i];
    return ((const int64_t *)mask->data)[element / inner] != 0;
}

static void check_packed(const pln_tensor *found, const pln_tensor *expected, const pln_tensor *mask)
{
    const float *a = found->data, *b = expected->data;
    for (uint64_t i = 0; i < pln_tensor_elements(expected); i++) {
        if (!is_kept(mask, expected, i) || (isnan(a[i]) && isnan(b[i])))
            continue;
        if (!(fabs((double)a[i] - (double)b[i]) <= tolerance * (1 + fabs((double)b[i]))))
            fail_msg("packed, %s: element %llu is %.7g, expected %.7g", expected->name, (unsigned long long)i,
                     (double)a[i], (double)b[i]);
    }
}

static void replay(const char *name, bool packed)
{
    const struct wanted wanted = read_case(name);
    char path[512];
    pln_error error;
    pln_model *model;
    pln_session *session;
    pln_tensor_file *inputs, *expected;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    open_tensors(name, "inputs.safetensors", &inputs);
    open_tensors(name, "expected.safetensors", &expected);
    must(pln_model_open(runtime, path, NULL, &model, &error), &error);
    const pln_session_options options = {.size = sizeof options,
                                         .head = wanted.head,
                                         .every_position = !packed,
                                         .hidden_states = wanted.more && !packed,
                                         .attentions = wanted.more && !packed,
                                         .schedule = PLN_OPTIONS(pln_schedule_options, .no_fallback = true)};
    must(pln_session_create(model, devices, &options, &session, &error), &error);
    uint32_t n_inputs, n_expected, n_outputs;
    const pln_tensor *in = pln_tensor_file_tensors(inputs, &n_inputs), *outputs;
    const pln_tensor *want = pln_tensor_file_tensors(expected, &n_expected);
    for (int again = 0; again < 2; again++) { /* the second time replays the plan */
        must(pln_session_forward(session, in, n_inputs, &outputs, &n_outputs, &error), &error);
        if (!packed)
            assert_int_equal(n_outputs, n_expected);
        for (uint32_t i = 0; i < n_expected; i++) {
            const pln_tensor *found = find(outputs, n_outputs, want[i].name);
            if (packed && !found)
                continue;
            assert_non_null(found);
            if (packed)
                check_packed(found, &want[i], find(in, n_inputs, "attention_mask"));
            else
                check_tensor(found, &want[i]);
            if (rounded && !packed && strcmp(want[i].name, "logits") == 0)
                check_labels(found, &want[i], wanted.head);
        }
    }
    pln_session_destroy(&session);
    pln_model_close(&model);
    pln_tensor_file_close(&inputs);
    pln_tensor_file_close(&expected);
}

static void test_case(void **state)
{
    replay(*state, false);
    replay(*state, true);
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    folder = argv[1];
    for (int i = 3; i < argc; i++)
        rounded |= strcmp(argv[i], "math=bf16") == 0;
    if (rounded)
        tolerance = 2e-2;
    return run_each_case(folder, test_case, argc - 2, argv + 2);
}

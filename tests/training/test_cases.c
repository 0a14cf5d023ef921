/* SPDX-License-Identifier: Apache-2.0
 *
 * Fifty steps of every case of make_cases.py on a list of devices, beside what PyTorch did in float64: test_cases CASES
 * DEVICES [OPTION...]. Losses agree to 1e-4, each weight to 5e-3 of its norm; weights whose gradient is nothing
 * but rounding (the biases of keys) to 1e-5.
 */
#include <jansson.h>
#include <math.h>
#include <stdio.h>

#include "tests/each_case.h"
#include "tests/training/rows.h"

static double loss_tolerance = 1e-4; /* 1e-2 under math=bf16, where steps of AdamW follow the rounding of gradients */
static const double squared_tolerance = 2.5e-2; /* the same of a squared error; check_rounded.py says why */
static const double weight_tolerance = 5e-3;
static bool rounded;

static const char *folder, *name; /* of the case */

static double number(const json_t *options, const char *field)
{
    return json_number_value(json_object_get(options, field));
}

static const pln_schedule_options no_fallback = {.size = sizeof no_fallback, .no_fallback = true};

/* Weights of classes, of a case that has them. */
static float class_weights[16];

static uint32_t read_weights(const json_t *o)
{
    const json_t *list = json_object_get(o, "class_weights");
    const uint32_t n = (uint32_t)json_array_size(list);
    for (uint32_t i = 0; i < n && i < 16; i++)
        class_weights[i] = (float)json_number_value(json_array_get(list, i));
    return n;
}

static pln_trainer_options read_options(const json_t *o)
{
    const uint32_t n_weights = read_weights(o);
    const char *schedule = json_string_value(json_object_get(o, "schedule"));
    return (pln_trainer_options){.size = sizeof(pln_trainer_options),
                                 .learning_rate = number(o, "learning_rate"),
                                 .beta1 = number(o, "beta1"),
                                 .beta2 = number(o, "beta2"),
                                 .eps = number(o, "eps"),
                                 .weight_decay = number(o, "weight_decay"),
                                 .clip = number(o, "clip"),
                                 .no_bias_correction = !json_is_true(json_object_get(o, "bias_correction")),
                                 .schedule = strcmp(schedule, "linear") == 0 ? PLN_RATE_SCHEDULE_LINEAR
                                                                             : PLN_RATE_SCHEDULE_CONSTANT,
                                 .warmup = (uint32_t)number(o, "warmup"),
                                 .steps = (uint32_t)number(o, "steps"),
                                 .layer_decay = number(o, "layer_decay"),
                                 .accumulate = (uint32_t)number(o, "accumulate"),
                                 .dropout = -1,
                                 .label_smoothing = number(o, "label_smoothing"),
                                 .class_weights = n_weights ? class_weights : NULL,
                                 .n_class_weights = n_weights,
                                 .placement = &no_fallback};
}

/* How far a weight may be off whose gradient is nothing but rounding, which AdamW makes steps of: adding a number to
 * all keys of a query, or to all choices, changes no softmax. 0: it has a gradient. */
static double rounding_tolerance(const char *weight)
{
    if (strstr(weight, ".key.bias"))
        return 1e-5;
    return strncmp(name, "choice", 6) == 0 && strcmp(weight, "classifier.bias") == 0 ? 5e-4 : 0;
}

static void check_weight(const pln_tensor *found, const pln_tensor *expected)
{
    const float *a = found->data, *b = expected->data;
    const uint64_t n = pln_tensor_elements(expected);
    double gap = 0, norm = 0;
    assert_int_equal(pln_tensor_elements(found), n);
    for (uint64_t i = 0; i < n; i++) {
        gap += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        norm += (double)b[i] * (double)b[i];
    }
    const double rounding = rounding_tolerance(expected->name);
    if (rounding > 0) {
        for (uint64_t i = 0; i < n; i++)
            if (!(fabs((double)a[i] - (double)b[i]) <= rounding))
                fail_msg("%s: element %llu is %.7g, expected %.7g", expected->name, (unsigned long long)i, (double)a[i],
                         (double)b[i]);
    } else if (!(sqrt(gap) <= weight_tolerance * sqrt(norm))) {
        fail_msg("%s: differs by %.3g of its norm", expected->name, sqrt(gap / norm));
    }
}

static void check_weights(pln_trainer *trainer, const char *path)
{
    pln_error error;
    pln_tensor_file *file;
    const pln_tensor *found;
    uint32_t n_found, n_expected;
    must(pln_tensor_file_open(path, &file, &error), &error);
    const pln_tensor *expected = pln_tensor_file_tensors(file, &n_expected);
    must(pln_trainer_parameters(trainer, &found, &n_found, &error), &error);
    assert_int_equal(n_found, n_expected);
    for (uint32_t i = 0; i < n_expected; i++) {
        uint32_t j = 0;
        while (j < n_found && strcmp(found[j].name, expected[i].name) != 0)
            j++;
        if (j == n_found)
            fail_msg("no weight %s", expected[i].name);
        check_weight(&found[j], &expected[i]);
    }
    pln_tensor_file_close(&file);
}

static void check_number(const char *what, uint32_t step, double found, double expected)
{
    const bool squared = rounded && strcmp(name, "sequence-regression") == 0;
    if (!(fabs(found - expected) <= (squared ? squared_tolerance : loss_tolerance) * fabs(expected)))
        fail_msg("%s of step %u is %.8g, expected %.8g", what, step, found, expected);
}

static void test_case(void **state)
{
    char path[512];
    pln_error error;
    pln_model *model;
    pln_trainer *trainer;
    struct rows rows;
    name = *state;
    snprintf(path, sizeof path, "%s/%s/case.json", folder, name);
    json_t *json = json_load_file(path, 0, NULL);
    assert_non_null(json);
    const json_t *o = json_object_get(json, "options"), *losses = json_object_get(json, "losses");
    const json_t *norms = json_object_get(json, "norms");
    const pln_trainer_options options = read_options(o);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    must(pln_model_open(runtime, path, NULL, &model, &error), &error);
    must(pln_trainer_create(model, devices, &options, &trainer, &error), &error);
    snprintf(path, sizeof path, "%s/%s/data.safetensors", folder, name);
    rows_open(&rows, path, (uint32_t)number(o, "batch"));
    for (uint32_t i = 0; i < options.steps; i++) {
        const pln_trainer_report report = step(trainer, &rows);
        check_number("loss", i + 1, (double)report.loss, json_number_value(json_array_get(losses, i)));
        if (i == 0)
            check_number("norm", 1, (double)report.gradient_norm, json_number_value(json_array_get(norms, i)));
    }
    snprintf(path, sizeof path, "%s/%s/trained.safetensors", folder, name);
    if (!rounded)
        check_weights(trainer, path);
    rows_close(&rows);
    pln_trainer_destroy(&trainer);
    pln_model_close(&model);
    json_decref(json);
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    folder = argv[1];
    for (int i = 2; i < argc; i++)
        rounded |= strcmp(argv[i], "math=bf16") == 0;
    if (rounded)
        loss_tolerance = 1e-2;
    return run_each_case(folder, test_case, argc - 2, argv + 2);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * A trainer whose device is lost: no step is gone, and weights and losses have the bits of a training without a loss:
 * test_loss CASES DEVICE.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/training/rows.h"

enum { STEPS = 21, BATCH = 4 }; /* more than between two images */

static const char *folder, *device;

struct made {
    float losses[STEPS];
    float *weights;
    size_t n;
};

static void keep_weights(pln_trainer *trainer, struct made *made)
{
    const pln_tensor *tensors;
    uint32_t count;
    pln_error error;
    must(pln_trainer_parameters(trainer, &tensors, &count, &error), &error);
    for (uint32_t i = 0; i < count; i++)
        made->n += (size_t)pln_tensor_elements(&tensors[i]);
    float *to = made->weights = malloc((made->n + 1) * sizeof *to);
    assert_non_null(to);
    for (uint32_t i = 0; i < count; i++) {
        const size_t n = (size_t)pln_tensor_elements(&tensors[i]);
        memcpy(to, tensors[i].data, n * sizeof *to);
        to += n;
    }
}

static pln_status train(const char *faults, pln_on_loss on_loss, struct made *made, uint32_t *steps, pln_error *error)
{
    char path[512];
    pln_runtime *runtime = NULL;
    pln_devices *devices = NULL;
    pln_model *model = NULL;
    pln_trainer *trainer = NULL;
    struct rows rows;
    pln_trainer_options o = PLN_TRAINER_DEFAULTS;
    o.learning_rate = 1e-3;
    o.dropout = 0.1;
    o.seed = 7;
    o.placement = PLN_OPTIONS(pln_schedule_options, .on_loss = on_loss);
    *made = (struct made){0};
    must(pln_runtime_create(PLN_OPTIONS(pln_runtime_options, .threads = 1, .faults = faults), &runtime, error), error);
    must(pln_devices_open(runtime, device, NULL, 0, &devices, error), error);
    snprintf(path, sizeof path, "%s/sequence-single", folder);
    must(pln_model_open(runtime, path, NULL, &model, error), error);
    must(pln_trainer_create(model, devices, &o, &trainer, error), error);
    snprintf(path, sizeof path, "%s/sequence-single/data.safetensors", folder);
    rows_open(&rows, path, BATCH);
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < STEPS; i++) {
        pln_trainer_report report = {.size = sizeof report};
        rows_take(&rows, i);
        status = pln_trainer_step(trainer, rows.tensors, rows.n, &report, error);
        made->losses[i] = report.loss;
    }
    *steps = pln_trainer_steps(trainer);
    if (status == PLN_OK)
        keep_weights(trainer, made);
    rows_close(&rows);
    pln_trainer_destroy(&trainer);
    pln_model_close(&model);
    pln_devices_close(&devices);
    pln_runtime_destroy(&runtime);
    return status;
}

static void test_lost(void **state)
{
    static const uint32_t lost_at[] = {1, 9, 12, 38, 41};
    struct made whole, again;
    pln_error error;
    uint32_t steps;
    (void)state;
    must(train(NULL, PLN_ON_LOSS_FAIL, &whole, &steps, &error), &error);
    assert_int_equal(steps, STEPS);
    for (size_t i = 0; i < sizeof lost_at / sizeof *lost_at; i++)
        for (int way = PLN_ON_LOSS_REOPEN; way <= PLN_ON_LOSS_FAILOVER; way++) {
            char faults[64];
            if (way == PLN_ON_LOSS_FAILOVER && (strcmp(device, "reference") == 0 || i % 2))
                continue; /* it is the last; and one of both ends is enough */
            snprintf(faults, sizeof faults, "%s.plan_run:%u=lost", device, lost_at[i]);
            must(train(faults, (pln_on_loss)way, &again, &steps, &error), &error);
            assert_int_equal(steps, STEPS);
            assert_int_equal(again.n, whole.n);
            if (way == PLN_ON_LOSS_REOPEN) {
                assert_memory_equal(again.losses, whole.losses, sizeof whole.losses);
                assert_memory_equal(again.weights, whole.weights, whole.n * sizeof *whole.weights);
            }
            for (uint32_t j = 0; j < STEPS; j++)
                assert_true(fabsf(again.losses[j] - whole.losses[j]) < 1e-3f * (1 + fabsf(whole.losses[j])));
            free(again.weights);
        }
    free(whole.weights);
}

static void test_fail(void **state)
{
    struct made made;
    pln_error error;
    uint32_t steps;
    (void)state;
    assert_int_equal(train("plan_run:9=lost", PLN_ON_LOSS_FAIL, &made, &steps, &error), PLN_DEVICE_LOST);
    assert_true(steps < STEPS);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lost), cmocka_unit_test(test_fail)};
    if (argc != 3)
        return 2;
    folder = argv[1];
    device = argv[2];
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * The doors of a trainer.
 */
#include "tests/api/doors.h"

#include <math.h>

static const int32_t some_ids[] = {2, 3};
static const pln_tensor good_batch[] = {
    {.name = "input_ids", .dtype = PLN_I32, .rank = 2, .shape = {1, 2}, .data = some_ids},
    {.name = "labels", .dtype = PLN_I32, .rank = 2, .shape = {1, 2}, .data = some_ids}};

static void knock_pln_trainer_create(void)
{
    pln_trainer *trainer = NULL;
    pln_trainer_options options = PLN_TRAINER_DEFAULTS;
    refused(pln_trainer_create(NULL, w.devices, NULL, &trainer, fresh()), "model is NULL");
    refused(pln_trainer_create(w.generator, NULL, NULL, &trainer, fresh()), "devices is NULL");
    refused(pln_trainer_create(w.generator, w.devices, NULL, NULL, fresh()), "trainer is NULL");
    options.head = NO_SUCH(pln_head);
    refused(pln_trainer_create(w.generator, w.devices, &options, &trainer, fresh()), "no head 99");
    options.head = PLN_HEAD_DEFAULT;
    options.schedule = NO_SUCH(pln_rate_schedule);
    refused(pln_trainer_create(w.generator, w.devices, &options, &trainer, fresh()), "schedule 99");
    options.schedule = PLN_RATE_SCHEDULE_CONSTANT;
    const double not_dropped[] = {-0.1, -2, 1, 1.5, 0.99999999999, (double)NAN};
    for (size_t i = 0; i < sizeof not_dropped / sizeof *not_dropped; i++) {
        options.dropout = not_dropped[i];
        refused(pln_trainer_create(w.generator, w.devices, &options, &trainer, fresh()), "dropout");
    }
    options.dropout = -1;
    options.label_smoothing = 1.5;
    refused(pln_trainer_create(w.generator, w.devices, &options, &trainer, fresh()), "label smoothing 1.5");
    options.label_smoothing = 0;
    options.n_class_weights = 2;
    refused(pln_trainer_create(w.generator, w.devices, &options, &trainer, fresh()), "class_weights is NULL");
    options.class_weights = (const float[]){1, 1};
    refused(pln_trainer_create(w.generator, w.devices, &options, &trainer, fresh()), "is not over labels");
    options.class_weights = NULL;
    options.n_class_weights = 0;
    options.placement = PLN_OPTIONS(pln_schedule_options, .n_place = 1);
    refused(pln_trainer_create(w.generator, w.devices, &options, &trainer, fresh()), "rule 0");
    assert_null(trainer);
}

static void knock_pln_trainer_defaults(void)
{
    refused(pln_trainer_defaults(NULL, fresh()), "options is NULL");
}

static void knock_pln_trainer_destroy(void)
{
    pln_trainer *none = NULL;
    pln_trainer_destroy(NULL);
    pln_trainer_destroy(&none);
}

/* A batch with one tensor that is wrong. */
typedef pln_status take_batch(const pln_tensor *inputs, uint32_t n);

static void knock_batch(take_batch *take)
{
    static const int32_t wrong[] = {2, INT32_MAX};
    static const char *const words[] = {"NULL",       "no name",  "data is NULL", "type is unknown",
                                        "dimensions", "input_ids"};
    pln_tensor bad[5][2];
    for (size_t i = 0; i < 5; i++)
        memcpy(bad[i], good_batch, sizeof good_batch);
    bad[0][0].name = NULL;
    bad[1][0].data = NULL;
    bad[2][0].dtype = NO_SUCH(pln_dtype);
    bad[3][0].rank = 100;
    bad[4][0].data = wrong;
    refused(take(NULL, 2), words[0]);
    for (size_t i = 0; i < 5; i++)
        refused(take(bad[i], 2), words[i + 1]);
    refused(take(good_batch, 1), "labels");
}

static pln_status take_step(const pln_tensor *inputs, uint32_t n)
{
    return pln_trainer_step(w.trainer, inputs, n, NULL, fresh());
}

static void knock_pln_trainer_step(void)
{
    refused(pln_trainer_step(NULL, good_batch, 2, NULL, fresh()), "trainer is NULL");
    knock_batch(take_step);
}

static void knock_pln_trainer_steps(void)
{
    assert_int_equal(pln_trainer_steps(NULL), 0);
}

static void knock_pln_trainer_save(void)
{
    refused(pln_trainer_save(NULL, w.folder, fresh()), "trainer is NULL");
    refused(pln_trainer_save(w.trainer, NULL, fresh()), "directory is NULL");
}

static void knock_pln_trainer_restore(void)
{
    refused(pln_trainer_restore(NULL, w.folder, fresh()), "trainer is NULL");
    refused(pln_trainer_restore(w.trainer, NULL, fresh()), "directory is NULL");
}

static void knock_pln_trainer_seed(void)
{
    assert_int_equal(pln_trainer_seed(NULL), 0);
}

static pln_status check_batch(const pln_tensor *inputs, uint32_t n)
{
    return pln_trainer_check(w.trainer, inputs, n, fresh());
}

static void knock_pln_trainer_check(void)
{
    refused(pln_trainer_check(NULL, good_batch, 2, fresh()), "trainer is NULL");
    knock_batch(check_batch);
}

static void knock_pln_trainer_check_save(void)
{
    refused(pln_trainer_check_save(NULL, w.folder, fresh()), "trainer is NULL");
    refused(pln_trainer_check_save(w.trainer, NULL, fresh()), "directory is NULL");
}

static void knock_pln_trainer_save_step(void)
{
    refused(pln_trainer_save_step(NULL, w.folder, 1, fresh()), "trainer is NULL");
    refused(pln_trainer_save_step(w.trainer, NULL, 1, fresh()), "directory is NULL");
    refused(pln_trainer_save_step(w.trainer, w.folder, 0, fresh()), "keep 0");
}

static void knock_pln_trainer_rest(void)
{
    refused(pln_trainer_rest(NULL, fresh()), "trainer is NULL");
    must(pln_trainer_rest(w.trainer, fresh()), &w.error);
}

static void knock_pln_trainer_save_model(void)
{
    refused(pln_trainer_save_model(NULL, w.folder, fresh()), "trainer is NULL");
    refused(pln_trainer_save_model(w.trainer, NULL, fresh()), "directory is NULL");
}

static void knock_pln_trainer_parameters(void)
{
    const pln_tensor *tensors;
    uint32_t n;
    refused(pln_trainer_parameters(NULL, &tensors, &n, fresh()), "trainer is NULL");
    refused(pln_trainer_parameters(w.trainer, NULL, &n, fresh()), "tensors is NULL");
    refused(pln_trainer_parameters(w.trainer, &tensors, NULL, fresh()), "n_tensors is NULL");
}

static pln_status take_gradients(const pln_tensor *inputs, uint32_t n)
{
    const pln_tensor *tensors;
    uint32_t count;
    float loss;
    return pln_trainer_gradients(w.trainer, inputs, n, &loss, &tensors, &count, fresh());
}

static void knock_pln_trainer_gradients(void)
{
    const pln_tensor *tensors;
    uint32_t n;
    float loss;
    refused(pln_trainer_gradients(NULL, good_batch, 2, &loss, &tensors, &n, fresh()), "trainer is NULL");
    refused(pln_trainer_gradients(w.trainer, good_batch, 2, NULL, &tensors, &n, fresh()), "loss is NULL");
    refused(pln_trainer_gradients(w.trainer, good_batch, 2, &loss, NULL, &n, fresh()), "tensors is NULL");
    refused(pln_trainer_gradients(w.trainer, good_batch, 2, &loss, &tensors, NULL, fresh()), "n_tensors is NULL");
    knock_batch(take_gradients);
}

static pln_status take_trace(const pln_tensor *inputs, uint32_t n)
{
    const pln_tensor *tensors;
    uint32_t count;
    return pln_trainer_trace(w.trainer, inputs, n, &tensors, &count, fresh());
}

static void knock_pln_trainer_trace(void)
{
    const pln_tensor *tensors;
    uint32_t n;
    refused(pln_trainer_trace(NULL, good_batch, 2, &tensors, &n, fresh()), "trainer is NULL");
    refused(pln_trainer_trace(w.trainer, good_batch, 2, NULL, &n, fresh()), "tensors is NULL");
    refused(pln_trainer_trace(w.trainer, good_batch, 2, &tensors, NULL, fresh()), "n_tensors is NULL");
    knock_batch(take_trace);
}

static void knock_pln_trainer_estimate(void)
{
    pln_memory memory = {.size = sizeof memory};
    refused(pln_trainer_estimate(NULL, 1, 1, 0, &memory, fresh()), "trainer is NULL");
    refused(pln_trainer_estimate(w.trainer, 1, 1, 0, NULL, fresh()), "memory is NULL");
    refused(pln_trainer_estimate(w.trainer, 1, 1, 99999, &memory, fresh()), "no device 99999");
    refused(pln_trainer_estimate(w.trainer, UINT32_MAX, 1, 0, &memory, fresh()), "a batch of");
}

static void knock_pln_trainer_flops(void)
{
    uint64_t flops;
    refused(pln_trainer_flops(NULL, 1, 1, &flops, fresh()), "trainer is NULL");
    refused(pln_trainer_flops(w.trainer, 1, 1, NULL, fresh()), "flops is NULL");
    refused(pln_trainer_flops(w.trainer, UINT32_MAX, 1, &flops, fresh()), "a batch of");
}

const struct door trainer_doors[] = {DOOR(pln_trainer_defaults),
                                     DOOR(pln_trainer_create),
                                     DOOR(pln_trainer_destroy),
                                     DOOR(pln_trainer_step),
                                     DOOR(pln_trainer_steps),
                                     DOOR(pln_trainer_save),
                                     DOOR(pln_trainer_restore),
                                     DOOR(pln_trainer_seed),
                                     DOOR(pln_trainer_check),
                                     DOOR(pln_trainer_check_save),
                                     DOOR(pln_trainer_save_step),
                                     DOOR(pln_trainer_rest),
                                     DOOR(pln_trainer_save_model),
                                     DOOR(pln_trainer_parameters),
                                     DOOR(pln_trainer_gradients),
                                     DOOR(pln_trainer_trace),
                                     DOOR(pln_trainer_estimate),
                                     DOOR(pln_trainer_flops),
                                     {NULL, NULL}};

/* SPDX-License-Identifier: Apache-2.0
 *
 * Wrong use: what is in use by another thread says so in a sentence, does nothing, and works again afterwards.
 * test_in_use MODELS.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "scheduler/scheduler.h"
#include "tests/must.h"
#include "session/session.h"
#include "training/trainer.h"

static const char *models;
static pln_runtime *runtime;
static pln_devices *devices;
static pln_model *model;

static const int32_t ids[] = {2, 99, 96, 3}, label[] = {0};
static const pln_tensor inputs[] = {{"input_ids", PLN_I32, 2, {1, 4}, ids}, {"labels", PLN_I32, 1, {1}, label}};

#define REFUSED(call, what)                                                                                            \
    do {                                                                                                               \
        error = (pln_error){0};                                                                                        \
        assert_int_equal(call, PLN_INVALID);                                                                           \
        assert_string_equal(error.message, what " is in use: only one thread at a time may use it");                   \
    } while (0)

static int open_all(void **state)
{
    (void)state;
    pln_error error;
    char path[512];
    snprintf(path, sizeof path, "%s/electra-tiny-discriminator", models);
    must(pln_runtime_create(NULL, &runtime, &error), &error);
    must(pln_devices_open(runtime, "reference", NULL, 0, &devices, &error), &error);
    must(pln_model_open(runtime, path, NULL, &model, &error), &error);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    pln_model_close(&model);
    pln_devices_close(&devices);
    pln_runtime_destroy(&runtime);
    return 0;
}

static void a_session(void **state)
{
    (void)state;
    pln_session *session;
    pln_error error;
    const pln_tensor *outputs;
    pln_word *words;
    uint32_t n, dims[GRAPH_SYMBOLS];
    must(pln_session_create(model, devices, NULL, &session, &error), &error);
    must(session_begin(session, &error), &error);
    REFUSED(pln_session_forward(session, inputs, 1, &outputs, &n, &error), "the session");
    REFUSED(pln_session_prepare(session, 1, 4, dims, &n, &error), "the session");
    REFUSED(pln_detect(session, "a", &words, &n, &error), "the session");
    session_end(session);
    must(pln_session_forward(session, inputs, 1, &outputs, &n, &error), &error);
    pln_session_destroy(&session);
}

/* Two schedules over the same states are one for this purpose. */
static void schedules_with_the_same_states(void **state)
{
    (void)state;
    pln_error error;
    pln_states *states;
    pln_schedule *schedules[2];
    const uint32_t dims[] = {0};
    float x[4] = {1, 2, 3, 4};
    const pln_binding in[] = {{"x", x}};
    pln_graph *g = pln_graph_create("sums");
    pln_value *sum = pln_graph_state(g, "sum", 1, 4);
    pln_value *x_in = pln_graph_input(g, "x", PLN_F32, pln_rows_fixed(1), 4);
    pln_graph_output(g, "sum", pln_accumulate(g, "add", sum, x_in, 1));
    must(pln_graph_finish(g, &error), &error);
    must(pln_states_create(devices, &states, &error), &error);
    for (int i = 0; i < 2; i++)
        must(
            pln_schedule_create(g, devices, PLN_OPTIONS(pln_schedule_options, .states = states), &schedules[i], &error),
            &error);
    must(sched_begin(schedules[0], &error), &error);
    for (int i = 0; i < 2; i++) {
        pln_schedule *s = schedules[i];
        REFUSED(pln_schedule_run(s, dims, 1, in, 1, NULL, 0, &error), "the schedule, or another one with its states,");
        REFUSED(pln_schedule_prepare(s, dims, 1, &error), "the schedule, or another one with its states,");
        REFUSED(pln_schedule_state_read(s, "sum", x, &error), "the schedule, or another one with its states,");
        REFUSED(pln_schedule_state_write(s, "sum", x, &error), "the schedule, or another one with its states,");
    }
    sched_end(schedules[0]);
    for (int i = 0; i < 2; i++)
        must(pln_schedule_run(schedules[i], dims, 1, in, 1, NULL, 0, &error), &error);
    must(pln_schedule_state_read(schedules[0], "sum", x, &error), &error);
    assert_true(x[3] == 8);
    for (int i = 0; i < 2; i++)
        pln_schedule_destroy(&schedules[i]);
    pln_states_destroy(&states);
    pln_graph_destroy(&g);
}

static void a_trainer(void **state)
{
    (void)state;
    pln_error error;
    pln_trainer *trainer;
    const pln_tensor *tensors;
    pln_memory memory = {.size = sizeof memory};
    uint32_t n;
    uint64_t flops;
    float loss;
    pln_trainer_options options = PLN_TRAINER_DEFAULTS;
    options.head = PLN_HEAD_SEQUENCE_CLASSIFICATION;
    must(pln_trainer_create(model, devices, &options, &trainer, &error), &error);
    must(training_begin(trainer, &error), &error);
    REFUSED(pln_trainer_step(trainer, inputs, 2, NULL, &error), "the trainer");
    REFUSED(pln_trainer_gradients(trainer, inputs, 2, &loss, &tensors, &n, &error), "the trainer");
    REFUSED(pln_trainer_trace(trainer, inputs, 2, &tensors, &n, &error), "the trainer");
    REFUSED(pln_trainer_parameters(trainer, &tensors, &n, &error), "the trainer");
    REFUSED(pln_trainer_estimate(trainer, 1, 4, 0, &memory, &error), "the trainer");
    REFUSED(pln_trainer_flops(trainer, 1, 4, &flops, &error), "the trainer");
    REFUSED(pln_trainer_save(trainer, "nowhere", &error), "the trainer");
    REFUSED(pln_trainer_restore(trainer, "nowhere", &error), "the trainer");
    training_end(trainer);
    must(pln_trainer_step(trainer, inputs, 2, NULL, &error), &error);
    assert_int_equal(pln_trainer_steps(trainer), 1);
    pln_trainer_destroy(&trainer);
}

/* What is told of its progress comes from inside. */
static bool add_from_inside(void *context, uint32_t entries, uint32_t size)
{
    (void)entries;
    (void)size;
    pln_error error;
    pln_vocabulary_trainer **trainer = context;
    REFUSED(pln_vocabulary_trainer_add(*trainer, "word", 4, &error), "the vocabulary trainer");
    return true;
}

static void a_vocabulary_trainer(void **state)
{
    (void)state;
    pln_error error;
    pln_vocabulary_trainer *trainer;
    char *text;
    size_t bytes;
    uint32_t entries;
    const pln_vocabulary_options options = {
        .size = sizeof options, .progress = add_from_inside, .progress_context = &trainer, .threads = 1};
    must(pln_vocabulary_trainer_create(&options, &trainer, &error), &error);
    must(pln_vocabulary_trainer_add(trainer, "word word words", 15, &error), &error);
    must(pln_vocabulary_trainer_train(trainer, &text, &bytes, &entries, &error), &error);
    pln_free(text);
    pln_vocabulary_trainer_destroy(&trainer);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    models = argv[1];
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_session), cmocka_unit_test(schedules_with_the_same_states),
                                       cmocka_unit_test(a_trainer), cmocka_unit_test(a_vocabulary_trainer)};
    return cmocka_run_group_tests(tests, open_all, close_all);
}

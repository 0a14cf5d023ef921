/* SPDX-License-Identifier: Apache-2.0
 *
 * Sessions and trainers on threads: test_threads MODELS DEVICE [OPTION]. They share one runtime, one list of devices and one
 * model; what they answer is what one thread alone gets, bit for bit.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/pleione.h"
#include "tests/must.h"

enum { STEPS = 2, N_TEXTS = 3, WORDS = 32 };
#if defined(__SANITIZE_THREAD__) /* a watched access takes ten times as long */
enum { THREADS = 2, ROUNDS = 1 };
#else
enum { THREADS = 4, ROUNDS = 2 };
#endif

static const char *const texts[N_TEXTS] = {
    "And the king said unto the prophet, Where is thy computer?",
    "In the beginning",
    "Call me Ishmael. Some years ago, never mind how long precisely",
};

static const char *models, *device, *option;

/* What all threads share. */
static struct {
    pln_runtime *runtime;
    pln_devices *devices;
    pln_model *model;
    uint32_t n_words[N_TEXTS];
    pln_word words[N_TEXTS][WORDS];
    pln_trainer_report reports[STEPS];
} shared;

/* A thread reports by its return value: cmocka's assertions belong to the thread of the test. */
typedef struct pln_error outcome;

static void say(outcome *o, const char *what)
{
    if (!o->status) {
        o->status = PLN_DISAGREE;
        snprintf(o->message, sizeof o->message, "%s", what);
    }
}

static void open_shared(uint32_t threads)
{
    pln_error error;
    char path[512];
    snprintf(path, sizeof path, "%s/electra-tiny-discriminator", models);
    const pln_runtime_options options = {.size = sizeof options, .threads = threads};
    must(pln_runtime_create(&options, &shared.runtime, &error), &error);
    must(pln_devices_open(shared.runtime, device, &option, option != NULL, &shared.devices, &error), &error);
    must(pln_model_open(shared.runtime, path, NULL, &shared.model, &error), &error);
}

static void close_shared(void)
{
    pln_model_close(&shared.model);
    pln_devices_close(&shared.devices);
    pln_runtime_destroy(&shared.runtime);
}

static void on_threads(void *(*work)(void *))
{
    pthread_t threads[THREADS];
    outcome outcomes[THREADS];
    memset(outcomes, 0, sizeof outcomes);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, &outcomes[i]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++)
        must(outcomes[i].status, &outcomes[i]);
}

/* ---- sessions */

static pln_status detect(pln_session *session, uint32_t text, pln_word *words, uint32_t *n, pln_error *error)
{
    pln_word *found;
    const pln_status status = pln_detect(session, texts[text], &found, n, error);
    if (status != PLN_OK)
        return status;
    *n = *n < WORDS ? *n : WORDS;
    memcpy(words, found, *n * sizeof *found);
    pln_free(found);
    return PLN_OK;
}

static bool detect_right(pln_session *session, uint32_t text, outcome *o)
{
    uint32_t n;
    pln_word words[WORDS];
    if (detect(session, text, words, &n, o) != PLN_OK)
        return false;
    if (n != shared.n_words[text] || memcmp(words, shared.words[text], n * sizeof *words) != 0)
        say(o, "a session on a thread gave another answer than alone");
    return !o->status;
}

/* Sessions of two heads come and go while others run. */
static void *use_sessions(void *argument)
{
    outcome *o = argument;
    const pln_session_options other = {.size = sizeof other, .head = PLN_HEAD_SEQUENCE_CLASSIFICATION};
    for (uint32_t round = 0; !o->status && round < ROUNDS; round++) {
        pln_session *session = NULL, *second = NULL;
        pln_class *classes = NULL;
        uint32_t n;
        if (!pln_session_create(shared.model, shared.devices, NULL, &session, o) &&
            !pln_session_create(shared.model, shared.devices, &other, &second, o) &&
            !pln_classify(second, texts[round], NULL, &classes, &n, o))
            for (uint32_t text = 0; text < N_TEXTS && detect_right(session, text, o); text++)
                ;
        pln_free(classes);
        pln_session_destroy(&second);
        pln_session_destroy(&session);
    }
    return NULL;
}

static void answer_alone(void)
{
    pln_error error;
    pln_session *session;
    must(pln_session_create(shared.model, shared.devices, NULL, &session, &error), &error);
    for (uint32_t i = 0; i < N_TEXTS; i++)
        must(detect(session, i, shared.words[i], &shared.n_words[i], &error), &error);
    pln_session_destroy(&session);
}

static void test_sessions(void **state)
{
    (void)state;
    for (uint32_t threads = 1; threads <= 3; threads += 2) {
        open_shared(threads);
        answer_alone();
        on_threads(use_sessions);
        close_shared();
    }
}

/* ---- what is shared is made when it is first asked for: all threads ask at once */

static void *open_everything(void *argument)
{
    outcome *o = argument;
    const pln_tokenizer *tokenizer;
    const pln_device_entry *const *entries;
    pln_devices *devices = NULL;
    pln_session *session = NULL;
    uint32_t n;
    if (!pln_runtime_devices(shared.runtime, &entries, &n, o) && !n)
        say(o, "no devices");
    if (!o->status && !pln_devices_open(shared.runtime, device, &option, option != NULL, &devices, o) &&
        !pln_model_tokenizer(shared.model, &tokenizer, o) &&
        !pln_session_create(shared.model, devices, NULL, &session, o))
        detect_right(session, 0, o);
    pln_session_destroy(&session);
    pln_devices_close(&devices);
    return NULL;
}

static void test_opening(void **state)
{
    (void)state;
    open_shared(2);
    answer_alone();
    close_shared();
    open_shared(2);
    on_threads(open_everything);
    close_shared();
}

/* ---- one session on several threads */

static pln_session *common_session;

static void *use_one_session(void *argument)
{
    outcome *o = argument;
    for (uint32_t i = 0; i < 20 && !o->status; i++) {
        pln_error error = {0};
        uint32_t n;
        pln_word words[WORDS];
        const pln_status status = detect(common_session, i % N_TEXTS, words, &n, &error);
        if (status == PLN_INVALID && strstr(error.message, "in use"))
            continue;
        if (status != PLN_OK)
            say(o, error.message);
        else if (memcmp(words, shared.words[i % N_TEXTS], n * sizeof *words) != 0)
            say(o, "a session that two threads use gave a wrong answer");
    }
    return NULL;
}

static void test_wrong_use(void **state)
{
    (void)state;
    pln_error error;
    open_shared(2);
    answer_alone();
    must(pln_session_create(shared.model, shared.devices, NULL, &common_session, &error), &error);
    on_threads(use_one_session);
    outcome after = {0};
    assert_true(detect_right(common_session, 0, &after));
    pln_session_destroy(&common_session);
    close_shared();
}

/* ---- trainers */

static pln_status train(pln_trainer_report *reports, pln_error *error)
{
    const int32_t ids[2][6] = {{2, 99, 96, 252, 225, 3}, {2, 40, 41, 42, 43, 3}}, labels[2] = {0, 1};
    const pln_tensor inputs[] = {{"input_ids", PLN_I32, 2, {2, 6}, ids}, {"labels", PLN_I32, 1, {2}, labels}};
    pln_trainer_options options = PLN_TRAINER_DEFAULTS;
    options.head = PLN_HEAD_SEQUENCE_CLASSIFICATION;
    pln_trainer *trainer;
    pln_status status = pln_trainer_create(shared.model, shared.devices, &options, &trainer, error);
    for (uint32_t i = 0; status == PLN_OK && i < STEPS; i++) {
        reports[i].size = sizeof *reports;
        status = pln_trainer_step(trainer, inputs, 2, &reports[i], error);
    }
    pln_trainer_destroy(&trainer);
    return status;
}

static void *use_trainer(void *argument)
{
    outcome *o = argument;
    pln_trainer_report reports[STEPS];
    if (train(reports, o) != PLN_OK)
        return NULL;
    for (uint32_t i = 0; i < STEPS; i++)
        if (reports[i].loss != shared.reports[i].loss || reports[i].gradient_norm != shared.reports[i].gradient_norm)
            say(o, "a trainer on a thread made another step than alone");
    return NULL;
}

static void test_trainers(void **state)
{
    (void)state;
    pln_error error;
    open_shared(2);
    must(train(shared.reports, &error), &error);
    on_threads(use_trainer);
    close_shared();
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc > 4)
        return 2;
    models = argv[1];
    device = argv[2];
    option = argc > 3 ? argv[3] : NULL;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sessions), cmocka_unit_test(test_opening),
                                       cmocka_unit_test(test_wrong_use), cmocka_unit_test(test_trainers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

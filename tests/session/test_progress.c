/* SPDX-License-Identifier: Apache-2.0
 *
 * Long calls tell how far they are, and end when they are told to: test_progress MODELS DEVICE. Whatever step is the
 * last, the call says PLN_CANCELLED, and the next try answers as if nothing had been.
 */
#include <stdio.h>
#include <string.h>

#include "tests/must.h"

enum { WORDS = 4 };
static const char *const words[WORDS] = {"opening", "packing weights", "compiling", "running"};
static char folder[512];
static const char *device;

struct steps {
    uint32_t n, last; /* asked so far; the one that is refused */
    uint32_t told[WORDS];
    bool wrong;
};

static bool ask(void *context, const char *what, uint64_t done, uint64_t total)
{
    struct steps *steps = context;
    uint32_t i = 0;
    while (i < WORDS && strcmp(words[i], what) != 0)
        i++;
    steps->wrong |= i == WORDS || done >= total;
    if (i < WORDS)
        steps->told[i]++;
    return steps->n++ != steps->last;
}

/* The call again if it was cancelled, once. */
#define AGAIN(call)                                                                                                    \
    do {                                                                                                               \
        pln_status status = call;                                                                                      \
        if (status == PLN_CANCELLED) {                                                                                 \
            cancelled++;                                                                                               \
            assert_non_null(strstr(error.message, "cancelled while"));                                                 \
            status = call;                                                                                             \
        }                                                                                                              \
        must(status, &error);                                                                                          \
    } while (0)

/* How often it was cancelled; the sum of its probabilities goes into *sum. */
static uint32_t run(struct steps *steps, double *sum)
{
    pln_error error;
    pln_runtime *runtime;
    pln_devices *devices;
    pln_model *model;
    pln_session *session;
    pln_word *found;
    uint32_t n, cancelled = 0;
    must(pln_runtime_create(PLN_OPTIONS(pln_runtime_options, .progress = ask, .progress_context = steps), &runtime,
                            &error),
         &error);
    must(pln_devices_open(runtime, device, NULL, 0, &devices, &error), &error);
    AGAIN(pln_model_open(runtime, folder, NULL, &model, &error));
    AGAIN(pln_session_create(model, devices, NULL, &session, &error));
    AGAIN(pln_detect(session, "And the king said", &found, &n, &error));
    *sum = 0;
    for (uint32_t i = 0; i < n; i++)
        *sum += (double)found[i].probability;
    pln_free(found);
    pln_session_destroy(&session);
    pln_model_close(&model);
    pln_devices_close(&devices);
    pln_runtime_destroy(&runtime);
    assert_false(steps->wrong);
    return cancelled;
}

static void cancelled_anywhere(void **state)
{
    (void)state;
    double wanted, sum;
    struct steps whole = {.last = UINT32_MAX};
    assert_int_equal(run(&whole, &wanted), 0);
    for (uint32_t i = 0; i < WORDS; i++)
        assert_true(whole.told[i] > 0);
    const bool compiles = strcmp(device, "vulkan") == 0 || strcmp(device, "opencl") == 0; /* each try takes seconds */
    for (uint32_t last = 0; last < whole.n; last += compiles ? whole.n / 4 : 1) {
        struct steps steps = {.last = last};
        const uint32_t cancelled = run(&steps, &sum);
        assert_int_equal(cancelled, steps.n > last); /* runs that take long ask more often: it may not come so far */
        assert_true(sum == wanted);
    }
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    snprintf(folder, sizeof folder, "%s/electra-tiny-discriminator", argv[1]);
    device = argv[2];
    const struct CMUnitTest tests[] = {cmocka_unit_test(cancelled_anywhere)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Two segments of a run on two devices whose backends submit, both on their way before one is waited for: test_overlap
 * FOLDER_OF_RECORDER FIRST.so SECOND.so. Prints how long both together and each alone take.
 */
#define _POSIX_C_SOURCE 200809L /* setenv */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "tests/must.h"

enum { WIDTH = 512, ROWS = 512, DEEP = 8, RUNS = 5 };

static char file[4096], record[4096]; /* the recorder's plugin, what it noted of the last run */
static const char *folder;

/* Two branches of activations that need nothing of each other. */
static pln_graph *describe(void)
{
    pln_error error;
    pln_graph *g = pln_graph_create("branches");
    const pln_dim rows = pln_rows_of(pln_graph_symbol(g, "rows"));
    pln_value *x = pln_graph_input(g, "x", PLN_F32, rows, WIDTH), *ends[2] = {x, x};
    for (uint32_t side = 0; side < 2; side++)
        for (uint32_t i = 0; i < DEEP; i++) {
            char name[32];
            snprintf(name, sizeof name, "%s.%u", side ? "right" : "left", i);
            ends[side] = pln_activation(g, ends[side], side ? PLN_ACTIVATION_TANH : PLN_ACTIVATION_GELU,
                                        PLN_OPTIONS(pln_activation_options, .name = name));
        }
    pln_graph_output(g, "left", ends[0]);
    pln_graph_output(g, "right", ends[1]);
    must(pln_graph_finish(g, &error), &error);
    return g;
}

/* Seconds of the quickest run; y is the result. */
static double run_on(const char *list, const char *left, const char *right, float *y)
{
    static float x[ROWS * WIDTH];
    const uint32_t dims[] = {0, ROWS};
    const char *const place[] = {left, right};
    double best = 1e9;
    pln_error error;
    pln_runtime *runtime = NULL;
    pln_devices *devices = NULL;
    pln_schedule *schedule = NULL;
    pln_graph *g = describe();
    const pln_binding input = {"x", x}, outputs[] = {{"left", y}, {"right", y + ROWS * WIDTH}};
    for (uint32_t i = 0; i < ROWS * WIDTH; i++)
        x[i] = (float)(i % 101) / 25 - 2;
    must(pln_runtime_create(PLN_OPTIONS(pln_runtime_options, .threads = 1, .backend_path = folder), &runtime, &error),
         &error);
    must(pln_devices_open(runtime, list, NULL, 0, &devices, &error), &error);
    must(pln_schedule_create(g, devices, PLN_OPTIONS(pln_schedule_options, .place = place, .n_place = 2), &schedule,
                             &error),
         &error);
    void *library = dlopen(file, RTLD_NOW | RTLD_NOLOAD);
    char *noted = library ? dlsym(library, "recorder_record") : NULL;
    for (int i = 0; i < RUNS; i++) {
        if (noted)
            noted[0] = '\0';
        const double begin = clock_seconds();
        must(pln_schedule_run(schedule, dims, 2, &input, 1, outputs, 2, &error), &error);
        const double took = clock_seconds() - begin;
        best = took < best ? took : best;
    }
    snprintf(record, sizeof record, "%s", noted ? noted : "");
    if (library)
        dlclose(library);
    pln_schedule_destroy(&schedule);
    pln_devices_close(&devices);
    pln_graph_destroy(&g);
    pln_runtime_destroy(&runtime);
    return best;
}

static void test_both(void **state)
{
    static float expected[2 * ROWS * WIDTH], y[2 * ROWS * WIDTH];
    (void)state;
    run_on("reference", "left.*=reference", "right.*=reference", expected);
    const double first = run_on("recorder:0", "left.*=recorder:0", "right.*=recorder:0", y) / 2;
    const double second = run_on("recorder:1", "left.*=recorder:1", "right.*=recorder:1", y) / 2;
    const double both = run_on("recorder:0,recorder:1", "left.*=recorder:0", "right.*=recorder:1", y);
    for (size_t i = 0; i < sizeof y / sizeof *y; i++)
        assert_true(y[i] - expected[i] < 1e-5f && expected[i] - y[i] < 1e-5f);
    printf("%s\na branch on the first alone %.2f ms, on the second %.2f ms, both at once %.2f ms\n", record,
           first * 1e3, second * 1e3, both * 1e3);
    const char *submitted = strstr(record, "s0"), *beside = strpbrk(record, "1"), *waited = strstr(record, "w0");
    assert_non_null(submitted);
    assert_non_null(beside);
    assert_non_null(waited);
    assert_true(submitted < beside && beside < waited);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_both)};
    static char files[4096];
    if (argc < 4)
        return 2;
    folder = argv[1];
    snprintf(file, sizeof file, "%s/pleione-recorder.so", folder);
    snprintf(files, sizeof files, "%s %s", argv[2], argv[3]);
    setenv("RECORDED", files, 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

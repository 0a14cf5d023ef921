/* SPDX-License-Identifier: Apache-2.0
 *
 * Two segments of a run on two devices at once, and a run that is cancelled in its middle: test_flight FOLDER_OF_MEET
 * [submit|endless]. The devices of `meet` finish only when both are at work, so that a run on one after the other would fail.
 */
#define _POSIX_C_SOURCE 200809L /* setenv */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/must.h"

enum { WIDTH = 4, ROWS = 3 };

static const char *folder;
static uint32_t asked;

/* Twice: before the segment, and once more while it runs. */
static bool goes_on(void *context, const char *what, uint64_t done, uint64_t total)
{
    (void)context, (void)done, (void)total;
    asked += strcmp(what, "running") == 0;
    return asked < 2;
}

/* y = (gelu(x) as left) + (tanh(x) as right): two branches, then what needs both. */
static pln_graph *describe(void)
{
    pln_error error;
    pln_graph *g = pln_graph_create("branches");
    const pln_dim rows = pln_rows_of(pln_graph_symbol(g, "rows"));
    pln_value *x = pln_graph_input(g, "x", PLN_F32, rows, WIDTH);
    pln_value *left = pln_activation(g, x, PLN_ACTIVATION_RELU, PLN_OPTIONS(pln_activation_options, .name = "left"));
    pln_value *right = pln_activation(g, x, PLN_ACTIVATION_TANH, PLN_OPTIONS(pln_activation_options, .name = "right"));
    pln_graph_output(g, "left", left);
    pln_graph_output(g, "right", right);
    must(pln_graph_finish(g, &error), &error);
    return g;
}

static pln_status run_on(const char *list, const char *const *place, uint32_t n_place, bool asks, float *y,
                         pln_error *error)
{
    const uint32_t dims[] = {0, ROWS};
    float x[ROWS * WIDTH];
    pln_runtime *runtime = NULL;
    pln_devices *devices = NULL;
    pln_schedule *schedule = NULL;
    pln_graph *g = describe();
    const pln_binding input = {"x", x}, outputs[] = {{"left", y}, {"right", y + ROWS * WIDTH}};
    for (uint32_t i = 0; i < ROWS * WIDTH; i++)
        x[i] = (float)i / 5 - 1;
    asked = 0;
    pln_status status = pln_runtime_create(
        PLN_OPTIONS(pln_runtime_options, .threads = 1, .backend_path = folder, .progress = asks ? goes_on : NULL),
        &runtime, error);
    if (status == PLN_OK)
        status = pln_devices_open(runtime, list, NULL, 0, &devices, error);
    if (status == PLN_OK)
        status = pln_schedule_create(g, devices, PLN_OPTIONS(pln_schedule_options, .place = place, .n_place = n_place),
                                     &schedule, error);
    for (int i = 0; status == PLN_OK && i < 3; i++)
        status = pln_schedule_run(schedule, dims, 2, &input, 1, outputs, 2, error);
    pln_schedule_destroy(&schedule);
    pln_devices_close(&devices);
    pln_graph_destroy(&g);
    pln_runtime_destroy(&runtime);
    return status;
}

static void test_together(void **state)
{
    static const char *const place[] = {"left=meet:0", "right=meet:1"};
    float expected[2 * ROWS * WIDTH], y[2 * ROWS * WIDTH];
    pln_error error;
    (void)state;
    must(run_on("reference", NULL, 0, false, expected, &error), &error);
    must(run_on("meet:0,meet:1", place, 2, false, y, &error), &error);
    assert_memory_equal(y, expected, sizeof y);
}

static void test_cancelled(void **state)
{
    float y[2 * ROWS * WIDTH];
    pln_error error;
    (void)state;
    assert_int_equal(run_on("meet:0", NULL, 0, true, y, &error), PLN_CANCELLED);
    assert_non_null(strstr(error.message, "cancelled"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest together[] = {cmocka_unit_test(test_together)};
    const struct CMUnitTest cancelled[] = {cmocka_unit_test(test_cancelled)};
    if (argc < 2)
        return 2;
    folder = argv[1];
    if (argc > 2)
        setenv("MEET", argv[2], 1);
    return argc > 2 && strcmp(argv[2], "endless") == 0 ? cmocka_run_group_tests(cancelled, NULL, NULL)
                                                       : cmocka_run_group_tests(together, NULL, NULL);
}

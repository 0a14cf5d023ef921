/* SPDX-License-Identifier: Apache-2.0
 *
 * A library and backends that were built with headers of different ages, under the address sanitizer: test_crossing PLUGINS
 * NAME. Every struct that crosses is met, has the size of the side that made it, and is filled no further than both know.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/must.h"

enum { WIDTH = 4, ROWS = 3 };

static const char *name;
static pln_runtime *runtime;
static float weight[WIDTH * WIDTH] = {1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 4};

static pln_graph *describe(pln_tensor *tensor)
{
    const pln_tensor *part = tensor;
    pln_error error;
    *tensor = (pln_tensor){.name = "w", .dtype = PLN_F32, .rank = 2, .shape = {WIDTH, WIDTH}, .data = weight};
    pln_graph *g = pln_graph_create("crossing");
    const pln_dim rows = pln_rows_of(pln_graph_symbol(g, "rows"));
    pln_graph_output(
        g, "y",
        pln_linear(g, pln_graph_input(g, "x", PLN_F32, rows, WIDTH), pln_graph_constant(g, "w", &part, 1), NULL));
    must(pln_graph_finish(g, &error), &error);
    return g;
}

static void test_all_structs(void **state)
{
    static const char *const options[] = {"colour=blue", "depth=3"};
    static const uint32_t dims[] = {0, ROWS};
    float x[ROWS * WIDTH] = {1, 1, 1, 1}, y[ROWS * WIDTH];
    const pln_binding input = {"x", x}, output = {"y", y};
    pln_devices *devices;
    pln_schedule *schedule;
    pln_tensor tensor;
    pln_kernel_info kernel;
    pln_program program;
    pln_error error;
    uint32_t n;
    (void)state;
    pln_graph *g = describe(&tensor);
    must(pln_devices_open(runtime, name, options, 2, &devices, &error), &error);
    const pln_device_info *info = &pln_devices_entry(devices, 0)->info;
    assert_string_equal(info->options[0].key, "colour");
    assert_string_equal(info->option_values[0]->usual, "red");
    assert_int_equal(info->option_values[1]->most, 9);
    assert_null(info->option_values[2]);
    must(pln_schedule_create(g, devices, NULL, &schedule, &error), &error);
    must(pln_schedule_run(schedule, dims, 2, &input, 1, &output, 1, &error), &error);
    for (uint32_t i = 0; i < WIDTH; i++)
        assert_true(y[i] == (float)(i + 1));
    must(pln_schedule_programs(schedule, dims, 2, 0, &program, sizeof program, 1, &n, &error), &error);
    must(pln_schedule_kernels(schedule, 0, &kernel, sizeof kernel, 1, &n, &error), &error);
    must(pln_schedule_kernels(schedule, 0, &kernel, sizeof kernel, 1, &n, &error), &error);
    assert_string_equal(kernel.name, "all");
    pln_node_report report = {.size = sizeof report};
    must(pln_schedule_node(schedule, 0, &report, &error), &error);
    assert_string_equal(report.kernel, "crossing");
    pln_schedule_destroy(&schedule);
    pln_devices_close(&devices);
    pln_graph_destroy(&g);
}

static void test_failure(void **state)
{
    static const char *const options[] = {"colour=red"};
    pln_devices *devices;
    pln_error error;
    (void)state;
    assert_int_equal(pln_devices_open(runtime, name, options, 1, &devices, &error), PLN_INVALID);
    assert_non_null(strstr(error.message, "crossing: the colour is not red"));
}

/* A plugin of a later header that does not hold to the rule is refused, not believed. */
static void test_overrun(void **state)
{
    pln_devices *devices;
    pln_error error;
    (void)state;
    assert_int_equal(pln_devices_open(runtime, "overrun", NULL, 0, &devices, &error), PLN_NO_DEVICE);
    assert_non_null(strstr(error.message, "writes behind the"));
    assert_non_null(strstr(error.message, "overrun"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_structs), cmocka_unit_test(test_failure),
                                       cmocka_unit_test(test_overrun)};
    pln_error error = {.message = "usage: test_crossing PLUGINS NAME"};
    name = argv[2];
    if (argc != 3 ||
        pln_runtime_create(PLN_OPTIONS(pln_runtime_options, .threads = 1, .backend_path = argv[1]), &runtime, &error))
        return fprintf(stderr, "%s\n", error.message), 1;
    const int failed = _cmocka_run_group_tests(name, tests, strcmp(name, "later") == 0 ? 3 : 2, NULL, NULL);
    pln_runtime_destroy(&runtime);
    return failed;
}

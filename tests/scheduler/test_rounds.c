/* SPDX-License-Identifier: Apache-2.0
 *
 * A device opened, run and closed again and again: test_rounds DEVICE ROUNDS [DRIVER]. Memory, descriptors and threads do not
 * grow. With DRIVER only the device is opened and closed: what grows then is the driver's own, and is told.
 */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/must.h"

enum { WIDTH = 64, ROWS = 16, WARM = 100, DRIVER = 256 }; /* pages */

static const char *device;
static unsigned rounds;
static bool only_driver;

struct size {
    unsigned long pages, files, threads;
};

static unsigned long count_entries(const char *folder)
{
    unsigned long n = 0;
    DIR *dir = opendir(folder);
    while (dir && readdir(dir))
        n++;
    if (dir)
        closedir(dir);
    return n;
}

static struct size measure(void)
{
    struct size s = {0};
    unsigned long all;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file)
        skip();
    assert_int_equal(fscanf(file, "%lu %lu", &all, &s.pages), 2);
    fclose(file);
    s.files = count_entries("/proc/self/fd");
    s.threads = count_entries("/proc/self/task");
    return s;
}

static void make_round(pln_runtime *runtime, pln_graph *g)
{
    static float x[ROWS * WIDTH], y[ROWS * WIDTH];
    const uint32_t dims[] = {0, ROWS};
    const pln_binding input = {"x", x}, output = {"y", y};
    pln_devices *devices;
    pln_schedule *schedule;
    pln_error error;
    must(pln_devices_open(runtime, device, NULL, 0, &devices, &error), &error);
    if (!only_driver) {
        must(pln_schedule_create(g, devices, NULL, &schedule, &error), &error);
        must(pln_schedule_run(schedule, dims, 2, &input, 1, &output, 1, &error), &error);
        pln_schedule_destroy(&schedule);
    }
    pln_devices_close(&devices);
}

static void test_no_growth(void **state)
{
    static float weight[WIDTH * WIDTH];
    const pln_tensor tensor = {.name = "w", .dtype = PLN_F32, .rank = 2, .shape = {WIDTH, WIDTH}, .data = weight};
    const pln_tensor *part = &tensor;
    pln_runtime *runtime;
    pln_error error;
    (void)state;
    pln_graph *g = pln_graph_create("round");
    pln_value *in = pln_graph_input(g, "x", PLN_F32, pln_rows_of(pln_graph_symbol(g, "rows")), WIDTH);
    pln_graph_output(g, "y", pln_linear(g, in, pln_graph_constant(g, "w", &part, 1), NULL));
    must(pln_graph_finish(g, &error), &error);
    must(pln_runtime_create(PLN_OPTIONS(pln_runtime_options, .threads = 2), &runtime, &error), &error);
    for (unsigned i = 0; i < rounds && i < WARM; i++) /* what drivers take for a while is there then */
        make_round(runtime, g);
    const struct size before = measure();
    for (unsigned i = 0; i < rounds; i++)
        make_round(runtime, g);
    const struct size after = measure();
    print_message("%s%s: %u rounds, pages %lu to %lu, files %lu to %lu, threads %lu to %lu\n", device,
                  only_driver ? " alone" : "", rounds, before.pages, after.pages, before.files, after.files,
                  before.threads, after.threads);
    if (!only_driver) {
        assert_true(after.files <= before.files);
        assert_true(after.threads <= before.threads);
        /* a page a round, for what drivers and the allocator keep; a plan or a constant that leaks is more */
        assert_true(after.pages <= before.pages + rounds + DRIVER);
    }
    pln_graph_destroy(&g);
    pln_runtime_destroy(&runtime);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_growth)};
    if (argc < 3)
        return 2;
    device = argv[1];
    rounds = (unsigned)strtoul(argv[2], NULL, 10);
    only_driver = argc > 3;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

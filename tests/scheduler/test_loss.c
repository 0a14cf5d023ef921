/* SPDX-License-Identifier: Apache-2.0
 *
 * Faults between the library and a backend: test_loss DEVICE [OPTION...]. Each entry that fails gives its status and a
 * sentence, and the next run is as if nothing had been; a device that is lost is opened again or done without, and the same
 * request comes to the same numbers.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/must.h"

enum { ROWS = 5, WIDTH = 8, OPTIONS = 8 };

static const char *device, *options[OPTIONS];
static uint32_t n_options;
static float weight[WIDTH * WIDTH], x[ROWS * WIDTH], expected[ROWS * WIDTH];

/* y = gelu(x w) on a device with faults. */
struct world {
    pln_runtime *runtime;
    pln_devices *devices;
    pln_graph *graph;
    pln_schedule *schedule;
    pln_tensor tensor;
};

static void describe(struct world *w)
{
    const pln_tensor *part = &w->tensor;
    pln_error error;
    w->tensor = (pln_tensor){.name = "w", .dtype = PLN_F32, .rank = 2, .shape = {WIDTH, WIDTH}, .data = weight};
    w->graph = pln_graph_create("world");
    const pln_dim rows = pln_rows_of(pln_graph_symbol(w->graph, "rows"));
    pln_value *t =
        pln_linear(w->graph, pln_graph_input(w->graph, "x", PLN_F32, rows, WIDTH),
                   pln_graph_constant(w->graph, "w", &part, 1), PLN_OPTIONS(pln_linear_options, .name = "product"));
    pln_graph_output(w->graph, "y", pln_activation(w->graph, t, PLN_ACTIVATION_GELU, NULL));
    must(pln_graph_finish(w->graph, &error), &error);
}

static pln_status open_world(struct world *w, const char *faults, pln_on_loss on_loss, pln_error *error)
{
    *w = (struct world){0};
    describe(w);
    pln_status status =
        pln_runtime_create(PLN_OPTIONS(pln_runtime_options, .threads = 2, .faults = faults), &w->runtime, error);
    if (status == PLN_OK)
        status = pln_devices_open(w->runtime, device, options, n_options, &w->devices, error);
    if (status == PLN_OK)
        status = pln_schedule_create(w->graph, w->devices, PLN_OPTIONS(pln_schedule_options, .on_loss = on_loss),
                                     &w->schedule, error);
    return status;
}

static void close_world(struct world *w)
{
    pln_schedule_destroy(&w->schedule);
    pln_devices_close(&w->devices);
    pln_graph_destroy(&w->graph);
    pln_runtime_destroy(&w->runtime);
}

static pln_status run_world(struct world *w, float *y, pln_error *error)
{
    const uint32_t dims[] = {0, ROWS};
    const pln_binding input = {"x", x}, output = {"y", y};
    memset(y, 0, ROWS * WIDTH * sizeof *y);
    return pln_schedule_run(w->schedule, dims, 2, &input, 1, &output, 1, error);
}

/* The word is a rule without the entry: "%s=fail". */
static pln_status try_rule(const char *rule, const char *entry, pln_on_loss on_loss, struct world *w, float *y,
                           pln_error *error)
{
    char faults[96];
    snprintf(faults, sizeof faults, rule, entry);
    *error = (pln_error){0};
    const pln_status status = open_world(w, faults, on_loss, error);
    return status == PLN_OK ? run_world(w, y, error) : status;
}

static const char *const entries[] = {"device_count",    "device_info", "device_open", "supports",
                                      "constant_create", "plan_create", "plan_run",    "buffer_create",
                                      "buffer_write",    "buffer_read", "plan_info"};
enum { ENTRIES = sizeof entries / sizeof *entries, FIRST_OF_OPEN = 3, BUFFERS = 7, NEEDED = 10 };

/* Whether the device has memory of its own: else nobody calls buffer entries. */
static bool has_memory(void)
{
    struct world w;
    pln_error error;
    must(open_world(&w, NULL, PLN_ON_LOSS_FAIL, &error), &error);
    const bool own = !(pln_devices_entry(w.devices, 0)->info.flags & PLN_DEVICE_FLAG_HOST_MEMORY);
    close_world(&w);
    return own;
}

static bool is_asked(uint32_t entry, bool own_memory)
{
    return entry < BUFFERS || entry == NEEDED || own_memory;
}

static void test_failures(void **state)
{
    static const struct {
        const char *rule;
        pln_status status;
        const char *named;
    } kinds[] = {{"%s:1=fail", PLN_FAILED, "as the faults say"},
                 {"%s:1=memory", PLN_NO_MEMORY, "as the faults say"},
                 {"%s:1=silent", PLN_FAILED, "does not say why"}};
    const bool own = has_memory();
    (void)state;
    for (uint32_t i = FIRST_OF_OPEN; i < ENTRIES; i++)
        for (size_t k = 0; is_asked(i, own) && k < sizeof kinds / sizeof *kinds; k++) {
            struct world w;
            float y[ROWS * WIDTH];
            pln_error error;
            const pln_status status = try_rule(kinds[k].rule, entries[i], PLN_ON_LOSS_FAIL, &w, y, &error);
            if (status == PLN_OK && kinds[k].status == PLN_NO_MEMORY) { /* a plan that found no room was made again */
                close_world(&w);
                continue;
            }
            assert_int_equal(status, kinds[k].status);
            assert_int_equal(error.status, kinds[k].status);
            if (!strstr(error.message, kinds[k].named) || !strstr(error.message, entries[i]))
                fail_msg("%s: %s", entries[i], error.message);
            if (w.schedule) { /* the fault is over */
                must(run_world(&w, y, &error), &error);
                assert_memory_equal(y, expected, sizeof y);
            }
            close_world(&w);
        }
}

static void test_reopened(void **state)
{
    const bool own = has_memory();
    (void)state;
    for (uint32_t i = FIRST_OF_OPEN; i < ENTRIES; i++) {
        struct world w;
        float y[ROWS * WIDTH];
        pln_error error;
        if (!is_asked(i, own))
            continue;
        must(try_rule("%s:1=lost", entries[i], PLN_ON_LOSS_REOPEN, &w, y, &error), &error);
        assert_memory_equal(y, expected, sizeof y);
        must(run_world(&w, y, &error), &error);
        assert_memory_equal(y, expected, sizeof y);
        close_world(&w);
    }
}

/* Lost again and again: first it is opened again, then it is an error; never is there an answer without the numbers. */
static void test_lost_for_good(void **state)
{
    struct world w;
    float y[ROWS * WIDTH];
    pln_error error;
    (void)state;
    assert_int_equal(try_rule("%s=lost", "plan_run", PLN_ON_LOSS_REOPEN, &w, y, &error), PLN_DEVICE_LOST);
    assert_non_null(strstr(error.message, "plan_run"));
    close_world(&w);
    char rule[64];
    snprintf(rule, sizeof rule, "plan_run:1=lost %.*s.device_open:2+=%%s", (int)strcspn(device, ":"), device);
    assert_int_equal(try_rule(rule, "fail", PLN_ON_LOSS_REOPEN, &w, y, &error), PLN_DEVICE_LOST);
    assert_non_null(strstr(error.message, "cannot be opened again"));
    close_world(&w);
}

static void test_failover(void **state)
{
    const bool own = has_memory(), last = strncmp(device, "reference", 9) == 0;
    (void)state;
    for (uint32_t i = FIRST_OF_OPEN; i < ENTRIES; i++) {
        struct world w;
        char rule[64];
        float y[ROWS * WIDTH];
        pln_error error;
        if (!is_asked(i, own) || last)
            continue;
        snprintf(rule, sizeof rule, "%.*s.%%s:1=lost", (int)strcspn(device, ":"), device);
        must(try_rule(rule, entries[i], PLN_ON_LOSS_FAILOVER, &w, y, &error), &error);
        for (uint32_t j = 0; j < ROWS * WIDTH; j++)
            assert_true(fabsf(y[j] - expected[j]) < 1e-5f);
        pln_node_report report = {.size = sizeof report};
        must(pln_schedule_node(w.schedule, 0, &report, &error), &error);
        assert_string_not_equal(report.device, device);
        assert_non_null(strstr(report.refusals, "it was lost"));
        close_world(&w);
    }
}

/* A graph that comes after the loss is placed by the same rule. */
static void test_latecomer(void **state)
{
    static const pln_on_loss ways[] = {PLN_ON_LOSS_REOPEN, PLN_ON_LOSS_FAILOVER};
    const bool last = strncmp(device, "reference", 9) == 0;
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct world w, late = {0};
        char rule[64];
        float y[ROWS * WIDTH];
        pln_error error;
        if (last && ways[i] == PLN_ON_LOSS_FAILOVER)
            continue;
        snprintf(rule, sizeof rule, "%.*s.plan_run:1=lost", (int)strcspn(device, ":"), device);
        must(open_world(&w, rule, ways[i], &error), &error);
        pln_schedule *first = w.schedule; /* does not care for it */
        must(pln_schedule_create(w.graph, w.devices, NULL, &w.schedule, &error), &error);
        assert_int_equal(run_world(&w, y, &error), PLN_DEVICE_LOST);
        pln_schedule_destroy(&w.schedule);
        w.schedule = first;
        late = w;
        must(pln_schedule_create(w.graph, w.devices, PLN_OPTIONS(pln_schedule_options, .on_loss = ways[i]),
                                 &late.schedule, &error),
             &error);
        must(run_world(&late, y, &error), &error);
        for (uint32_t j = 0; j < ROWS * WIDTH; j++)
            assert_true(fabsf(y[j] - expected[j]) < 1e-5f);
        pln_schedule_destroy(&late.schedule);
        close_world(&w);
    }
}

static void test_fail(void **state)
{
    struct world w;
    float y[ROWS * WIDTH];
    pln_error error;
    (void)state;
    assert_int_equal(try_rule("%s:2=lost", "plan_run", PLN_ON_LOSS_FAIL, &w, y, &error), PLN_OK);
    assert_int_equal(run_world(&w, y, &error), PLN_DEVICE_LOST);
    assert_int_equal(run_world(&w, y, &error), PLN_DEVICE_LOST);
    assert_non_null(strstr(error.message, "is lost"));
    close_world(&w);
}

static void test_wrong_bits(void **state)
{
    struct world w;
    float y[ROWS * WIDTH];
    pln_error error;
    (void)state;
    must(try_rule("%s=bits", has_memory() ? "buffer_read" : "plan_run", PLN_ON_LOSS_FAIL, &w, y, &error), &error);
    assert_memory_not_equal(y, expected, sizeof y);
    close_world(&w);
}

static void test_rules(void **state)
{
    static const char *const wrong[] = {"plan_run",        "plan_run=",        "plan_runs=fail",  "plan_run:0=fail",
                                        "plan_run:x=fail", "plan_run=explode", "plan_run=delay=", "=fail"};
    pln_runtime *runtime;
    pln_error error;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const pln_status status =
            pln_runtime_create(PLN_OPTIONS(pln_runtime_options, .threads = 1, .faults = wrong[i]), &runtime, &error);
        assert_int_equal(status, PLN_INVALID);
        assert_non_null(strstr(error.message, wrong[i]));
    }
    must(pln_runtime_create(PLN_OPTIONS(pln_runtime_options, .threads = 1, .faults = " \n"), &runtime, &error), &error);
    pln_runtime_destroy(&runtime);
}

static pln_status compute_expected(pln_error *error)
{
    struct world w;
    for (uint32_t i = 0; i < WIDTH * WIDTH; i++)
        weight[i] = (float)(i % 7) / 4 - 0.7f;
    for (uint32_t i = 0; i < ROWS * WIDTH; i++)
        x[i] = (float)(i % 5) / 3 - 0.6f;
    pln_status status = open_world(&w, NULL, PLN_ON_LOSS_FAIL, error);
    if (status == PLN_OK)
        status = run_world(&w, expected, error);
    close_world(&w);
    return status;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failures), cmocka_unit_test(test_reopened),  cmocka_unit_test(test_lost_for_good),
        cmocka_unit_test(test_failover), cmocka_unit_test(test_fail),      cmocka_unit_test(test_wrong_bits),
        cmocka_unit_test(test_rules),    cmocka_unit_test(test_latecomer),
    };
    pln_error error = {.message = "usage: test_loss DEVICE [OPTION...]"};
    device = argv[1];
    for (int i = 2; i < argc && n_options < OPTIONS; i++)
        options[n_options++] = argv[i];
    if (argc < 2 || compute_expected(&error) != PLN_OK)
        return fprintf(stderr, "%s\n", error.message), 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * The update of a step described by hand, through the public calls, and the programs that a device compiles for it:
 * test_update DEVICE.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/pleione.h"
#include "tests/must.h"

enum { ROWS = 3, WIDTH = 8, ELEMENTS = ROWS * WIDTH };

static const char *device;
static pln_runtime *runtime;
static pln_devices *devices;

/* Rate, 1 - beta1, 1 - beta2, eps, decay, clip, correction1, correction2; and decay and rate of each row. */
static float settings[8] = {0.01f, 0.1f, 0.001f, 1e-6f, 0.02f, 1.5f, 0.1f, 0.001f};
static float factors[ROWS][2] = {{1, 1}, {0, 1}, {1, 0.5f}};
static const uint32_t dims[] = {0};

static pln_graph *update_graph(void)
{
    pln_error error;
    pln_graph *g = pln_graph_create("update");
    pln_value *gradient = pln_graph_state(g, "gradient", ROWS, WIDTH);
    pln_value *norm = pln_global_norm(g, "norm", gradient);
    const pln_adamw_operands operands = {
        .size = sizeof operands,
        .parameter = pln_graph_state(g, "parameter", ROWS, WIDTH),
        .first_moment = pln_graph_state(g, "first", ROWS, WIDTH),
        .second_moment = pln_graph_state(g, "second", ROWS, WIDTH),
        .gradient = gradient,
        .settings = pln_graph_input(g, "settings", PLN_F32, pln_rows_fixed(1), 8),
        .factors = pln_graph_input(g, "factors", PLN_F32, pln_rows_fixed(ROWS), 2),
        .norm = norm,
    };
    pln_graph_output(g, "norm", norm);
    assert_non_null(pln_adamw(g, "update", &operands));
    must(pln_graph_finish(g, &error), &error);
    return g;
}

static void write(pln_schedule *s, const char *name, const float *values)
{
    pln_error error;
    must(pln_schedule_state_write(s, name, values, &error), &error);
}

static void expect(pln_schedule *s, const char *name, const double *right, double bound)
{
    pln_error error;
    float got[ELEMENTS];
    must(pln_schedule_state_read(s, name, got, &error), &error);
    for (int i = 0; i < ELEMENTS; i++)
        if (!(fabs((double)got[i] - right[i]) <= bound))
            fail_msg("%s[%d] is %.9g, not %.9g", name, i, (double)got[i], right[i]);
}

/* The first step from zero moments, as ops.def has it. */
static void test_adamw(void **state)
{
    (void)state;
    pln_error error;
    pln_schedule *s;
    pln_graph *g = update_graph();
    float parameter[ELEMENTS], gradient[ELEMENTS], zeros[ELEMENTS] = {0}, norm;
    double sum = 0, p[ELEMENTS], m[ELEMENTS], v[ELEMENTS], none[ELEMENTS] = {0};
    const pln_binding inputs[] = {{"settings", settings}, {"factors", factors}}, output = {"norm", &norm};
    for (int i = 0; i < ELEMENTS; i++) {
        parameter[i] = 0.1f * (float)(i - 10);
        gradient[i] = 0.25f * (float)(i % 7 - 3);
        sum += (double)gradient[i] * (double)gradient[i];
    }
    const double clipped = fmin(1, (double)settings[5] / (sqrt(sum) + 1e-6));
    assert_true(clipped < 1);
    for (int i = 0; i < ELEMENTS; i++) {
        const double d = clipped * (double)gradient[i], rate = (double)(settings[0] * factors[i / WIDTH][1]);
        m[i] = (double)settings[1] * d;
        v[i] = (double)settings[2] * d * d;
        const double along = m[i] / (double)settings[6] / (sqrt(v[i] / (double)settings[7]) + (double)settings[3]);
        p[i] = (double)parameter[i] -
               rate * (along + (double)(settings[4] * factors[i / WIDTH][0]) * (double)parameter[i]);
    }
    must(pln_schedule_create(g, devices, NULL, &s, &error), &error);
    write(s, "parameter", parameter);
    write(s, "first", zeros);
    write(s, "second", zeros);
    write(s, "gradient", gradient);
    must(pln_schedule_run(s, dims, 1, inputs, 2, &output, 1, &error), &error);
    assert_true(fabs((double)norm - sqrt(sum)) < 1e-5);
    expect(s, "parameter", p, 2e-6);
    expect(s, "first", m, 1e-7);
    expect(s, "second", v, 1e-8);
    expect(s, "gradient", none, 0);

    /* A norm that is not finite changes nothing but the gradient, which becomes 0. */
    gradient[5] = INFINITY;
    write(s, "gradient", gradient);
    must(pln_schedule_run(s, dims, 1, inputs, 2, &output, 1, &error), &error);
    assert_true(!(norm <= 1e30f));
    expect(s, "parameter", p, 2e-6);
    expect(s, "gradient", none, 0);
    pln_schedule_destroy(&s);
    pln_graph_destroy(&g);
}

/* A device for which something is compiled tells what; others have no text, which is no error. */
static void test_programs(void **state)
{
    (void)state;
    pln_error error;
    pln_schedule *s;
    pln_program programs[16];
    pln_graph *g = update_graph();
    uint32_t n = 99;
    const bool compiled = device[0] == 'o' || device[0] == 'v';
    must(pln_schedule_create(g, devices, NULL, &s, &error), &error);
    must(pln_schedule_programs(s, dims, 1, 0, NULL, 0, 0, &n, &error), &error);
    assert_true(compiled ? n > 2 && n <= 16 : n <= 2);
    must(pln_schedule_programs(s, dims, 1, 0, programs, sizeof *programs, 16, &n, &error), &error);
    for (uint32_t i = 0; i < n && !compiled; i++)
        assert_null(programs[i].text);
    for (uint32_t i = 0; i < n && compiled; i++) {
        assert_non_null(programs[i].text);
        assert_true(programs[i].bytes > 100 && programs[i].workgroup > 0);
        assert_int_equal(programs[i].language, device[0] == 'o' ? PLN_LANGUAGE_OPENCL_C : PLN_LANGUAGE_SPIRV);
    }
    if (compiled) {
        assert_string_equal(programs[0].op, "global_norm");
        assert_string_equal(programs[n - 1].op, "adamw");
        assert_string_equal(programs[n - 1].kernel, "adamw");
    }
    pln_schedule_destroy(&s);
    pln_graph_destroy(&g);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_adamw), cmocka_unit_test(test_programs)};
    pln_error error = {.message = "usage: test_update DEVICE"};
    device = argv[1];
    if (argc != 2 || pln_runtime_create(NULL, &runtime, &error) != PLN_OK ||
        pln_devices_open(runtime, device, NULL, 0, &devices, &error) != PLN_OK)
        return fprintf(stderr, "%s\n", error.message), 1;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pln_devices_close(&devices);
    pln_runtime_destroy(&runtime);
    return failed;
}

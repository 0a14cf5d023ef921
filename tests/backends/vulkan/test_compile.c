/* SPDX-License-Identifier: Apache-2.0
 *
 * On a driver without hardware (RADV told to be a GPU that is not there) plans are made and asked about, and refuse to
 * run. This is how kernels are looked at for GPUs that a builder does not have.
 */
#define _POSIX_C_SOURCE 200809L
#include "tests/backends/vulkan/fixture.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = 32, WIDTH = 64, BYTES = ROWS * WIDTH * 4 };

static void kernels_are_described(void **state)
{
    const pln_backend *backend = pln_backend_query(PLN_ABI_VERSION, PLN_ABI_VERSION);
    static const float bias_data[WIDTH];
    static const int32_t inputs[2] = {0, 1}, outputs[1] = {2};
    static const uint32_t capacity[2] = {0, ROWS};
    pln_device *device = fixture_open("");
    pln_buffer *buffer;
    pln_constant *bias;
    pln_plan *plan;
    pln_failure error = {.size = sizeof error};
    (void)state;

    const pln_constant_info info = {.size = sizeof info, .rows = 1, .width = WIDTH, .plain = bias_data, .name = "bias"};
    assert_int_equal(backend->buffer_create(device, 2 * BYTES, &buffer, NULL), PLN_OK);
    assert_int_equal(backend->constant_create(device, &info, &bias, NULL), PLN_OK);
    const pln_value_info x = {.kind = PLN_VALUE_INPUT,
                              .dtype = PLN_F32,
                              .rows = {1, 1, 0},
                              .width = WIDTH,
                              .row_stride = WIDTH,
                              .buffer = buffer};
    pln_value_info values[3] = {x, x, x};
    values[1] = (pln_value_info){.kind = PLN_VALUE_CONSTANT, .rows = {0, 0, 1}, .width = WIDTH, .constant = bias};
    values[2].offset = BYTES;
    const pln_node_info node = {.op = 1, .n_inputs = 2, .n_outputs = 1, .inputs = inputs, .outputs = outputs};
    const pln_segment segment = {.size = sizeof segment,
                                 .n_nodes = 1,
                                 .node_stride = sizeof node,
                                 .nodes = &node,
                                 .n_values = 3,
                                 .value_stride = sizeof *values,
                                 .values = values,
                                 .n_symbols = 2,
                                 .capacity = capacity};
    assert_int_equal(backend->plan_create(device, &segment, &plan, NULL), PLN_OK);

    pln_launch_info kernels[2] = {{.size = sizeof *kernels}, {.size = sizeof *kernels}};
    pln_plan_info told = {.size = sizeof told, .n_kernels = 2, .kernel_stride = sizeof *kernels, .kernels = kernels};
    assert_int_equal(backend->plan_info(device, &segment, plan, &told, NULL), PLN_OK);
    assert_int_equal(told.n_kernels, 2);
    assert_true(kernels[0].registers > 0);
    assert_true(kernels[0].inverse_throughput > 0);
    assert_int_equal(kernels[0].subgroup, 64);
    assert_int_equal(kernels[0].spills, 0);

    const pln_run run = {sizeof run, 2, capacity};
    assert_int_equal(backend->plan_run(plan, &run, &error), PLN_FAILED);
    assert_non_null(strstr(error.message, "runs none"));
    backend->plan_destroy(&plan);
    backend->constant_destroy(device, &bias);
    backend->buffer_destroy(device, &buffer);
    fixture_close(&device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(kernels_are_described)};
    setenv("VK_ICD_FILENAMES", RADV_ICD, 1);
    setenv("RADV_FORCE_FAMILY", "NAVI21", 1);
    return fixture_has_device() ? cmocka_run_group_tests(tests, NULL, NULL) : fixture_without_device();
}

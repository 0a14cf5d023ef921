/* SPDX-License-Identifier: Apache-2.0
 *
 * Every pipeline that the shipped model needs, for every head and several sizes, compiled by RADV for a GPU that is not
 * there (the environment names it): none spills. test_radv MODEL
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/pleione.h"
#include "tests/must.h"

enum { MOST_KERNELS = 512 };

static const char *directory;

static uint32_t check_kernels(pln_schedule *schedule, const uint32_t *dims, uint32_t n_dims)
{
    static pln_kernel_info kernels[MOST_KERNELS];
    uint32_t n = 0;
    pln_error error;
    must(pln_schedule_prepare(schedule, dims, n_dims, &error), &error);
    must(pln_schedule_kernels(schedule, 0, kernels, sizeof *kernels, MOST_KERNELS, &n, &error), &error);
    assert_true(n > 10 && n <= MOST_KERNELS);
    for (uint32_t i = 0; i < n; i++) {
        assert_true(kernels[i].registers > 0);
        if (kernels[i].spills)
            fail_msg("%s spills %u registers", kernels[i].name, kernels[i].spills);
    }
    return n;
}

static uint32_t check_head(pln_model *model, pln_devices *devices, pln_head head, uint32_t batch, uint32_t length)
{
    const pln_session_options options = {.size = sizeof options,
                                         .head = head,
                                         .hidden_states = true,
                                         .attentions = true,
                                         .schedule = PLN_OPTIONS(pln_schedule_options, .no_fallback = true)};
    uint32_t dims[64], n_dims;
    pln_error error;
    pln_session *session;
    must(pln_session_create(model, devices, &options, &session, &error), &error);
    must(pln_session_prepare(session, batch, length, dims, &n_dims, &error), &error);
    const uint32_t n = check_kernels(pln_session_schedule(session), dims, n_dims);
    pln_session_destroy(&session);
    return n;
}

static void test_no_spills(void **state)
{
    (void)state;
    static const char *const variant[] = {"variant=gpu"};
    pln_error error;
    pln_runtime *runtime;
    pln_devices *devices;
    pln_model *model;
    uint32_t kernels = 0;
    must(pln_runtime_create(NULL, &runtime, &error), &error);
    must(pln_devices_open(runtime, "vulkan", variant, 1, &devices, &error), &error);
    must(pln_model_open(runtime, directory, NULL, &model, &error), &error);
    for (int head = PLN_HEAD_MODEL; strcmp(pln_head_string((pln_head)head), "unknown") != 0; head++) {
        kernels += check_head(model, devices, (pln_head)head, 1, 16);
        kernels += check_head(model, devices, (pln_head)head, 8, 128);
    }
    printf("%s: %u launches, none spills\n", pln_devices_entry(devices, 0)->info.name, kernels);
    pln_model_close(&model);
    pln_devices_close(&devices);
    pln_runtime_destroy(&runtime);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_spills)};
    directory = argc > 1 ? argv[1] : "";
    return cmocka_run_group_tests(tests, NULL, NULL);
}

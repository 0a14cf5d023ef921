/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests that run on a list of devices.
 */
#ifndef TESTS_ON_DEVICES_H
#define TESTS_ON_DEVICES_H

#include <stdio.h>

#include "tests/must.h"

static pln_runtime *runtime;
static pln_devices *devices;

/* Opens the devices (arguments: DEVICES [OPTION...]), runs the tests, and gives the exit code. */
static inline int run_on_devices(const struct CMUnitTest *tests, size_t n, int n_arguments, char **arguments)
{
    pln_error error;
    if (!n || n_arguments < 1 || pln_runtime_create(NULL, &runtime, &error) != PLN_OK)
        return 2;
    const pln_status status = pln_devices_open(runtime, arguments[0], (const char *const *)arguments + 1,
                                               (uint32_t)n_arguments - 1, &devices, &error);
    if (status != PLN_OK) {
        fprintf(stderr, "%s\n", error.message);
        return status == PLN_INVALID ? 77 : 1; /* a level that this processor lacks is skipped, visibly */
    }
    const int failed = _cmocka_run_group_tests(arguments[0], tests, n, NULL, NULL);
    pln_devices_close(&devices);
    pln_runtime_destroy(&runtime);
    return failed != 0;
}

#endif

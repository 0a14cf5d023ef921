/* SPDX-License-Identifier: Apache-2.0
 *
 * On a machine without libOpenCL the plugin still answers: no device, and a sentence that says what to install. (Built
 * with the name of a library that is not there.)
 */
#include <stdarg.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "backends/opencl/opencl.h"

static void says_what_is_missing(void **state)
{
    uint32_t n = 99;
    pln_failure error = {.size = sizeof error};
    pln_device_description info = {.size = sizeof info};
    pln_device *device = NULL;
    (void)state;
    assert_int_equal(clb_device_count(&n, &error), PLN_NO_DEVICE);
    assert_int_equal(n, 0);
    assert_non_null(strstr(error.message, CLB_LIBRARY));
    assert_non_null(strstr(error.message, "install"));
    assert_int_equal(clb_device_info(0, NULL, &info, &error), PLN_NO_DEVICE);
    assert_int_equal(clb_device_open(0, &(pln_opening){.size = sizeof(pln_opening)}, &device, &error), PLN_NO_DEVICE);
    assert_null(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(says_what_is_missing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Without a Vulkan loader every entry answers, with a reason. Built with the name of a library that is not there.
 */
#include "tests/backends/vulkan/fixture.h"

#include <string.h>

static void says_what_is_missing(void **state)
{
    const pln_backend *backend = pln_backend_query(PLN_ABI_VERSION, PLN_ABI_VERSION);
    pln_device *device;
    pln_failure error = {.size = sizeof error};
    pln_device_description info = {.size = sizeof info};
    uint32_t n = 9;
    (void)state;
    assert_int_equal(backend->device_count(&n, &error), PLN_NO_DEVICE);
    assert_int_equal(n, 0);
    assert_non_null(strstr(error.message, VKB_LIBRARY));
    assert_non_null(strstr(error.message, "install"));
    assert_int_equal(backend->device_info(0, NULL, &info, &error), PLN_NO_DEVICE);
    assert_int_equal(fixture_try("", &device, &error), PLN_NO_DEVICE);
    assert_null(device);
    assert_int_equal(fixture_counts.allocations, 0);
}

static void other_versions_of_the_contract(void **state)
{
    (void)state;
    assert_null(pln_backend_query(PLN_ABI_VERSION + 1, PLN_ABI_VERSION + 2));
    assert_non_null(pln_backend_query(PLN_ABI_VERSION, PLN_ABI_VERSION + 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_is_missing),
        cmocka_unit_test(other_versions_of_the_contract),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Options are read or refused by name; no device is needed.
 */
#include "tests/backends/vulkan/fixture.h"

#include <string.h>

static void words_and_numbers(void **state)
{
    (void)state;
    const pln_option options[] = {
        {"variant", "cpu"}, {"range", "1048576"}, {"memory", "discrete"}, {"range", "4096"}, {"matrix", "yes"}};
    uint64_t chosen[VKB_OPTIONS];
    assert_int_equal(vkb_options_parse(chosen, options, 5, NULL), PLN_OK);
    assert_int_equal(chosen[VKB_OPTION_MATRIX], VKB_MATRIX_YES);
    assert_int_equal(chosen[VKB_OPTION_VARIANT], VKB_VARIANT_CPU);
    assert_int_equal(chosen[VKB_OPTION_RANGE], 4096); /* the last one holds */
    assert_int_equal(chosen[VKB_OPTION_MEMORY], VKB_MEMORY_DISCRETE);
    assert_true(chosen[VKB_OPTION_SUBMIT] == VKB_UNSET);
}

static void tiles_are_collected(void **state)
{
    (void)state;
    const pln_option options[] = {{"tile", "linear:64x64"}, {"storage", "f16"}, {"tile", "linear:128x128"}};
    uint64_t chosen[VKB_OPTIONS];
    assert_int_equal(vkb_options_parse(chosen, options, 3, NULL), PLN_OK);
    assert_int_equal(chosen[VKB_OPTION_TILE], 3);
    assert_int_equal(chosen[VKB_OPTION_STORAGE], VKB_STORAGE_F16);
}

static void refusals_name_the_option(void **state)
{
    static const pln_option refused[] = {
        {"speed", "fast"},      {"variant", "c"},
        {"variant", "gpu|cpu"}, {"variant", ""},
        {"shared", "-1"},       {"shared", "0"},
        {"shared", "16k"},      {"range", ""},
        {"block", " 1"},        {"submit", "99999999999999999999"},
        {"tile", "64x64"},      {"tile", "linear:64x65"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        uint64_t chosen[VKB_OPTIONS];
        pln_failure error = {.size = sizeof error};
        assert_int_equal(vkb_options_parse(chosen, &refused[i], 1, &error), PLN_INVALID);
        assert_int_equal(error.status, PLN_INVALID);
        assert_non_null(strstr(error.message, refused[i].key));
    }
}

static void every_option_is_described(void **state)
{
    (void)state;
    for (int i = 0; i < VKB_OPTIONS; i++) {
        assert_non_null(vkb_option_infos[i].key);
        assert_non_null(vkb_option_infos[i].values);
        assert_non_null(vkb_option_infos[i].help);
    }
    assert_null(vkb_option_infos[VKB_OPTIONS].key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_and_numbers),
        cmocka_unit_test(tiles_are_collected),
        cmocka_unit_test(refusals_name_the_option),
        cmocka_unit_test(every_option_is_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

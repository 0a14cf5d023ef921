/* SPDX-License-Identifier: Apache-2.0
 *
 * Learning rates by step, beside the formula of the specification (section 6.6).
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include "training/trainer.h"

static void test_constant(void **state)
{
    (void)state;
    const pln_trainer_options o = {.size = sizeof o, .learning_rate = 2e-4, .warmup = 4};
    assert_float_equal(training_rate(&o, 0), 0, 0);
    assert_float_equal(training_rate(&o, 1), 0.5e-4f, 1e-10f);
    assert_float_equal(training_rate(&o, 4), 2e-4f, 0);
    assert_float_equal(training_rate(&o, 4000), 2e-4f, 0);
}

static void test_linear(void **state)
{
    (void)state;
    const pln_trainer_options o = {
        .size = sizeof o, .learning_rate = 1, .schedule = PLN_RATE_SCHEDULE_LINEAR, .warmup = 10, .steps = 100};
    assert_float_equal(training_rate(&o, 0), 0, 0);
    assert_float_equal(training_rate(&o, 5), 0.95f * 0.5f, 1e-7f); /* both factors: the peak is below the rate */
    assert_float_equal(training_rate(&o, 10), 0.9f, 1e-7f);
    assert_float_equal(training_rate(&o, 99), 0.01f, 1e-7f);
    assert_float_equal(training_rate(&o, 100), 0, 0);
    assert_float_equal(training_rate(&o, 101), 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_constant), cmocka_unit_test(test_linear)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

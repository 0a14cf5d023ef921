/* SPDX-License-Identifier: Apache-2.0
 *
 * What compare allows: as far off as models in int8 are on text, and not much more; elsewhere by the number itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/measuring/answer.h"

enum { LOGITS = 4 };
static float right[LOGITS] = {-9, 0.25f, 3, 0}; /* the largest size is 9 */

/* Whether an answer agrees of which the small logit, number 1, is off by that. */
static bool agrees(const char *dtype, float off)
{
    float logits[LOGITS];
    memcpy(logits, right, sizeof right);
    logits[1] += off;
    const pln_tensor b = {.name = "logits", .dtype = PLN_F32, .rank = 2, .shape = {1, LOGITS}, .data = right};
    pln_tensor a = b;
    a.data = logits;
    return answer_difference(&a, 1, &b, 1, answer_bound_of(dtype)).agrees;
}

/* The largest of the shipped models on text is 0.103 (1 + M), see docs/performance.md. */
static void bytes_go_by_the_largest_logit(void **state)
{
    (void)state;
    const float all = 1 + 9;
    assert_true(agrees("int8", 0));
    assert_true(agrees("int8", 0.103f * all));
    assert_true(agrees("int8", -0.103f * all));
    assert_false(agrees("int8", 0.5f * all));
    assert_false(agrees("int8", -0.5f * all));
}

static void others_go_by_the_number(void **state)
{
    (void)state;
    const struct {
        const char *dtype;
        float tolerance;
    } rows[] = {{"f32", 5e-5f}, {"f16", 2.5e-3f}, {"bf16", 2e-2f}, {"f64", 5e-5f}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(agrees(rows[i].dtype, 0.9f * rows[i].tolerance * 1.25f));
        assert_false(agrees(rows[i].dtype, 1.1f * rows[i].tolerance * 1.25f));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_go_by_the_largest_logit),
        cmocka_unit_test(others_go_by_the_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

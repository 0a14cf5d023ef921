/* SPDX-License-Identifier: Apache-2.0
 *
 * exp, erf, gelu, tanh and log1p on the vectors of a level against libm in double. Built once for each level.
 */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "backends/cpu/activations.h"

static float at(vec (*f)(vec), float x)
{
    return f(vec_all(x))[VEC_LANES - 1];
}

static vec exp_of(vec x)
{
    return vec_exp(x);
}

static vec erf_of(vec x)
{
    return vec_erf(x);
}

static vec exp_negative_of(vec x)
{
    return vec_exp_negative(x);
}

static vec exp_below_of(vec x)
{
    return vec_exp_below(x, 0.125f, 3);
}

/* Of a row whose keys are all hidden. */
static vec exp_of_hidden(vec x)
{
    return vec_exp_below(x, 1, -FLT_MAX);
}

static vec gelu_of(vec x)
{
    return vec_gelu(x);
}

static vec tanh_of(vec x)
{
    return vec_tanh(x);
}

static vec log1p_of(vec x)
{
    return vec_log1p_unit(x);
}

static vec softplus_of(vec x)
{
    return vec_softplus(x);
}

/* The largest error over [low, high], divided by floor + |right|. */
static double worst(vec (*f)(vec), double (*right)(double), double low, double high, double floor)
{
    enum { STEPS = 200000 };
    double most = 0;
    for (int i = 0; i <= STEPS; i++) {
        const float x = (float)(low + (high - low) * i / STEPS);
        const double exact = right((double)x), error = fabs((double)at(f, x) - exact) / (floor + fabs(exact));
        most = error > most || isnan(error) ? error : most;
    }
    return most;
}

static void check(const char *name, double error, double bound)
{
    if (!(error <= bound))
        fail_msg("%s %s: error %.3g, not at most %.3g", LEVEL, name, error, bound);
}

static void exp_is_right(void **state)
{
    (void)state;
    check("exp", worst(exp_of, exp, -87, 88.7, 0), 2e-7);
    check("exp near 0", worst(exp_of, exp, -1e-3, 1e-3, 0), 2e-7);
    check("exp of denormal numbers", worst(exp_of, exp, -104, -87, FLT_MIN), 2e-7);
    assert_true(at(exp_of, 0) == 1);
    assert_true(at(exp_of, 89) == INFINITY && at(exp_of, INFINITY) == INFINITY && at(exp_of, FLT_MAX) == INFINITY);
    assert_true(at(exp_of, -105) == 0 && at(exp_of, -INFINITY) == 0 && at(exp_of, -FLT_MAX) == 0);
    assert_true(isnan(at(exp_of, NAN)));
}

static void erf_is_right(void **state)
{
    (void)state;
    check("erf", worst(erf_of, erf, -6, 6, 1), 2e-7);
    check("erf near 0", worst(erf_of, erf, -0.01, 0.01, 1), 1e-7);
    assert_true(at(erf_of, INFINITY) == 1 && at(erf_of, -INFINITY) == -1 && at(erf_of, 0) == 0);
    assert_true(isnan(at(erf_of, NAN)));
}

static void exp_negative_is_right(void **state)
{
    (void)state;
    check("exp of x <= 0", worst(exp_negative_of, exp, -1, 0, 0), 3e-7);
    check("exp of x <= 0, floor 1", worst(exp_negative_of, exp, -100, 0, 1), 2e-7);
    assert_true(at(exp_negative_of, 0) == 1);
    assert_true(at(exp_negative_of, -INFINITY) == 0 && at(exp_negative_of, -FLT_MAX) == 0);
    assert_true(isnan(at(exp_negative_of, NAN)));
}

static double exp_below(double x)
{
    return exp(x / 8 - 3);
}

static void exp_below_is_right(void **state)
{
    (void)state;
#if defined(__AVX512BF16__) /* far below what the next product rounds away */
    check("exp of a score", worst(exp_below_of, exp_below, -80, 24, 0), 1.2e-4);
#else
    check("exp of a score", worst(exp_below_of, exp_below, -80, 24, 0), 2e-6);
#endif
    check("exp of a small score", worst(exp_below_of, exp_below, -2000, -600, 1), 1e-30);
    assert_true(at(exp_below_of, 24) == 1);
    assert_true(at(exp_below_of, -INFINITY) == 0 && at(exp_below_of, -FLT_MAX) == 0);
    assert_true(isnan(at(exp_below_of, NAN)));
    assert_true(at(exp_of_hidden, -FLT_MAX) == 1 && at(exp_of_hidden, -INFINITY) == 0);
}

static double gelu(double x)
{
    return x / 2 * erfc(-x / sqrt(2));
}

static void gelu_is_right(void **state)
{
    (void)state;
#if defined(__AVX512BF16__) /* far below what the next product rounds away */
    check("gelu", worst(gelu_of, gelu, -8, 8, 1), 1e-5);
    check("gelu near 0", worst(gelu_of, gelu, 1e-4, 0.1, 0), 3e-4);
#else
    check("gelu", worst(gelu_of, gelu, -8, 8, 1), 7e-8);
    check("gelu near 0", worst(gelu_of, gelu, 1e-4, 0.1, 0), 3e-7);
#endif
    assert_true(at(gelu_of, 0) == 0 && at(gelu_of, INFINITY) == INFINITY && at(gelu_of, 1e30f) == 1e30f);
    assert_true(fabsf(at(gelu_of, -INFINITY)) < 1e-7f);
    assert_true(isnan(at(gelu_of, NAN)));
}

static void tanh_is_right(void **state)
{
    (void)state;
    check("tanh", worst(tanh_of, tanh, -20, 20, FLT_MIN), 4e-7);
    check("tanh near 0", worst(tanh_of, tanh, 1e-6, 0.7, 0), 4e-7);
    assert_true(at(tanh_of, INFINITY) == 1 && at(tanh_of, -INFINITY) == -1 && at(tanh_of, 0) == 0);
    assert_true(isnan(at(tanh_of, NAN)));
}

static double softplus(double x)
{
    return x > 30 ? x : log1p(exp(x));
}

static void log1p_is_right(void **state)
{
    (void)state;
    check("log1p", worst(log1p_of, log1p, 0, 1, FLT_MIN), 3e-7);
    check("softplus", worst(softplus_of, softplus, -80, 100, 0), 5e-7);
    assert_true(isnan(at(softplus_of, NAN)));
}

int main(void)
{
#if defined(__AVX512F__)
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512vl") ||
        !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512bw"))
        return 77;
#elif defined(__AVX2__)
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        return 77;
#endif
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exp_is_right),       cmocka_unit_test(erf_is_right),  cmocka_unit_test(exp_negative_is_right),
        cmocka_unit_test(exp_below_is_right), cmocka_unit_test(gelu_is_right), cmocka_unit_test(tanh_is_right),
        cmocka_unit_test(log1p_is_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * exp, erf, tanh and log1p on vectors. Not a number stays so.
 */
#ifndef BACKENDS_CPU_ELEMENTARY_H
#define BACKENDS_CPU_ELEMENTARY_H

#include "backends/cpu/vec.h"

/* 2^n for n in -126 .. 127. */
static inline vec vec_power_of_two(vec_int n)
{
    return (vec)((n + 127) << 23);
}

/* e^x = p 2^n: n is x / ln 2 to the nearest whole number, p a polynomial of the rest. */
struct vec_power {
    vec p;
    vec_int n;
};

static inline struct vec_power vec_exp_parts(vec x)
{
    const vec shift = vec_all(12582912.0f); /* 1.5 * 2^23: the sum's low bits are the nearest integer */
    const vec shifted = x * 1.44269504f + shift, n = shifted - shift;
    const vec r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
    vec p = vec_all(1.0f / 5040);
    p = p * r + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * (r * r) + (r + 1.0f);
    return (struct vec_power){p, vec_bits(shifted) - vec_bits(shift)};
}

/* Relative error about 1e-7, for x in -87 .. 88. */
static inline vec vec_exp_normal(vec x)
{
    const struct vec_power power = vec_exp_parts(x);
    return power.p * vec_power_of_two(power.n);
}

/* The same for all x, down to denormal numbers and up to infinity: two factors, each within the range of an exponent.
 */
static inline vec vec_exp(vec x)
{
    const struct vec_power power = vec_exp_parts(vec_smaller(vec_all(89), vec_larger(vec_all(-104), x)));
    const vec_int half = power.n >> 1;
    return power.p * vec_power_of_two(half) * vec_power_of_two(power.n - half);
}

/* Absolute error about 1e-7. Below 1 an odd polynomial, from there 1 - e^q(|x|) with q near log(erfc); both are minimax
 * fits, of errors 1.2e-9 and 1.1e-9. */
static inline vec vec_erf(vec x)
{
    const vec s = x * x, size = vec_absolute(x);
    const vec a = vec_smaller(vec_all(4), size); /* from 4 on erf is 1 in f32 */
    vec p = vec_all(7.88912294e-5f);
    p = p * s - 8.02084222e-4f;
    p = p * s + 5.18953567e-3f;
    p = p * s - 2.68544443e-2f;
    p = p * s + 1.12836003e-1f;
    p = p * s - 3.7612626e-1f;
    p = p * s + 1.12837911f;
    vec q = vec_all(1.87971586e-4f);
    q = q * a - 2.96400511e-3f;
    q = q * a + 2.19064727e-2f;
    q = q * a - 1.03256196e-1f;
    q = q * a - 6.37965024e-1f;
    q = q * a - 1.12720227f;
    q = q * a - 3.12470482e-4f;
    return vec_select(a < 1.0f, p * x, vec_signed(1.0f - vec_exp_normal(q), x));
}

/* Relative error about 3e-7. */
static inline vec vec_tanh(vec x)
{
    const vec a = vec_absolute(x), s = x * x;
    vec p = vec_all(-5.70498872745e-3f);
    p = p * s + 2.06390887954e-2f;
    p = p * s - 5.37397155531e-2f;
    p = p * s + 1.33314422036e-1f;
    p = p * s - 3.33332819422e-1f;
    const vec small = p * s * x + x;
    const vec large = vec_signed(1.0f - 2.0f / (vec_exp(a + a) + 1.0f), x);
    return vec_select(a < 0.625f, small, large);
}

/* log(1 + u) for 0 <= u <= 1, relative error about 2e-7: twice the series of atanh(u / (2 + u)). */
static inline vec vec_log1p_unit(vec u)
{
    const vec z = u / (u + 2.0f), s = z * z;
    vec p = vec_all(2.0f / 15);
    p = p * s + 2.0f / 13;
    p = p * s + 2.0f / 11;
    p = p * s + 2.0f / 9;
    p = p * s + 2.0f / 7;
    p = p * s + 2.0f / 5;
    p = p * s + 2.0f / 3;
    p = p * s + 2.0f;
    return p * z;
}

/* log(1 + e^x) without overflow */
static inline vec vec_softplus(vec x)
{
    return vec_larger(vec_all(0), x) + vec_log1p_unit(vec_exp(-vec_absolute(x)));
}
#endif

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

/* e^x = p 2^n: n is x / ln 2 to the nearest whole number, p a polynomial of the rest: minimax, of relative
 * error 1.9e-9. */
struct vec_power {
    vec p;
    vec_int n;
};

static inline struct vec_power vec_exp_parts(vec x)
{
    const vec shift = vec_all(12582912.0f); /* 1.5 * 2^23: the sum's low bits are the nearest integer */
    const vec shifted = x * 1.44269504f + shift, n = shifted - shift;
    const vec r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
    const vec s = r * r; /* two short chains instead of a long one */
    const vec odd = (s * 8.37485772e-3f + 1.66664198e-1f) * s + 1.0f;
    const vec even = (s * 1.38367934e-3f + 4.16682288e-2f) * s + 4.99999911e-1f;
    const vec p = even * s + (odd * r + 1.0f);
    return (struct vec_power){p, vec_bits(shifted) - vec_bits(shift)};
}

/* Relative error about 1e-7, for x in -87 .. 88. */
static inline vec vec_exp_normal(vec x)
{
    const struct vec_power power = vec_exp_parts(x);
    return power.p * vec_power_of_two(power.n);
}

/* 2^t for t in -126 .. 127, relative error below 2e-7: what is left of the nearest whole number goes through a minimax
 * polynomial, the number itself is added to the exponent. */
static inline vec vec_exp2_normal(vec t)
{
    const vec shift = vec_all(12582912.0f); /* 1.5 * 2^23: the sum's low bits are the nearest integer */
    const vec shifted = t + shift, f = t - (shifted - shift), s = f * f;
    const vec odd = (s * 1.32647273e-3f + 5.55073358e-2f) * s + 6.93147004e-1f;
    const vec even = (s * 9.67151299e-3f + 2.40222424e-1f) * s + 1.0f;
    return (vec)(vec_bits(odd * f + even) + (vec_bits(shifted) << 23));
}

/* e^x for all x <= 0, relative error 2e-7 and that of x itself. What would be denormal is zero. */
static inline vec vec_exp_negative(vec x)
{
    const vec e = vec_exp2_normal(vec_larger(vec_all(-125), x * 1.44269504f));
    return vec_select(x < -86.0f, vec_all(0), e);
}

/* e^(x scale - most), where most is the largest x scale, -FLT_MAX at least: what softmax takes of a score. What would be
 * denormal is next to nothing. At level bf16 the relative error is 1.1e-4: products round to 4e-3 of what they take. */
static inline vec vec_exp_below(vec x, float scale, float most)
{
    const vec below = x * scale - most;
#if defined(__AVX512BF16__)
    const vec shift = vec_all(12582912.0f); /* as in vec_exp_parts */
    const vec t = vec_larger(vec_all(-127), below * 1.44269504f);
    const vec shifted = t + shift, f = t - (shifted - shift);
    const vec p = ((f * 5.50089329e-2f + 2.42210969e-1f) * f + 6.93282902e-1f) * f + 1.0f;
    return (vec)(vec_bits(p) + (vec_bits(shifted) << 23));
#else
    return vec_exp_negative(below);
#endif
}

/* e^x for all x, down to denormal numbers and up to infinity: two factors, each within the range of an exponent.
 */
static inline vec vec_exp(vec x)
{
    const struct vec_power power = vec_exp_parts(vec_smaller(vec_all(89), vec_larger(vec_all(-104), x)));
    const vec_int half = power.n >> 1;
    return power.p * vec_power_of_two(half) * vec_power_of_two(power.n - half);
}

/* Absolute error below 2e-7. 1 - e^(a q(a)) with q near log(erfc(a)) / a: a minimax fit, of error 2.3e-9 in erf. */
static inline vec vec_erf(vec x)
{
    const vec a = vec_smaller(vec_all(4), vec_absolute(x)); /* from 4 on erf is 1 in f32 */
    const vec s = a * a;
    const vec even =
        (((s * 8.04379943e-6f + 5.87949762e-4f) * s + 5.87791146e-5f) * s - 1.02799214e-1f) * s - 1.12837934f;
    const vec odd = ((s * -1.06026426e-4f - 1.57675811e-3f) * s + 1.92171447e-2f) * s - 6.36616111e-1f;
    return vec_signed(1.0f - vec_exp_normal((odd * a + even) * a), x);
}

/* The tail of the normal distribution, T(a) = erfc(a / sqrt(2)) / 2 for a in 0 .. 6, as 2^t: a minimax fit of t, of
 * error 1.2e-8 in a 2^t. From 6 on it is nothing in f32. */
static inline vec vec_normal_tail(vec a)
{
    const vec s = a * a;
    const vec odd = ((s * 3.08123490e-5f - 2.30205711e-4f) * s - 5.25724292e-2f) * s - 1.15110743f;
    const vec even = ((s * -2.10671487e-6f - 1.46401842e-4f) * s + 7.18040392e-3f) * s - 4.59185421e-1f;
    return vec_exp2_normal((even * a + odd) * a - 1.0f);
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

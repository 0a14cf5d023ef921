/* SPDX-License-Identifier: Apache-2.0
 *
 * The activations of activations.def on vectors, and behind them their derivatives, each under the name that the list
 * gives it.
 */
#ifndef BACKENDS_CPU_ACTIVATIONS_H
#define BACKENDS_CPU_ACTIVATIONS_H

#include "backends/cpu/gelu.h"

/* In a loop written once for all activations the function must be known where the loop is compiled. */
#define CPU_INLINE static inline __attribute__((always_inline))

CPU_INLINE vec activation_NONE(vec x)
{
    return x;
}

CPU_INLINE vec activation_GELU(vec x)
{
    return vec_gelu(x);
}

CPU_INLINE vec activation_GELU_TANH(vec x)
{
    return 0.5f * x * (1.0f + vec_tanh(0.797884561f * (x + 0.044715f * x * x * x)));
}

CPU_INLINE vec activation_GELU_10(vec x)
{
    const vec y = activation_GELU(x);
    return vec_smaller(vec_all(10), vec_larger(vec_all(-10), y));
}

CPU_INLINE vec activation_SIGMOID(vec x)
{
    return 1.0f / (1.0f + vec_exp(-x));
}

CPU_INLINE vec activation_QUICK_GELU(vec x)
{
    return x * activation_SIGMOID(1.702f * x);
}

CPU_INLINE vec activation_RELU(vec x)
{
    return vec_larger(vec_all(0), x);
}

CPU_INLINE vec activation_RELU2(vec x)
{
    const vec y = activation_RELU(x);
    return y * y;
}

CPU_INLINE vec activation_RELU6(vec x)
{
    return vec_smaller(vec_all(6), activation_RELU(x));
}

CPU_INLINE vec activation_SILU(vec x)
{
    return x * activation_SIGMOID(x);
}

/* tanh(log(1 + e)) is (e^2 + 2e) / (e^2 + 2e + 2), which is 1 in f32 from x = 20 on. */
CPU_INLINE vec activation_MISH(vec x)
{
    const vec e = vec_exp(vec_smaller(vec_all(20), x)), n = e * (e + 2.0f);
    return x * (n / (n + 2.0f));
}

CPU_INLINE vec activation_TANH(vec x)
{
    return vec_tanh(x);
}

CPU_INLINE vec activation_HARDSWISH(vec x)
{
    return x * activation_RELU6(x + 3.0f) * (1.0f / 6);
}

CPU_INLINE vec activation_LEAKY_RELU(vec x)
{
    return vec_select(x > 0.0f, x, 0.01f * x);
}

CPU_INLINE vec activation_LAPLACE(vec x)
{
    return 0.5f * (1.0f + vec_erf((x - 0.707107f) * (float)(1 / (0.282095 * 1.41421356237309505))));
}

CPU_INLINE vec activation_SQRT_SOFTPLUS(vec x)
{
    return vec_root(vec_softplus(x));
}

/* ---- derivatives. Where there is none they give the one of the flat side. */

/* 1 where the condition holds, else 0. */
CPU_INLINE vec one_where(vec_int condition)
{
    return vec_select(condition, vec_all(1), vec_all(0));
}

CPU_INLINE vec slope_NONE(vec x)
{
    return one_where(x == x);
}

/* The distribution function of the normal law, and x times its density. */
CPU_INLINE vec slope_GELU(vec x)
{
    const vec a = vec_smaller(vec_all(6), vec_absolute(x)), tail = vec_normal_tail(a);
    const vec density = 0.398942280f * vec_exp2_normal(-0.721347520f * a * a);
    return vec_select(x < 0.0f, tail, 1.0f - tail) + vec_signed(a, x) * density;
}

CPU_INLINE vec slope_GELU_TANH(vec x)
{
    const vec s = x * x, t = vec_tanh(0.797884561f * (x + 0.044715f * s * x));
    return 0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * (0.797884561f * (1.0f + 0.134145f * s));
}

CPU_INLINE vec slope_GELU_10(vec x)
{
    return vec_select(activation_GELU(x) > 10.0f, vec_all(0), slope_GELU(x));
}

/* of x sigmoid(a x) */
CPU_INLINE vec silu_slope(float a, vec x)
{
    const vec s = activation_SIGMOID(a * x);
    return s + a * x * s * (1.0f - s);
}

CPU_INLINE vec slope_QUICK_GELU(vec x)
{
    return silu_slope(1.702f, x);
}

CPU_INLINE vec slope_RELU(vec x)
{
    return one_where(x > 0.0f);
}

CPU_INLINE vec slope_RELU2(vec x)
{
    return 2.0f * activation_RELU(x);
}

CPU_INLINE vec slope_RELU6(vec x)
{
    return one_where((x > 0.0f) & (x < 6.0f));
}

CPU_INLINE vec slope_SILU(vec x)
{
    return silu_slope(1, x);
}

/* t = tanh(log(1 + e)) as in the activation itself; 1 - t^2 is 4 (n + 1) / (n + 2)^2. */
CPU_INLINE vec slope_MISH(vec x)
{
    const vec e = vec_exp(vec_smaller(vec_all(20), x)), n = e * (e + 2.0f), d = 1.0f / (n + 2.0f);
    return n * d + x * activation_SIGMOID(x) * (4.0f * (n + 1.0f) * d * d);
}

CPU_INLINE vec slope_SIGMOID(vec x)
{
    const vec s = activation_SIGMOID(x);
    return s * (1.0f - s);
}

CPU_INLINE vec slope_TANH(vec x)
{
    const vec t = vec_tanh(x);
    return 1.0f - t * t;
}

CPU_INLINE vec slope_HARDSWISH(vec x)
{
    return vec_select(x <= -3.0f, vec_all(0), vec_select(x < 3.0f, x * (1.0f / 3) + 0.5f, vec_all(1)));
}

CPU_INLINE vec slope_LEAKY_RELU(vec x)
{
    return vec_select(x > 0.0f, vec_all(1), vec_all(0.01f));
}

CPU_INLINE vec slope_LAPLACE(vec x)
{
    const vec z = (x - 0.707107f) * (float)(1 / (0.282095 * 1.41421356237309505));
    return vec_exp(-z * z) * (float)(1 / (0.282095 * 2.50662827463100050));
}

/* Far below zero both the sigmoid and the root vanish. */
CPU_INLINE vec slope_SQRT_SOFTPLUS(vec x)
{
    return activation_SIGMOID(x) / vec_larger(vec_all(1e-30f), 2.0f * activation_SQRT_SOFTPLUS(x));
}
#endif

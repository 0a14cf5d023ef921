/* SPDX-License-Identifier: Apache-2.0
 *
 * The activations of activations.def on vectors, each under the name that the list gives it.
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
#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * The activations of activations.def, value to value. Written so that no intermediate overflows: drivers may make NaN of
 * tanh or of inf / inf. A NaN passes through every one of them that the formula lets it pass.
 */

/* exp of what is far below zero is 0 in every driver, -inf included. */
FUNCTION float exp_safe(float x)
{
    return x < -103.0f ? 0.0f : exp(x);
}

/* log(1 + e) for e >= 0; the series keeps the relative error of a small e. */
FUNCTION float log1p_of(float e)
{
    float p = fma(e, -0.125f, 0.142857143f);
    p = fma(e, p, -0.166666667f);
    p = fma(e, p, 0.2f);
    p = fma(e, p, -0.25f);
    p = fma(e, p, 0.333333333f);
    p = fma(e, p, -0.5f);
    p = fma(e, p, 1.0f);
    return e < 0.1f ? p * e : log(1.0f + e);
}

/* Minimax polynomials on both sides of 0.9277; the largest error is below 1e-7. */
FUNCTION float erf_of(float x)
{
    float t = x < 0.0f ? -x : x, s = x * x;
    float b = fma(-1.72853470e-5f, t, 3.83197126e-4f);
    b = fma(b, s, fma(-3.88396438e-3f, t, 2.42546219e-2f));
    b = fma(b, t, -1.06777877e-1f);
    b = fma(b, t, -6.34846687e-1f);
    b = fma(b, t, -1.28717512e-1f);
    b = 1.0f - exp_safe(fma(b, t, -t));
    float a = fma(-5.96761703e-4f, s, 4.99119423e-3f);
    a = fma(a, s, -2.67681349e-2f);
    a = fma(a, s, 1.12819925e-1f);
    a = fma(a, s, -3.76125336e-1f);
    a = fma(a, s, 1.28379166e-1f);
    a = fma(a, x, x);
    b = t > 4.0f ? 1.0f : b;
    return t > 0.927734375f ? (x < 0.0f ? -b : b) : a;
}

FUNCTION float tanh_of(float x)
{
    float t = x < 0.0f ? -x : x, s = x * x;
    float a = fma(-5.70498872745e-3f, s, 2.06390887954e-2f);
    a = fma(a, s, -5.37397155531e-2f);
    a = fma(a, s, 1.33314422036e-1f);
    a = fma(a, s, -3.33332819422e-1f);
    a = fma(a * s, x, x);
    float b = 1.0f - 2.0f / (exp(LESSER(t, 20.0f) * 2.0f) + 1.0f);
    return t > 0.625f ? (x < 0.0f ? -b : b) : a;
}

FUNCTION float sigmoid_of(float x)
{
    float e = exp_safe(x < 0.0f ? x : -x);
    return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

/* log(1 + e^x) */
FUNCTION float softplus_of(float x)
{
    return (x > 0.0f ? x : 0.0f) + log1p_of(exp_safe(x > 0.0f ? -x : x));
}

FUNCTION float gelu_of(float x)
{
    return 0.5f * x * (1.0f + erf_of(x * 0.707106781f));
}

FUNCTION float clip(float x, float low, float high)
{
    return x < low ? low : x > high ? high : x;
}

/* tanh(log(1 + e^x)) = (e^2 + 2e) / (e^2 + 2e + 2) with e = e^x */
FUNCTION float mish_of(float x)
{
    float e = exp_safe(x > 20.0f ? 20.0f : x), n = e * (e + 2.0f);
    return x * (n / (n + 2.0f));
}

/* One of each name in the list: one that is missing does not compile. */
FUNCTION float activation_GELU(float x)
{
    return gelu_of(x);
}

FUNCTION float activation_GELU_TANH(float x)
{
    return 0.5f * x * (1.0f + tanh_of(0.797884561f * (x + 0.044715f * x * x * x)));
}

FUNCTION float activation_GELU_10(float x)
{
    return clip(gelu_of(x), -10.0f, 10.0f);
}

FUNCTION float activation_QUICK_GELU(float x)
{
    return x * sigmoid_of(1.702f * x);
}

FUNCTION float activation_RELU(float x)
{
    return x < 0.0f ? 0.0f : x;
}

FUNCTION float activation_RELU2(float x)
{
    return x < 0.0f ? 0.0f : x * x;
}

FUNCTION float activation_RELU6(float x)
{
    return clip(x, 0.0f, 6.0f);
}

FUNCTION float activation_SILU(float x)
{
    return x * sigmoid_of(x);
}

FUNCTION float activation_MISH(float x)
{
    return mish_of(x);
}

FUNCTION float activation_SIGMOID(float x)
{
    return sigmoid_of(x);
}

FUNCTION float activation_TANH(float x)
{
    return tanh_of(x);
}

FUNCTION float activation_HARDSWISH(float x)
{
    return x * (clip(x + 3.0f, 0.0f, 6.0f) / 6.0f);
}

FUNCTION float activation_LEAKY_RELU(float x)
{
    return x > 0.0f ? x : 0.01f * x;
}

FUNCTION float activation_LAPLACE(float x)
{
    return 0.5f * (1.0f + erf_of((x - 0.707107f) / (0.282095f * 1.414213562f)));
}

FUNCTION float activation_SQRT_SOFTPLUS(float x)
{
    return sqrt(softplus_of(x));
}

#define ACTIVATION(NAME)                                                                                               \
    if (kind == PLN_ACTIVATION_##NAME)                                                                                 \
        return activation_##NAME(x);
FUNCTION float activate(uint kind, float x)
{
    PLN_ACTIVATIONS_EACH(ACTIVATION)
    return x;
}

FUNCTION_APART F4 activate4(uint kind, F4 x)
{
    return MK4(activate(kind, x.x), activate(kind, x.y), activate(kind, x.z), activate(kind, x.w));
}

/* ---- derivatives, value to value, for kernels that define SLOPES before they include this */
#ifdef SLOPES
FUNCTION float gelu_slope(float x)
{
    return 0.5f * (1.0f + erf_of(x * 0.707106781f)) + x * exp_safe(-0.5f * x * x) * 0.398942280f;
}

FUNCTION float gelu_tanh_slope(float x)
{
    const float t = tanh_of(0.797884561f * (x + 0.044715f * x * x * x));
    return 0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * 0.797884561f * (1.0f + 0.134145f * x * x);
}

/* of x sigmoid(a x) */
FUNCTION float silu_slope(float a, float x)
{
    const float s = sigmoid_of(a * x);
    return s + a * x * s * (1.0f - s);
}

/* With e = e^x: tanh(log(1 + e)) = n / (n + 2), n = e (e + 2); its own slope is 4 e (1 + e) / (n + 2)^2. */
FUNCTION float mish_slope(float x)
{
    const float e = exp_safe(x > 20.0f ? 20.0f : x), n = e * (e + 2.0f), m = n + 2.0f;
    return n / m + x * (4.0f * e / m) * ((1.0f + e) / m);
}

FUNCTION float slope_GELU(float x)
{
    return gelu_slope(x);
}

FUNCTION float slope_GELU_TANH(float x)
{
    return gelu_tanh_slope(x);
}

FUNCTION float slope_GELU_10(float x)
{
    return gelu_of(x) > 10.0f ? 0.0f : gelu_slope(x);
}

FUNCTION float slope_QUICK_GELU(float x)
{
    return silu_slope(1.702f, x);
}

FUNCTION float slope_RELU(float x)
{
    return x > 0.0f ? 1.0f : 0.0f;
}

FUNCTION float slope_RELU2(float x)
{
    return x > 0.0f ? 2.0f * x : 0.0f;
}

FUNCTION float slope_RELU6(float x)
{
    return x > 0.0f && x < 6.0f ? 1.0f : 0.0f;
}

FUNCTION float slope_SILU(float x)
{
    return silu_slope(1.0f, x);
}

FUNCTION float slope_MISH(float x)
{
    return mish_slope(x);
}

FUNCTION float slope_SIGMOID(float x)
{
    return sigmoid_of(x) * sigmoid_of(-x);
}

FUNCTION float slope_TANH(float x)
{
    const float t = tanh_of(x);
    return 1.0f - t * t;
}

FUNCTION float slope_HARDSWISH(float x)
{
    return x <= -3.0f ? 0.0f : x >= 3.0f ? 1.0f : x / 3.0f + 0.5f;
}

FUNCTION float slope_LEAKY_RELU(float x)
{
    return x > 0.0f ? 1.0f : 0.01f;
}

FUNCTION float slope_LAPLACE(float x)
{
    const float z = (x - 0.707107f) / (0.282095f * 1.414213562f);
    return exp_safe(-z * z) / (0.282095f * 2.506628275f);
}

/* far below zero softplus is e^x, which may be no normal number */
FUNCTION float slope_SQRT_SOFTPLUS(float x)
{
    return x < -20.0f ? 0.5f * exp_safe(0.5f * x) : sigmoid_of(x) / (2.0f * sqrt(softplus_of(x)));
}

#define SLOPE(NAME)                                                                                                    \
    if (kind == PLN_ACTIVATION_##NAME)                                                                                 \
        return slope_##NAME(x);
FUNCTION float slope(uint kind, float x)
{
    PLN_ACTIVATIONS_EACH(SLOPE)
    return 1.0f;
}

FUNCTION_APART F4 slope4(uint kind, F4 x)
{
    return MK4(slope(kind, x.x), slope(kind, x.y), slope(kind, x.z), slope(kind, x.w));
}
#endif

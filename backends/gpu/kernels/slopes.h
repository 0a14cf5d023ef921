/* SPDX-License-Identifier: Apache-2.0
 *
 * Derivatives of the activations of activations.def, value to value.
 */
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

FUNCTION float slope(uint kind, float x)
{
    if (kind == PLN_ACTIVATION_GELU)
        return gelu_slope(x);
    if (kind == PLN_ACTIVATION_GELU_TANH)
        return gelu_tanh_slope(x);
    if (kind == PLN_ACTIVATION_GELU_10)
        return gelu_of(x) > 10.0f ? 0.0f : gelu_slope(x);
    if (kind == PLN_ACTIVATION_QUICK_GELU)
        return silu_slope(1.702f, x);
    if (kind == PLN_ACTIVATION_RELU)
        return x > 0.0f ? 1.0f : 0.0f;
    if (kind == PLN_ACTIVATION_RELU2)
        return x > 0.0f ? 2.0f * x : 0.0f;
    if (kind == PLN_ACTIVATION_RELU6)
        return x > 0.0f && x < 6.0f ? 1.0f : 0.0f;
    if (kind == PLN_ACTIVATION_SILU)
        return silu_slope(1.0f, x);
    if (kind == PLN_ACTIVATION_MISH)
        return mish_slope(x);
    if (kind == PLN_ACTIVATION_SIGMOID)
        return sigmoid_of(x) * sigmoid_of(-x);
    if (kind == PLN_ACTIVATION_TANH) {
        const float t = tanh_of(x);
        return 1.0f - t * t;
    }
    if (kind == PLN_ACTIVATION_HARDSWISH)
        return x <= -3.0f ? 0.0f : x >= 3.0f ? 1.0f : x / 3.0f + 0.5f;
    if (kind == PLN_ACTIVATION_LEAKY_RELU)
        return x > 0.0f ? 1.0f : 0.01f;
    if (kind == PLN_ACTIVATION_LAPLACE) {
        const float z = (x - 0.707107f) / (0.282095f * 1.414213562f);
        return exp_safe(-z * z) / (0.282095f * 2.506628275f);
    }
    if (kind == PLN_ACTIVATION_SQRT_SOFTPLUS) /* far below zero softplus is e^x, which may be no normal number */
        return x < -20.0f ? 0.5f * exp_safe(0.5f * x) : sigmoid_of(x) / (2.0f * sqrt(softplus_of(x)));
    return 1.0f;
}

FUNCTION_APART F4 slope4(uint kind, F4 x)
{
    return MK4(slope(kind, x.x), slope(kind, x.y), slope(kind, x.z), slope(kind, x.w));
}

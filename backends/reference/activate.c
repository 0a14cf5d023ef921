/* SPDX-License-Identifier: Apache-2.0
 *
 * The activations of activations.def and their derivatives, in double.
 */
#include <math.h>

#include "backends/reference/kernel.h"

static double gelu(double x)
{
    return 0.5 * x * (1 + erf(x / sqrt(2.0)));
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* log(1 + e^x) without overflow */
static double softplus(double x)
{
    return fmax(x, 0) + log1p(exp(-fabs(x)));
}

static double clamp(double x, double low, double high)
{
    return fmin(fmax(x, low), high);
}

static const double pi = 3.14159265358979323846;

double ref_activate(uint32_t activation, double x)
{
    switch (activation) {
    case PLN_ACTIVATION_GELU:
        return gelu(x);
    case PLN_ACTIVATION_GELU_TANH:
        return 0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x * x * x)));
    case PLN_ACTIVATION_GELU_10:
        return isnan(x) ? x : clamp(gelu(x), -10, 10);
    case PLN_ACTIVATION_QUICK_GELU:
        return x * sigmoid(1.702 * x);
    case PLN_ACTIVATION_RELU:
        return x > 0 || isnan(x) ? x : 0;
    case PLN_ACTIVATION_RELU2:
        return x > 0 || isnan(x) ? x * x : 0;
    case PLN_ACTIVATION_RELU6:
        return isnan(x) ? x : clamp(x, 0, 6);
    case PLN_ACTIVATION_SILU:
        return x * sigmoid(x);
    case PLN_ACTIVATION_MISH:
        return x * tanh(softplus(x));
    case PLN_ACTIVATION_SIGMOID:
        return sigmoid(x);
    case PLN_ACTIVATION_TANH:
        return tanh(x);
    case PLN_ACTIVATION_HARDSWISH:
        return x * clamp(x + 3, 0, 6) / 6;
    case PLN_ACTIVATION_LEAKY_RELU:
        return x > 0 ? x : 0.01 * x;
    case PLN_ACTIVATION_LAPLACE:
        return 0.5 * (1 + erf((x - 0.707107) / (0.282095 * sqrt(2.0))));
    case PLN_ACTIVATION_SQRT_SOFTPLUS:
        return sqrt(softplus(x));
    default:
        return x;
    }
}

static double gelu_slope(double x)
{
    return 0.5 * (1 + erf(x / sqrt(2.0))) + x * exp(-0.5 * x * x) / sqrt(2 * pi);
}

static double gelu_tanh_slope(double x)
{
    const double t = tanh(sqrt(2 / pi) * (x + 0.044715 * x * x * x));
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * sqrt(2 / pi) * (1 + 3 * 0.044715 * x * x);
}

static double mish_slope(double x)
{
    const double t = tanh(softplus(x));
    return t + x * sigmoid(x) * (1 - t * t);
}

/* of x sigmoid(a x) */
static double silu_slope(double a, double x)
{
    const double s = sigmoid(a * x);
    return s + a * x * s * (1 - s);
}

static double laplace_slope(double x)
{
    const double z = (x - 0.707107) / (0.282095 * sqrt(2.0));
    return exp(-z * z) / (0.282095 * sqrt(2 * pi));
}

double ref_activation_slope(uint32_t activation, double x)
{
    switch (activation) {
    case PLN_ACTIVATION_GELU:
        return gelu_slope(x);
    case PLN_ACTIVATION_GELU_TANH:
        return gelu_tanh_slope(x);
    case PLN_ACTIVATION_GELU_10:
        return gelu(x) > 10 ? 0 : gelu_slope(x);
    case PLN_ACTIVATION_QUICK_GELU:
        return silu_slope(1.702, x);
    case PLN_ACTIVATION_RELU:
        return x > 0 ? 1 : 0;
    case PLN_ACTIVATION_RELU2:
        return x > 0 ? 2 * x : 0;
    case PLN_ACTIVATION_RELU6:
        return x > 0 && x < 6 ? 1 : 0;
    case PLN_ACTIVATION_SILU:
        return silu_slope(1, x);
    case PLN_ACTIVATION_MISH:
        return mish_slope(x);
    case PLN_ACTIVATION_SIGMOID:
        return sigmoid(x) * (1 - sigmoid(x));
    case PLN_ACTIVATION_TANH:
        return 1 - tanh(x) * tanh(x);
    case PLN_ACTIVATION_HARDSWISH:
        if (x <= -3)
            return 0;
        return x < 3 ? x / 3 + 0.5 : 1;
    case PLN_ACTIVATION_LEAKY_RELU:
        return x > 0 ? 1 : 0.01;
    case PLN_ACTIVATION_LAPLACE:
        return laplace_slope(x);
    case PLN_ACTIVATION_SQRT_SOFTPLUS:
        return sigmoid(x) / (2 * sqrt(softplus(x)));
    default:
        return 1;
    }
}

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

/* ---- a function for each row of the list */

static double activation_NONE(double x)
{
    return x;
}

static double activation_GELU(double x)
{
    return gelu(x);
}

static double activation_GELU_TANH(double x)
{
    return 0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x * x * x)));
}

static double activation_GELU_10(double x)
{
    return isnan(x) ? x : clamp(gelu(x), -10, 10);
}

static double activation_QUICK_GELU(double x)
{
    return x * sigmoid(1.702 * x);
}

static double activation_RELU(double x)
{
    return x > 0 || isnan(x) ? x : 0;
}

static double activation_RELU2(double x)
{
    return x > 0 || isnan(x) ? x * x : 0;
}

static double activation_RELU6(double x)
{
    return isnan(x) ? x : clamp(x, 0, 6);
}

static double activation_SILU(double x)
{
    return x * sigmoid(x);
}

static double activation_MISH(double x)
{
    return x * tanh(softplus(x));
}

static double activation_SIGMOID(double x)
{
    return sigmoid(x);
}

static double activation_TANH(double x)
{
    return tanh(x);
}

static double activation_HARDSWISH(double x)
{
    return x * clamp(x + 3, 0, 6) / 6;
}

static double activation_LEAKY_RELU(double x)
{
    return x > 0 ? x : 0.01 * x;
}

static double activation_LAPLACE(double x)
{
    return 0.5 * (1 + erf((x - 0.707107) / (0.282095 * sqrt(2.0))));
}

static double activation_SQRT_SOFTPLUS(double x)
{
    return sqrt(softplus(x));
}

double ref_activate(uint32_t activation, double x)
{
    switch (activation) {
#define PLN_ACTIVATION(number, NAME, names, formula)                                                                   \
    case number:                                                                                                       \
        return activation_##NAME(x);
#include "graph/activations.def"
#undef PLN_ACTIVATION
    default:
        return x;
    }
}

/* ---- slopes */

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

static double slope_NONE(double x)
{
    (void)x;
    return 1;
}

static double slope_GELU(double x)
{
    return gelu_slope(x);
}

static double slope_GELU_TANH(double x)
{
    return gelu_tanh_slope(x);
}

static double slope_GELU_10(double x)
{
    return gelu(x) > 10 ? 0 : gelu_slope(x);
}

static double slope_QUICK_GELU(double x)
{
    return silu_slope(1.702, x);
}

static double slope_RELU(double x)
{
    return x > 0 ? 1 : 0;
}

static double slope_RELU2(double x)
{
    return x > 0 ? 2 * x : 0;
}

static double slope_RELU6(double x)
{
    return x > 0 && x < 6 ? 1 : 0;
}

static double slope_SILU(double x)
{
    return silu_slope(1, x);
}

static double slope_MISH(double x)
{
    return mish_slope(x);
}

static double slope_SIGMOID(double x)
{
    return sigmoid(x) * (1 - sigmoid(x));
}

static double slope_TANH(double x)
{
    return 1 - tanh(x) * tanh(x);
}

static double slope_HARDSWISH(double x)
{
    if (x <= -3)
        return 0;
    return x < 3 ? x / 3 + 0.5 : 1;
}

static double slope_LEAKY_RELU(double x)
{
    return x > 0 ? 1 : 0.01;
}

static double slope_LAPLACE(double x)
{
    return laplace_slope(x);
}

static double slope_SQRT_SOFTPLUS(double x)
{
    return sigmoid(x) / (2 * sqrt(softplus(x)));
}

double ref_activation_slope(uint32_t activation, double x)
{
    switch (activation) {
#define PLN_ACTIVATION(number, NAME, names, formula)                                                                   \
    case number:                                                                                                       \
        return slope_##NAME(x);
#include "graph/activations.def"
#undef PLN_ACTIVATION
    default:
        return 1;
    }
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * The activations of activations.def, in double.
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

double ref_activate(uint32_t activation, double x)
{
    const double pi = 3.14159265358979323846;
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
